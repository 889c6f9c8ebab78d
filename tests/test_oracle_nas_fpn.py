"""Outputs equal two plain references of NAS-FPN: TensorFlow's, by its rules, and mmdetection's.

The references are written from the node table and from the two rules of the original (who gates;
what is added without being said), not from our files. Each of the traps that re-implementations
fell into is then set in our file, one at a time, and must be seen.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from oracles import SAME, deviation, moved, random_maps, randomise
from torch import Tensor, nn

import harness.compiler
from harness.errors import SpecError
from harness.graph import Graph, expand, parse, with_fields
from harness.space.zoo import load_topology

CHANNELS = {"p3": 12, "p4": 20, "p5": 24}
WIDTH, REPEATS = 16, 2
SIZES = [(512, 768), (256, 128)]
"""Sizes that divide by 128: elsewhere the originals fail, or pad by rules of their own."""

TABLE = [
    (4, "gp", (1, 3), False),
    (4, "sum", (1, 5), False),
    (3, "sum", (0, 6), True),
    (4, "sum", (6, 7), True),
    (5, "gp", (7, 8), True),
    (7, "gp", (6, 9), True),
    (6, "gp", (9, 10), True),
]
"""(level, operation, inputs, whether it is an output). Inputs 0..4 are p3..p7, then come nodes."""
NAMES = ("n1", "n2", "p3_out", "p4_out", "p5_out", "p7_out", "p6_out")
"""What our files call them."""


def resized(x: Tensor, level: int, target: int) -> Tensor:
    factor = 2 ** abs(level - target)
    if level > target:
        return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    return F.max_pool2d(x, factor, factor) if level < target else x


def after(width: int, bias: bool, eps: float) -> nn.Sequential:
    """What follows the combination in every node: activation, 3x3 convolution, norm."""
    conv = nn.Conv2d(width, width, 3, padding=1, bias=bias)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(width, eps=eps))


def lateral(channels: int, width: int, bias: bool, eps: float) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 1, bias=bias), nn.BatchNorm2d(width, eps=eps))


class TensorFlows(nn.Module):
    """The table, with the rule of attention and the rule of nodes that nothing has read."""

    def __init__(self) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(lateral(c, WIDTH, True, 1e-3) for c in CHANNELS.values())
        self.cells = nn.ModuleList(
            nn.ModuleList(after(WIDTH, True, 1e-3) for _ in TABLE) for _ in range(REPEATS)
        )

    def forward(self, maps: dict[str, Tensor]) -> dict[str, Tensor]:
        pyramid = [net(x) for net, x in zip(self.laterals, maps.values(), strict=True)]
        pyramid.append(F.max_pool2d(pyramid[-1], 2, 2))
        pyramid.append(F.max_pool2d(pyramid[-1], 2, 2))
        for cell in self.cells:
            pyramid = self.cell(cell, pyramid)
        return {f"p{level}": x for level, x in enumerate(pyramid, 3)}

    def cell(self, nodes: nn.ModuleList, pyramid: list[Tensor]) -> list[Tensor]:
        maps, levels, readers = list(pyramid), [3, 4, 5, 6, 7], [0] * 5
        for net, (level, operation, (one, other), is_output) in zip(nodes, TABLE, strict=True):
            first, second = (resized(maps[i], levels[i], level) for i in (one, other))
            readers[one] += 1
            readers[other] += 1
            if operation == "sum":
                made = first + second
            elif levels[one] >= levels[other]:
                made = first + second * first.amax((2, 3), keepdim=True).sigmoid()
            else:
                made = second + first * second.amax((2, 3), keepdim=True).sigmoid()
            if is_output:
                for i, count in enumerate(readers):
                    if count == 0 and levels[i] == level:
                        readers[i] += 1
                        made = made + maps[i]
            maps.append(net(made))
            levels.append(level)
            readers.append(0)
        by_level = dict(zip(levels[-5:], maps[-5:], strict=True))
        return [by_level[level] for level in (3, 4, 5, 6, 7)]


class Mmdetections(nn.Module):
    """Merge cells of two maps; the second, finer one gates, by its average."""

    def __init__(self) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(lateral(c, WIDTH, False, 1e-5) for c in CHANNELS.values())
        self.extras = nn.ModuleList(lateral(WIDTH, WIDTH, False, 1e-5) for _ in range(2))
        self.cells = nn.ModuleList(
            nn.ModuleList(after(WIDTH, True, 1e-5) for _ in TABLE) for _ in range(REPEATS)
        )

    def forward(self, maps: dict[str, Tensor]) -> dict[str, Tensor]:
        c3, c4, c5 = (net(x) for net, x in zip(self.laterals, maps.values(), strict=True))
        c6 = F.max_pool2d(self.extras[0](c5), 2)
        c7 = F.max_pool2d(self.extras[1](c6), 2)
        for n1, n2, out3, out4, out5, out7, out6 in self.cells:
            first = n1(self.gp((c6, 6), (c4, 4), 4))
            second = n2(first + c4)
            p3 = out3(resized(second, 4, 3) + c3)
            p4 = out4(resized(p3, 3, 4) + second)
            p5 = out5(c5 + self.gp((p4, 4), (p3, 3), 5))
            p7 = out7(c7 + self.gp((p5, 5), (second, 4), 7))
            p6 = out6(self.gp((p7, 7), (p5, 5), 6))
            c3, c4, c5, c6, c7 = p3, p4, p5, p6, p7
        return dict(zip(("p3", "p4", "p5", "p6", "p7"), (c3, c4, c5, c6, c7), strict=True))

    def gp(self, one: tuple[Tensor, int], other: tuple[Tensor, int], level: int) -> Tensor:
        first, second = (resized(x, at, level) for x, at in (one, other))
        return second + F.adaptive_avg_pool2d(second, 1).sigmoid() * first


CASES = {"nas_fpn": TensorFlows, "nas_fpn_mmdet": Mmdetections}


def our_name(name: str) -> str:
    part, number, *rest = name.split(".")
    if part == "cells":
        node, layer, leaf = rest
        kind = {"1": "conv", "2": "norm"}[layer]
        return f"{NAMES[int(node)]}_{int(number) + 1}.block.{kind}.{leaf}"
    kind = {"0": "conv", "1": "norm"}[rest[0]]
    place = {"laterals": f"p{int(number) + 3}_in", "extras": f"p{int(number) + 6}_0.conv_p5"}[part]
    return f"{place.replace('p7_0.conv_p5', 'p7_0.conv_p6_0')}.{kind}.{rest[1]}"


def graph_of(name: str, fault=None) -> Graph:
    tree = copy.deepcopy(load_topology(name).tree)
    if fault:
        fault(tree)
    return expand(parse(tree), repeats=REPEATS)


@torch.no_grad()
def compared(graph: Graph, theirs: nn.Module, pixels=(512, 768)) -> float:
    """How far our module of a graph is from a reference, whose numbers it is given."""
    randomise(theirs)
    theirs.eval()
    ours = harness.compiler.compile(graph, channels=CHANNELS, width=WIDTH).eval()
    state = {our_name(name): value for name, value in theirs.state_dict().items()}
    missing, unexpected = ours.load_state_dict(state, strict=False)
    assert not missing
    assert all("conv_p" in name for name in unexpected), unexpected
    maps = random_maps(CHANNELS, pixels)
    return deviation(ours(maps), theirs(maps))


@pytest.mark.parametrize("pixels", SIZES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_outputs_are_the_references(name, pixels):
    theirs = CASES[name]()
    assert compared(graph_of(name), theirs, pixels) < SAME
    ours = harness.compiler.compile(graph_of(name), channels=CHANNELS, width=WIDTH)
    assert {our_name(key) for key in theirs.state_dict()} == set(ours.state_dict())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("node", "old", "new"),
    [
        ("p4_out@2", "n2@2", "n1@2"),
        ("n1@1", "p6@0", "p7@0"),
        ("p6_out@2", "p7_out@2", "p7_out@1"),
        ("p7_out@1", "n2@1", "n1@1"),
    ],
)
def test_a_moved_edge_is_seen(name, node, old, new):
    assert compared(moved(graph_of(name), node, old, new), CASES[name]()) > 1e-2


def gate_at(node, **fields):
    def fault(tree):
        tree["nodes"][node]["fuse"] = {"gate": fields}

    return fault


def without_added(node):
    def fault(tree):
        inputs = tree["nodes"][node]["from"]
        assert inputs[-1]["role"] == "add"
        del inputs[-1]

    return fault


def sums(node):
    def fault(tree):
        inputs = tree["nodes"][node]["from"]
        inputs[:] = [one["from"] if isinstance(one, dict) else one for one in inputs]
        tree["nodes"][node]["fuse"] = "sum"

    return fault


def field(name, value):
    def fault(tree):
        tree[name] = value

    return fault


TRAPS = {
    "nas_fpn": {
        "gate n1 from the finer": gate_at("n1", **{"from": "finer", "pool": "max"}),
        "gate p5 from the finer": gate_at("p5_out", **{"from": "finer", "pool": "max"}),
        "gate p6 by the average": gate_at("p6_out", **{"from": "coarser", "pool": "avg"}),
        "gate p7 by the average": gate_at("p7_out", **{"from": "coarser", "pool": "avg"}),
        "p5 is not added": without_added("p5_out"),
        "p7 is not added": without_added("p7_out"),
        "a sum for a gate": sums("p6_out"),
        "pools overlap": field("down", {"max_pool": "stride_plus_1"}),
        "mean pools": field("down", "avg_pool"),
        "activation last": field("conv_order", "conv_norm_act"),
        "another activation": field("act", "silu"),
        "another eps": field("norm", {"eps": 3e-2, "momentum": 0.1}),
    },
    "nas_fpn_mmdet": {
        "gate n1 from the coarser": gate_at("n1", **{"from": "coarser", "pool": "avg"}),
        "gate p5 from the coarser": gate_at("p5_out", **{"from": "coarser", "pool": "avg"}),
        "gate p7 by the maximum": gate_at("p7_out", **{"from": "finer", "pool": "max"}),
        "gate p6 by the maximum": gate_at("p6_out", **{"from": "finer", "pool": "max"}),
        "p5 is not added": without_added("p5_out"),
        "p7 is not added": without_added("p7_out"),
        "no convolution before p6": field("extra", {"down": {"max_pool": "stride"}}),
        "pools overlap": field("down", {"max_pool": "stride_plus_1"}),
        "activation last": field("conv_order", "conv_norm_act"),
    },
}


@pytest.mark.parametrize(("name", "trap"), [(name, trap) for name in TRAPS for trap in TRAPS[name]])
def test_each_trap_is_seen(name, trap):
    assert compared(graph_of(name, TRAPS[name][trap]), CASES[name]()) > 1e-2


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_by_level_though_p7_is_made_before_p6(name):
    graph = graph_of(name)
    order = [node.key for node in graph.nodes]
    assert order.index("p7_out@2") < order.index("p6_out@2")
    assert [key for _, key in graph.outputs] == [f"p{level}_out@2" for level in range(3, 8)]
    tree = load_topology(name).tree
    swapped = tree["outputs"] | {"p6": "p7_out", "p7": "p6_out"}
    with pytest.raises(SpecError, match="'p7_out' is at p7, not at p6"):
        expand(parse(with_fields(tree, {"outputs": swapped})))
