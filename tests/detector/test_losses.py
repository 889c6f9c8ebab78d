"""Losses against effdet's and against their own definition."""

import pytest
import torch

from harness.detector.anchors import encode, make_anchors
from harness.detector.losses import Losses, detection_loss
from harness.detector.outputs import Outputs, flatten
from harness.detector.targets import Targets, assign
from harness.space.model import AnchorSpec
from harness.space.recipe import Loss

RATIOS = (1.0, 0.5, 2.0)
CLASSES = 5
SIZES = (8, 4, 2, 1, 1)
LEVELS = (3, 4, 5, 6, 7)
SPEC = AnchorSpec(ratios=RATIOS)


def random_outputs(scale: float = 2.0, images: int = 2) -> Outputs:
    generator = torch.Generator().manual_seed(1)
    maps = [
        tuple(scale * torch.randn(images, 9 * n, s, s, generator=generator) for s in SIZES)
        for n in (CLASSES, 4)
    ]
    return Outputs(*maps)


def random_targets(images: int = 2) -> Targets:
    generator = torch.Generator().manual_seed(2)
    corner = torch.rand(images, 4, 2, generator=generator) * 40
    boxes = torch.cat([corner, corner + 5 + 20 * torch.rand(corner.shape, generator=generator)], 2)
    labels = torch.randint(0, CLASSES, (images, 4), generator=generator)
    return Targets.pad(list(boxes), list(labels))


def anchors() -> torch.Tensor:
    return make_anchors(SPEC, LEVELS, (64, 64))


def loss_of(outputs: Outputs, targets: Targets, spec: Loss | None = None) -> Losses:
    return detection_loss(outputs, anchors(), targets, spec or Loss())


def test_equal_to_effdet() -> None:
    theirs = pytest.importorskip("effdet.anchors")
    loss_fn = pytest.importorskip("effdet.loss").loss_fn
    cells = theirs.Anchors(3, 7, 3, [1.0, 2.0, 0.5], 4.0, (64, 64))
    labeler = theirs.AnchorLabeler(cells, num_classes=CLASSES)
    outputs, targets = random_outputs(), random_targets()
    labelled = labeler.batch_label_anchors(
        list(targets.boxes[..., [1, 0, 3, 2]]), [x + 1 for x in targets.labels]
    )
    expected = loss_fn(
        list(outputs.classes),
        list(outputs.boxes),
        *labelled,
        num_classes=CLASSES,
        alpha=0.25,
        gamma=1.5,
        delta=0.1,
        box_loss_weight=50.0,
    )
    torch.testing.assert_close(tuple(loss_of(outputs, targets)), expected, rtol=1e-5, atol=1e-5)


def test_every_field_of_the_recipe_counts() -> None:
    outputs, targets = random_outputs(), random_targets()
    base = loss_of(outputs, targets)
    assert loss_of(outputs, targets, Loss(focal_alpha=0.5)).classes != base.classes
    assert loss_of(outputs, targets, Loss(focal_gamma=0.0)).classes > base.classes
    assert loss_of(outputs, targets, Loss(huber_delta=1.0)).boxes > base.boxes
    doubled = loss_of(outputs, targets, Loss(box_weight=100.0))
    torch.testing.assert_close(doubled.total, base.classes + 100 * base.boxes)


def test_a_batch_without_objects_trains_the_background() -> None:
    empty = Targets.pad([torch.zeros(0, 4)] * 2, [torch.zeros(0)] * 2)
    found = loss_of(random_outputs(), empty)
    assert found.boxes == 0
    assert found.classes > 0


def test_anchors_inside_a_crowd_say_nothing() -> None:
    outputs = random_outputs(images=1)
    crowd = Targets.pad(
        [torch.tensor([[-500.0, -500, 500, 500]])], [torch.tensor([1])], [torch.tensor([True])]
    )
    assert loss_of(outputs, crowd).total == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.0, 1.0, 400.0])
def test_finite_with_its_gradient_in_half_precision(dtype: torch.dtype, scale: float) -> None:
    outputs = random_outputs(scale)
    maps = [[m.to(dtype).requires_grad_() for m in part] for part in outputs]
    found = loss_of(Outputs(tuple(maps[0]), tuple(maps[1])), random_targets())
    found.total.backward()
    assert found.total.dtype == torch.float32
    assert found.total.isfinite()
    assert all(m.grad is not None and m.grad.isfinite().all() for part in maps for m in part)


def test_channels_last_changes_nothing() -> None:
    outputs, targets = random_outputs(), random_targets()
    last = [tuple(m.contiguous(memory_format=torch.channels_last) for m in p) for p in outputs]
    torch.testing.assert_close(loss_of(Outputs(*last), targets), loss_of(outputs, targets))


def test_ignored_anchors_have_no_class_loss() -> None:
    outputs = random_outputs(images=1)
    targets = Targets.pad([torch.tensor([[10, 10, 50, 54.0]])], [torch.tensor([2])])
    ignored = assign(anchors(), targets, 0.4).labels == -2
    assert ignored.any()
    plain = detection_loss(outputs, anchors(), targets, Loss())
    banded = detection_loss(outputs, anchors(), targets, Loss(negative_iou=0.4))
    logits = flatten(outputs.classes, len(anchors()))[ignored]
    left_out = 0.75 * (logits.sigmoid() ** 1.5 * torch.nn.functional.softplus(logits)).sum()
    positive = (assign(anchors(), targets).labels >= 0).sum()
    torch.testing.assert_close(plain.classes - banded.classes, left_out / (positive + 1))
    assert torch.equal(banded.boxes, plain.boxes)


def test_a_small_delta_is_the_sum_of_four_distances() -> None:
    outputs, targets = random_outputs(), random_targets()
    spec = Loss(huber_delta=0.01, box_weight=400.0)
    found = spec.box_weight * detection_loss(outputs, anchors(), targets, spec).boxes
    labels, wanted = assign(anchors(), targets)
    codes = flatten(outputs.boxes, len(anchors()))
    distance = (codes - encode(wanted, anchors())).abs().sum(-1)[labels >= 0].sum()
    expected = distance / ((labels >= 0).sum() + 1)
    torch.testing.assert_close(found, expected, rtol=0.01, atol=0)
