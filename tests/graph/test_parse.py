"""Faults of a topology: all at once, each at its place, word for word."""

import pytest

from harness.errors import SpecError
from harness.graph import check, expand, parse, with_fields

BIFPN = {
    "name": "bifpn",
    "rows": {
        "td": {"order": "down", "skip_first": True, "from": ["in", "td.coarser | in.coarser"]},
        "out": {"order": "up", "skip_first": True, "from": ["in", "td", "out.finer | td.finer"]},
    },
    "fuse": {"weighted": "fast"},
    "repeats": 3,
}
PLAIN = {
    "nodes": {
        "mid": {"level": "p4", "from": ["p4", "p5"]},
        "fine": {"level": 3, "from": ["p3", "mid"]},
        "half": {"level": 4, "from": ["mid", "fine"]},
        "low": {"level": 5, "from": ["p5", "half"]},
    },
    "outputs": {"p3": "fine", "p4": "half", "p5": "low"},
    "levels": "p3..p5",
}
ROW = {"rows": {"a": {"from": "in"}}}


def words(tree, **fields):
    """`path: message` of every fault of a tree with some fields changed (`__` is a dot)."""
    changed = {path.replace("__", "."): value for path, value in fields.items()}
    return [str(fault) for fault in check(with_fields(tree, changed))]


def test_right_trees_have_no_fault():
    assert check(BIFPN) == check(PLAIN) == check(ROW) == ()


def test_all_faults_of_a_file_come_in_one_go():
    tree = with_fields(
        BIFPN,
        {
            "rows.out.frm": 1,
            "repeats": 0,
            "levels": "p7..p3",
            "bias": "yes",
            "fuse.weighted.eps": -1,
            "block": {"sepconv": 4},
            "act": "silo",
            "conventions": "efficentdet",
            "rewrites": ["drop_single"],
            "fusee": "sum",
        },
    )
    expected = [
        "fusee: unknown field 'fusee'; did you mean 'fuse'?",
        "conventions: no conventions 'efficentdet'; did you mean 'efficientdet'?",
        "act: expected one of silu, relu, relu6, hswish, leaky_relu, gelu, none, got 'silo'; "
        "did you mean 'silu'?",
        "bias: expected true or false, got 'yes'",
        "fuse.weighted.eps: expected a number above 0, got -1",
        "block.sepconv.kernel: expected an odd whole number of at least 1, got 4",
        "repeats: expected a whole number of at least 1, got 0",
        "rows.out.frm: unknown field 'frm'; did you mean 'from'?",
        "rewrites.0: no rewrite 'drop_single'; did you mean 'drop_single_input'?",
        "levels: expected levels such as p3..p7, got 'p7..p3'",
    ]
    assert [str(fault) for fault in check(tree)] == expected
    with pytest.raises(SpecError) as caught:
        parse(tree)
    assert [str(fault) for fault in caught.value.faults] == expected


def test_faults_of_words_and_of_structure_come_together():
    assert words(PLAIN, nodes__mid__fuse="smu", nodes__half__from=["mid", "fin"]) == [
        "nodes.mid.fuse: no fuse 'smu'; did you mean 'sum'?",
        "nodes.half.from: no node 'fin'; did you mean 'fine'?",
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("nodes.low.from", ["p5", "hafl"], "nodes.low.from: no node 'hafl'; did you mean 'half'?"),
        ("nodes.mid.from", ["p4", "low"], "nodes.mid.from: cycle: mid > half > low > mid"),
        ("nodes.low.level", 9, "nodes.low.level: level p9 is not in p3..p5"),
        ("nodes.low.level", "five", "nodes.low.level: expected a level such as p4, got 'five'"),
        ("nodes.low.level", -1, "nodes.low.level: expected a level such as p4, got -1"),
        ("outputs.p3", "mid", "outputs.p3: 'mid' is at p4, not at p3"),
        ("outputs.p3", "p3", "outputs.p3: 'p3' is an input of the cell, not a node"),
        ("outputs.p3", "fien", "outputs.p3: no node 'fien'; did you mean 'fine'?"),
        ("outputs.p6", "low", "outputs.p6: level p6 is not in p3..p5"),
        ("outputs", {"p3": "fine", "p4": "half"}, "outputs.p5: no node makes the output of p5"),
        ("nodes.x", {"level": 4, "from": "p4"}, "nodes.x: 'x' is read by nothing and is no output"),
        ("nodes.low.from", ["half", "half"], "nodes.low.from: 'half' is there twice"),
        ("nodes.low.from", [], "nodes.low.from: a node needs at least one input"),
        ("nodes.low.from", ["half", 3], "nodes.low.from: expected a name, got 3"),
        ("nodes.low.from", ["half.finer"], "nodes.low.from: 'half' is one node: it has no 'finer'"),
        (
            "nodes.low.from",
            ["half.fine"],
            "nodes.low.from: no step 'fine' in 'half.fine'; did you mean 'finer'?",
        ),
        (
            "nodes.low.from",
            ["half@1"],
            "nodes.low.from: expected name, name.coarser, name@-1 or a | b, got 'half@1'",
        ),
        ("nodes.low", {"level": 5}, "nodes.low: a node needs 'from'"),
        ("nodes.half", {"fuse": "sum"}, "nodes.half: a node needs 'level' and 'from'"),
        ("nodes.p4", {"level": 4, "from": "p4"}, "nodes.p4: 'p4' cannot be a name here"),
        ("nodes.class", {"level": 4, "from": "p4"}, "nodes.class: 'class' cannot be a name here"),
        (
            "nodes.low.from",
            ["p5", {"from": "half", "role": "add"}],
            "nodes.low.from: sum knows no role 'add'; it has no roles",
        ),
        ("nodes.low.fuse", {"sum": 2}, "nodes.low.fuse.sum: fuse 'sum' takes no arguments"),
        (
            "nodes.low.fuse",
            {"gate": {"pol": "max"}},
            "nodes.low.fuse.gate.pol: unknown field 'pol'; did you mean 'pool'?",
        ),
        (
            "nodes.low.up",
            "max_pool",
            "nodes.low.up: 'max_pool' does not resample up; "
            "nearest, bilinear, deconv, pixel_shuffle, carafe do",
        ),
        (
            "nodes.low.projection",
            "sometimes",
            "nodes.low.projection.when: expected one of none, auto, always, got 'sometimes'",
        ),
        ("nodes.low.norm", {"eps": 0}, "nodes.low.norm.eps: expected a number above 0, got 0"),
        ("norm", {"momentum": 2}, "norm.momentum: expected at most 1, got 2"),
        (
            "nodes.low.channels",
            -1,
            "nodes.low.channels: expected a multiple of the width above 0, got -1",
        ),
        ("repeats", True, "repeats: expected a whole number of at least 1, got True"),
        ("name", 3, "name: expected text, got 3"),
        (
            "rewrites",
            ["set_fuse"],
            "rewrites.0: 'set_fuse' needs an op: {set_fuse: ...}",
        ),
        (
            "rewrites",
            [{"add_input_skip": 1}],
            "rewrites.0.add_input_skip: 'add_input_skip' takes no arguments",
        ),
        ("extra", {"dwn": 1}, "extra.dwn: unknown field 'dwn'; did you mean 'down'?"),
        (
            "last_backbone_level",
            2,
            "levels: p3..p5 holds no level that the backbone has (up to p2)",
        ),
    ],
)
def test_a_fault_names_its_place_and_the_nearest_right_word(path, value, message):
    assert message in [str(fault) for fault in check(with_fields(PLAIN, {path: value}))]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            {"td": {"from": "td.coarser"}},
            "rows.td.from: row 'td' reads itself: it needs an order, down or up",
        ),
        (
            {"td": {"order": "up", "from": ["in", "td.coarser"]}},
            "rows.td.from: row 'td' is made up: of itself it reads td.finer",
        ),
        (
            {"td": {"skip_first": True, "from": "in"}},
            "rows.td.skip_first: only a row with an order has a first level",
        ),
        (
            {"a": {"from": "in"}, "b": {"from": "in.all"}},
            "rows.a: 'p3_a', 'p4_a', 'p5_a', 'p6_a', 'p7_a' are read by nothing and are no output",
        ),
        ({"a": {"from": "b"}, "b": {"from": "a"}}, "rows.a.from: cycle: p3_a > p3_b > p3_a"),
        ({"a": {"from": "in@-1"}}, "rows.a.from: 'p3_a' has no input in the first repeats"),
        (
            {"a": {"levels": "p3..p4", "from": "in"}, "b": {"from": ["in", "a.coarser"]}},
            None,
        ),
        (
            {"a": {"levels": "p3..p3", "from": "in"}, "b": {"from": ["in", "a.coarser"]}},
            "rows.b.from: 'a.coarser' exists at no level of row 'b'",
        ),
        ({"a": {"order": "sideways", "from": "in"}}, None),
        ({"a": {"fuse": "sum"}}, "rows.a: a row needs 'from'"),
        ({"a": 3}, "rows.a: expected fields such as 'from', got 3"),
        ({"in": {"from": "in"}}, "rows.in: 'in' cannot be a name here"),
    ],
)
def test_faults_of_rows(rows, message):
    found = [str(fault) for fault in check({"rows": rows})]
    assert message is None or message in found


def test_a_misspelt_name_does_not_make_its_neighbours_unused():
    tree = {"rows": {"td": {"from": "in"}, "out": {"from": ["tdd", "in"]}}}
    assert [str(fault) for fault in check(tree)] == [
        "rows.out.from: no node 'tdd'; did you mean 'td'?"
    ]


def test_gate_wants_one_that_gates_and_one_that_is_gated():
    three = {"level": 5, "from": ["p5", "half", "mid"], "fuse": "gate"}
    assert words(PLAIN, nodes__low=three) == [
        "nodes.low.from: gate needs one input that gates and one that is gated; "
        "say the others' role: add"
    ]
    one = {"level": 5, "from": ["half"], "fuse": "gate"}
    assert words(PLAIN, nodes__low=one) == [
        "nodes.low.from: gate takes at least 2 inputs, 'low' has 1"
    ]
    odd = {"level": 5, "from": [{"from": "half", "role": "gaet"}, "p5"], "fuse": "gate"}
    assert words(PLAIN, nodes__low=odd) == [
        "nodes.low.from: gate knows no role 'gaet'; its roles are gate, gated, add"
    ]


def test_derive_of_nothing_known_and_of_itself():
    trees = {
        "a": {"derive": {"from": "b"}},
        "b": {"derive": "a"},
        "c": {"derive": {"frm": "a"}},
        "d": {"derive": {"from": "x"}},
    }

    def faults(name):
        return [str(fault) for fault in check(trees[name], lookup=look)]

    def look(name):
        if name in trees:
            return trees[name]
        raise SpecError(f"no topology {name!r}")

    assert faults("a") == ["derive.from: derives from itself: b > a > b"]
    assert faults("c") == ["derive: expected {from: name, rewrites: [...]}, got {'frm': 'a'}"]
    assert faults("d") == ["derive.from: no topology 'x'"]
    assert [str(one) for one in check(trees["d"])] == [
        "derive.from: nowhere to look up topology 'x'"
    ]


def test_derived_fields_lie_over_the_base_and_rewrites_follow_one_another():
    base = {**BIFPN, "rewrites": ["add_input_skip"], "source": "of the base"}
    tree = {
        "name": "mine",
        "derive": {"from": "bifpn", "rewrites": [{"set_fuse": "sum"}]},
        "rows": {"out": {"block": {"conv": 1}}},
        "repeats": 1,
    }
    topology = parse(tree, lookup={"bifpn": base}.__getitem__)
    assert topology.tree["rewrites"] == ["add_input_skip", {"set_fuse": "sum"}]
    assert (topology.name, topology.repeats, topology.source) == ("mine", 1, "")
    blocks = {node.name: node.block["kernel"] for node in expand(topology).nodes if node.repeat}
    assert blocks["p4_out"] == 1
    assert blocks["p4_td"] == 3


def test_a_resolved_tree_parses_to_the_same_topology():
    topology = parse({"derive": "bifpn", "name": "mine"}, lookup={"bifpn": BIFPN}.__getitem__)
    assert expand(parse(topology.tree)) == expand(topology)


def test_a_tree_that_is_no_mapping():
    assert [str(one) for one in check([1])] == ["expected a topology, got [1]"]
    assert [str(one) for one in check({})] == [
        "a topology needs 'rows', 'nodes', 'stages' or 'derive'"
    ]
    assert [str(one) for one in check({"rows": [1]})] == [
        "rows: expected names with their fields, got [1]"
    ]


def test_repeats_and_levels_given_to_expand_are_checked_too():
    topology = parse(BIFPN)
    with pytest.raises(SpecError, match="repeats: expected a whole number of at least 1, got 0"):
        expand(topology, repeats=0)
    with pytest.raises(SpecError, match=r"levels: p6\.\.p8 holds no level that the backbone has"):
        expand(topology, levels=(6, 8))
    with pytest.raises(SpecError, match=r"outputs\.p6: no node makes the output of p6"):
        expand(parse(PLAIN), levels=(3, 6))
