"""A network changes and its old weights are loaded: by name, shape and input, all else is told."""

import copy
import os

import pytest
import torch
from oracles import SAME, deviation, random_maps, randomise
from safetensors.torch import save_file

import harness
from harness.errors import TrialError
from harness.graph import parse
from harness.weights import Misfit, read_tree

CHANNELS = {"p3": 12, "p4": 20, "p5": 24}
TREE = {
    "name": "grown",
    "fuse": {"weighted": "fast"},
    "levels": "p3..p5",
    "nodes": {
        "p4_td": {"level": "p4", "from": ["p4", "p5"]},
        "p3_out": {"level": "p3", "from": ["p3", "p4_td"]},
        "p4_out": {"level": "p4", "from": ["p4", "p4_td", "p3_out"]},
        "p5_out": {"level": "p5", "from": ["p5", "p4_out", "p3_out", "p4_td"]},
    },
    "outputs": {"p3": "p3_out", "p4": "p4_out", "p5": "p5_out"},
}
FUSES = [
    {"weighted": "fast"},
    {"weighted": {"norm": "softmax", "per": "channel"}},
    {"weighted": {"norm": "fast", "per": "pixel"}},
]


def build(tree, seed=0, width=8):
    network = harness.compile(parse(tree), channels=CHANNELS, width=width)
    randomise(network, seed)
    return network.eval()


def tree_with(**nodes):
    return copy.deepcopy(TREE) | {"nodes": TREE["nodes"] | nodes}


def grown():
    """With a node more, which p4_td reads: everything below it has other inputs above it."""
    return tree_with(
        more={"level": "p5", "from": ["p5", "p4"]},
        p4_td={"level": "p4", "from": ["p4", "p5", "more"]},
    )


@pytest.fixture
def file(tmp_path):
    """A state dict saved before the node is added."""
    torch.save(build(TREE).state_dict(), tmp_path / "before.pt")
    return tmp_path / "before.pt"


def test_a_state_saved_before_a_node_is_added(file):
    before, after = build(TREE), build(grown(), seed=1)
    first = {name: value.clone() for name, value in after.state_dict().items()}
    report = harness.load_weights(after, file)
    state = after.state_dict()
    new = [name for name in state if name not in before.state_dict()]
    assert report.missing == tuple(new)
    assert {name.split(".")[0] for name in new} == {"more_1"}
    assert report.misfits == (Misfit("p4_td_1.fuse.weights", "(2,), not (3,)"),)
    assert report.unexpected == ()
    assert len(report.loaded) == len(state) - len(new) - 1
    assert not report.complete
    for name in (*new, "p4_td_1.fuse.weights"):
        assert torch.equal(state[name], first[name])
    for name in report.loaded:
        if not name.endswith("fuse.weights"):
            assert torch.equal(state[name], before.state_dict()[name])
    assert str(report).splitlines()[-1] == "misfit: p4_td_1.fuse.weights is (2,), not (3,)"


def reordered(tree):
    """The same but for the activation in p4_td, after which p5_out has its inputs in another order.

    No tensor has another name or shape. Which activation does it is up to digests: the first.
    """
    blocks = [{"sepconv": 3, "act": act} for act in ("relu", "relu6", "leaky_relu", "gelu", "none")]
    trees = [
        tree | {"nodes": tree["nodes"] | {"p4_td": tree["nodes"]["p4_td"] | {"block": block}}}
        for block in blocks
    ]
    return next(one for one in trees if order_of(one) != order_of(tree))


def order_of(tree):
    return build(tree).input_order["p5_out@1"]


@pytest.mark.parametrize("change", [grown, lambda: reordered(TREE)], ids=["node", "op"])
def test_fusion_weights_go_to_their_inputs_whatever_their_order_has_become(file, change):
    """Inputs have canonical order, which changes with anything above: names stay with weights."""
    before, after = build(TREE), build(change(), seed=1)
    harness.load_weights(after, file)
    assert before.weighed_inputs["p5_out_1.fuse"] != after.weighed_inputs["p5_out_1.fuse"]
    found, expected = after.fusion_weights(), before.fusion_weights()
    for key in ("p3_out@1", "p4_out@1", "p5_out@1"):
        assert found[key] == pytest.approx(expected[key])


@pytest.mark.parametrize("fuse", FUSES, ids=str)
def test_torchs_own_loading_keeps_to_it_too(fuse):
    """One op above changes, no name and no shape: loading strictly passes, and must not mix up."""
    tree = TREE | {"fuse": fuse}
    before, after = build(tree), build(reordered(tree), seed=1)
    after.load_state_dict(before.state_dict())
    moved = 0
    for place, names in before.weighed_inputs.items():
        there = dict(zip(names, before.get_submodule(place).weights, strict=True))
        here = dict(
            zip(after.weighed_inputs[place], after.get_submodule(place).weights, strict=True)
        )
        assert all(torch.equal(there[name], here[name]) for name in names)
        moved += names != after.weighed_inputs[place]
    assert moved


def test_weights_of_other_inputs_are_refused(file):
    """As many inputs, of the same shapes, but one of them is another node."""
    other = tree_with(p4_out={"level": "p4", "from": ["p4", "p4_td", "p5"]})
    after = build(other, seed=1)
    report = harness.load_weights(after, file)
    (misfit,) = (one for one in report.misfits if one.name == "p4_out_1.fuse.weights")
    assert misfit.reason.startswith("of inputs ")
    assert "p3_out_1" in misfit.reason.split(", not ")[0]
    assert "p3_out_1" not in misfit.reason.split(", not ")[1]
    with pytest.raises(RuntimeError, match=r"p4_out_1.fuse is of inputs"):
        after.load_state_dict(build(TREE).state_dict(), strict=False)


def test_fuses_that_cannot_be_put_in_order_are_refused():
    tree = TREE | {"fuse": {"spatial": "softmax"}, "act": "relu"}
    before, after = build(tree), build(reordered(tree), seed=1)
    assert harness.load_weights(build(tree, seed=1), before.state_dict()).complete
    report = harness.load_weights(after, before.state_dict())
    orders = before.weighed_inputs, after.weighed_inputs
    changed = {place for place in orders[0] if orders[0][place] != orders[1][place]}
    assert {one.name.partition(".fuse.")[0] + ".fuse" for one in report.misfits} == changed != set()
    assert all("of inputs in the order" in one.reason for one in report.misfits)


def test_without_a_record_weights_are_taken_only_if_all_else_fits(tmp_path):
    state = dict(build(TREE).state_dict())
    same, more = build(TREE, seed=1), build(grown(), seed=1)
    save_file(state, tmp_path / "before.safetensors")
    for weights in (state, tmp_path / "before.safetensors"):
        assert harness.load_weights(same, weights).complete
        report = harness.load_weights(more, weights)
        refused = {one.name for one in report.misfits}
        assert refused == {name for name in state if name.endswith("fuse.weights")}
        assert not refused & set(report.loaded)


def test_all_that_fits_gives_the_same_outputs(file):
    before, after = build(TREE), build(TREE, seed=1)
    report = harness.load_weights(after, str(file))
    assert report.complete
    assert str(report) == f"{len(report.loaded)} tensors loaded"
    maps = random_maps(CHANNELS, (64, 64))
    with torch.no_grad():
        assert deviation(after(maps), before(maps)) < SAME


def test_other_widths_and_names_are_told_and_nothing_is_matched_by_likeness(file):
    wide = build(TREE, seed=1, width=16)
    report = harness.load_weights(wide, file)
    assert (
        Misfit("p3_out_1.block.pointwise.weight", "(8, 8, 1, 1), not (16, 16, 1, 1)")
        in report.misfits
    )
    renamed = copy.deepcopy(TREE)
    renamed["nodes"]["end"] = renamed["nodes"].pop("p5_out")
    renamed["outputs"]["p5"] = "end"
    report = harness.load_weights(build(renamed, seed=1), file)
    assert {name.split(".")[0] for name in report.missing} == {"end_1"}
    assert {name.split(".")[0] for name in report.unexpected} == {"p5_out_1"}
    assert report.misfits == ()


def test_a_detectors_feature_network():
    spec = harness.build("efficientdet_d0")
    other = harness.build("efficientdet_d0")
    place = "feature_network.p4_out_2.fuse.weights"
    with torch.no_grad():
        spec.get_parameter(place).copy_(torch.tensor([0.1, 0.2, 0.3]))
    state = spec.state_dict()
    del state["class_head.predict.pointwise.bias"]
    report = harness.load_weights(other, state)
    assert report.missing == ("class_head.predict.pointwise.bias",)
    assert report.unexpected == report.misfits == ()
    assert torch.equal(other.get_parameter(place), spec.get_parameter(place))


class Bomb:
    def __reduce__(self):
        return (os._exit, (3,))


def test_files_that_do_not_do(tmp_path):
    network = build(TREE)
    with pytest.raises(TrialError, match="no weights file"):
        harness.load_weights(network, tmp_path / "none.pt")
    torch.save({"state_dict": Bomb()}, tmp_path / "bomb.pt")
    with pytest.raises(TrialError, match="cannot read the weights file"):
        harness.load_weights(network, tmp_path / "bomb.pt")
    torch.save([1], tmp_path / "list.pt")
    with pytest.raises(TrialError, match="holds no weights by name"):
        harness.load_weights(network, tmp_path / "list.pt")
    with pytest.raises(TrialError, match="load it before folding"):
        harness.load_weights(network.folded(), network.state_dict())


@pytest.mark.parametrize("content", [b"", b"some words", "a whole model"])
def test_a_file_of_something_else_is_told_in_our_words(tmp_path, content):
    file = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(torch.nn.Linear(1, 1), file)
    with pytest.raises(
        TrialError, match=r"it is damaged, none that torch wrote, or a whole model: save"
    ):
        read_tree(file)
