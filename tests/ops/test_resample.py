"""Resampling: any size to any size, equal to TF SAME pooling where that is defined."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.ops.resample import (
    adaptive_pool,
    avg_pool,
    bilinear,
    max_pool,
    max_pool_centred,
    nearest,
    size_of,
    subsample,
)

SIZES = st.integers(1, 40)


def same_pool(x, kernels, strides):
    """Max pooling with TF SAME padding, written out: pad first, then pool."""
    pads = []
    for size, kernel, stride in zip(x.shape[2:], kernels, strides, strict=True):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads = [total // 2, total - total // 2, *pads]
    return F.max_pool2d(F.pad(x, pads, value=-torch.inf), kernels, strides)


@pytest.mark.parametrize("kernel", ["stride_plus_1", "stride"])
@pytest.mark.parametrize("factor", [2, 4, 8, 16])
@pytest.mark.parametrize("source", [(64, 64), (97, 131), (65, 33), (48, 95)])
def test_max_pool_is_same_pooling(source, factor, kernel):
    x = torch.randn(2, 3, *source)
    target = tuple(-(-side // factor) for side in source)
    strides = [-(-side // goal) for side, goal in zip(source, target, strict=True)]
    kernels = [stride + (kernel == "stride_plus_1") for stride in strides]
    expected = same_pool(x, kernels, strides)
    assert torch.equal(max_pool(x, target, kernel), expected)


@pytest.mark.parametrize("factor", [2, 4, 8, 16])
@pytest.mark.parametrize("side", [32, 64, 97])
def test_max_pool_is_timms(factor, side):
    from timm.layers import create_pool2d

    x = torch.randn(1, 4, side, side).to(memory_format=torch.channels_last)
    goal = -(-side // factor)
    stride = -(-side // goal)
    pool = create_pool2d("max", kernel_size=stride + 1, stride=stride, padding="same")
    assert torch.equal(max_pool(x, (goal, goal)), pool(x))


@pytest.mark.parametrize(("side", "factor"), [(64, 2), (65, 2), (63, 2), (97, 4), (64, 4)])
def test_max_pool_centred_is_torchs(side, factor):
    x = torch.randn(1, 4, side, side) - 5  # so that a padding of zeros is seen
    pool = torch.nn.MaxPool2d(factor + 1, factor, factor // 2)
    y = max_pool_centred(x, tuple(pool(x).shape[2:]))
    assert torch.equal(y, pool(x))
    assert not torch.equal(y, max_pool(x, tuple(y.shape[2:]))) or side % 2


@given(SIZES, SIZES, st.floats(0.01, 1), st.floats(0.01, 1), st.sampled_from(["stride", ""]))
@settings(max_examples=100, deadline=None)
def test_max_pool_gives_any_smaller_size(height, width, down, across, kernel):
    size = max(1, round(height * down)), max(1, round(width * across))
    y = max_pool(torch.randn(1, 2, height, width), size, kernel or "stride_plus_1")
    assert y.shape[2:] == size
    assert y.isfinite().all()


def cells(source, target):
    """floor(i * source / target) in single precision."""
    scale = torch.tensor(source, dtype=torch.float32) / target
    return (torch.arange(target) * scale).floor().long().clamp(max=source - 1)


@given(SIZES, SIZES, SIZES, SIZES)
@settings(max_examples=100, deadline=None)
def test_nearest_takes_the_cell_it_lies_in(height, width, rows, columns):
    x = torch.randn(1, 2, height, width)
    y, z = cells(height, rows), cells(width, columns)
    assert torch.equal(nearest(x, (rows, columns)), x[:, :, y][:, :, :, z])


@pytest.mark.parametrize(
    "resample", [nearest, bilinear, subsample, max_pool, max_pool_centred, avg_pool, adaptive_pool]
)
def test_a_map_of_the_right_size_is_left_alone(resample):
    x = torch.randn(1, 2, 5, 7)
    y = resample(x, (5, 7))
    assert torch.equal(y, x)
    assert y.data_ptr() == x.data_ptr()


def mean_pool(x, kernels, strides):
    """Average pooling with TF SAME padding that does not count: a sum over a count of cells."""
    pads = []
    for size, kernel, stride in zip(x.shape[2:], kernels, strides, strict=True):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads = [total // 2, total - total // 2, *pads]
    total, cells = (F.avg_pool2d(F.pad(y, pads), kernels, strides) for y in (x, torch.ones_like(x)))
    return total / cells


@pytest.mark.parametrize("kernel", ["stride_plus_1", "stride"])
@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("source", [(64, 64), (65, 33), (48, 95)])
def test_avg_pool_is_same_pooling(source, factor, kernel):
    x = torch.randn(2, 3, *source)
    target = tuple(-(-side // factor) for side in source)
    strides = [-(-side // goal) for side, goal in zip(source, target, strict=True)]
    kernels = [stride + (kernel == "stride_plus_1") for stride in strides]
    torch.testing.assert_close(avg_pool(x, target, kernel), mean_pool(x, kernels, strides))


@pytest.mark.parametrize("factor", [2, 4])
def test_avg_pool_of_whole_patches_is_hrfpns(factor):
    x = torch.randn(2, 3, 16, 8)
    torch.testing.assert_close(
        avg_pool(x, (16 // factor, 8 // factor)), F.avg_pool2d(x, factor, factor)
    )


@pytest.mark.parametrize("side", [1, 2, 7, 8])
def test_subsample_is_torchvisions_and_detectron2s(side):
    from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

    x = torch.randn(2, 3, side, side + 3)
    pooled = LastLevelMaxPool()([x], [x], ["p5"])[0][-1]
    assert torch.equal(subsample(x, tuple(pooled.shape[2:])), pooled)


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("source", [(16, 24), (17, 31)])
def test_subsample_takes_every_sth_cell(source, factor):
    x = torch.arange(source[0] * source[1]).reshape(1, 1, *source)
    target = tuple(-(-side // factor) for side in source)
    strides = [-(-side // goal) for side, goal in zip(source, target, strict=True)]
    expected = x[:, :, :: strides[0], :: strides[1]]
    assert torch.equal(subsample(x, target), expected[:, :, : target[0], : target[1]])


@given(SIZES, SIZES, st.floats(0.01, 1), st.floats(0.01, 1))
@settings(max_examples=100, deadline=None)
def test_pools_and_subsample_give_any_smaller_size(height, width, down, across):
    size = max(1, round(height * down)), max(1, round(width * across))
    x = torch.randn(1, 2, height, width)
    for y in (avg_pool(x, size), avg_pool(x, size, "stride_plus_1"), subsample(x, size)):
        assert y.shape[2:] == size
        assert y.isfinite().all()
        assert y.min() >= x.min() - 1e-6
        assert y.max() <= x.max() + 1e-6


@pytest.mark.parametrize("kind", ["max", "avg"])
@given(SIZES, SIZES, SIZES, SIZES)
@settings(max_examples=30, deadline=None)
def test_adaptive_pool_is_its_formula(kind, height, width, rows, columns):
    x = torch.randn(1, 2, height, width)
    y = adaptive_pool(x, (rows, columns), kind)
    i, j = rows // 2, columns // 2
    top, bottom = i * height // rows, -(-(i + 1) * height // rows)
    left, right = j * width // columns, -(-(j + 1) * width // columns)
    cells = x[:, :, top:bottom, left:right].flatten(2)
    expected = cells.amax(2) if kind == "max" else cells.mean(2)
    torch.testing.assert_close(y[:, :, i, j], expected)


@pytest.mark.parametrize("kind", ["max", "avg"])
def test_adaptive_pool_is_exported_for_any_size_that_divides(kind):
    class Pool(torch.nn.Module):
        def forward(self, x, like):
            return adaptive_pool(x, size_of(like), kind)

    high, wide = torch.export.Dim("high", min=2), torch.export.Dim("wide", min=2)
    sizes = {2: 4 * high, 3: 4 * wide}, {2: high, 3: wide}
    given = torch.randn(1, 2, 8, 12), torch.randn(1, 2, 2, 3)
    pool = torch.export.export(Pool(), given, dynamic_shapes=sizes).module()
    x, like = torch.randn(1, 2, 20, 8), torch.randn(1, 2, 5, 2)
    torch.testing.assert_close(pool(x, like), adaptive_pool(x, (5, 2), kind))
    assert pool(x, like).shape == like.shape


def lerped(x, target, axis):
    """Linear interpolation along one axis between the centres of cells."""
    source = x.shape[axis]
    at = ((torch.arange(target) + 0.5) * source / target - 0.5).clamp(0, source - 1)
    low = at.floor().long()
    share = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
    high = (low + 1).clamp(max=source - 1)
    return x.index_select(axis, low) * (1 - share) + x.index_select(axis, high) * share


@given(SIZES, SIZES, SIZES, SIZES)
@settings(max_examples=50, deadline=None)
def test_bilinear_is_its_formula(height, width, rows, columns):
    x = torch.randn(1, 2, height, width)
    expected = lerped(lerped(x, rows, 2), columns, 3)
    torch.testing.assert_close(bilinear(x, (rows, columns)), expected, rtol=1e-3, atol=1e-4)
