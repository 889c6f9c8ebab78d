"""From raw outputs to detections as effdet has it, candidate for candidate, soft and hard.

effdet keeps boxes of which the image's edge leaves nothing; here they are dropped, before
suppression, which such boxes do not take part in.
"""

import warnings
from functools import cache

import pytest
import torch
from torch import Tensor

from harness.detector.anchors import make_anchors
from harness.detector.outputs import Outputs
from harness.detector.postprocess import Detections, detect
from harness.space.model import AnchorSpec
from harness.space.recipe import Postprocess

SIZE, CLASSES, LEVELS = 128, 90, (3, 4, 5, 6, 7)
ANCHORS = AnchorSpec(ratios=(1.0, 0.5, 2.0), sides=((1.0, 1.0), (1.4, 0.7), (0.7, 1.4)))
PUBLISHED = Postprocess(nms="soft")
"""As the paper's: the other fields are their defaults."""


@cache
def outputs() -> Outputs:
    """One image: logits about -4, so that some thousands are above the threshold; small codes."""
    generator = torch.Generator().manual_seed(3)
    sides = [SIZE // 2**level for level in LEVELS]

    def maps(count: int, scale: float, shift: float) -> tuple[Tensor, ...]:
        shapes = [(1, 9 * count, side, side) for side in sides]
        return tuple(scale * torch.randn(shape, generator=generator) + shift for shape in shapes)

    return Outputs(maps(CLASSES, 1.5, -4.0), maps(4, 0.2, 0.0))


@cache
def effdets(covered: tuple[int, int] | None, soft: bool) -> Detections:
    """covered: height and width that the image covers of the input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bench = pytest.importorskip("effdet.bench")
        effdet = pytest.importorskip("effdet.anchors")
        config = pytest.importorskip("effdet.config").get_efficientdet_config("tf_efficientdet_d0")
    config.image_size = (SIZE, SIZE)
    anchors = effdet.Anchors.from_config(config).boxes
    best = bench._post_process(outputs().classes, outputs().boxes, len(LEVELS), CLASSES, 5000)
    scale = torch.ones(()) if covered else None
    size = torch.tensor([covered[1], covered[0]]) if covered else None
    logits, codes, *places = (one[0] for one in best)
    rows = effdet.generate_detections(logits, codes, anchors, *places, scale, size, soft_nms=soft)
    rows = rows[(rows[:, 2:4] > rows[:, :2]).all(1)]
    return Detections(rows[:, :4], rows[:, 4], rows[:, 5].long() - 1)


def apart(found: Detections, expected: Detections) -> float:
    """Greatest difference of the first detections of both, infinite where a class differs.

    Those below may differ: the rest of effdet's hundred is of boxes without area.
    """
    count = min(len(found.scores), len(expected.scores))
    assert count > 20
    if not torch.equal(found.labels[:count], expected.labels[:count]):
        return float("inf")
    pairs = ((found.scores, expected.scores), (found.boxes, expected.boxes))
    return max(float((a[:count] - b[:count]).abs().max()) for a, b in pairs)


def ours(spec: Postprocess, covered: tuple[int, int] | None = None) -> Detections:
    anchors = make_anchors(ANCHORS, LEVELS, (SIZE, SIZE))
    sizes = torch.tensor([covered]) if covered else None
    (found,) = detect(outputs(), anchors, spec, sizes)
    return found


@pytest.mark.parametrize("covered", [None, (96, 128)])
@pytest.mark.parametrize("nms", ["soft", "hard"])
def test_detections_are_effdets(nms: str, covered: tuple[int, int] | None) -> None:
    spec = Postprocess(nms=nms)
    assert apart(ours(spec, covered), effdets(covered, nms == "soft")) < 1e-4


@pytest.mark.parametrize(
    "wrong",
    [{"soft_sigma": 0.25}, {"candidates": 50}, {"nms": "hard"}, {"max_detections": 40}],
    ids=str,
)
def test_another_protocol_is_seen(wrong: dict[str, float]) -> None:
    """On the published one's own ground: soft, the whole image."""
    found, expected = ours(PUBLISHED.model_copy(update=wrong)), effdets(None, True)
    assert len(found.scores) != len(expected.scores) or apart(found, expected) > 1e-2


def test_the_published_protocol() -> None:
    """As google/automl evaluates: gaussian, class by class, of the 5,000 best candidates."""
    said = PUBLISHED.model_dump()
    assert said == {
        "nms": "soft", "iou_threshold": 0.5, "soft_sigma": 0.5, "score_threshold": 0.001,
        "candidates": 5000, "max_detections": 100,
    }  # fmt: skip
