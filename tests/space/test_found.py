"""A found network as a file, and whether it is found already."""

import pytest

from harness.graph import digest, expand, parse
from harness.graph.restate import restated
from harness.search.topologies import random_pick, space_of
from harness.space.found import known_as, topology_file, zoo_digests
from harness.space.load import read_text
from harness.space.topology_space import MergingCellsStudy, TopologySpaceStudy
from harness.space.zoo import load_topology, topology_names

NOTE = "Found by a search.\nname: 'no' # {[\r\n- trial 3"
SPACE = space_of(TopologySpaceStudy(merging_cells=MergingCellsStudy(repeats=2)))


def written(tmp_path, text):
    file = tmp_path / "found.yaml"
    file.write_text(text)
    return load_topology(file)


@pytest.mark.parametrize("seed", range(5))
def test_a_file_holds_the_same_network(tmp_path, seed):
    tree = SPACE.draw(random_pick(seed))
    graph = expand(parse(tree))
    for one in (tree, graph):
        text = topology_file(one, NOTE, name="mine", source="Here.")
        topology = written(tmp_path, text)
        assert digest(expand(topology)) == digest(graph)
        assert (topology.name, topology.source) == ("mine", "Here.")


def test_the_note_stands_on_top_as_a_comment():
    text = topology_file(SPACE.draw(random_pick(0)), NOTE)
    lines = text.splitlines()
    assert lines[:3] == ["# Found by a search.", "# name: 'no' # {[", "# - trial 3"]
    assert lines[3].startswith("name: cells_")


def test_a_tree_keeps_its_form():
    tree = SPACE.draw(random_pick(0))
    assert read_text(topology_file(tree, "")) == tree


@pytest.mark.parametrize("name", topology_names())
def test_every_network_of_the_zoo_is_known(name):
    topology = load_topology(name)
    counts = (None, 1, 2, 7) if topology.blueprint.repeated is not None else (None,)
    for repeats in counts:
        found = known_as(expand(topology, repeats=repeats))
        assert found == ("bifpn" if name == "bifpn_p2_p7" else name)


def test_it_is_known_at_other_levels_and_in_other_words():
    graph = expand(load_topology("bifpn"), repeats=4, levels=(2, 6))
    assert known_as(graph) == "bifpn"
    assert known_as(expand(parse(restated(graph)))) == "bifpn"


def test_what_the_zoo_does_not_hold_is_not_known(tmp_path):
    tree = {**load_topology("bifpn").tree, "fuse": {"weighted": {"norm": "fast", "eps": 0.5}}}
    graph = expand(parse(tree))
    assert known_as(graph) is None
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "mine.yaml").write_text(topology_file(tree, "", name="mine"))
    assert known_as(graph, beside=tmp_path) == "mine"
    assert known_as(expand(load_topology("bifpn")), beside=tmp_path) == "bifpn"


def test_digests_of_the_zoo_are_those_at_the_levels_and_repeats_asked():
    digests = zoo_digests((3, 6), 2)
    assert digests["bifpn"] == digest(expand(load_topology("bifpn"), repeats=2, levels=(3, 6)))
    assert digests["fpn"] == digest(expand(load_topology("fpn"), levels=(3, 6)))
    own = digest(expand(load_topology("nas_fpn")))
    assert zoo_digests((3, 7))["nas_fpn"] == own
    assert "nas_fpn" not in digests
