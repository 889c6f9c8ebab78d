"""Activations in closed form against fvcore's ActivationCountAnalysis and what torch is seen to do.

fvcore leaves out deformable convolutions, and counts the products of attention, which are no layer.
"""

import pytest
import torch
from torch import nn

from harness.census import census
from harness.compiler import compile
from harness.cost import _Flat, _quiet
from harness.detector import build
from harness.detector.backbones import build_backbone
from harness.graph import expand, infer
from harness.prove import CHANNELS
from harness.space.backbones import backbone_facts
from harness.space.costing import closed_form
from harness.space.model import BackboneSpec
from harness.space.scaling import member_model
from harness.space.zoo import load_topology

ZOO = ("asff", "bifpn", "csp_pan", "fpn", "hrfpn", "nas_fpn", "pafpn", "rep_bifpan", "unet_pp")


def theirs(module: nn.Module, names: tuple[str, ...] | None, *shapes: tuple[int, ...]) -> int:
    flat = _Flat(module.eval(), names)
    with _quiet():
        from fvcore.nn import ActivationCountAnalysis

        found = ActivationCountAnalysis(flat, tuple(torch.zeros(shape) for shape in shapes))
        found.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        return int(found.total())


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("side", [128, 165])
def test_fvcore_counts_a_network_the_same(name, side):
    graph = expand(load_topology(name))
    built = compile(graph, channels={f"p{n}": CHANNELS[n] for n in graph.inputs}, width=16)
    cells = {level: -(-side // 2**level) for level in graph.inputs}
    names = tuple(f"p{level}" for level in cells)
    found = theirs(built, names, *((1, CHANNELS[at], n, n) for at, n in cells.items()))
    assert found == infer(graph, channels=CHANNELS, width=16, image_size=side).acts


@pytest.mark.parametrize("name", ["tf_efficientnet_b0", "resnet18", "mobilenetv3_small_050"])
@pytest.mark.parametrize("side", [64, 224])
def test_fvcore_counts_a_backbone_the_same(name, side):
    net = build_backbone(BackboneSpec(name=name), [3, 4, 5], seed=0).net
    found = theirs(net, None, (1, 3, side, side))
    assert found == backbone_facts(name, (3, 4, 5)).acts(side)


def test_a_whole_d0_is_counted_the_same_by_fvcore_and_by_the_census():
    model = member_model("efficientdet_d0")
    cost = closed_form(model)
    with torch.device("meta"):
        seen = census(build(model), 512)["acts"]
    assert cost.acts == seen == theirs(build(model), None, (1, 3, 512, 512))
    assert cost.acts == sum(part.acts for part in cost.parts.values())


def test_activations_grow_with_the_image_as_multiply_adds_do():
    facts = backbone_facts("resnet18", (3, 4, 5))
    assert facts.acts(512) == 4 * facts.acts(256)
    with_squeezes = backbone_facts("tf_efficientnet_b0", (3, 4, 5))
    assert with_squeezes.acts(512) < 4 * with_squeezes.acts(256)
