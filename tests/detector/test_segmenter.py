"""The network that classifies pixels: what it costs is what is built, and nothing trains it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from torch.utils.flop_counter import FlopCounterMode

from harness.census import census
from harness.cli import main
from harness.data import open_data
from harness.detector import build, build_segmenter
from harness.errors import SpecError, TrialError
from harness.graph import expand, to_tree
from harness.space.costing import closed_form
from harness.space.counting import count_by
from harness.space.data import DataSpec
from harness.space.heads import HEAD_FACTS, part_names
from harness.space.model import BackboneSpec, FeatureNetworkSpec, HeadSpec, ModelSpec
from harness.space.profiles import load_study
from harness.space.zoo import load_topology

STUDY = Path(__file__).parents[2] / "search_spaces" / "segmentation.yaml"
KINDS = ("segmentation", "segmentation_plain")


def spec(kind: str = "segmentation", size: int = 64, **changes: Any) -> ModelSpec:
    fields = {"backbone": "lcnet_035", "width": 16, "head": 24, "repeats": 1} | changes
    graph = expand(load_topology("bifpn_p2_p7"), repeats=fields["repeats"])
    return ModelSpec(
        image_size=size,
        num_classes=21,
        backbone=BackboneSpec(name=fields["backbone"]),
        feature_network=FeatureNetworkSpec(graph=to_tree(graph), width=fields["width"]),
        head=HeadSpec(kind=kind, width=fields["head"], depth=3),
    )


PUBLISHED = {"backbone": "tf_efficientnet_b4", "width": 128, "head": 256, "repeats": 3}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "changes"), [(64, {}), (100, {}), (640, PUBLISHED)])
def test_the_closed_form_is_what_is_built(kind: str, size: int, changes: dict[str, Any]) -> None:
    its = spec(kind, size, **changes)
    with torch.device("meta"):
        built = build_segmenter(its).eval()
        with FlopCounterMode(display=False, depth=2) as counter, torch.no_grad():
            logits = built(torch.zeros(1, 3, size, size))
    assert logits.shape == (1, 21, size // 4, size // 4)
    flops = counter.get_flop_counts()
    parts = closed_form(its).parts
    assert tuple(parts) == ("backbone", "feature_network", "segmentation_head")
    for name, part in parts.items():
        params = sum(p.numel() for p in built.get_submodule(name).parameters())
        macs = sum(flops[f"Segmenter.{name}"].values()) // 2
        assert (part.params, part.macs) == (params, macs), name
    assert sum(part.acts for part in parts.values()) == census(built, size)["acts"]


def in_billions(size: int, convention: str, digits: int | None = None) -> float:
    counted = count_by(spec(size=size, **PUBLISHED), convention)
    return round(sum(counted.values()) / 1e9, digits)


def test_what_the_study_says_of_the_published_network() -> None:
    """The figures in the study's note."""
    million, billion = 1e6, 1e9
    found = {(kind, size): closed_form(spec(kind, size, **PUBLISHED))
             for kind, size in (("segmentation", 640), ("segmentation", 512),
                                ("segmentation_plain", 640))}  # fmt: skip
    separable = found["segmentation", 640]
    assert round(separable.params / million, 2) == 17.69
    assert round(separable.macs / billion, 2) == 18.97
    assert round(found["segmentation", 512].macs / billion, 1) == 12.1
    assert round(found["segmentation_plain", 640].params / million, 1) == 19.0
    below = separable.params - separable.parts["segmentation_head"].params
    assert round(below / million, 2) == 17.51
    for convention in ("multiply_adds", "tf_profiler_2020_05"):
        fitting = [size for size in range(596, 644) if in_billions(size, convention) == 18]
        assert (fitting[0], fitting[-1]) == (609, 624)
    assert in_billions(512, "tf_profiler_2020_05", 1) == 12.3
    assert in_billions(640, "tf_profiler_2020_05", 1) == 19.2
    note = load_study(STUDY).spec.published.note
    for said in ("17.69M", "18.97B (19.2B)", "12.1B (12.3B", "19.0M", "17.51M", "609 to 624 px"):
        assert said in note


def test_the_head_reads_the_finest_map_alone() -> None:
    assert HEAD_FACTS.get("segmentation").reads((2, 3, 4)) == (2,)
    assert HEAD_FACTS.get("retinanet").reads((3, 4)) == (3, 4)
    built, images = build_segmenter(spec()).eval(), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        maps = built.feature_network(built.backbone(images))
        (expected,) = built.segmentation_head([maps["p2"]])
        assert torch.equal(built(images), expected)


def test_it_can_learn() -> None:
    built = build_segmenter(spec()).train()
    built(torch.rand(2, 3, 64, 64)).square().mean().backward()
    head = built.segmentation_head.named_parameters()
    assert not [name for name, one in head if one.grad is None or not one.grad.any()]


def test_no_detector_is_made_of_it() -> None:
    with pytest.raises(SpecError, match=r"head.kind: 'segmentation' finds no boxes: `build_segm"):
        build(spec())


def test_it_is_not_made_of_a_detector() -> None:
    with pytest.raises(
        SpecError, match=r"head.kind: 'efficientdet' finds boxes: `build` builds it"
    ):
        build_segmenter(spec("efficientdet"))


def test_parts_that_a_limit_can_be_set_on() -> None:
    assert part_names() == (
        "backbone", "feature_network", "class_head", "box_head", "segmentation_head"
    )  # fmt: skip


def test_its_images_are_not_there() -> None:
    data = open_data(DataSpec(name="voc_segmentation"), 512, Path())
    assert len(data.facts.categories) == len(set(data.facts.categories)) == 21
    assert len(data.train) == data.facts.train_images
    with pytest.raises(TrialError, match="costed, not trained yet"):
        data.train.load(0)
    with pytest.raises(SpecError, match=r"data.root: voc_segmentation is costed, not trained yet"):
        open_data(DataSpec(name="voc_segmentation", root="/there"), 512, Path())


def test_the_study_is_planned_and_not_run(tmp_path: Path) -> None:
    results = ("--results", str(tmp_path))
    planned = CliRunner().invoke(main, ["plan", str(STUDY), *results])
    assert planned.exit_code == 0, planned.output
    assert "17,691,685" in planned.output
    assert "18,969.9" in planned.output
    ran = CliRunner().invoke(main, ["run", str(STUDY), *results])
    assert ran.exit_code == 2
    lines = ran.output.splitlines()
    assert len(lines) == 2
    assert "segmentation.yaml:14  arms.separable.model.head.kind: 'segmentation' is costed, not " \
           "trained yet: `harness plan` shows its costs" in lines[0]  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_its_part_can_be_limited_and_those_it_lacks_cannot(tmp_path: Path) -> None:
    def plan(limits: str) -> Result:
        options = ["--set", f"limits={limits}", "--results", str(tmp_path)]
        return CliRunner().invoke(main, ["plan", str(STUDY), *options])

    planned = plan("{segmentation_head.macs: 5.0e+9}")
    assert planned.exit_code == 0, planned.output
    assert planned.output.count("pending") == 5
    refused = plan("{class_head.macs: 1}")
    assert refused.exit_code == 2
    assert "limits.class_head.macs: no network here has a class_head" in refused.output
