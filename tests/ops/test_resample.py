"""Resampling: any size to any size, equal to TF SAME pooling where that is defined."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.ops.resample import max_pool, nearest

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


@pytest.mark.parametrize("resample", [nearest, max_pool])
def test_a_map_of_the_right_size_is_left_alone(resample):
    x = torch.randn(1, 2, 5, 7)
    assert resample(x, (5, 7)) is x
