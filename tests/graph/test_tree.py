"""Graphs as plain trees, and the ops they name."""

import json

import pytest

from harness.graph import Op, expand, from_tree, parse, to_tree
from harness.graph.faults import Faults
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, OpSpec, read_op
from harness.space.zoo import load_topology

TREE = {
    "name": "mine",
    "rows": {"out": {"from": ["in", "in.finer"], "fuse": {"weighted": "softmax"}, "channels": 2}},
    "nodes": {"p4_out": {"from": ["p4", "p5", {"from": "p3", "role": "add"}], "fuse": "gate"}},
    "repeats": 2,
}


def test_a_graph_goes_through_json_and_comes_back_equal():
    graph = expand(parse(TREE))
    assert from_tree(json.loads(json.dumps(to_tree(graph)))) == graph


def test_the_tree_of_a_node():
    tree = to_tree(expand(parse({"name": "n", "rows": {"o": {"from": "in"}}}), levels=(3, 3)))
    assert tree == {
        "name": "n",
        "inputs": [3],
        "outputs": {"p3": "p3_o@1"},
        "nodes": [
            {
                "name": "p3_o",
                "repeat": 1,
                "level": 3,
                "channels": 1.0,
                "fuse": {"sum": {}},
                "block": {
                    "sepconv": {
                        "kernel": 3,
                        "act": "silu",
                        "order": "act_conv_norm",
                        "bias": True,
                        "norm": True,
                    }
                },
                "norm": {"eps": 1e-3, "momentum": 0.01},
                "inputs": [
                    {
                        "source": "p3",
                        "projection": {"when": "auto", "per": "edge", "norm": True, "bias": True},
                        "path": [],
                        "role": None,
                        "tap": "after",
                        "channels": None,
                        "share": None,
                    }
                ],
                "share": None,
            }
        ],
        "taps": {},
    }


@pytest.mark.parametrize(
    ("table", "value", "expected"),
    [
        (FUSES, "sum", Op("sum")),
        (FUSES, {"sum": None}, Op("sum")),
        (
            FUSES,
            {"weighted": {"norm": "softmax", "per": "channel"}},
            Op(
                "weighted",
                (
                    ("norm", "softmax"),
                    ("per", "channel"),
                    ("eps", 1e-4),
                    ("frozen", False),
                    ("grid", 8),
                ),
            ),
        ),
        (FUSES, "gate", Op("gate", (("from", "coarser"), ("pool", "max")))),
        (RESAMPLES, {"max_pool": "stride"}, Op("max_pool", (("kernel", "stride"),))),
        (BLOCKS, "none", Op("none")),
        (BLOCKS, None, Op("none")),
        (
            BLOCKS,
            {"conv": 1},
            Op(
                "conv",
                (
                    ("kernel", 1),
                    ("act", "silu"),
                    ("order", "act_conv_norm"),
                    ("bias", True),
                    ("norm", True),
                ),
            ),
        ),
    ],
)
def test_spellings_of_an_op(table, value, expected):
    faults = Faults()
    assert read_op(table, value, "x", faults) == expected
    assert not faults


def test_a_registered_op_is_a_word_of_the_language():
    tree = {"rows": {"out": {"from": "in", "fuse": "product"}}}
    with FUSES.temporary("product", OpSpec(params=lambda op, shape: shape.channels_out)):
        assert expand(parse(tree)).nodes[-1].fuse == Op("product")


def test_what_stands_there_in_the_same_words_is_one_value():
    """So that whoever walks over a graph knows it again, as after `expand`."""
    graph = expand(load_topology("bifpn"), repeats=3)
    again = from_tree(json.loads(json.dumps(to_tree(graph))))
    assert again == graph
    for values in (
        [node.block for node in again.nodes],
        [edge.path for node in again.nodes for edge in node.inputs],
        [edge.projection for node in again.nodes for edge in node.inputs],
    ):
        assert len({id(one) for one in values}) == len(set(values)) < len(values)
