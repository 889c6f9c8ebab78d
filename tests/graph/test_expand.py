"""Rows, references, rewrites, conventions and repeats written out as plain nodes."""

import pytest

from harness.errors import SpecError
from harness.graph import Op, expand, parse, with_fields

PANET = {
    "name": "panet",
    "rows": {
        "td": {"order": "down", "from": ["in", "td.coarser"]},
        "out": {"order": "up", "from": ["td", "out.finer"]},
    },
}


def cell(tree, **options):
    """{node: sources} of a graph, repeats in the keys."""
    graph = expand(parse(tree), **options)
    return {node.key: [edge.source for edge in node.inputs] for node in graph.nodes}


def node(graph, key):
    return next(one for one in graph.nodes if one.key == key)


def test_a_row_makes_one_node_a_level_in_its_order():
    found = cell({"rows": {"td": {"order": "down", "from": ["in", "td.coarser"]}}})
    assert list(found) == ["p6@0", "p7@0", "p7_td@1", "p6_td@1", "p5_td@1", "p4_td@1", "p3_td@1"]
    assert found["p7_td@1"] == ["p7@0"]
    assert found["p6_td@1"] == ["p6@0", "p7_td@1"]
    assert found["p3_td@1"] == ["p3", "p4_td@1"]
    assert found["p6@0"] == ["p5"]
    assert found["p7@0"] == ["p6@0"]


def test_bifpn_node_list():
    rows = {
        "td": {"order": "down", "skip_first": True, "from": ["in", "td.coarser | in.coarser"]},
        "out": {"order": "up", "skip_first": True, "from": ["in", "td", "out.finer | td.finer"]},
    }
    graph = expand(parse({"rows": rows, "repeats": 2}))
    found = {one.key: [edge.source for edge in one.inputs] for one in graph.nodes}
    assert {key: found[key] for key in found if key.endswith("@1")} == {
        "p6_td@1": ["p6@0", "p7@0"],
        "p5_td@1": ["p5", "p6_td@1"],
        "p4_td@1": ["p4", "p5_td@1"],
        "p3_td@1": ["p3", "p4_td@1"],
        "p4_out@1": ["p4", "p4_td@1", "p3_td@1"],
        "p5_out@1": ["p5", "p5_td@1", "p4_out@1"],
        "p6_out@1": ["p6@0", "p6_td@1", "p5_out@1"],
        "p7_out@1": ["p7@0", "p6_out@1"],
    }
    assert found["p6_td@2"] == ["p6_out@1", "p7_out@1"]
    assert found["p3_td@2"] == ["p3_td@1", "p4_td@2"]
    outputs = ["p3_td@2", "p4_out@2", "p5_out@2", "p6_out@2", "p7_out@2"]
    assert graph.outputs == tuple(zip(range(3, 8), outputs, strict=True))


def test_all_reads_every_level_and_row_levels_narrow_a_row():
    rows = {"mid": {"levels": "p4..p5", "from": "in.all"}, "out": {"from": ["in", "mid"]}}
    found = cell({"rows": rows}, levels=(3, 6))
    assert found["p4_mid@1"] == ["p3", "p4", "p5", "p6@0"]
    assert found["p4_out@1"] == ["p4", "p4_mid@1"]
    assert found["p3_out@1"] == ["p3"]


def test_references_to_earlier_repeats_are_left_out_of_the_first_ones():
    rows = {"out": {"from": ["in", "in@-1", "out.finer@-2 | in.finer"]}}
    found = cell({"rows": rows, "repeats": 3}, levels=(3, 4))
    assert found["p4_out@1"] == ["p4", "p3"]
    assert found["p4_out@2"] == ["p4_out@1", "p4", "p3_out@1"]
    assert found["p4_out@3"] == ["p4_out@2", "p4_out@1", "p3_out@1"]


def test_what_only_a_later_repeat_would_read_is_left_out_of_the_last():
    rows = {"memory": {"from": "in"}, "out": {"from": ["in", "memory@-1"]}}
    found = cell({"rows": rows, "repeats": 2}, levels=(3, 3))
    assert list(found) == ["p3_memory@1", "p3_out@1", "p3_out@2"]
    assert found["p3_out@2"] == ["p3_out@1", "p3_memory@1"]


def test_duplicates_in_a_row_collapse():
    found = cell({"rows": {"out": {"from": ["in", "in | in.finer", "in.all"]}}}, levels=(3, 4))
    assert found["p3_out@1"] == ["p3", "p4"]


def test_nodes_follow_what_they_read_whatever_the_order_of_the_file():
    nodes = {"late": {"level": 3, "from": ["p3", "early"]}, "early": {"level": 3, "from": "p3"}}
    tree = {"nodes": nodes, "outputs": {"p3": "late"}, "levels": [3, 3]}
    assert list(cell(tree)) == ["early@1", "late@1"]


def test_nodes_read_nodes_of_rows_and_rows_read_nodes():
    tree = {
        "rows": {"td": {"from": ["in", "extra"]}},
        "nodes": {
            "extra": {"level": 3, "from": "in.coarser"},
            "last": {"level": 4, "from": "p4_td"},
        },
        "outputs": {"p4": "last"},
    }
    found = cell(tree, levels=(3, 4))
    assert found == {
        "extra@1": ["p4"],
        "p3_td@1": ["p3", "extra@1"],
        "p4_td@1": ["p4", "extra@1"],
        "last@1": ["p4_td@1"],
    }


# Rewrites.


def test_panet_to_simplified_panet_to_bifpn():
    simple = cell({**PANET, "rewrites": ["drop_single_input"]})
    assert "p7_td@1" not in simple
    assert "p3_out@1" not in simple
    assert simple["p6_td@1"] == ["p6@0", "p7@0"]
    assert simple["p4_out@1"] == ["p4_td@1", "p3_td@1"]
    assert simple["p7_out@1"] == ["p7@0", "p6_out@1"]
    full = cell({**PANET, "rewrites": ["drop_single_input", "add_input_skip"]})
    assert sorted(full["p4_out@1"]) == ["p3_td@1", "p4", "p4_td@1"]
    assert sorted(full["p7_out@1"]) == ["p6_out@1", "p7@0"]
    assert full["p3_td@1"] == ["p3", "p4_td@1"]


def test_a_single_input_node_with_a_block_of_its_own_stays():
    nodes = {
        "a": {"level": 3, "from": "p3", "block": {"conv": 1}},
        "b": {"level": 3, "from": "a"},
        "c": {"level": 3, "from": ["b", "p3"]},
    }
    tree = {"nodes": nodes, "outputs": {"p3": "c"}, "levels": [3, 3]}
    assert cell({**tree, "rewrites": ["drop_single_input"]}) == {
        "a@1": ["p3"],
        "c@1": ["a@1", "p3"],
    }
    rows = {"lat": {"from": "in", "block": {"conv": 1}}, "out": {"from": ["lat", "in"]}}
    kept = cell({"rows": rows, "rewrites": ["drop_single_input"]}, levels=(3, 3))
    assert list(kept) == ["p3_lat@1", "p3_out@1"]


def test_a_fuse_said_for_a_whole_row_keeps_none_of_its_ends():
    tree = {**PANET, "rewrites": ["drop_single_input"]}
    assert cell(with_fields(tree, {"rows.out.fuse": "mean"})) == cell(tree)


def test_a_single_input_node_that_changes_level_stays():
    nodes = {"a": {"level": 4, "from": "p3"}, "b": {"level": 4, "from": ["a", "p4"]}}
    tree = {
        "rows": {"out": {"from": ["in", "b"]}},
        "nodes": nodes,
        "levels": [3, 4],
        "rewrites": ["drop_single_input"],
    }
    assert cell(tree)["a@1"] == ["p3"]


def test_dropping_every_node_is_a_fault():
    with pytest.raises(SpecError) as caught:
        expand(parse({"rows": {"a": {"from": "in"}}, "rewrites": ["drop_single_input"]}))
    first = "outputs.p3: nothing is left of the output of p3 but the cell's input"
    assert str(caught.value.faults[0]) == first


def test_set_rewrites_put_an_op_everywhere_in_the_cell():
    tree = {
        "rows": {
            "td": {"order": "down", "from": ["in", "td.coarser"], "fuse": "mean"},
            "out": {"from": "td", "block": "none"},
        },
        "rewrites": [
            {"set_fuse": {"weighted": "softmax"}},
            {"set_block": {"conv": 1}},
            {"set_down": {"max_pool": "stride"}},
        ],
    }
    graph = expand(parse(tree))
    td, out, extra = (node(graph, key) for key in ("p4_td@1", "p4_out@1", "p6@0"))
    assert (td.fuse.name, td.fuse["norm"]) == ("weighted", "softmax")
    assert (td.block.name, out.block.name) == ("conv", "none")
    assert node(graph, "p4_td@1").inputs[1].path == (Op("nearest"),)
    assert (extra.fuse.name, extra.inputs[0].path[0]["kernel"]) == ("sum", "stride_plus_1")


def test_set_fuse_forgets_roles_the_new_fuse_does_not_know():
    gate = {"level": 3, "from": ["p3", "p4", {"from": "x", "role": "add"}], "fuse": "gate"}
    tree = {
        "nodes": {"x": {"level": 3, "from": "p3"}, "y": gate, "z": {"level": 4, "from": "p4"}},
        "outputs": {"p3": "y", "p4": "z"},
        "levels": [3, 4],
    }
    assert [e.role for e in node(expand(parse(tree)), "y@1").inputs] == ["gated", "gate", "add"]
    summed = expand(parse({**tree, "rewrites": [{"set_fuse": "sum"}]}))
    assert [edge.role for edge in node(summed, "y@1").inputs] == [None, None, None]


@pytest.mark.parametrize(
    ("sources", "origin", "roles"),
    [
        (["p3", "p5"], "coarser", ["gated", "gate"]),
        (["p5", "p3"], "coarser", ["gate", "gated"]),
        (["p3", "p5"], "finer", ["gate", "gated"]),
        (["p4", "x"], "coarser", ["gate", "gated"]),
        (["p4", "x"], "finer", ["gated", "gate"]),
    ],
)
def test_who_gates(sources, origin, roles):
    nodes = {
        "x": {"level": 4, "from": "p4"},
        "y": {"level": 4, "from": sources, "fuse": {"gate": origin}},
    }
    tree = {"rows": {"o": {"from": ["in", "x", "y"]}}, "nodes": nodes, "levels": [3, 5]}
    assert [edge.role for edge in node(expand(parse(tree)), "y@1").inputs] == roles


def test_an_entry_of_nodes_changes_a_node_of_a_row_after_the_rewrites():
    tree = {**PANET, "rewrites": ["drop_single_input", "add_input_skip"]}
    changed = with_fields(
        tree, {"nodes.p5_out.from": ["p5", "p4_out"], "nodes.p4_out.fuse": "mean"}
    )
    found = cell(changed)
    assert found["p5_out@1"] == ["p5", "p4_out@1"]
    assert sorted(found["p4_out@1"]) == sorted(cell(tree)["p4_out@1"])
    assert node(expand(parse(changed)), "p4_out@1").fuse == Op("mean")
    with pytest.raises(SpecError, match=r"nodes\.p3_out: 'p3_out' was taken out by a rewrite"):
        expand(parse(with_fields(tree, {"nodes.p3_out.fuse": "mean"})))


# Conventions and settings.


def test_conventions():
    tree = {"rows": {"out": {"from": ["in", "in.finer", "in.coarser"]}}}
    first = node(expand(parse(tree)), "p4_out@1")
    assert first.block.name == "sepconv"
    said = {"kernel": 3, "act": "silu", "order": "act_conv_norm", "bias": True, "norm": True}
    assert dict(first.block.args).items() >= said.items()
    _, finer, coarser = first.inputs
    assert finer.path == (Op("max_pool", (("kernel", "stride_plus_1"),)),)
    assert coarser.path == (Op("nearest"),)
    form = finer.projection
    assert (form.when, form.per, form.norm, form.bias) == ("auto", "edge", True, True)
    assert (first.norm.eps, first.norm.momentum, first.fuse.name) == (1e-3, 0.01, "sum")
    other = node(expand(parse({**tree, "conventions": "nas_fpn"})), "p4_out@1")
    assert (other.block.name, other.block["kernel"], other.block["act"]) == ("conv", 3, "relu")
    assert other.inputs[1].path[0]["kernel"] == "stride"
    assert other.inputs[1].projection.per == "input"


def test_any_part_of_a_convention_can_be_said_singly():
    tree = {
        "rows": {"out": {"from": ["in", "in.finer"]}},
        "conventions": "nas_fpn",
        "projection": "always",
        "act": "relu6",
        "conv_order": "conv_norm_act",
        "bias": False,
        "norm": {"eps": 1e-5},
        "down": {"max_pool": "stride_plus_1"},
        "block": {"sepconv": {"bias": True}},
        "extra": {"block": {"conv": 1}, "down": {"max_pool": "stride"}, "projection": "none"},
    }
    graph = expand(parse(tree))
    out, extra = node(graph, "p4_out@1"), node(graph, "p6@0")
    form = out.inputs[0].projection
    assert (form.when, form.per, form.bias) == ("always", "input", False)
    said = {"kernel": 3, "act": "relu6", "order": "conv_norm_act", "bias": True, "norm": True}
    assert dict(out.block.args).items() >= said.items()
    assert (out.norm.eps, out.norm.momentum) == (1e-5, 0.01)
    assert out.inputs[1].path[0]["kernel"] == "stride_plus_1"
    assert (extra.block.name, extra.block["bias"]) == ("conv", False)
    assert extra.inputs[0].path[0]["kernel"] == "stride"
    assert extra.inputs[0].projection.when == "none"


def test_an_edge_may_say_its_own_projection_and_resampling():
    edge = {"from": "in.finer", "down": {"max_pool": "stride"}, "projection": {"norm": False}}
    graph = expand(parse({"rows": {"out": {"from": ["in", edge]}}}))
    first, second = node(graph, "p4_out@1").inputs
    assert (first.path, first.projection.norm) == ((), True)
    assert (second.path[0]["kernel"], second.projection.norm) == ("stride", False)


def test_levels_and_the_last_backbone_level():
    tree = {"rows": {"out": {"from": "in"}}, "levels": "p2..p8"}
    graph = expand(parse(tree))
    assert graph.inputs == (2, 3, 4, 5)
    assert [key for _, key in graph.outputs] == [f"p{level}_out@1" for level in range(2, 9)]
    assert node(graph, "p8@0").inputs[0].source == "p7@0"
    graph = expand(parse({**tree, "last_backbone_level": 4}), levels=(3, 5))
    assert graph.inputs == (3, 4)
    assert node(graph, "p5@0").inputs[0].source == "p4"


def test_extra_levels_that_nothing_reads_are_not_made():
    tree = {
        "rows": {"out": {"levels": "p3..p5", "from": "in"}},
        "nodes": {"p6_own": {"level": 6, "from": "p5_out"}},
        "outputs": {"p6": "p6_own"},
    }
    assert [one.key for one in expand(parse(tree), levels=(3, 6)).nodes] == [
        "p3_out@1",
        "p4_out@1",
        "p5_out@1",
        "p6_own@1",
    ]


def test_a_cycle_of_single_inputs_is_found_after_dropping():
    nodes = {"a": {"level": 3, "from": "b"}, "b": {"level": 3, "from": "a"}}
    tree = {"nodes": nodes, "outputs": {"p3": "a"}, "levels": [3, 3]}
    with pytest.raises(SpecError, match=r"nodes\.b\.from: cycle: b > b"):
        expand(parse({**tree, "rewrites": ["drop_single_input"]}))
