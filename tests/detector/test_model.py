"""Whole detectors: what they give, where their first weights come from, that they learn."""

from typing import Any

import pytest
import torch
from torch import nn

from harness.cost import count
from harness.detector import Detector, build
from harness.detector.losses import detection_loss
from harness.detector.postprocess import detect
from harness.detector.targets import Targets
from harness.errors import TrialError
from harness.graph import expand, to_tree
from harness.space.model import FeatureNetworkSpec, HeadSpec, ModelSpec
from harness.space.recipe import Loss, Postprocess
from harness.space.scaling import member_model
from harness.space.zoo import load_topology


def spec(topology: str = "bifpn", width: int = 16, repeats: int = 1, **head: Any) -> ModelSpec:
    graph = expand(load_topology(topology), repeats=repeats)
    d0 = member_model("efficientdet_d0")
    return d0.model_copy(
        update={
            "image_size": 64,
            "num_classes": 3,
            "backbone": d0.backbone.model_copy(update={"name": "lcnet_035"}),
            "feature_network": FeatureNetworkSpec(graph=to_tree(graph), width=width),
            "head": HeadSpec(**({"width": 16, "depth": 1} | head)),
        }
    )


def images(count: int = 2, size: int = 64) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", ["efficientdet", "retinanet"])
@pytest.mark.parametrize("size", [64, 72])
def test_one_class_map_and_one_box_map_a_level(kind: str, size: int) -> None:
    detector = build(spec(kind=kind), seed=0).eval()
    outputs = detector(images(size=size))
    sides = [-(-size // 2**level) for level in range(3, 8)]
    assert [m.shape for m in outputs.classes] == [(2, 27, s, s) for s in sides]
    assert [m.shape for m in outputs.boxes] == [(2, 36, s, s) for s in sides]
    anchors = detector.anchors((size, size))
    assert len(anchors) == 9 * sum(s * s for s in sides)


@torch.no_grad()
def test_features_and_the_rest_are_the_whole() -> None:
    detector = build(spec(), seed=0).eval()
    maps = detector.features(images())
    assert list(maps) == ["p3", "p4", "p5"]
    halves, whole = detector.from_features(maps), detector(images())
    for a, b in zip((*halves.classes, *halves.boxes), (*whole.classes, *whole.boxes), strict=True):
        assert torch.equal(a, b)


def same_start(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().items(), b.state_dict().items(), strict=True)
    return all(m == n and torch.equal(x, y) for (m, x), (n, y) in pairs)


def test_the_feature_network_changes_no_other_first_weight() -> None:
    base = build(spec(), seed=0)
    for other in (spec(repeats=3), spec("panet"), spec(topology="nas_fpn")):
        found = build(other, seed=0)
        assert same_start(found.backbone, base.backbone)
        assert same_start(found.class_head, base.class_head)
        assert same_start(found.box_head, base.box_head)
    assert same_start(build(spec(width=24), seed=0).backbone, base.backbone)


def test_the_seed_decides_every_part() -> None:
    first, same, other = (build(spec(), seed=seed) for seed in (0, 0, 1))
    for part in ("backbone", "feature_network", "class_head", "box_head"):
        assert same_start(first.get_submodule(part), same.get_submodule(part))
        assert not same_start(first.get_submodule(part), other.get_submodule(part))


def test_memory_is_channels_last() -> None:
    detector = build(spec(), seed=0).eval()
    kernels = [p for p in detector.parameters() if p.dim() == 4]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
    outputs = detector(images().contiguous(memory_format=torch.channels_last))
    assert outputs.classes[0].is_contiguous(memory_format=torch.channels_last)


def test_another_trials_backbone_needs_its_file() -> None:
    backbone = spec().backbone.model_copy(update={"source": object()})
    with pytest.raises(TrialError) as caught:
        build(spec().model_copy(update={"backbone": backbone}), seed=0)
    said = "the backbone is taken from another trial: its weights file is needed"
    assert str(caught.value) == said


def one_box() -> Targets:
    boxes = [torch.tensor([[8.0, 12, 40, 48]]), torch.tensor([[30.0, 4, 60, 30]])]
    return Targets.pad(boxes, [torch.tensor([2]), torch.tensor([0])])


def loss(detector: Detector, **autocast: Any) -> torch.Tensor:
    with torch.autocast("cpu", enabled=bool(autocast), **autocast):
        outputs = detector(images())
    return detection_loss(outputs, detector.anchors((64, 64)), one_box(), Loss()).total


@pytest.mark.parametrize("kind", ["efficientdet", "retinanet"])
def test_every_parameter_gets_a_gradient(kind: str) -> None:
    detector = build(spec(kind=kind, depth=2), seed=0).train()
    outputs = detector(images())
    sum(x.square().sum() for x in (*outputs.classes, *outputs.boxes)).backward()
    idle = [n for n, p in detector.named_parameters() if p.grad is None or not p.grad.any()]
    assert not idle


def test_finite_in_bfloat16() -> None:
    detector = build(spec(), seed=0).train()
    found = loss(detector, dtype=torch.bfloat16)
    found.backward()
    assert found.isfinite()
    assert all(p.grad.isfinite().all() for p in detector.parameters() if p.grad is not None)


def test_it_learns_two_boxes() -> None:
    detector = build(spec(depth=2), seed=0).train()
    optimizer = torch.optim.AdamW(detector.parameters(), lr=4e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss(detector).backward()
        optimizer.step()
    with torch.no_grad():
        found = detect(detector(images()), detector.anchors((64, 64)), Postprocess())
    for one, box, label in zip(found, one_box().boxes, one_box().labels, strict=True):
        assert one.labels[0] == label[0]
        assert one.scores[0] > 0.5
        torch.testing.assert_close(one.boxes[0], box[0], rtol=0, atol=2.5)


def test_d0_by_fvcore() -> None:
    found = count(build("efficientdet_d0"), 512)
    assert (found.total, found.params) == (2_570_808_832, 3_880_067)
