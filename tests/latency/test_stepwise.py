"""Fusion step by step is the same function as ours."""

import pytest
import torch

from harness.compiler import compile
from harness.errors import TrialError
from harness.graph import parse, with_fields
from harness.latency.stepwise import FastTerms, StackedSoftmax, stepwise
from harness.space.zoo import load_topology

CHANNELS = {"p3": 6, "p4": 10, "p5": 16}


def network(fuse, topology="bifpn"):
    """Two cells with fusion weights, norms and their statistics drawn at random; eval mode."""
    tree = with_fields(load_topology(topology).tree, {"fuse": fuse})
    made = compile(parse(tree), channels=CHANNELS, width=8, repeats=2).eval()
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in (*made.parameters(), *made.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=draw) + 0.1)
        for weights in made.fusion_parameters():
            weights.copy_(torch.randn(weights.shape, generator=draw))
    return made.to(memory_format=torch.channels_last)


def maps(size=40):
    draw = torch.Generator().manual_seed(2)
    shapes = {name: (2, n, size >> i, size >> i) for i, (name, n) in enumerate(CHANNELS.items())}
    return {
        name: torch.randn(shape, generator=draw).to(memory_format=torch.channels_last)
        for name, shape in shapes.items()
    }


@pytest.mark.parametrize("per", ["scalar", "channel"])
@pytest.mark.parametrize("norm", ["softmax", "fast"])
@pytest.mark.parametrize("topology", ["bifpn", "panet"])
def test_step_by_step_it_is_the_same_function(norm, per, topology):
    ours = network({"weighted": {"norm": norm, "per": per}}, topology)
    theirs = stepwise(ours)
    with torch.inference_mode():
        expected, found = ours(maps()), theirs(maps())
    for name, value in expected.items():
        assert value.std() > 1e-3
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)
        assert found[name].is_contiguous(memory_format=torch.channels_last)


def test_it_calls_one_fuse_a_weighted_node():
    ours = network({"weighted": "softmax"})
    theirs = stepwise(ours)
    fuses = [m for m in theirs.modules() if isinstance(m, StackedSoftmax)]
    assert len(fuses) == 16  # eight nodes a cell, two cells
    assert theirs.code.count(".fuse(") == 16
    assert "shared_weights" not in theirs.code
    assert ".fuse(" not in ours.code
    assert not any(isinstance(m, StackedSoftmax) for m in ours.modules())
    assert any(isinstance(m, FastTerms) for m in stepwise(network({"weighted": "fast"})).modules())


def test_a_moved_weight_is_seen():
    """The comparison above would fail on other weights."""
    ours = network({"weighted": "softmax"})
    theirs = stepwise(ours)
    with torch.inference_mode():
        next(m for m in theirs.modules() if isinstance(m, StackedSoftmax)).weights[0] += 0.1
        expected, found = ours(maps()), theirs(maps())
    assert any((found[name] - value).abs().max() > 1e-4 for name, value in expected.items())


def test_frozen_weights_and_sums_can_be_taken_step_by_step_too():
    for fuse in ("sum", {"weighted": {"norm": "fast", "frozen": True}}):
        ours = network(fuse)
        with torch.inference_mode():
            expected, found = ours(maps()), stepwise(ours)(maps())
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("weighted", "said"),
    [({"norm": "none"}, "with norm none"), ({"norm": "softmax", "per": "pixel"}, "per pixel")],
)
def test_a_fuse_that_the_papers_framework_had_not(weighted, said):
    with pytest.raises(TrialError, match=f"has no weighted fuse {said}"):
        stepwise(network({"weighted": weighted}))
