"""Receptive fields: closed forms, and what pixels cells really depend on, walked forward."""

import pytest

from harness.errors import SpecError
from harness.graph import expand, parse, receptive_field

ONE_CELL = {level: 2**level for level in range(2, 6)}
"""A backbone whose maps see no more than their own cells."""


def grown(tree, base=ONE_CELL, **options):
    return receptive_field(expand(parse(tree), **options), base)


def lateral(**fields):
    return {"rows": {"out": {"from": "in"}}, **fields}


def test_convolutions_add_kernel_minus_one_strides():
    found = grown(lateral(repeats=3), base={3: 100, 4: 200, 5: 400}, levels=(3, 5))
    assert found == {3: 100 + 3 * 2 * 8, 4: 200 + 3 * 2 * 16, 5: 400 + 3 * 2 * 32}
    assert grown(lateral(block={"conv": 5}), levels=(3, 3)) == {3: 8 + 4 * 8}
    assert grown(lateral(block="none"), levels=(3, 3)) == {3: 8}


def test_pools_see_stride_plus_one_or_stride_cells():
    tree = {"nodes": {"a": {"level": 3, "from": "p3"}, "b": {"level": 5, "from": "p3"}}}
    tree |= {"rows": {"o": {"levels": "p4..p4", "from": "in"}}, "levels": [3, 5], "block": "none"}
    tree |= {"outputs": {"p3": "a", "p5": "b"}}
    assert grown(tree)[5] == 5 * 8
    assert grown({**tree, "down": {"max_pool": "stride"}})[5] == 4 * 8


def test_what_goes_through_a_gate_sees_the_whole_image():
    rows = {"td": {"order": "down", "from": ["in", "td.coarser"]}, "out": {"from": "td"}}
    tree = {"rows": rows, "levels": [3, 5], "nodes": {"p4_td": {"fuse": "gate"}}}
    assert grown(tree) == {3: None, 4: None, 5: 32 + 4 * 32}


def test_a_backbone_that_sees_everything():
    assert grown(lateral(), base={3: 50, 4: None}, levels=(3, 4)) == {3: 66, 4: None}


def test_every_backbone_level_must_be_given():
    with pytest.raises(SpecError, match=r"base\.p4: is not given"):
        grown(lateral(), base={3: 1}, levels=(3, 4))


TREES = {
    "bifpn": {
        "td": {"order": "down", "skip_first": True, "from": ["in", "td.coarser | in.coarser"]},
        "out": {"order": "up", "skip_first": True, "from": ["in", "td", "out.finer | td.finer"]},
    },
    "fully_connected": {"out": {"from": "in.all"}},
    "far": {"out": {"from": ["in"]}, "up4": {"from": ["out", "out.coarser"]}},
}


@pytest.mark.parametrize("pool", ["stride", "stride_plus_1"])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("name", TREES)
def test_against_pixels_walked_forward(name, kernel, pool):
    tree = {"rows": TREES[name], "block": {"conv": kernel}, "down": {"max_pool": pool}}
    graph = expand(parse(tree), levels=(2, 5))
    assert receptive_field(graph, ONE_CELL) == _walked(graph, kernel, pool, 2048)


def _walked(graph, kernel, pool, pixels):
    """Widest span of pixels any cell far from the border depends on, in one dimension."""
    maps = {f"p{v}": [(i * 2**v, (i + 1) * 2**v) for i in range(pixels >> v)] for v in graph.inputs}
    level_of = {f"p{v}": v for v in graph.inputs}
    for node in graph.nodes:
        arriving = []
        for edge in node.inputs:
            source, at = maps[edge.source], level_of[edge.source]
            if at > node.level:
                factor = 2 ** (at - node.level)
                source = [source[i // factor] for i in range(pixels >> node.level)]
            elif at < node.level:
                stride = 2 ** (node.level - at)
                reach = stride + 1 if pool == "stride_plus_1" else stride
                starts = range(0, len(source), stride)
                source = [_hull(source[start : start + reach]) for start in starts]
            arriving.append(source)
        fused = [_hull(cells) for cells in zip(*arriving, strict=True)]
        half = kernel // 2 if node.block.name != "none" else 0
        maps[node.key] = [_hull(fused[max(i - half, 0) : i + half + 1]) for i in range(len(fused))]
        level_of[node.key] = node.level
    widest = {}
    for level, key in graph.outputs:
        cells = maps[key]
        third = len(cells) // 3
        widest[level] = max(high - low for low, high in cells[third : 2 * third])
    return widest


def _hull(spans):
    spans = list(spans)
    return min(low for low, _ in spans), max(high for _, high in spans)
