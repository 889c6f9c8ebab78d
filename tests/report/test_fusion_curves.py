"""Fusion weights over time: which nodes, in which order, under which names."""

from dataclasses import replace

import pytest

from harness.records import EpochLog, TrialRecord
from harness.report.fusion_curves import MOST_NODES, draw_fusion_curves, fusion_curves, start
from harness.report.style import styled, to_svg


def record(weights: list[dict[str, list[float]]], norm: str = "fast", frozen: bool = False):
    """A trial whose nodes read p3 and p4_td, with these weights after each epoch."""
    fuse = {"weighted": {"norm": norm, "per": "scalar", "eps": 1e-4, "frozen": frozen}}
    inputs = [{"source": "p3@0"}, {"source": "p4_td@1"}]
    nodes = [
        {
            "name": key.split("@")[0],
            "repeat": int(key.split("@")[1]),
            "inputs": inputs,
            "fuse": fuse,
        }
        for key in weights[0]
    ]
    spec = {"model": {"feature_network": {"graph": {"nodes": nodes}}}, "seeds": {"init": 7}}
    curve = tuple(
        EpochLog(n, n, 1, 1, 0, 0.1, 1, 1, 0, one) for n, one in enumerate(weights, start=1)
    )
    return TrialRecord("id", "done", spec, None, 1.0, curve=curve)


def test_a_node_has_a_line_for_each_input_from_its_start():
    info = fusion_curves({"fast": [record([{"p3_out@1": [0.6, 0.4]}, {"p3_out@1": [0.7, 0.3]}])]})
    assert info.nodes == ("p3_out@1",)
    ((label, curves),) = info.arms
    one = curves["p3_out@1"]
    assert (label, one.inputs, one.epochs) == ("fast", ("p3", "p4_td@1"), (0, 1, 2))
    assert one.weights == ((1 / 2.0001, 0.6, 0.7), (1 / 2.0001, 0.4, 0.3))
    assert info.seed == 7


@pytest.mark.parametrize(("norm", "first"), [("fast", 1 / 3.0001), ("softmax", 1 / 3), ("none", 1)])
def test_weights_start_as_the_norm_has_ones(norm, first):
    assert start(norm, 3, 1e-4) == first


def test_softmax_stands_before_fast_and_nodes_that_moved_most_come_first():
    weights = [{f"n{i}@1": [0.5 + i / 100, 0.5 - i / 100] for i in range(MOST_NODES + 2)}]
    info = fusion_curves({"fast": [record(weights)], "softmax": [record(weights, "softmax")]})
    assert [label for label, _ in info.arms] == ["softmax", "fast"]
    assert info.nodes[0] == f"n{MOST_NODES + 1}@1"
    assert info.nodes_left_out == 2
    assert "The 6 nodes that moved most; 2 are left out." in info.caption


def test_what_learns_no_weights_has_no_curves():
    frozen = record([{"p3_out@1": [0.5, 0.5]}], frozen=True)
    assert fusion_curves({"mean": [frozen]}) is None
    assert fusion_curves({"sum": [replace(frozen, curve=())]}) is None


def test_it_is_drawn_with_the_files_names():
    weights = [{"p3_out@1": [0.6, 0.4]}, {"p3_out@1": [1.4, -0.2]}]
    info = fusion_curves({"none": [record(weights, "none")], "fast": [record(weights)]})
    with styled():
        svg = to_svg(draw_fusion_curves(info))
    for words in ("p3_out@1", "p4_td@1", "fast", "none", "epoch"):
        assert words in svg
