"""What a file says either counts or is a fault at its place: nothing is passed over in silence."""

import pytest

from harness.graph import check, expand, parse, with_fields

ROWS = {"td": {"order": "down", "from": ["in", "td.coarser"]}, "out": {"from": "td"}}
FILES = {
    "wrong": {"rows": {"out": {"from": "inn"}}},
    "shared": {"rows": {"out": {"from": "in"}}, "repeats": {"n": 3, "weights": "shared"}},
    "plain": {"rows": ROWS},
}


def faults(tree):
    return [str(fault) for fault in check(tree, lookup=FILES.__getitem__)]


def nodes(tree, **options):
    graph = expand(parse(tree, lookup=FILES.__getitem__), **options)
    return {node.key: node for node in graph.nodes}


def sources(node):
    return [edge.source for edge in node.inputs]


# What differs by repeat.


def test_values_of_each_take_turns_on_their_own():
    each = {"rows.out.block.conv": [1, 3], "rows.out.fuse": ["sum", "mean", "mul"]}
    tree = {
        "levels": "p3..p3",
        "rows": {"out": {"from": "in", "block": "conv"}},
        "repeats": {"n": 6, "each": each},
    }
    made = [(node.block["kernel"], node.fuse.name) for node in nodes(tree).values()]
    assert made == [(1, "sum"), (3, "mean"), (1, "mul"), (3, "sum"), (1, "mean"), (3, "mul")]


def test_each_reaches_a_row_that_a_stage_says_by_name():
    each = {"out.block": ["conv", "sepconv"]}
    tree = {"stages": [{"out": {"from": "in"}, "repeats": {"n": 2, "each": each}}]}
    found = nodes(tree)
    assert [found[f"p3_out@{repeat}"].block.name for repeat in (1, 2)] == ["conv", "sepconv"]


@pytest.mark.parametrize(
    ("each", "message"),
    [
        (
            {"row.out.block": ["none"]},
            "repeats.each.row.out.block: 'row' does not differ by repeat; did you mean 'rows'?",
        ),
        (
            {"fuse": ["sum", "mean"]},
            "repeats.each.fuse: 'fuse' does not differ by repeat; there are nodes, outputs, "
            "rewrites, rows",
        ),
        (
            {"rows.out.block": ["none"] * 11, "rows.out.fuse": ["sum"] * 13},
            "repeats.each: lists of 11, 13 values start over together after 143 repeats: "
            "expected at most 64",
        ),
    ],
)
def test_faults_of_each(each, message):
    tree = {"rows": {"out": {"from": "in"}}, "repeats": {"n": 2, "each": each}}
    assert faults(tree) == [message]


# Stages.


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([{"topology": 5}], "stages.0.topology: expected the name of a topology, got 5"),
        ([{}], "stages.0: a stage needs rows or nodes, 'topology' or 'extra'"),
        ([{"repeats": 2}], "stages.0: a stage needs rows or nodes, 'topology' or 'extra'"),
        ([{"rows": 5}], "stages.0.rows: expected names with their fields, got 5"),
        (
            [{"rows": {"out": {"from": "inn"}}, "out": {"from": "in"}}],
            "stages.0.out: 'out' stands under 'rows' as well",
        ),
        (
            [{"extra": {"from": 5}}],
            "stages.0.extra.from: expected the name of a row or node, got 5",
        ),
        (
            [{"b": {"from": "in"}, "outputs": {"p3": "nope"}}],
            "stages.0.outputs.p3: no node 'nope'; there are p3_b, p4_b, p5_b, p6_b, p7_b",
        ),
        (
            [{"rows": {"b": {"from": "in"}}, "nodes": {"b": {"level": 3, "from": "p3"}}}],
            "stages.0.nodes.b: 'b' is a row already",
        ),
        (
            [{"topology": "wrong"}],
            "stages.0.topology.rows.out.from: no node 'inn'; did you mean 'in'?",
        ),
    ],
)
def test_faults_of_stages_stand_in_their_stage(stages, message):
    assert message in faults({"stages": [*stages, {"out": {"from": "in"}}]})


def test_repeats_at_the_top_say_how_many_and_no_more():
    stages = [{"out": {"from": "in"}, "repeats": 1}]
    assert faults({"stages": stages, "repeats": {"n": 2, "weights": "shared"}}) == [
        "repeats.weights: say it in the stage that repeats"
    ]


def test_a_topology_as_a_stage_keeps_what_it_says_of_its_repeats():
    found = nodes({"stages": [{"topology": "shared", "repeats": 2}]})
    assert found["p3_out@1"].share == found["p3_out@2"].share == "_p3_out@1"
    assert "p3_out@3" not in found


def test_rewrites_reach_a_topology_that_stands_as_a_stage():
    tree = {"stages": [{"topology": "plain"}], "rewrites": [{"set_fuse": "mean"}]}
    assert {node.fuse.name for node in nodes(tree).values() if node.repeat} == {"mean"}


def test_nodes_of_earlier_stages_are_read_by_repeat():
    first = {
        "rows": {"a": {"from": "in"}},
        "nodes": {"n": {"level": 4, "from": "p4_a"}},
        "repeats": 3,
    }
    for name, repeats in (("n@all", [1, 2, 3]), ("n@-1", [2]), ("n@first", [1]), ("n", [3])):
        last = {"rows": {"out": {"from": "in"}}, "nodes": {"p4_out": {"from": ["p4", name]}}}
        found = sources(nodes({"stages": [first, last]})["p4_out@4"])
        assert found == ["p4_a@3", *(f"n@{repeat}" for repeat in repeats)]


def test_a_node_of_an_earlier_stage_has_no_neighbours():
    tree = {"stages": [{"a": {"from": "in"}}, {"b": {"from": ["in", "p4_a.coarser"]}}]}
    assert faults(tree) == ["stages.1.b.from: 'p4_a' is one node: it has no 'coarser'"]
    assert faults({"rows": {"b": {"from": ["in", "c5.finer"]}}}) == [
        "rows.b.from: 'c5' is one node: it has no 'finer'"
    ]


# Inputs.


def test_a_backbone_map_is_the_same_before_and_after():
    tree = {
        "levels": "p3..p4",
        "rows": {"out": {"from": ["in", {"from": "in", "tap": "before"}]}},
        "repeats": 2,
    }
    found = nodes(tree)
    taps = [[edge.tap for edge in found[f"p3_out@{n}"].inputs] for n in (1, 2)]
    assert taps == [["after"], ["after", "before"]]


def test_a_block_that_nothing_reads_is_left_out():
    rows = {
        "a": {"from": ["in", "in.coarser"], "channels": {"p4": 2}},
        "out": {"from": ["in", {"from": "a", "tap": "before"}]},
    }
    found = nodes({"levels": "p3..p4", "rows": rows, "block": "conv"})
    assert (found["p3_a@1"].block.name, found["p3_out@1"].block.name) == ("none", "conv")
    assert {edge.tap for edge in found["p3_out@1"].inputs} == {"after"}
    read = nodes({"levels": "p3..p4", "rows": rows, "block": "conv", "taps": {"a": "p3_a"}})
    assert read["p3_a@1"].block.name == "conv"
    assert [edge.tap for edge in read["p3_out@1"].inputs] == ["after", "before"]


def test_a_backbone_map_cannot_be_tapped():
    found = check({"rows": {"out": {"from": "in"}}, "taps": {"raw": "c5"}})
    assert [str(one) for one in found] == ["taps.raw: 'c5' is the backbone's own map, not a node"]


def test_two_ways_from_one_source_are_two_edges():
    ways = [{"from": "in.coarser", "up": up} for up in ("nearest", "bilinear")]
    tree = {"levels": "p3..p4", "rows": {"out": {"from": ["in", *ways]}}}
    assert sources(nodes(tree)["p3_out@1"]) == ["p3", "p4", "p4"]


def test_rewrites_keep_edges_that_read_before_and_after():
    both = ["a", {"from": "a", "tap": "before"}]
    tree = {"levels": "p3..p4", "rows": {"a": {"from": ["in", "in@-1"]}, "out": {"from": both}}}
    tree |= {"repeats": 2, "rewrites": ["drop_single_input"]}
    assert sources(nodes(tree)["p3_out@2"]) == ["p3_a@2", "p3_a@2"]


def test_a_node_that_is_taken_out_is_read_after_what_stands_in_its_place():
    """Before its own block, that is: not before the block of the node that it read."""
    rows = {
        "a": {"from": ["in", "in.coarser"]},
        "b": {"from": "a"},
        "out": {"from": ["in", {"from": "b", "tap": "before"}]},
    }
    tree = {"levels": "p3..p4", "rows": rows, "rewrites": ["drop_single_input"]}
    assert [(e.source, e.tap) for e in nodes(tree)["p3_out@1"].inputs] == [
        ("p3", "after"),
        ("p3_a@1", "after"),
    ]


def test_edges_of_repeats_with_shared_weights_are_known_by_their_entries():
    """Also where an entry stands for nothing in the first repeat."""
    entries = ["in", *({"from": name, "op": "conv"} for name in ("in@-1", "backbone"))]
    tree = {"levels": "p3..p4", "rows": {"out": {"from": entries}}}
    found = nodes(tree | {"repeats": {"n": 2, "weights": "shared"}})
    first, second = ([e.share for e in found[f"p3_out@{n}"].inputs] for n in (1, 2))
    assert first == ["_p3_out_0@1", "_p3_out_2@1"]
    assert second == ["_p3_out_0@1", "_p3_out_1@1", "_p3_out_2@1"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows.out.share": "1st"}, "rows.out.share: expected a word, got '1st'"),
        (
            {"rows.out.block": {"p3..p5": "conv", "p4": "none"}},
            "rows.out.block.p4: p4 is said already",
        ),
        (
            {"rows.out.from": ["td", "td2@-1 | td2"], "rows.td2": {"from": "out"}},
            "rows.out.from: cycle: p3_out > p3_td2 > p3_out",
        ),
        ({"taps": {"x": "p3_ot"}}, "taps.x: no node 'p3_ot' to tap; did you mean 'p3_out'?"),
    ],
)
def test_other_faults(fields, message):
    assert message in faults(with_fields({"rows": ROWS, "repeats": 2}, fields))
