"""A graph written out as a topology file is the same graph when it is read again."""

import pytest

from harness.graph import digest, expand, parse
from harness.graph.align import aligned
from harness.graph.check import check
from harness.graph.restate import restated
from harness.space.load import read_text, yaml_text
from harness.space.zoo import load_topology, topology_names


def again(graph):
    """The graph by way of a file's text."""
    return expand(parse(read_text(yaml_text(restated(graph)))))


@pytest.mark.parametrize("name", topology_names())
def test_every_network_is_itself_again(name):
    topology = load_topology(name)
    for repeats in (None, 3) if topology.blueprint.repeated is not None else (None,):
        graph = expand(topology, repeats=repeats)
        assert digest(again(graph)) == digest(graph)


@pytest.mark.parametrize("name", ["yolo_pan", "unet_pp"])
def test_outputs_brought_to_one_width_are_written_out(name):
    graph = aligned(expand(load_topology(name)))
    assert digest(again(graph)) == digest(graph)


@pytest.mark.parametrize("levels", [(2, 6), (4, 8), (3, 5)])
def test_other_levels_are_written_out(levels):
    graph = expand(load_topology("bifpn"), levels=levels)
    assert digest(again(graph)) == digest(graph)


def test_shares_taps_and_ops_on_edges_are_written_out():
    tree = {
        "name": "odd",
        "levels": "p3..p4",
        "inputs": "p3..p5",
        "norm": {"eps": 2e-5},
        "nodes": {
            "a": {
                "level": "p4",
                "from": [
                    {"from": "p5", "op": {"conv": 3}, "up": "bilinear", "share": "one"},
                    {"from": "p4", "channels": 2, "op": {"conv": 1}},
                    {"from": "p3", "down": [{"strided_conv": 3}], "projection": "always"},
                ],
                "fuse": "concat",
                "share": "both",
            },
            "b": {"level": "p3", "from": [{"from": "a", "tap": "before"}, "p3"], "share": "both"},
        },
        "outputs": {"p3": "b", "p4": "a"},
        "taps": {"middle": "a"},
        "repeats": {"n": 2, "weights": "shared"},
    }
    assert not check(tree)
    graph = expand(parse(tree))
    assert {node.share for node in graph.nodes} != {None}
    assert graph.taps
    assert digest(again(graph)) == digest(graph)


def test_what_a_graph_does_is_all_written_out():
    """Under another convention the file says the same: it leaves nothing to one."""
    graph = expand(load_topology("nas_fpn"), repeats=2)
    tree = restated(graph)
    for convention in ("torchvision", "retinanet"):
        other = expand(parse({**tree, "conventions": convention}))
        assert digest(other) == digest(graph)


def test_one_edge_more_is_another_graph():
    graph = expand(load_topology("fpn"))
    tree = restated(graph)
    name = next(name for name, node in tree["nodes"].items() if node["level"] == "p3")
    tree["nodes"][name]["from"].append("p4")
    assert digest(expand(parse(tree))) != digest(graph)


def test_what_is_said_of_it_stands_in_the_file():
    tree = restated(expand(load_topology("fpn")), source="Here.", published="All.")
    assert list(tree)[:3] == ["name", "source", "published"]
    assert parse(tree).source == "Here."
