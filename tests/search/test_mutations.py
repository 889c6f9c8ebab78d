"""Mutations of a topology: every change alone, and what becomes of the cell."""

import pytest

from harness.errors import SpecError
from harness.graph import digest, expand, parse
from harness.graph.check import check
from harness.search.topologies import random_pick, space_of
from harness.space.topology_space import MutationsStudy, TopologySpaceStudy
from harness.space.zoo import load_topology, topology_names


def space(of="bifpn", **said):
    return space_of(TopologySpaceStudy(mutations=MutationsStudy(of=of, **said)))


def stepped(made, *steps):
    """The tree after steps: kind, place, and what comes there; the first of what is asked else."""

    def pick(name, options):
        step, *what = name.split(".")
        kind, place, *word = steps[int(step.removeprefix("step")) - 1]
        told = {"kind": kind, kind: place, f"{kind}.{place}": "".join(word)}
        found = told.get(".".join(what), options[0])
        assert found in options
        return found

    return made.draw(pick)


def changes(made, kind):
    """All that can be done of a kind: (place, word)."""
    return [(at, word) for at in made.places.get(kind, ()) for word in made.changes(kind, at)]


@pytest.mark.parametrize("of", ["bifpn", "nas_fpn", "asff", "rt_detr", "g_frnet", "fpn"])
def test_every_change_alone_makes_another_network_that_is_right(of):
    made = space(of, fuses=("sum", "gate", {"weighted": "softmax"}), blocks=("conv",))
    assert {"drop_edge", "add_edge", "move_edge", "set_fuse", "set_block"} <= set(made.places)
    before = digest(expand(load_topology(of)))
    assert digest(expand(parse(made.tree))) == before
    for kind in made.places:
        for place, word in changes(made, kind):
            tree = stepped(made, (kind, place, word))
            assert not check(tree), (kind, place, word)
            assert digest(expand(parse(tree))) != before, (kind, place, word)


@pytest.mark.parametrize("of", topology_names())
def test_every_network_of_the_zoo_can_be_changed(of):
    made = space(of, steps=2, fuses=("sum", {"weighted": "fast"}))
    before = digest(expand(load_topology(of)))
    for seed in range(3):
        tree = made.draw(random_pick(seed))
        assert digest(expand(parse(tree))) != before


def test_repeats_and_conventions_of_the_topology_stay():
    made = space("nas_fpn")
    assert (made.tree["conventions"], made.tree["repeats"]) == ("nas_fpn", 5)
    assert parse(made.draw(random_pick(0))).repeats == 5
    assert "source" not in made.draw(random_pick(0))


def test_an_edge_dropped_added_and_moved():
    steps = (
        ("drop_edge", "p5_td > p5_out"),
        ("add_edge", "p6_out", "p3"),
        ("move_edge", "p4_out > p5_out", "p3_td"),
    )
    nodes = stepped(space(steps=3), *steps)["nodes"]
    assert nodes["p5_out"]["from"] == ["p3_td", "p5"]
    assert nodes["p6_out"]["from"] == ["p6_td", "p5_out", "p6", "p3"]


def test_what_read_a_dropped_node_reads_its_input_of_its_own_level():
    nodes = stepped(space(), ("drop_node", "p6_td"))["nodes"]
    assert "p6_td" not in nodes
    assert nodes["p5_td"]["from"] == ["p5", "p6"]
    assert nodes["p6_out"]["from"] == ["p5_out", "p6"]


def test_outputs_are_not_dropped_nor_nodes_left_unread():
    made = space()
    assert set(made.places["drop_node"]) == {"p4_td", "p5_td", "p6_td"}
    assert "p4_td > p3_td" in made.places["drop_edge"]
    both = ("drop_edge", "p4_td > p3_td"), ("drop_edge", "p4_td > p4_out")
    nodes = stepped(space(steps=2), *both)["nodes"]
    assert "p4_td" in nodes["p4_out"]["from"]
    assert nodes["p3_td"]["from"] == ["p3"]


def test_a_step_goes_over_nothing_that_an_earlier_one_has_changed():
    again = ("set_fuse", "p4_td", "sum"), ("set_fuse", "p4_td", "mean")
    nodes = stepped(space(steps=2, fuses=("sum", "mean")), *again)["nodes"]
    assert nodes["p4_td"]["fuse"] == "sum"
    assert [name for name in nodes if nodes[name].get("fuse")] == ["p4_td", "p3_td"]


def test_more_steps_than_there_are_changes_end_where_nothing_is_left():
    base = {"levels": "p3..p4", "nodes": {"a": {"level": 3, "from": "p3"},
            "b": {"level": 4, "from": "p4"}}, "outputs": {"p3": "a", "p4": "b"}}  # fmt: skip
    made = space(base, steps=50)
    tree = made.draw(random_pick(0))
    assert not check(tree)
    assert tree == made.draw(random_pick(0))


def test_inputs_have_the_roles_that_the_new_fuse_knows():
    made = space(fuses=("gate",))
    fused = stepped(made, ("set_fuse", "p5_out"))["nodes"]["p5_out"]
    assert fused["from"] == ["p5_td", "p4_out", {"from": "p5", "role": "add"}]
    back = space("nas_fpn", fuses=("sum",))
    fused = stepped(back, ("set_fuse", "p5_out"))["nodes"]["p5_out"]
    assert fused["from"] == ["p4_out", "p3_out", "p5"]
    more = stepped(back, ("add_edge", "p5_out", "p6"))["nodes"]["p5_out"]
    assert more["from"][-1] == {"from": "p6", "role": "add"}


def test_a_gate_keeps_two_that_it_tells_apart():
    made = space("nas_fpn")
    assert "p6 > n1" not in made.places["drop_edge"]
    nodes = stepped(made, ("drop_edge", "p4_out > p5_out"))["nodes"]
    assert nodes["p5_out"]["from"] == ["p3_out", "p5"]


def test_what_is_so_already_is_no_change():
    made = space(fuses=({"weighted": "fast"}, {"weighted": {"norm": "fast"}}, "sum"))
    assert changes(made, "set_fuse") == [(name, "sum") for name in made.tree["nodes"]]
    assert "set_fuse" not in space().places


def test_ways_are_changed_where_there_are_some_to_change():
    made = space(ups=("bilinear",), downs=("avg_pool",))
    assert changes(made, "set_up") == [(f"p{n}_td", "bilinear") for n in (6, 5, 4, 3)]
    assert changes(made, "set_down") == [(f"p{n}_out", "avg_pool") for n in (4, 5, 6, 7)]


def test_a_wrong_base_is_told_at_its_place(tmp_path):
    with pytest.raises(SpecError, match=r"^mutations.of: no topology 'bifnp'; did you mean 'bifpn"):
        space("bifnp")
    with pytest.raises(SpecError, match=r"^mutations.of.nodes.a.from: no node 'p9'"):
        space({"nodes": {"a": {"level": 3, "from": "p9"}}})
    (tmp_path / "own.yaml").write_text("derive: bifpn\nfuse: sum\n")
    said = TopologySpaceStudy(mutations=MutationsStudy(of="own"))
    assert space_of(said, tmp_path).tree["fuse"] == "sum"
