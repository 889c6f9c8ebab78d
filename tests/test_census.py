"""Counts that others have published or that a closed form gives: nodes, edges, params, MACs.

No torch: what is counted here is the graph. That modules have what is counted is the business of
`test_compiler.py`, for every shipped topology.
"""

import pytest

from harness.graph import Graph, expand, infer, parse, with_fields
from harness.space.zoo import load_topology

NETWORKS = {
    "d0": ((40, 112, 320), 64, 3),
    "d1": ((40, 112, 320), 88, 4),
    "d2": ((48, 120, 352), 112, 5),
    "d3": ((48, 136, 384), 160, 6),
    "r50": ((512, 1024, 2048), 256, 3),
}
"""Channels of c3, c4 and c5; width; cells."""
COLUMNS = {
    "bifpn": ("bifpn", {}, 1),
    "bifpn, sums": ("bifpn", {"fuse": "sum"}, 1),
    "panet": ("panet", {}, 1),
    "fpn, twice the cells": ("fpn_efficientdet", {}, 2),
    "nas_fpn, sums": ("nas_fpn", {"conventions": "efficientdet"}, 1),
    "fully connected, twice the cells": ("fully_connected", {}, 2),
}
"""Topology, fields laid over it, and cells for each of the network's."""
PARAMS = {
    "d0": (196_281, 196_224, 197_376, 197_376, 160_960, 320_512),
    "d1": (390_972, 390_896, 422_752, 422_752, 327_272, 592_064),
    "d2": (708_159, 708_064, 793_408, 793_408, 598_864, 1_030_400),
    "d3": (1_559_474, 1_559_360, 1_805_440, 1_805_440, 1_332_320, 2_174_720),
    "r50": (3_879_481, 3_879_424, 3_503_104, 3_503_104, 3_148_544, 7_182_336),
}
"""Counted by effdet 0.4.1 with these graphs."""


def graph_of(name: str, fields: dict | None = None, repeats: int | None = None) -> Graph:
    return expand(parse(with_fields(load_topology(name).tree, fields or {})), repeats=repeats)


def counted(graph: Graph, channels: tuple[int, ...], width: int, pixels: int = 512):
    named = dict(zip((3, 4, 5), channels, strict=True))
    return infer(graph, channels=named, width=width, image_size=pixels)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("network", NETWORKS)
def test_params_are_effdets(network, column):
    channels, width, cells = NETWORKS[network]
    name, fields, times = COLUMNS[column]
    found = counted(graph_of(name, fields, cells * times), channels, width)
    assert found.params == PARAMS[network][list(COLUMNS).index(column)]


FAMILY = {
    "d0": ((40, 112, 320), 64, 3, 196_281, 20_672, 97_747, 38_931),
    "d1": ((40, 112, 320), 88, 4, 390_972, 28_424, 151_291, 70_419),
    "d2": ((48, 120, 352), 112, 5, 708_159, 39_760, 223_907, 111_123),
    "d3": ((48, 136, 384), 160, 6, 1_559_474, 61_920, 396_659, 220_179),
    "d4": ((56, 160, 448), 224, 7, 3_349_829, 101_024, 711_219, 422_931),
    "d5": ((64, 176, 512), 288, 7, 5_405_893, 148_320, 1_110_259, 691_219),
    "d6": ((72, 200, 576), 384, 8, 10_583_808, 222_336, 1_845_888, 1_216_512),
    "d7x": ((80, 224, 640), 384, 8, 13_112_064, 246_912, 2_220_672, 1_520_640),
}
"""Released models: channels, width, cells; params in all, of p6, of the first and other cells."""


@pytest.mark.parametrize("member", FAMILY)
def test_params_of_the_released_models_by_cell(member):
    channels, width, cells, total, of_p6, first, later = FAMILY[member]
    name = "bifpn_p3_p8" if member == "d7x" else "bifpn"
    graph = graph_of(name, {"fuse": "sum"} if member == "d6" else {}, cells)
    found = counted(graph, channels, width)
    by_cell = [0] * (cells + 1)
    for node, facts in zip(graph.nodes, found.nodes, strict=True):
        by_cell[node.repeat] += facts.params
    assert by_cell == [of_p6, first] + [later] * (cells - 1)
    assert found.params == total


AREAS = {
    "fpn_efficientdet": (1.33203125, (1, 1, 1), 5),
    "panet": (2.6640625, (1, 1, 1), 10),
    "simplified_panet": (1.66015625, (1, 1, 1), 8),
    "bifpn": (1.66015625, (1, 2, 2), 8),
    "nas_fpn": (1.83203125, (1, 2, 1), 7),
    "fully_connected": (1.33203125, (5, 5, 5), 5),
    "qufpn": (4.65234375, (3, 4, 4), 21),
}
"""Nodes' areas in the first level's, edges from c3, c4 and c5 in the first cell, nodes."""


@pytest.mark.parametrize("name", AREAS)
def test_the_closed_forms_of_efficientdets_conventions(name):
    """A node W^2 + 12 W, an edge from the backbone C W + 3 W, p6 C5 W + 3 W; MACs by area."""
    areas, raw, nodes = AREAS[name]
    channels, width, cells, pixels = (48, 136, 384), 160, 2, 1024
    fields = {"conventions": "efficientdet", "fuse": "sum"}
    if name == "qufpn":
        fields["rows"] = {**load_topology(name).tree["rows"]}
        fields["rows"]["out"] = {"from": fields["rows"]["out"]["from"]}
    if name == "nas_fpn":
        del fields["fuse"]
    found = counted(graph_of(name, fields, cells), channels, width, pixels)
    sides = [pixels // 8, pixels // 16, pixels // 32]
    edges = sum(count * (c + 3) * width for count, c in zip(raw, channels, strict=True))
    params = cells * nodes * (width**2 + 12 * width) + edges + (channels[2] + 3) * width
    assert found.params == params
    macs = cells * areas * sides[0] ** 2 * (width**2 + 9 * width)
    macs += sum(n * s**2 * c * width for n, s, c in zip(raw, sides, channels, strict=True))
    assert found.macs == macs + sides[2] ** 2 * channels[2] * width


CENSUS = {
    "fpn_efficientdet": (5, 9, {1, 2}),
    "panet": (10, 18, {1, 2}),
    "simplified_panet": (8, 16, {2}),
    "bifpn": (8, 19, {2, 3}),
    "bifpn_p3_p8": (10, 24, {2, 3}),
    "bifpn_p2_p7": (10, 24, {2, 3}),
    "qufpn": (21, 48, {2, 3}),
    "fully_connected": (5, 25, {5}),
    "nas_fpn": (7, 16, {2, 3}),
    "nas_fpn_mmdet": (7, 16, {2, 3}),
    "rep_gfpn": (5, 12, {2, 3}),
}
"""Of one cell: nodes, edges into them, how many one node has. NAS-FPN's 14 + 2 are written out."""


@pytest.mark.parametrize("name", CENSUS)
def test_nodes_and_edges_of_a_cell(name):
    for repeats in (1, 2):
        nodes = [n for n in graph_of(name, repeats=repeats).nodes if n.repeat == repeats]
        degrees = [len(node.inputs) for node in nodes]
        assert (len(nodes), sum(degrees), set(degrees)) == CENSUS[name]


def test_nodes_and_edges_of_spinenet():
    """Fifteen blocks of two parents, one addition the original does not say; stem and outputs."""
    nodes = graph_of("spinenet").nodes
    permuted = [node for node in nodes if node.name[1:].isdigit() and node.name != "n1"]
    degrees = [len(node.inputs) for node in permuted]
    assert (len(permuted), sum(degrees), set(degrees)) == (15, 30 + 1, {2, 3})
    assert len(nodes) == 15 + 1 + 5


@pytest.mark.parametrize(
    ("columns", "mixes", "edges", "most"), [(13, 65, 351, 7), (21, 105, 632, 8)]
)
def test_nodes_and_edges_of_gfpn(columns, mixes, edges, most):
    """GiraffeDet's d7 and d11. Its fusion and the convolution behind it are two nodes here."""
    nodes = graph_of("gfpn", repeats=columns).nodes
    mixed = [len(node.inputs) for node in nodes if node.name.endswith("_mix")]
    outputs = [len(node.inputs) for node in nodes if node.name.endswith("_out")]
    assert (len(mixed), len(outputs), max(mixed)) == (mixes, 5, most)
    assert sum(mixed) + sum(outputs) == edges


def test_nodes_and_edges_of_fpg():
    """Nine pathways of five levels less a triangle of ten; four edges, at the ends three."""
    nodes = graph_of("fpg").nodes
    degrees = [len(node.inputs) for node in nodes if node.name.endswith("_cell")]
    assert len(degrees) == 9 * 5 - 10
    assert set(degrees) == {3, 4}
