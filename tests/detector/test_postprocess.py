"""Candidates, suppression and the order of detections."""

import pytest
import torch

from harness.detector import postprocess
from harness.detector.anchors import encode
from harness.detector.outputs import Outputs
from harness.detector.postprocess import Detections, detect
from harness.space.recipe import Postprocess

ANCHORS = torch.tensor(
    [[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 4], [30, 30, 40, 40], [60, 0, 70, 10.0]]
)
HARD = Postprocess(iou_threshold=0.5)
SOFT = Postprocess(nms="soft", soft_sigma=0.5)


def outputs_of(logits: list[list[float]], boxes: torch.Tensor = ANCHORS) -> Outputs:
    """One level, one row of cells, one anchor a cell."""
    classes = torch.tensor(logits).T[None, :, None, :]
    codes = encode(boxes, ANCHORS).T[None, :, None, :]
    return Outputs((classes,), (codes,))


def run(
    logits: list[list[float]], spec: Postprocess, sizes: torch.Tensor | None = None
) -> Detections:
    (found,) = detect(outputs_of(logits), ANCHORS, spec, sizes)
    return found


def test_hard_suppression_is_class_by_class() -> None:
    logits = [[3.0, -9], [2, 1], [1.5, -9], [0, -9], [-9, -9]]
    found = run(logits, HARD)
    assert found.labels.tolist() == [0, 0, 1, 0]
    torch.testing.assert_close(found.scores, torch.tensor([3, 1.5, 1, 0]).sigmoid())
    torch.testing.assert_close(found.boxes, ANCHORS[[0, 2, 1, 3]], rtol=0, atol=1e-4)


def test_soft_suppression_lowers_scores_by_overlap() -> None:
    found = run([[3.0, -9], [2, 1], [-9, -9], [0, -9], [-9, -9]], SOFT)
    lowered = torch.tensor(2.0).sigmoid() * torch.exp(torch.tensor(-(0.9**2) / 0.5))
    expected = torch.tensor([*torch.tensor([3.0, 1.0, 0.0]).sigmoid(), lowered])
    torch.testing.assert_close(found.scores, expected)
    assert found.labels.tolist() == [0, 1, 0, 0]


def test_soft_suppression_of_apart_boxes_is_hard_suppression() -> None:
    logits = [[3.0, -9], [-9, 1], [-9, -9], [0, -9], [2, -9]]
    for soft, hard in zip(run(logits, SOFT), run(logits, HARD), strict=True):
        torch.testing.assert_close(soft, hard)


@pytest.mark.parametrize("nms", ["hard", "soft"])
def test_ties_come_in_the_order_of_the_anchors(nms: str) -> None:
    found = run([[1.0, 1.0]] * 5, Postprocess(nms=nms, iou_threshold=1.0, soft_sigma=1e9))
    assert found.labels.tolist() == [0, 1] * 5
    torch.testing.assert_close(found.boxes[::2], ANCHORS, rtol=0, atol=1e-4)


def test_candidates_cut_ties_in_the_order_of_the_anchors() -> None:
    logits = [[1.0, 0], [1, 0], [2, 0], [1, 0], [1, 0]]
    found = run(logits, Postprocess(candidates=3, iou_threshold=1.0))
    torch.testing.assert_close(found.boxes, ANCHORS[[2, 0, 1]], rtol=0, atol=1e-4)


@pytest.mark.parametrize("nms", ["hard", "soft"])
def test_limits(nms: str) -> None:
    logits = [[3.0, 2.5], [2, 1], [1.5, -9], [0, -9], [-9, -9]]
    assert len(run(logits, Postprocess(nms=nms, max_detections=2)).scores) == 2
    high = run(logits, Postprocess(nms=nms, score_threshold=0.9))
    assert (high.scores > 0.9).all()
    assert len(high.scores) == 2
    nothing = run(logits, Postprocess(nms=nms, score_threshold=1.0))
    assert nothing.boxes.shape == (0, 4)


def test_boxes_are_cut_at_the_edge_and_dropped_beyond_it() -> None:
    found = run([[3.0, -9], [-9, -9], [-9, -9], [1, -9], [2, -9]], HARD, torch.tensor([[35, 50]]))
    torch.testing.assert_close(found.boxes, torch.tensor([[0, 0, 10, 10], [30, 30, 40, 35.0]]))


def test_images_of_a_batch_do_not_mix() -> None:
    a = outputs_of([[3.0, -9]] + [[-9, -9]] * 4)
    b = outputs_of([[-9, -9]] * 4 + [[-9, 2.0]])
    both = Outputs(*((torch.cat([x[0], y[0]]),) for x, y in zip(a, b, strict=True)))
    first, second = detect(both, ANCHORS, Postprocess(score_threshold=0.5))
    assert (first.labels.tolist(), second.labels.tolist()) == ([0], [1])
    torch.testing.assert_close(second.boxes, ANCHORS[[4]], rtol=0, atol=1e-4)


def test_soft_suppression_equals_the_definition_class_by_class() -> None:
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(60, 2, generator=generator) * 20
    boxes = torch.cat([corner, corner + 5 + 10 * torch.rand(60, 2, generator=generator)], 1)
    logits = torch.randn(60, 3, generator=generator)
    outputs = Outputs((logits.T[None, :, None],), (torch.zeros(1, 4, 1, 60),))
    (found,) = detect(outputs, boxes, Postprocess(nms="soft", max_detections=1000))
    for label in range(3):
        expected = _reference_soft(boxes, logits[:, label].sigmoid())
        torch.testing.assert_close(
            found.scores[found.labels == label], expected, rtol=1e-4, atol=1e-6
        )


def _reference_soft(boxes: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    from torchvision.ops import box_iou

    left, kept = list(range(len(boxes))), []
    scores = scores.clone()
    while left:
        best = max(left, key=lambda i: float(scores[i]))
        if scores[best] <= 0.001:
            break
        kept.append(float(scores[best]))
        left.remove(best)
        for i in left:
            scores[i] *= torch.exp(-(box_iou(boxes[best, None], boxes[i, None])[0, 0] ** 2) / 0.5)
    return torch.tensor(kept)


def test_half_precision_outputs() -> None:
    outputs = outputs_of([[3.0, -9]] * 5)
    halves = Outputs(*((part[0].half(),) for part in outputs))
    (found,) = detect(halves, ANCHORS, HARD)
    assert found.boxes.dtype == torch.float32


def test_looking_at_the_best_first_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hard suppression in one go and in two tries keeps the same boxes."""
    generator = torch.Generator().manual_seed(0)
    corner = 50 * torch.rand(2000, 2, generator=generator)
    boxes = torch.cat([corner, corner + 5 + 40 * torch.rand(2000, 2, generator=generator)], 1)
    scores = torch.rand(2000, generator=generator).round(decimals=2).sort(descending=True).values
    labels = torch.randint(0, 3, (2000,), generator=generator)
    for most in (5, 40, 100, 400):
        spec = Postprocess(max_detections=most)
        monkeypatch.setattr(postprocess, "FIRST_TRY", 10_000)
        whole = postprocess._hard(Detections(boxes, scores, labels), spec)
        monkeypatch.setattr(postprocess, "FIRST_TRY", 2)
        tried = postprocess._hard(Detections(boxes, scores, labels), spec)
        assert all(torch.equal(a, b) for a, b in zip(whole, tried, strict=True))


def test_both_ways_of_suppression_agree() -> None:
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(300, 2, generator=generator) * 60
    boxes = torch.cat([corner, corner + 5 + 20 * torch.rand(300, 2, generator=generator)], 1)
    scores = torch.rand(300, generator=generator).mul(20).round().div(20).sort(descending=True)
    labels = torch.randint(0, 4, (300,), generator=generator)
    found = Detections(boxes, scores.values, labels)
    kept = postprocess._class_by_class(found, 0.4)
    assert 50 < len(kept) < 250
    assert torch.equal(kept, postprocess._all_at_once(found, 0.4))
    nothing = Detections(boxes[:0], scores.values[:0], labels[:0])
    assert not len(postprocess._class_by_class(nothing, 0.4))
    assert not len(postprocess._all_at_once(nothing, 0.4))
