"""Fusion weights over time: which nodes, in which order, under which names."""

import math
from dataclasses import replace

import pytest
import torch

import harness
from harness.compiler import FeatureNetwork
from harness.graph import Graph, expand, parse, with_fields
from harness.records import EpochLog, TrialRecord
from harness.report.fusion_curves import MOST_NODES, draw_fusion_curves, fusion_curves, start
from harness.report.gather import gather
from harness.report.style import styled, to_svg
from harness.report.summary import ArmSummary
from harness.space.zoo import load_topology
from harness.statistics.estimates import estimate


def record(
    weights: list[dict[str, list[float]]],
    norm: str = "fast",
    frozen: bool = False,
    *,
    per: str = "scalar",
    seed: int = 7,
    status: str = "done",
    sources: tuple[str, ...] = ("p3@0", "p4_td@1"),
):
    """A trial whose nodes read p3 and p4_td, with these weights after each epoch."""
    fuse = {"weighted": {"norm": norm, "per": per, "eps": 1e-4, "frozen": frozen}}
    inputs = [{"source": source} for source in sources]
    nodes = [
        {
            "name": key.split("@")[0],
            "repeat": int(key.split("@")[1]),
            "inputs": inputs,
            "fuse": fuse,
        }
        for key in weights[0]
    ]
    spec = {"model": {"feature_network": {"graph": {"nodes": nodes}}}, "seeds": {"init": seed}}
    curve = tuple(
        EpochLog(n, n, 1, 1, 0, 0.1, 1, 1, 0, one) for n, one in enumerate(weights, start=1)
    )
    return TrialRecord("id", status, spec, None, 1.0, curve=curve)


HALVES = [{"p3_out@1": [0.6, 0.4]}, {"p3_out@1": [0.7, 0.3]}]
INPUTS = ("p3", "p4_td@1")


def test_a_node_has_a_line_for_each_input_from_its_start():
    info = fusion_curves({"fast": [record(HALVES)]})
    assert info.rows == (("p3_out@1", INPUTS),)
    (arm,) = info.arms
    one = arm.nodes["p3_out@1", INPUTS]
    assert (arm.label, one.inputs, one.epochs) == ("fast", INPUTS, (0, 1, 2))
    assert one.weights == ((1 / 2.0001, 0.6, 0.7), (1 / 2.0001, 0.4, 0.3))


def bifpn(fuse: dict[str, str]) -> tuple[Graph, FeatureNetwork]:
    """BiFPN at its smallest, under a fusion."""
    tree = with_fields(load_topology("bifpn").tree, {"fuse": {"weighted": fuse}})
    graph = expand(parse(tree), repeats=1)
    return graph, harness.compile(graph, channels=dict.fromkeys(("p3", "p4", "p5"), 8), width=8)


@pytest.mark.parametrize("per", ["scalar", "channel"])
@pytest.mark.parametrize("norm", ["fast", "softmax", "none"])
def test_weights_start_as_an_untrained_network_tells_them(norm: str, per: str):
    """What a record lacks, the values before training, is what the network would have logged."""
    graph, network = bifpn({"norm": norm, "per": per})
    told = network.fusion_weights()
    counts = {node.key: len(node.inputs) for node in graph.nodes if node.key in told}
    assert set(counts.values()) == {2, 3}
    for key, count in counts.items():
        assert told[key] == pytest.approx([start(norm, count, 1e-4)] * count, rel=1e-6)


def summary(label: str, ap: float, best: bool) -> ArmSummary:
    return ArmSummary(
        label, label, {}, 2, estimate([ap, ap]), (ap, ap), {}, {}, None, {}, None, best, False
    )


def test_of_many_arms_those_that_may_be_the_best_are_shown():
    """Four of factor 1.2, the loser, stood for a study of six factors."""
    aps = [0.2, 0.3, 0.25, 0.4, 0.41, 0.35]
    trials = {f"{ap}": [record(HALVES)] for ap in aps}
    arms = [summary(f"{ap}", ap, ap == 0.35) for ap in aps]
    info = fusion_curves(trials, arms)
    assert [arm.label for arm in info.arms] == ["0.35", "0.41", "0.4", "0.3"]
    assert info.caption.endswith(" Without 0.25; 0.2, of lower mean AP.")
    assert [arm.label for arm in fusion_curves(trials).arms] == ["0.2", "0.3", "0.25", "0.4"]


RAW = [2.0, -1.0, 1.0]


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        ("fast", [2 / 3.0001, 0.0, 1 / 3.0001]),
        ("softmax", [math.exp(w) / sum(map(math.exp, RAW)) for w in RAW]),
        ("none", RAW),
    ],
)
def test_logged_weights_are_normalised_as_in_the_paper(norm: str, expected: list[float]):
    """Section 3.3: relu(w) / (sum + eps), exp(w) / sum, and unbounded ones as they are."""
    _, network = bifpn({"norm": norm})
    with torch.no_grad():
        network.p5_out_1.fuse.weights.copy_(torch.tensor(RAW))
    told = network.fusion_weights()["p5_out@1"]
    as_taken = [told[place] for place in network.input_order["p5_out@1"]]
    assert as_taken == pytest.approx(expected, rel=1e-6)


def test_softmax_stands_before_fast_and_nodes_that_moved_most_come_first():
    weights = [{f"n{i}@1": [0.5 + i / 100, 0.5 - i / 100] for i in range(MOST_NODES + 2)}]
    info = fusion_curves({"fast": [record(weights)], "softmax": [record(weights, "softmax")]})
    assert [arm.label for arm in info.arms] == ["softmax", "fast"]
    assert info.rows[0][0] == f"n{MOST_NODES + 1}@1"
    assert info.rows_left_out == 2
    assert (
        " The 6 nodes that moved most, those that more arms have first; 2 are left out."
        in info.caption
    )


def test_no_norm_is_crowded_out_by_another():
    """Four softmax arms leave room for the first fast one."""
    arms = {f"softmax {i}": [record(HALVES, "softmax")] for i in range(4)}
    arms |= {"fast": [record(HALVES)], "unbounded": [record(HALVES, "none")]}
    info = fusion_curves(arms)
    assert [arm.label for arm in info.arms] == ["softmax 0", "fast", "unbounded", "softmax 1"]
    assert info.arms_left_out == ("softmax 2", "softmax 3")
    assert info.caption.endswith(" Without softmax 2; softmax 3.")


def test_one_seed_is_shown_and_it_is_one_that_all_arms_finished():
    fast = [record(HALVES, seed=0), record(HALVES, seed=1)]
    softmax = [record(HALVES, "softmax", seed=0, status="diverged")]
    softmax += [record(HALVES, "softmax", seed=1), record(HALVES, "softmax", seed=2)]
    info = fusion_curves({"softmax": softmax, "fast": fast})
    assert [arm.seed for arm in info.arms] == [1, 1]
    assert info.caption.startswith("Normalised fusion weights by epoch, seed 1; a line an input.")
    info = fusion_curves({"softmax": softmax[2:], "fast": fast})
    assert [arm.seed for arm in info.arms] == [2, 0]
    assert "by epoch, the first seed of each arm; a line" in info.caption


def test_a_node_with_other_inputs_is_another_row():
    other = record(HALVES, "softmax", sources=("p3@0", "p5_td@1"))
    info = fusion_curves({"fast": [record(HALVES)], "softmax": [other]})
    assert set(info.rows) == {("p3_out@1", INPUTS), ("p3_out@1", ("p3", "p5_td@1"))}
    with styled():
        svg = to_svg(draw_fusion_curves(info))
    assert svg.count("no such node") >= 2
    assert "p4_td@1" in svg
    assert "p5_td@1" in svg


def test_nodes_that_more_arms_have_come_before_those_that_moved_more():
    shallow, deep = [{"a@1": [0.6, 0.4]}], [{"a@1": [0.6, 0.4], "a@2": [0.9, 0.1]}]
    info = fusion_curves({"one repeat": [record(shallow)], "two": [record(deep)]})
    assert [key for key, _ in info.rows] == ["a@1", "a@2"]


def test_means_over_channels_say_so():
    info = fusion_curves({"fast per channel": [record(HALVES, per="channel")]})
    assert " Means over channels or pixels: fast per channel." in info.caption


def test_weights_that_diverged_are_drawn_as_far_as_they_are_numbers():
    gone = [{"p3_out@1": [0.6, 0.4]}, {"p3_out@1": [math.nan, math.inf]}]
    info = fusion_curves({"none": [record(gone, "none", status="diverged")]})
    assert info.arms[0].nodes["p3_out@1", INPUTS].moved == pytest.approx(0.6)
    with styled():
        assert "p3_out@1" in to_svg(draw_fusion_curves(info))


def test_a_tuned_study_shows_each_arm_at_its_best_value(make, keep):
    study, records = make.fusion(2)
    info = gather(keep(study, records), "fusion", "laptop").fusion_curves
    assert [arm.label for arm in info.arms] == [
        "softmax, learning_rate 0.1", "fast, learning_rate 0.1",
    ]  # fmt: skip
    assert info.arms_left_out == ()


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
