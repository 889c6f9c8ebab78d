"""Fuses against their formulas."""

import pytest
import torch

from harness.graph import Op
from harness.graph import ops as facts
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


def test_a_single_cell_does_not_decide_the_format_of_a_concatenation():
    inputs = Inputs((None, None), 4)
    xs = torch.randn(2, 4, 1, 1).expand(-1, -1, 5, 3), torch.randn(2, 4, 5, 3)
    kept = FUSES.get("concat")(inputs)
    last = kept(xs[0], xs[1].to(memory_format=torch.channels_last))
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert kept(*xs).is_contiguous()
    assert torch.equal(last, torch.cat(xs, 1))


def test_product_and_concatenation_in_order():
    xs, inputs = maps(3), Inputs((None,) * 3, 4)
    torch.testing.assert_close(FUSES.get("mul")(inputs)(*xs), torch.stack(xs).prod(0))
    joined = FUSES.get("concat")(inputs)(*xs)
    assert all(torch.equal(joined[:, 4 * i : 4 * i + 4], x) for i, x in enumerate(xs))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_inject_is_gold_yolos(order):
    named = dict(zip(("local", "gate", "global"), maps(3), strict=True))
    roles = tuple(tuple(named)[i] for i in order)
    hard = torch.clamp(named["gate"] + 3, 0, 6) / 6
    y = FUSES.get("inject")(Inputs(roles, 4))(*(named[role] for role in roles))
    torch.testing.assert_close(y, named["local"] * hard + named["global"])


@pytest.mark.parametrize("norm", ["fast", "softmax", "none"])
def test_weights_of_pixels_are_a_grid_resized(norm):
    fuse, xs = Weighted(Inputs((None, None), 4), norm, "pixel", 1e-4, False, 2), maps(2)
    with torch.no_grad():
        fuse.weights.copy_(torch.rand(2, 2, 2))
    grid = fuse.normalised().detach()
    assert grid.shape == (2, 2, 2)
    total = torch.zeros_like(xs[0])
    for i, x in enumerate(xs):
        for row, y in enumerate(((torch.arange(5) + 0.5) * 2 / 5 - 0.5).clamp(0, 1)):
            for column, z in enumerate(((torch.arange(3) + 0.5) * 2 / 3 - 0.5).clamp(0, 1)):
                top = torch.lerp(grid[i, 0, 0], grid[i, 0, 1], z)
                bottom = torch.lerp(grid[i, 1, 0], grid[i, 1, 1], z)
                total[:, :, row, column] += x[:, :, row, column] * torch.lerp(top, bottom, y)
    torch.testing.assert_close(fuse(*xs), total)


def test_like_weights_of_pixels_are_scalars():
    xs = maps(3)
    pixel = Weighted(Inputs((None,) * 3, 4), "fast", "pixel", 1e-4, False)
    torch.testing.assert_close(pixel(*xs), weighted_as_it_starts(3)(*xs))


def weighted_as_it_starts(count):
    return Weighted(Inputs((None,) * count, 4), "fast", "scalar", 1e-4, False)


def test_a_grid_means_nothing_but_to_pixels():
    spec = facts.FUSES.get("weighted")
    plain = {arg.name: arg.default for arg in spec.args}

    def meaning(**args):
        return spec.meaning(Op("weighted", tuple({**plain, **args}.items())), 2)

    assert meaning(grid=3) == (
        "weighted",
        ("norm", "fast"),
        ("per", "scalar"),
        ("eps", 1e-4),
        ("frozen", False),
    )
    assert meaning(per="pixel", grid=3) != meaning(per="pixel", grid=4)
    assert meaning(per="pixel", frozen=True, grid=3) == meaning(frozen=True)
