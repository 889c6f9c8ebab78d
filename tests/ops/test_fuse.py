"""Fuses against their formulas."""

import pytest
import torch

from harness.ops.fuse import FUSES, Gate, Inputs, Weighted, shared_weights


def maps(count, channels=4):
    generator = torch.Generator().manual_seed(count)
    return [torch.randn(2, channels, 5, 3, generator=generator) for _ in range(count)]


def weighted(count, norm, per="scalar", frozen=False):
    fuse = Weighted(Inputs((None,) * count, 4), norm, per, 1e-4, frozen)
    with torch.no_grad():
        fuse.weights.copy_(torch.randn(fuse.weights.shape) + 1)
    return fuse


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_sum_and_mean(count):
    xs, inputs = maps(count), Inputs((None,) * count, 4)
    stacked = torch.stack(xs)
    torch.testing.assert_close(FUSES.get("sum")(inputs)(*xs), stacked.sum(0))
    torch.testing.assert_close(FUSES.get("mean")(inputs)(*xs), stacked.mean(0))


@pytest.mark.parametrize("per", ["scalar", "channel"])
@pytest.mark.parametrize("norm", ["fast", "softmax", "none"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_weighted(count, norm, per):
    fuse, xs = weighted(count, norm, per), maps(count)
    w = fuse.weights.detach().reshape(count, 1, -1, 1, 1)
    if norm == "fast":
        w = w.clamp(min=0) / (w.clamp(min=0).sum(0) + 1e-4)
    elif norm == "softmax":
        w = w.softmax(0)
    torch.testing.assert_close(fuse(*xs), (torch.stack(xs) * w).sum(0))
    torch.testing.assert_close(fuse.normalised().flatten(), w.flatten())


def test_fast_weights_start_one_and_do_not_quite_sum_to_one():
    fuse = Weighted(Inputs((None, None), 4), "fast", "scalar", 1e-4, False)
    assert fuse.weights.tolist() == [1, 1]
    assert fuse.normalised().sum().item() == pytest.approx(2 / 2.0001)


def test_frozen_weights_are_not_trained_but_kept():
    fuse = weighted(2, "fast", frozen=True)
    assert list(fuse.parameters()) == []
    assert list(fuse.state_dict()) == ["weights"]


def test_normalising_together_is_normalising_each():
    fuses = [weighted(3, "softmax") for _ in range(4)]
    together = shared_weights([fuse.weights for fuse in fuses], "softmax", 1e-4)
    alone = torch.cat([fuse.normalised() for fuse in fuses])
    assert torch.equal(torch.stack(together), alone)


@pytest.mark.parametrize("per", ["scalar", "channel"])
def test_weights_follow_autocast(per):
    fuse = weighted(2, "softmax", per)
    with torch.autocast("cpu", torch.bfloat16):
        out = fuse(*[x.bfloat16() for x in maps(2)])
    assert out.dtype is torch.bfloat16
    out.float().sum().backward()
    assert fuse.weights.grad.dtype is torch.float32
    assert fuse.weights.grad.isfinite().all()


@pytest.mark.parametrize("pool", ["max", "avg"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_gate_lets_the_gated_through_as_the_gate_says(pool, order):
    named = dict(zip(("gate", "gated", "add"), maps(3), strict=True))
    roles = tuple(tuple(named)[i] for i in order)
    fuse = Gate(Inputs(roles, 4), from_="coarser", pool=pool)
    gate, gated, rest = named.values()
    pooled = gate.flatten(2).max(2).values if pool == "max" else gate.flatten(2).mean(2)
    expected = gate + gated * torch.sigmoid(pooled)[:, :, None, None] + rest
    torch.testing.assert_close(fuse(*(named[role] for role in roles)), expected)
