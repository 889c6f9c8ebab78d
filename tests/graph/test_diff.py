"""How one graph differs from another, and the words for it."""

from dataclasses import replace

import pytest

from harness.door.difference import difference_words
from harness.graph import Graph, expand, infer, parse, with_fields
from harness.graph.diff import Difference, EdgeChange, compare
from harness.space.zoo import load_topology

BIFPN = load_topology("bifpn").tree


def graph(**fields) -> Graph:
    return expand(parse(with_fields(BIFPN, {"repeats": 1, **fields})))


def renamed(old: Graph, word: str = "other") -> Graph:
    """The same graph with every node called otherwise, in another order where that is free."""
    names = {node.key: f"{word}{i}@{node.repeat}" for i, node in enumerate(old.nodes)}

    def node(one):
        edges = tuple(replace(e, source=names.get(e.source, e.source)) for e in one.inputs[::-1])
        return replace(one, name=names[one.key].split("@")[0], inputs=edges)

    outputs = tuple((level, names[key]) for level, key in old.outputs)
    return Graph(word, old.inputs, tuple(map(node, old.nodes)), outputs)


def moved(old: Graph, key: str, source: str, to: str) -> Graph:
    """One edge reads something else."""

    def node(one):
        if one.key != key:
            return one
        edges = [replace(e, source=to) if e.source == source else e for e in one.inputs]
        return replace(one, inputs=tuple(edges))

    return replace(old, nodes=tuple(map(node, old.nodes)))


def edges(found: Difference) -> list[tuple[str, EdgeChange]]:
    return [(node.after, edge) for node in found.changed for edge in node.edges]


def test_a_graph_is_the_same_as_itself_and_as_its_renamed_spelling():
    one = graph()
    for other in (one, renamed(one)):
        found = compare(one, other)
        assert found.same
        assert [found.changed, found.added, found.removed, found.ends] == [()] * 4
    assert "the same network: bifpn and other have one digest" in difference_words(found)
    assert "called otherwise: p6@0 = other0@0" in difference_words(found)


def test_bifpn_is_simplified_panet_with_three_edges_a_cell_and_weights():
    found = compare(graph(), expand(load_topology("simplified_panet"), repeats=1))
    assert not found.same
    assert [found.added, found.removed, found.ends, found.renamed] == [(), (), (), {}]
    assert [(key, edge.kind, edge.before) for key, edge in edges(found)] == [
        ("p4_out@1", "removed", "p4"),
        ("p5_out@1", "removed", "p5"),
        ("p6_out@1", "removed", "p6@0"),
    ]
    assert {tuple(one.field for one in node.fields) for node in found.changed} == {("fuse",)}
    assert found.unchanged == 2


@pytest.mark.parametrize("spelled", [lambda one: one, renamed], ids=["as it is", "renamed"])
def test_one_edge_moved_is_exactly_that_edge(spelled):
    one = graph()
    other = moved(one, "p5_out@1", "p5_td@1", "p6@0")
    if spelled is renamed:
        names = {node.key: f"other{i}@{node.repeat}" for i, node in enumerate(one.nodes)}
        found = compare(one, renamed(other))
        expected = names["p5_out@1"], "p5_td@1", names["p6@0"]
    else:
        found, expected = compare(one, other), ("p5_out@1", "p5_td@1", "p6@0")
    ((key, edge),) = edges(found)
    assert (key, edge.before, edge.after) == expected
    assert edge.kind == "moved"
    assert [node.fields for node in found.changed] == [()]


def test_softmax_for_fast_is_that_one_argument_of_every_fuse():
    one, other = graph(), graph(fuse={"weighted": "softmax"})
    found = compare(one, other)
    assert not edges(found)
    fields = {(f.field, f.before["norm"], f.after["norm"]) for n in found.changed for f in n.fields}
    assert fields == {("fuse", "fast", "softmax")}
    assert "fuse weighted (fast, scalar) -> weighted (softmax, scalar): " in difference_words(found)


def test_another_repeat_is_nodes_added_and_outputs_of_its_own():
    found = compare(graph(), graph(repeats=2))
    assert len(found.added) == 8
    assert not found.changed
    assert (found.ends[0].before, found.ends[0].after) == ("p3_td@1", "p3_td@2")
    assert "output p3: p3_td@1 -> p3_td@2" in difference_words(found)


def test_edges_that_are_read_in_another_way():
    rows = {"td": {"order": "down", "from": ["in", "td.coarser"]}}
    before = {"from": "td.coarser", "tap": "before", "op": {"conv": 1}}
    other = {"td": {"order": "down", "from": ["in", before]}}
    found = compare(expand(parse({"rows": rows})), expand(parse({"rows": other})))
    assert {edge.kind for _, edge in edges(found)} == {"changed"}
    assert {f.field for _, edge in edges(found) for f in edge.fields} == {"tap", "path"}
    assert "reads p7_td@1 with tap after -> before, path nearest -> conv 1x1 > nearest" in (
        difference_words(found)
    )


def test_order_counts_where_the_fuse_does_not_commute():
    one, other = ({"rows": {"a": {"order": "down", "from": f, "fuse": "concat"}}}
                  for f in (["in", "a.coarser"], ["a.coarser", "in"]))  # fmt: skip
    found = compare(expand(parse(one)), expand(parse(other)))
    assert not edges(found)
    assert {f.field for node in found.changed for f in node.fields} == {"order"}


def test_shared_weights_are_told():
    row = {"from": "in", "block": {"conv": 3}, "projection": "none"}
    one, other = ({"rows": {"out": {**row, **more}}} for more in ({}, {"share": "all"}))
    found = compare(expand(parse(one)), expand(parse(other)))
    assert {f.field for node in found.changed for f in node.fields} == {"share"}


def test_cost_by_level_adds_up_to_the_whole():
    graphs = graph(), graph(block={"conv": 3})
    size = {"channels": {3: 40, 4: 112, 5: 320}, "width": 64, "image_size": 512}
    facts = tuple(infer(one, **size) for one in graphs)
    found = compare(*graphs, facts)
    assert found.cost is not None
    for i in (0, 1):
        assert found.cost.params[i] == facts[i].params
        assert sum(one.params[i] for one in found.levels.values()) == facts[i].params
        assert sum(one.macs[i] for one in found.levels.values()) == facts[i].macs


def test_every_pair_of_unlike_networks_has_something_that_differs():
    names = ("panet", "bifpn", "qufpn", "nas_fpn", "fully_connected", "lateral")
    graphs = {name: expand(load_topology(name), repeats=1) for name in names}
    for one in names:
        for other in names:
            found = compare(graphs[one], graphs[other])
            said = found.changed or found.added or found.removed or found.ends
            assert found.same == (one == other) == (not said), (one, other)
            assert difference_words(found)


def test_of_two_with_little_in_common_only_counts_and_costs_are_said():
    graphs = expand(load_topology("bifpn")), expand(load_topology("nas_fpn"))
    size = {"channels": {3: 40, 4: 112, 5: 320}, "width": 64, "image_size": 512}
    found = compare(*graphs, tuple(infer(one, **size) for one in graphs))
    assert found.little_in_common
    lines = difference_words(found, ("width 64", "width 64")).splitlines()
    assert lines[0].startswith("bifpn -> nas_fpn: little in common: 5 of 26 and 37 nodes")
    assert lines[1] == "width 64"
    assert len(lines) == 10
    assert found.as_json()["changed"]
    for fields in ({"block": {"conv": 3}}, {"repeats": 7}, {"fuse": "sum"}):
        assert not compare(graph(), graph(**fields)).little_in_common
    assert compare(graphs[0], graphs[0]).corresponding == 26


def test_sizes_are_said_of_either_where_they_differ():
    found = compare(graph(), graph(repeats=2))
    lines = difference_words(found, ("width 64", "width 88")).splitlines()
    assert lines[1:3] == ["bifpn: width 64", "bifpn: width 88"]
