"""Stages, extra levels, taps, what differs by level, distance and repeat, shared weights."""

import pytest

from harness.graph import check, digest, expand, infer, parse, with_fields
from harness.graph.spec import Op

CHANNELS = {2: 24, 3: 40, 4: 112, 5: 320}

PAFPN = {
    "stages": [
        {"lat": {"from": "in", "block": {"conv": 1}}},
        {
            "td": {"order": "down", "from": ["lat", "td.coarser"], "block": "none"},
            "inter": {"from": "td", "block": {"conv": 3}},
            "acc": {
                "order": "up",
                "skip_first": True,
                "from": ["inter", "acc.finer | inter.finer"],
                "down": "strided_conv",
                "block": "none",
            },
            "out": {"skip_first": True, "order": "up", "from": "acc", "block": {"conv": 3}},
        },
        {"extra": {"levels": "p6..p7", "from": "out", "down": "subsample"}},
    ]
}
ROWS = {
    "td": {"order": "down", "skip_first": True, "from": ["in", "td.coarser | in.coarser"]},
    "out": {"order": "up", "skip_first": True, "from": ["in", "td", "out.finer | td.finer"]},
}


def graph_of(tree, **options):
    return expand(parse(tree), **options)


def node(graph, key):
    return next(one for one in graph.nodes if one.key == key)


def sources(graph, key):
    return [edge.source for edge in node(graph, key).inputs]


def faults(tree):
    return [str(fault) for fault in check(tree)]


def words(ops):
    return [op.name for op in ops]


# Stages.


def test_stages_follow_one_another():
    graph = graph_of(PAFPN)
    assert [n.key for n in graph.nodes if n.repeat == 1] == ["p3_lat@1", "p4_lat@1", "p5_lat@1"]
    assert sources(graph, "p4_td@2") == ["p4_lat@1", "p5_td@2"]
    assert dict(graph.outputs) == {
        3: "p3_inter@2",
        4: "p4_out@2",
        5: "p5_out@2",
        6: "p6@3",
        7: "p7@3",
    }
    assert (sources(graph, "p6@3"), sources(graph, "p7@3")) == (["p5_out@2"], ["p6@3"])
    assert words(node(graph, "p6@3").inputs[0].path) == ["subsample"]
    assert words(node(graph, "p4_acc@2").inputs[1].path) == ["strided_conv"]


def test_without_an_extra_stage_the_lacking_levels_come_first():
    graph = graph_of({"stages": [{"lat": {"from": "in"}}, {"rows": ROWS}]})
    assert [n.key for n in graph.nodes][:2] == ["p6@0", "p7@0"]
    assert sources(graph, "p7_lat@1") == ["p7@0"]
    assert sources(graph, "p6_td@2") == ["p6_lat@1", "p7_lat@1"]


def test_one_stage_is_the_same_as_none():
    assert digest(graph_of({"stages": [{"rows": ROWS}]})) == digest(graph_of({"rows": ROWS}))
    assert digest(graph_of({"stages": [ROWS]})) == digest(graph_of({"rows": ROWS}))


def test_a_whole_topology_is_a_stage():
    inner = {"rows": ROWS, "repeats": 2, "fuse": {"weighted": "fast"}, "levels": "p3..p5"}
    tree = {"stages": [{"topology": "inner"}, {"last": {"from": "in", "block": {"conv": 1}}}]}
    topology = parse(tree, lookup={"inner": inner}.__getitem__)
    graph = expand(topology)
    assert node(graph, "p4_out@2").fuse.name == "weighted"
    assert node(graph, "p4_last@3").fuse.name == "sum"
    assert sources(graph, "p4_last@3") == ["p4_out@2"]
    again = expand(parse(topology.tree))
    assert digest(again) == digest(graph)


def test_the_repeats_of_a_study_are_those_of_the_stage_that_says_them():
    tree = {"stages": [{"lat": {"from": "in"}}, {"rows": ROWS, "repeats": 2}]}
    assert parse(tree).repeats == 2
    assert max(n.repeat for n in graph_of(tree).nodes) == 3
    assert max(n.repeat for n in graph_of(tree, repeats=4).nodes) == 5
    assert max(n.repeat for n in graph_of({**tree, "repeats": 3}).nodes) == 4


def test_repeats_without_a_stage_that_repeats_are_a_fault():
    tree = {"stages": [{"lat": {"from": "in"}}]}
    said = "repeats: no stage says 'repeats': say in one of them that it repeats"
    assert faults({**tree, "repeats": 2}) == [said]
    with pytest.raises(Exception, match="no stage of 'unnamed' repeats"):
        graph_of(tree, repeats=2)


def test_rewrites_of_the_whole_reach_every_stage():
    tree = {"stages": [{"a": {"from": "in"}}, {"rows": ROWS}], "rewrites": [{"set_fuse": "mean"}]}
    graph = graph_of(tree)
    assert {n.fuse.name for n in graph.nodes if n.repeat} == {"mean"}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"stages": []}, "stages: expected a list of stages, got []"),
        ({"stages": [3]}, "stages.0: expected rows by name, got 3"),
        (
            {"stages": [{"rows": ROWS}], "rows": ROWS},
            "rows: 'rows' and 'stages' cannot stand side by side: say it in a stage",
        ),
        (
            with_fields(PAFPN, {"stages.1.td.from": ["lta", "td.coarser"]}),
            "stages.1.td.from: no node 'lta'; did you mean 'lat'?",
        ),
        (
            with_fields(PAFPN, {"stages.2.extra.from": "outt"}),
            "stages.2.extra.from: no row or node 'outt' before this stage",
        ),
        (
            with_fields(PAFPN, {"stages.2.extra.levls": 3}),
            "stages.2.extra.levls: unknown field 'levls'; did you mean 'levels'?",
        ),
        (
            {"stages": [{"a": {"from": "in"}}, {"b": {"from": "in", "levels": "p3..p4"}}]},
            "stages.1.outputs.p5: no node makes the output of p5",
        ),
        (
            {"stages": [{"a": {"from": "in"}, "b": {"from": "a"}}, {"c": {"from": "a"}}]},
            "",
        ),
    ],
)
def test_faults_of_stages(tree, message):
    assert message in faults(tree) or (not message and not faults(tree))


def test_a_row_that_nothing_reads_in_any_stage_is_a_fault():
    tree = {"stages": [{"a": {"from": "in"}, "b": {"from": "in"}}, {"c": {"from": "in"}}]}
    assert "is no output" in faults(tree)[0] or "are no output" in faults(tree)[0]


# Extra levels.


def test_the_first_extra_level_may_differ():
    extra = {"down": {"strided_conv": 3}, "first": {"down": "subsample"}}
    graph = graph_of({"rows": ROWS, "extra": extra})
    assert words(node(graph, "p6@0").inputs[0].path) == ["subsample"]
    assert words(node(graph, "p7@0").inputs[0].path) == ["strided_conv"]


def test_extra_levels_may_be_outputs_and_be_made_from_the_backbone():
    row = {"order": "down", "from": ["in", "td.coarser"], "levels": "p3..p5"}
    graph = graph_of({"stages": [{"td": row}, {"extra": {"from": "backbone"}}]})
    assert sources(graph, "p6@2") == ["p5"]
    one = graph_of({"rows": {"td": row}, "outputs": {"p6": "p6", "p7": "p7"}})
    assert dict(one.outputs)[7] == "p7@0"
    assert "outputs.p6: no node makes the output of p6" in faults({"rows": {"td": row}})


# Levels of inputs, of nodes, of outputs.


def test_inputs_may_be_finer_than_the_outputs_and_nodes_stand_between():
    tree = {
        "levels": "p3..p4",
        "inputs": "p2..p4",
        "inner_levels": "p2..p5",
        "nodes": {
            "low": {"level": 5, "from": ["p2", "p4"]},
            "a": {"level": 3, "from": ["p3", "low"]},
            "b": {"level": 4, "from": ["c4", "low"]},
        },
        "outputs": {"p3": "a", "p4": "b"},
    }
    graph = graph_of(tree)
    assert (graph.inputs, dict(graph.outputs)) == ((2, 3, 4), {3: "a@1", 4: "b@1"})
    assert sources(graph, "b@1") == ["p4", "low@1"]
    assert faults(with_fields(tree, {"inner_levels": "p2..p4"})) == [
        "nodes.low.level: level p5 is not in p2..p4"
    ]


# Repeats.


def test_what_differs_by_repeat_takes_turns():
    each = {"rows.td.block.p5..p7.sepconv": [3, 5]}
    rows = with_fields({"rows": ROWS}, {"rows.td.block": {"p3..p4": "none", "p5..p7": "sepconv"}})
    graph = graph_of({**rows, "repeats": {"n": 3, "each": each}})
    assert [node(graph, f"p5_td@{r}").block["kernel"] for r in (1, 2, 3)] == [3, 5, 3]
    assert [node(graph, f"p4_td@{r}").block.name for r in (1, 2)] == ["none", "none"]


def test_a_whole_row_may_take_turns():
    sweeps = [
        {"order": "down", "from": ["in", "s.coarser"]},
        {"order": "up", "from": ["in", "s.finer"]},
    ]
    tree = {"rows": {"s": sweeps[0]}, "repeats": {"n": 2, "each": {"rows.s": sweeps}}}
    graph = graph_of(tree)
    assert sources(graph, "p4_s@1") == ["p4", "p5_s@1"]
    assert sources(graph, "p4_s@2") == ["p4_s@1", "p3_s@2"]


def test_a_row_may_have_other_levels_in_each_turn():
    row = {"order": "up", "from": ["in", "s.finer | in.finer", "s@-1", "in.coarser"]}
    each = {"rows.s.levels": ["p5..p5", "p4..p5", "p3..p5"]}
    stages = [
        {"s": row, "repeats": {"n": 3, "each": each}},
        {"out": {"from": ["in", "s@first", "s@-1"]}},
    ]
    graph = graph_of({"stages": stages, "levels": "p3..p5"})
    assert [n.key for n in graph.nodes if n.repeat < 4] == [
        *("p5_s@1", "p4_s@2", "p5_s@2"),
        *("p3_s@3", "p4_s@3", "p5_s@3"),
    ]
    assert sources(graph, "p5_s@1") == ["p5", "p4"]
    assert sources(graph, "p4_s@2") == ["p4", "p3", "p5_s@1"]
    assert sources(graph, "p5_s@2") == ["p5_s@1", "p4_s@2"]
    assert sources(graph, "p3_s@3") == ["p3", "p4_s@2"]
    assert sources(graph, "p4_s@3") == ["p4_s@2", "p3_s@3", "p5_s@2"]
    assert sources(graph, "p3_out@4") == ["p3_s@3"]
    assert sources(graph, "p5_out@4") == ["p5_s@3", "p5_s@1", "p5_s@2"]


def test_a_reference_must_exist_in_some_turn():
    row = {"order": "down", "from": ["in", "s.coarser"]}
    each = {"rows.s.levels": ["p5..p5", "p4..p4"]}
    tree = {"rows": {"s": row, "out": {"from": ["in", "s"]}}, "repeats": {"n": 2, "each": each}}
    assert faults(tree) == ["rows.s.from: 's.coarser' exists at no level of row 's'"]


def test_a_study_may_change_the_number_of_repeats_and_keeps_the_turns():
    tree = {"rows": ROWS, "repeats": {"n": 3, "each": {"rows.td.block": ["sepconv", "none"]}}}
    changed = with_fields(tree, {"repeats": 2})
    assert (parse(changed).repeats, changed["repeats"]["each"]) == (2, tree["repeats"]["each"])


def test_edges_to_the_first_to_all_and_to_some_earlier_repeats():
    def inputs(word, repeat):
        tree = {"rows": {"s": {"from": ["in", f"s@{word}"]}}, "repeats": 9}
        return sources(graph_of(tree), f"p4_s@{repeat}")[1:]

    assert inputs("first", 1) == []
    assert inputs("first", 4) == ["p4_s@1"]
    assert inputs("-2", 4) == ["p4_s@2"]
    assert inputs("all", 4) == ["p4_s@2", "p4_s@1"]  # the last one is `in` already
    assert inputs("log2", 9) == ["p4_s@7", "p4_s@5", "p4_s@1"]


def test_the_first_input_of_all():
    tree = {"rows": {"s": {"from": ["in", "in@first"]}}, "repeats": 3}
    assert sources(graph_of(tree), "p4_s@3") == ["p4_s@2", "p4"]
    assert sources(graph_of(tree), "p4_s@1") == ["p4"]


def test_a_later_stage_collects_over_repeats():
    stages = [
        {"s": {"from": "in"}, "repeats": 3},
        {"end": {"from": ["s@all", "s@first"], "fuse": "concat"}},
    ]
    graph = graph_of({"stages": stages})
    assert sources(graph, "p4_end@4") == ["p4_s@1", "p4_s@2", "p4_s@3"]


def test_shared_weights_over_repeats():
    tree = {"rows": ROWS, "repeats": {"n": 3, "weights": "shared"}}
    graph, own = graph_of(tree), graph_of({**tree, "repeats": 3})
    assert digest(graph) != digest(own)
    few = infer(graph, channels=CHANNELS, width=16, image_size=256)
    many = infer(own, channels=CHANNELS, width=16, image_size=256)
    one = infer(graph_of({"rows": ROWS}), channels=CHANNELS, width=16, image_size=256)
    assert few.macs == many.macs
    assert one.params == few.params < many.params


@pytest.mark.parametrize(
    ("repeats", "message"),
    [
        ({"n": 0}, "repeats.n: expected a whole number of at least 1, got 0"),
        ({"n": 1000}, "repeats.n: expected a whole number of at most 256, got 1000"),
        ({"m": 2}, "repeats.m: unknown field 'm'; there are each, n, weights"),
        ({"n": 2, "weights": "both"}, "repeats.weights: expected own or shared, got 'both'"),
        (
            {"n": 2, "each": {"rows.td.block": "none"}},
            "repeats.each.rows.td.block: expected a list of values, got 'none'",
        ),
        (
            {"n": 2, "each": {"rows.td.from.7": ["in"]}},
            "repeats.each.rows.td.from.7: rows.td.from has places 0 to 1",
        ),
    ],
)
def test_faults_of_repeats(repeats, message):
    assert message in faults({"rows": ROWS, "repeats": repeats})


def test_an_unknown_word_behind_an_at_is_a_fault():
    tree = {"rows": {"s": {"from": ["in", "s@frist"]}}}
    said = "rows.s.from: no repeat 'frist' in 's@frist'; did you mean 'first'?"
    assert said in faults(tree)


# Ways between levels.


def test_a_way_may_differ_by_distance_and_be_a_list():
    down = {
        "x2": "strided_conv",
        "x4": ["max_pool", "strided_conv"],
        "x8": [{"conv": 1}, "avg_pool"],
    }
    tree = {"levels": "p3..p6", "rows": {"out": {"from": "in.all", "down": down, "up": "bilinear"}}}
    edges = {e.source: e for e in node(graph_of(tree), "p6_out@1").inputs}
    assert words(edges["p5"].path) == ["strided_conv"]
    assert words(edges["p4"].path) == ["max_pool", "strided_conv"]
    assert words(edges["p3"].path) == ["conv", "avg_pool"]
    assert edges["p6@0"].path == ()
    del down["x8"]
    assert faults(tree) == [
        "rows.out.down: nothing is said of x8 (p3 to p6), only x2, x4",
    ]


@pytest.mark.parametrize(
    ("down", "message"),
    [
        (["max_pool", "max_pool"], "rows.out.down: 2 resamples for 1 level (p3 to p4)"),
        ([{"conv": 1}], "rows.out.down: nothing here resamples down"),
        (["nearest"], "rows.out.down.0: 'nearest' does not resample down"),
        ({"x2": "maxpool"}, "rows.out.down.x2: no resample 'maxpool'; did you mean 'max_pool'?"),
    ],
)
def test_faults_of_ways(down, message):
    tree = {"rows": {"out": {"order": "up", "from": ["in", "out.finer"], "down": down}}}
    assert any(one.startswith(message) for one in faults(tree))


# Inputs.


def test_ops_taps_channels_and_shares_of_an_edge():
    edge = {"from": "td", "tap": "before", "op": [{"conv": 1}, "sepconv"], "share": "k"}
    more = {"from": "in", "op": {"conv": 3}, "channels": "2x"}
    row = {"from": [edge, more], "fuse": "concat"}
    rows = {"td": {"from": "in"}, "out": row}
    graph = graph_of({"rows": rows, "repeats": 2, "taps": {"travels": "p4_td"}})
    first, second = node(graph, "p4_out@2").inputs
    assert (first.tap, words(first.path), first.share) == ("before", ["conv", "sepconv"], "k@2")
    assert (words(second.path), second.channels) == (["conv"], 2.0)


def test_one_source_twice_needs_ops_of_its_own():
    nodes = {"a": {"level": 3, "from": ["p3", "p3"]}}
    tree = {"levels": "p3..p3", "nodes": nodes, "outputs": {"p3": "a"}}
    assert faults(tree) == ["nodes.a.from: 'p3' is there twice"]
    twice = [{"from": "p3", "op": {"conv": 3}}, {"from": "p3", "op": {"conv": 3}}]
    assert sources(graph_of(with_fields(tree, {"nodes.a.from": twice})), "a@1") == ["p3", "p3"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tap", "middle", "rows.out.from.0.tap: expected one of after, before, got 'middle'"),
        ("op", "cnv", "rows.out.from.0.op: no block 'cnv'; did you mean 'conv'?"),
        ("share", "a b", "rows.out.from.0.share: expected a word, got 'a b'"),
        (
            "channels",
            -1,
            "rows.out.from.0.channels: expected a multiple of the width above 0, got -1",
        ),
    ],
)
def test_faults_of_inputs(field, value, message):
    tree = {"rows": {"out": {"from": [{"from": "in", field: value}]}}}
    assert message in faults(tree)


# By level.


def test_what_differs_by_level():
    tree = {
        "levels": "p3..p5",
        "rows": {
            "out": {
                "from": ["in"],
                "block": {"p3..p4": "sepconv", "p5": {"conv": 1}},
                "channels": {"p3": "1x", "p4": "2x"},
                "fuse": {"p3": "mean"},
            }
        },
    }
    graph = graph_of(tree)
    p3, p4, p5 = (node(graph, f"p{level}_out@1") for level in (3, 4, 5))
    assert [n.block.name for n in (p3, p4, p5)] == ["sepconv", "sepconv", "conv"]
    assert [n.channels for n in (p3, p4, p5)] == [1.0, 2.0, 1.0]
    assert [n.fuse.name for n in (p3, p4, p5)] == ["mean", "sum", "sum"]
    facts = infer(graph, channels=CHANNELS, width=16, image_size=128)
    assert [facts.node(n.key).channels for n in (p3, p4, p5)] == [16, 32, 16]


def test_ranges_of_levels_that_overlap_are_a_fault():
    tree = {"rows": {"out": {"from": "in", "block": {"p3..p5": "sepconv", "p5..p7": "conv"}}}}
    assert faults(tree) == ["rows.out.block.p5..p7: p5 is said already"]


def test_what_differs_by_level_may_stand_at_the_top():
    tree = {
        "rows": {"out": {"from": ["in", "in.finer"]}},
        "block": {"p3..p4": {"conv": 1}},
        "down": {"p5": "avg_pool"},
        "extra": {"down": {"p7": "subsample"}},
    }
    graph = graph_of(tree)
    assert [node(graph, f"p{level}_out@1").block.name for level in (3, 4, 5)] == [
        "conv",
        "conv",
        "sepconv",
    ]
    assert words(node(graph, "p5_out@1").inputs[1].path) == ["avg_pool"]
    assert words(node(graph, "p6_out@1").inputs[1].path) == ["max_pool"]
    assert words(node(graph, "p6@0").inputs[0].path) == ["max_pool"]
    assert words(node(graph, "p7@0").inputs[0].path) == ["subsample"]


def test_a_bare_concat_has_the_channels_it_is_given():
    nodes = {
        "a": {"level": 3, "from": ["p3", "p4"], "fuse": "concat", "block": "none"},
        "b": {"level": 3, "from": ["a"], "block": {"conv": 1}},
    }
    tree = {"levels": "p3..p4", "nodes": nodes, "outputs": {"p3": "b", "p4": "c"}}
    nodes["c"] = {"level": 4, "from": ["p4"]}
    graph = graph_of(tree)
    facts = infer(graph, channels=CHANNELS, width=16, image_size=128)
    assert (node(graph, "a@1").channels, facts.node("a@1").channels) == (None, 152)
    assert facts.node("b@1").channels == 16


def test_a_block_that_keeps_channels_leaves_a_concat_as_wide_as_it_is():
    nodes = {
        "a": {"level": 3, "from": ["p3", "p4"], "fuse": "concat", "block": "se"},
        "b": {"level": 3, "from": "a", "fuse": "concat", "block": "attention"},
        "c": {"level": 3, "from": "b", "fuse": "concat", "block": {"conv": 1}},
        "d": {"level": 4, "from": "p4"},
    }
    graph = graph_of({"nodes": nodes, "outputs": {"p3": "c", "p4": "d"}, "levels": "p3..p4"})
    found = infer(graph, channels=CHANNELS, width=8, image_size=64)
    assert [found.node(f"{name}@1").channels for name in "abc"] == [152, 152, 8]


# Taps.


def test_taps_are_further_outputs_by_name():
    tree = {"rows": ROWS, "taps": {"early": "p4_td"}, "repeats": 2}
    graph = graph_of(tree)
    assert graph.taps == (("early", "p4_td@2"),)
    assert digest(graph) != digest(graph_of({"rows": ROWS, "repeats": 2}))
    renamed = graph_of({**tree, "taps": {"aux": "p4_td"}})
    assert digest(renamed) == digest(graph)


def test_a_tap_keeps_a_node_that_nothing_else_reads():
    rows = {**ROWS, "aux": {"from": "in", "levels": "p3..p3"}}
    tree = {"rows": rows, "outputs": {"p3": "p3_td"}, "taps": {"early": "p3_aux"}}
    assert "p3_aux@1" in [n.key for n in graph_of(tree).nodes]


@pytest.mark.parametrize(
    ("taps", "message"),
    [
        (
            {"early": "p4_dt"},
            "taps.early: no node 'p4_dt' to tap; did you mean 'p4_td'?",
        ),
        ({"p4": "p4_td"}, "taps.p4: 'p4' cannot be a name here"),
        ({"early": 3}, "taps.early: expected the name of a node, got 3"),
        (["p4_td"], "taps: expected names with their nodes, got ['p4_td']"),
    ],
)
def test_faults_of_taps(taps, message):
    assert message in faults({"rows": ROWS, "taps": taps})


# Spellings of ops.


def test_further_arguments_may_stand_beside_the_first():
    tree = {"rows": {"out": {"from": "in", "block": {"conv": 1, "act": "relu", "norm": False}}}}
    block = node(graph_of(tree), "p4_out@1").block
    assert (block["kernel"], block["act"], block["norm"]) == (1, "relu", False)
    wrong = {"rows": {"out": {"from": "in", "block": {"conv": 1, "atc": "relu"}}}}
    assert faults(wrong) == ["rows.out.block.atc: unknown field 'atc'; did you mean 'act'?"]


def test_identity_is_a_spelling_of_none():
    tree = {"rows": {"out": {"from": "in", "block": "identity"}}}
    assert node(graph_of(tree), "p4_out@1").block == Op("none")
