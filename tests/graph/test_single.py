"""A topology said node by node is the same network, at any levels and repeats."""

import pytest

from harness.errors import SpecError
from harness.graph import digest, expand, parse, with_fields
from harness.graph.check import check
from harness.graph.single import said_singly
from harness.space.zoo import load_topology, topology_names


@pytest.mark.parametrize("name", topology_names())
def test_it_is_the_same_network_without_rows_and_rewrites(name):
    topology = load_topology(name)
    tree = said_singly(topology)
    assert not check(tree)
    assert not {"rows", "rewrites", "derive", "stages"} & set(tree)
    assert digest(expand(parse(tree))) == digest(expand(topology))


ONE_CELL = ["bifpn", "panet", "qufpn", "nas_fpn", "nas_fpn_mmdet", "asff", "rep_gfpn", "rt_detr"]


@pytest.mark.parametrize("name", ONE_CELL)
def test_one_cell_stays_one_cell_in_any_number_of_repeats(name):
    topology = load_topology(name)
    again = parse(said_singly(topology))
    assert again.repeats == topology.repeats
    for repeats in (1, 2, 5):
        graphs = [expand(one, repeats=repeats) for one in (again, topology)]
        assert digest(graphs[0]) == digest(graphs[1])


@pytest.mark.parametrize("levels", [(2, 6), (3, 5), (4, 8)])
def test_at_other_levels_rows_have_other_nodes(levels):
    topology = load_topology("bifpn")
    tree = said_singly(topology, levels)
    assert len(tree["nodes"]) == 2 * (levels[1] - levels[0])
    assert digest(expand(parse(tree))) == digest(expand(topology, levels=levels))


VARIANTS = [
    {"rewrites": [{"set_fuse": "concat"}, {"set_down": {"x2": "strided_conv", "x4": "avg_pool"}}]},
    {"block": {"p3..p4": "conv", "p5..p7": {"dilated": 2}}, "rows.td.fuse": {"p6": "mean"}},
    {"repeats.weights": "shared"},
    {"repeats.each": {"rows.td.fuse": ["sum", "mean"]}},
    {"rows.out.from": ["in", "td", "out.finer | td.finer", "out@-1", "in@first"]},
    {"rows.td.up": ["nearest", {"conv": 1}], "rows.td.share": "one", "norm.eps": 1e-5},
    {"rows.out.from.0": {"from": "in", "tap": "before", "op": "conv", "projection": "always"}},
    {"nodes.p4_td": {"channels": 0.5, "fuse": "sum"}, "taps": {"middle": "p5_td"}},
]


@pytest.mark.parametrize("fields", VARIANTS, ids=map(str, range(len(VARIANTS))))
def test_whatever_a_file_says_is_said(fields):
    topology = parse(
        with_fields({**load_topology("bifpn").tree, "rows": ROWS, "rewrites": []}, fields)
    )
    tree = said_singly(topology)
    assert digest(expand(parse(tree))) == digest(expand(topology))


ROWS = {
    "td": {"order": "down", "skip_first": True, "from": ["in", "td.coarser | in.coarser"]},
    "out": {"order": "up", "skip_first": True, "from": ["in", "td", "out.finer | td.finer"]},
}


def test_levels_that_it_cannot_have_are_told():
    with pytest.raises(SpecError, match="holds no level"):
        said_singly(load_topology("bifpn"), (6, 7))
