"""Which anchor answers for which object."""

import pytest
import torch

from harness.detector.anchors import make_anchors
from harness.detector.targets import Targets, assign
from harness.space.model import AnchorSpec

RATIOS = (1.0, 0.5, 2.0)
ANCHORS = torch.tensor([[0, 0, 10, 10], [10, 0, 20, 10], [0, 0, 20, 20], [50, 50, 60, 60.0]])


def one_image(boxes: list[list[float]], labels: list[int], crowd: list[bool]) -> Targets:
    return Targets.pad(
        [torch.tensor(boxes).reshape(-1, 4)], [torch.tensor(labels)], [torch.tensor(crowd)]
    )


def test_half_overlap_is_positive_and_the_rest_background() -> None:
    found = assign(ANCHORS, one_image([[0, 0, 10, 5.0], [0, 0, 20, 19.0]], [7, 3], [False] * 2))
    assert found.labels.tolist() == [[7, -1, 3, -1]]
    assert found.boxes[0, 0].tolist() == [0, 0, 10, 5]
    assert found.boxes[0, 2].tolist() == [0, 0, 20, 19]


def test_the_best_anchor_is_forced_however_little_it_overlaps() -> None:
    found = assign(ANCHORS, one_image([[59, 59, 61, 61.0]], [2], [False]))
    assert found.labels.tolist() == [[-1, -1, -1, 2]]


def test_an_object_that_no_anchor_touches_has_none() -> None:
    found = assign(ANCHORS, one_image([[90, 90, 99, 99.0]], [2], [False]))
    assert found.labels.tolist() == [[-1] * 4]


def test_between_the_thresholds_anchors_say_nothing() -> None:
    """IoU with the object: 0.5 and up, from 0.4, below; the last is its best, however little."""
    boxes = torch.tensor([[0, 0, 10, 9.0], [0, 0, 10, 5.0], [0, 0, 10, 4.0], [0, 0, 10, 3.9]])
    image = one_image([[0, 0, 10, 10.0]], [3], [False])
    assert assign(boxes, image).labels.tolist() == [[3, 3, -1, -1]]
    assert assign(boxes, image, negative_iou=0.4).labels.tolist() == [[3, 3, -2, -1]]
    assert assign(boxes[2:], image, negative_iou=0.4).labels.tolist() == [[3, -1]]
    assert assign(boxes, image, negative_iou=0.5).labels.tolist() == [[3, 3, -1, -1]]


def test_a_forced_anchor_leaves_the_object_it_fits_better() -> None:
    boxes = [[0, 0, 10, 10.0], [0, 0, 3, 3.0]]
    assert assign(ANCHORS, one_image(boxes, [0, 1], [False] * 2)).labels[0, 0] == 0
    swapped = one_image(boxes[::-1], [1, 0], [False] * 2)
    assert assign(ANCHORS, swapped).labels[0, 0] == 1


def test_a_crowd_excuses_the_anchors_inside_it() -> None:
    found = assign(ANCHORS, one_image([[0, 0, 14, 10.0], [0, 0, 10, 9.0]], [4, 5], [True, False]))
    assert found.labels.tolist() == [[5, -1, -1, -1]]
    found = assign(ANCHORS, one_image([[0, 0, 16, 10.0]], [4], [True]))
    assert found.labels.tolist() == [[-2, -2, -1, -1]]


def test_images_of_a_batch_do_not_mix() -> None:
    boxes = [
        torch.tensor([[0, 0, 10, 10.0]]),
        torch.zeros(0, 4),
        torch.tensor([[50, 50, 60, 60.0]]),
    ]
    batch = Targets.pad(boxes, [torch.tensor([1]), torch.zeros(0), torch.tensor([2])])
    assert assign(ANCHORS, batch).labels.tolist() == [[1, -1, -1, -1], [-1] * 4, [-1, -1, -1, 2]]


def test_a_batch_without_objects() -> None:
    empty = Targets.pad([torch.zeros(0, 4)] * 2, [torch.zeros(0)] * 2)
    found = assign(ANCHORS, empty)
    assert found.labels.tolist() == [[-1] * 4] * 2
    assert found.boxes.shape == (2, 4, 4)


def test_equal_to_effdet() -> None:
    effdet = pytest.importorskip("effdet.anchors")
    theirs = effdet.Anchors(3, 7, 3, [1.0, 2.0, 0.5], 4.0, (128, 128))
    labeler = effdet.AnchorLabeler(theirs, num_classes=6)
    generator = torch.Generator().manual_seed(3)
    corner = torch.rand(2, 8, 2, generator=generator) * 100
    boxes = torch.cat([corner, corner + 4 + 60 * torch.rand(corner.shape, generator=generator)], 2)
    labels = torch.randint(0, 6, (2, 8), generator=generator)
    expected, _, _ = labeler.batch_label_anchors(
        list(boxes[..., [1, 0, 3, 2]]), [x + 1 for x in labels]
    )
    flat = torch.cat([x.flatten(1) for x in expected], 1)
    ours = make_anchors(AnchorSpec(ratios=RATIOS), (3, 4, 5, 6, 7), (128, 128))
    found = assign(ours, Targets.pad(list(boxes), list(labels)))
    assert (found.labels >= 0).sum() > 20
    assert torch.equal(found.labels, flat.long())


def test_the_ignored_are_torchvisions() -> None:
    """Which anchors are positive, background and neither.

    Its matcher forces all best anchors of an object, ours the first: these objects have one each.
    """
    from torchvision.models.detection._utils import Matcher
    from torchvision.ops import box_iou

    generator = torch.Generator().manual_seed(4)
    corner = torch.rand(8, 2, generator=generator) * 100
    boxes = torch.cat([corner, corner + 30 + 60 * torch.rand(8, 2, generator=generator)], 1)
    ours = make_anchors(AnchorSpec(ratios=RATIOS), (3, 4, 5, 6, 7), (128, 128))
    theirs = Matcher(0.5, 0.4, allow_low_quality_matches=True)(box_iou(boxes, ours))
    found = assign(ours, Targets.pad([boxes], [torch.arange(8)]), negative_iou=0.4).labels[0]
    assert torch.equal(found.clamp(max=0), theirs.clamp(max=0))
    assert (found == -2).sum() > 20
