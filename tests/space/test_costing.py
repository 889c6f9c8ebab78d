"""Closed-form cost of whole models: published to the unit, and equal to what torch counts."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.errors import SpecError
from harness.graph import from_tree, to_tree
from harness.space.costing import closed_form
from harness.space.model import HeadSpec, ModelSpec
from harness.space.scaling import member_model

PARTS = ("backbone", "feature_network", "class_head", "box_head")

PARAMS = {
    "d0": (3_880_067, 3_595_388, 196_281, 69_354, 19_044),
    "d1": (6_625_898, 6_101_024, 390_972, 101_394, 32_508),
    "d2": (8_097_039, 7_202_562, 708_159, 136_890, 49_428),
    "d3": (12_032_296, 10_103_336, 1_559_474, 247_050, 122_436),
    "d4": (20_723_675, 16_742_216, 3_349_829, 402_890, 228_740),
    "d5": (33_653_315, 27_288_112, 5_405_893, 591_498, 367_812),
    "d6": (51_871_782, 39_403_992, 10_583_808, 1_090_986, 792_996),
    "d7": (51_871_782, 39_403_992, 10_583_808, 1_090_986, 792_996),
    "d7x": (77_147_166, 62_143_440, 13_112_064, 1_094_826, 796_836),
}
"""Whole and by part; the wholes of D0 to D7 are google/automl's own golden numbers."""

MACS = {
    "d0": (2_492_331_520, 1_901_490_688, 136_203_264, 362_452_992, 92_184_576),
    "d1": (6_003_416_880, 4_467_988_480, 450_639_200, 832_722_000, 252_067_200),
    "d2": (10_832_466_688, 7_430_027_200, 1_216_329_408, 1_625_145_984, 560_964_096),
    "d3": (24_568_753_664, 14_888_439_104, 3_755_971_520, 3_996_792_800, 1_927_550_240),
    "d4": (54_583_712_096, 30_502_916_448, 10_744_760_320, 8_559_896_576, 4_776_138_752),
    "d5": (134_133_865_152, 75_039_058_752, 27_275_414_400, 19_710_345_600, 12_109_046_400),
    "d6": (224_121_477_984, 107_284_332_384, 54_062_592_000, 36_454_809_600, 26_319_744_000),
    "d7": (322_731_636_576, 154_486_146_912, 77_850_132_480, 52_494_925_824, 37_900_431_360),
    "d7x": (407_628_345_344, 238_646_285_312, 78_520_430_592, 52_533_411_840, 37_928_217_600),
}


@pytest.mark.parametrize("name", PARAMS)
def test_the_family_to_the_unit(name: str) -> None:
    cost = closed_form(member_model(f"efficientdet_{name}"))
    assert (cost.params, *(cost.parts[p].params for p in PARTS)) == PARAMS[name]
    assert (cost.macs, *(cost.parts[p].macs for p in PARTS)) == MACS[name]
    assert tuple(cost.parts) == PARTS


def small(head: dict[str, Any] | None = None, size: int = 128) -> ModelSpec:
    spec = member_model("efficientdet_d0")
    network = spec.feature_network.model_copy(update={"width": 24})
    backbone = spec.backbone.model_copy(update={"name": "lcnet_035"})
    return spec.model_copy(
        update={
            "image_size": size,
            "num_classes": 5,
            "backbone": backbone,
            "feature_network": network,
            "head": HeadSpec(**({"width": 24, "depth": 2} | (head or {}))),
        }
    )


@pytest.mark.parametrize(
    ("head", "size"),
    [({}, 128), ({"width": 40, "depth": 1}, 100), ({"kind": "retinanet", "width": 16}, 160)],
)
def test_equal_to_what_torch_counts(head: dict[str, Any], size: int) -> None:
    from harness.detector import build

    spec = small(head, size)
    with torch.device("meta"):
        detector = build(spec, seed=0).eval()
        with FlopCounterMode(display=False, depth=2) as counter, torch.no_grad():
            detector(torch.zeros(1, 3, size, size))
    flops = counter.get_flop_counts()
    for name, part in closed_form(spec).parts.items():
        module = detector.get_submodule(name)
        params = sum(p.numel() for p in module.parameters())
        macs = sum(flops[f"Detector.{name}"].values()) // 2
        assert (part.params, part.macs) == (params, macs), name


def test_an_unknown_head() -> None:
    with pytest.raises(SpecError, match="no head 'eficientdet'; did you mean 'efficientdet'"):
        closed_form(small({"kind": "eficientdet"}))


def test_outputs_of_different_widths_have_no_head() -> None:
    from dataclasses import replace

    spec = small()
    graph = from_tree(spec.feature_network.graph)
    last = dict(graph.outputs)[7]
    nodes = tuple(replace(n, channels=2.0) if n.key == last else n for n in graph.nodes)
    tree = to_tree(replace(graph, nodes=nodes))
    network = spec.feature_network.model_copy(update={"graph": tree})
    with pytest.raises(SpecError) as caught:
        closed_form(spec.model_copy(update={"feature_network": network}))
    assert str(caught.value) == (
        "feature_network.topology: a head is shared by all levels, so they must be equally wide: "
        "p3: 24, p4: 24, p5: 24, p6: 24, p7: 48; `model.feature_network.align: true` gives each a "
        "1x1 convolution to the width"
    )
