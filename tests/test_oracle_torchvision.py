"""Outputs equal torchvision's `FeaturePyramidNetwork`, with every kind of extra level."""

from dataclasses import replace

import pytest
import torch
from oracles import SAME, deviation, moved, random_maps, randomise
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

import harness.compiler
from harness.graph import Graph, expand, parse, with_fields
from harness.space.zoo import load_topology

CHANNELS = {"p2": 8, "p3": 12, "p4": 20, "p5": 24}
WIDTH = 16
SIZES = [(128, 128), (333, 517), (97, 40)]
"""Odd ones too: torchvision brings a map to the size of the finer one, and so do we."""


def fpn(*stages: dict, **fields: object) -> Graph:
    """The shipped file without its extra levels, with what is given instead."""
    tree = load_topology("fpn").tree
    return expand(parse(with_fields(tree, {"stages": [tree["stages"][0], *stages], **fields})))


def retinanet(source: str | None) -> Graph:
    tree = load_topology("fpn_retinanet").tree
    if source is not None:
        tree = with_fields(tree, {"extra": {"from": source}})
    return expand(parse(tree))


CASES = {
    "no extra level": (lambda: fpn(levels="p2..p5"), None),
    "last level max pool": (lambda: expand(load_topology("fpn")), LastLevelMaxPool),
    "p6 and p7 from c5": (lambda: retinanet(None), lambda: LastLevelP6P7(CHANNELS["p5"], WIDTH)),
    "p6 and p7 from p5": (lambda: retinanet("out"), lambda: LastLevelP6P7(WIDTH, WIDTH)),
}


@pytest.fixture(params=CASES)
def case(request):
    """Our graph, and torchvision's network with random weights."""
    graph, extra = CASES[request.param]
    graph = graph()
    channels = [CHANNELS[f"p{level}"] for level in graph.inputs]
    theirs = FeaturePyramidNetwork(channels, WIDTH, extra() if extra else None)
    randomise(theirs)
    return graph, theirs


def ours_from(graph: Graph, theirs: FeaturePyramidNetwork):
    """Our module with torchvision's state under our names: all of it, and nothing else."""
    network = harness.compiler.compile(graph, channels=CHANNELS, width=WIDTH).eval()
    state = {our_name(name, graph): value for name, value in theirs.state_dict().items()}
    network.load_state_dict(state)
    return network


def our_name(name: str, graph: Graph) -> str:
    part, number, *_, leaf = name.split(".")
    if part == "extra_blocks":
        (node,) = [node for node in graph.nodes if node.name == number]
        source = node.inputs[0].source.replace("@", "_")
        return f"{number}_2.strided_conv_{source}.conv.{leaf}"
    level = f"p{graph.inputs[int(number)]}"
    place = {"inner_blocks": f"{level}_in", "layer_blocks": f"{level}_out_1.block"}[part]
    return f"{place}.conv.{leaf}"


@torch.no_grad()
def compared(graph: Graph, theirs: FeaturePyramidNetwork, pixels: tuple[int, int]) -> float:
    channels = {f"p{level}": CHANNELS[f"p{level}"] for level in graph.inputs}
    maps = random_maps(channels, pixels)
    found = ours_from(graph, theirs)(maps)
    expected = {"p6" if name == "pool" else name: y for name, y in theirs(maps).items()}
    return deviation(found, expected)


@pytest.mark.parametrize("pixels", SIZES, ids=str)
def test_outputs_are_torchvisions(case, pixels):
    assert compared(*case, pixels) < SAME


def test_a_moved_edge_is_seen(case):
    graph, theirs = case
    wrong = moved(graph, "p3_out@1", "p4_out@1", "p5_out@1")
    assert compared(wrong, theirs, SIZES[0]) > 1e-2


def test_that_what_travels_is_not_convolved_is_seen(case):
    graph, theirs = case
    nodes = [
        replace(node, inputs=tuple(replace(edge, tap="after") for edge in node.inputs))
        for node in graph.nodes
    ]
    assert compared(replace(graph, nodes=tuple(nodes)), theirs, SIZES[0]) > 1e-2


def test_where_p6_comes_from_is_seen():
    from_p5, theirs = retinanet("out"), LastLevelP6P7(WIDTH, WIDTH)
    theirs = FeaturePyramidNetwork([CHANNELS[f"p{level}"] for level in (3, 4, 5)], WIDTH, theirs)
    randomise(theirs)
    wrong = moved(from_p5, "p6@2", "p5_out@1", "p4_out@1")
    assert compared(wrong, theirs, SIZES[0]) > 1e-2


# google/automl's RetinaNet: torchvision's p6 and p7 from the p5 output, then a norm on every level.

NORMED = (160, 288)
"""Pixels at which p5 and p6 have odd sides: there padding SAME is torchvision's."""


def normed(theirs: FeaturePyramidNetwork) -> harness.compiler.FeatureNetwork:
    """Our module with torchvision's state, and norms of random scale, offset and statistics."""
    graph = expand(load_topology("fpn_retinanet_google"))
    network = harness.compiler.compile(graph, channels=CHANNELS, width=WIDTH).eval()
    randomise(network, seed=2)
    state = {google_name(name): value for name, value in theirs.state_dict().items()}
    rest = network.load_state_dict(state, strict=False)
    assert not rest.unexpected_keys
    assert all(".block.norm." in name for name in rest.missing_keys)
    return network


def google_name(name: str) -> str:
    part, number, *_, leaf = name.split(".")
    if part == "extra_blocks":
        source = {"p6": "p5_fpn_1", "p7": "p6_2"}[number]
        return f"{number}_2.strided_conv_{source}.conv.{leaf}"
    level = f"p{int(number) + 3}"
    place = {"inner_blocks": f"{level}_in", "layer_blocks": f"{level}_fpn_1.block"}[part]
    return f"{place}.conv.{leaf}"


@torch.no_grad()
def test_googles_retinanet_is_torchvisions_with_a_norm_at_the_end():
    channels = [CHANNELS[f"p{level}"] for level in (3, 4, 5)]
    theirs = FeaturePyramidNetwork(channels, WIDTH, LastLevelP6P7(WIDTH, WIDTH))
    randomise(theirs)
    ours = normed(theirs)
    maps = random_maps({f"p{level}": CHANNELS[f"p{level}"] for level in (3, 4, 5)}, NORMED)
    before = theirs(maps)
    norms = {name: ours.get_submodule(f"{name}_out_3.block.norm") for name in before}
    assert {(norm.eps, norm.momentum) for norm in norms.values()} == {(1e-4, 0.003)}
    expected = {name: norms[name](y) for name, y in before.items()}
    assert deviation(ours(maps), expected) < SAME
    assert deviation(ours(maps), before) > 1e-2
