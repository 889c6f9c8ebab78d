"""Resamples with parameters against their formulas."""

import pytest
import torch
import torch.nn.functional as F

from harness.graph import Norm
from harness.ops import RESAMPLES

PLAIN = {"act": "none", "order": "conv_norm_act", "bias": True, "norm": False}
STRIDED = {"kernel": 3, "patches": False, "separable": False, "pad": "same", **PLAIN}


def build(name, stride, channels_out=4, **args):
    torch.manual_seed(0)
    return RESAMPLES.get(name)(3, channels_out, Norm(), stride, **args)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize("source", [(16, 16), (17, 33), (15, 6), (1, 2)])
def test_strided_conv_is_same_convolution(source, stride, kernel):
    """Of timm, which EfficientNet's TensorFlow weights run with."""
    from timm.layers import conv2d_same

    x, conv = (
        torch.randn(2, 3, *source),
        build("strided_conv", stride, **STRIDED | {"kernel": kernel}),
    )
    y = conv(x, tuple(-(-side // stride) for side in source))
    expected = conv2d_same(x, conv.conv.weight, conv.conv.bias, (stride, stride))
    torch.testing.assert_close(y, expected)


def test_a_source_that_was_rounded_down_loses_its_last_cells():
    x, conv = torch.randn(2, 3, 11, 9), build("strided_conv", 4, **STRIDED | {"patches": True})
    torch.testing.assert_close(conv(x, (2, 2)), conv.conv(x[:, :, :8, :8]))


def test_patches_do_not_overlap():
    x, conv = torch.randn(2, 3, 8, 12), build("strided_conv", 4, **STRIDED | {"patches": True})
    patches = F.unfold(x, 4, stride=4)
    expected = conv.conv.weight.flatten(1) @ patches + conv.conv.bias[:, None]
    torch.testing.assert_close(conv(x, (2, 3)).flatten(2), expected)


@pytest.mark.parametrize("order", ["act_conv_norm", "conv_norm_act"])
def test_separable_is_depthwise_then_pointwise(order):
    form = {"separable": True, "act": "relu", "order": order, "norm": True}
    x, conv = torch.randn(2, 3, 9, 7), build("strided_conv", 2, **STRIDED | form)
    act, after = (F.relu, lambda y: y) if order == "act_conv_norm" else (lambda y: y, F.relu)
    depthwise = F.conv2d(act(x), conv.conv.weight, conv.conv.bias, 2, 1, groups=3)
    between = after(conv.norm(depthwise))
    expected = F.conv2d(act(between), conv.pointwise.conv.weight, conv.pointwise.conv.bias)
    torch.testing.assert_close(conv(x, (5, 4)), after(conv.pointwise.norm(expected)))


@pytest.mark.parametrize("name", ["strided_conv", "deconv"])
def test_orders_of_activation(name):
    args = STRIDED if name == "strided_conv" else {"kernel": "stride", **PLAIN}
    x, size = torch.randn(2, 3, 8, 8), (4, 4) if name == "strided_conv" else (16, 16)
    plain = build(name, 2, **args)
    first = build(name, 2, **args | {"act": "relu", "order": "act_conv_norm"})
    last = build(name, 2, **args | {"act": "relu"})
    torch.testing.assert_close(first(x, size), plain(x.relu(), size))
    torch.testing.assert_close(last(x, size), plain(x, size).relu())


@pytest.mark.parametrize("stride", [2, 4])
def test_deconv_lays_patches_side_by_side(stride):
    x, up = torch.randn(2, 3, 5, 4), build("deconv", stride, kernel="stride", **PLAIN)
    patches = torch.einsum("nihw,ioyx->nohywx", x, up.conv.weight)
    expected = patches.reshape(2, 4, 5 * stride, 4 * stride) + up.conv.bias[:, None, None]
    torch.testing.assert_close(up(x, (5 * stride, 4 * stride)), expected)
    torch.testing.assert_close(up(x, (5 * stride - 1, 4 * stride)), expected[:, :, :-1])
    repeated = torch.cat([expected, expected[..., -1:]], 3)
    torch.testing.assert_close(up(x, (5 * stride, 4 * stride + 1)), repeated)


@pytest.mark.parametrize(("kernel", "side"), [("stride", 2), ("stride_plus_1", 3)])
def test_deconv_is_the_transpose_of_strided_conv(kernel, side):
    """<down(x), y> = <x, up(y)> with one set of weights, where the stride divides the size."""
    up = build("deconv", 2, 3, kernel=kernel, **PLAIN | {"bias": False})
    args = STRIDED | {"kernel": side, "bias": False}
    down = build("strided_conv", 2, 3, **args)
    down.conv.weight = up.conv.weight
    x, y = torch.randn(2, 3, 8, 6), torch.randn(2, 3, 4, 3)
    torch.testing.assert_close((down(x, (4, 3)) * y).sum(), (x * up(y, (8, 6))).sum())


def test_deconv_of_twice_the_stride_can_be_bilinear():
    up = build("deconv", 2, 3, kernel="twice_stride", **PLAIN | {"bias": False})
    ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
    with torch.no_grad():
        up.conv.weight.copy_(torch.eye(3)[:, :, None, None] * ramp[:, None] * ramp)
    x = torch.randn(2, 3, 5, 6)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    expected = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(up(x, (10, 12))[inner], expected[inner])


@pytest.mark.parametrize("stride", [2, 4])
def test_pixel_shuffle_makes_channels_cells(stride):
    x, up = torch.randn(2, 3, 3, 5), build("pixel_shuffle", stride, kernel=3)
    made, y = up.conv(x), up(x, (3 * stride, 5 * stride))
    for row, column in ((0, 0), (1, 0), (stride - 1, 1)):
        part = made[:, row * stride + column :: stride**2]
        assert torch.equal(y[:, :, row::stride, column::stride], part)


def carafe_by_hand(x, weights, kernel, stride):
    """One cell of the target at a time, after section 3.1 of the paper."""
    count, channels, height, width = x.shape
    y = torch.zeros(count, channels, height * stride, width * stride)
    for n, row, column in torch.cartesian_prod(
        *(torch.arange(size) for size in (count, height * stride, width * stride))
    ).tolist():
        i, j = row // stride, column // stride
        taps = weights[n, :, (row % stride) * stride + column % stride, i, j]
        for tap, weight in enumerate(taps):
            down, right = tap // kernel - kernel // 2, tap % kernel - kernel // 2
            if 0 <= i + down < height and 0 <= j + right < width:
                y[n, :, row, column] += weight * x[n, :, i + down, j + right]
    return y


@pytest.mark.parametrize("stride", [2, 4])
@torch.no_grad()
def test_carafe(stride):
    up = build("carafe", stride, 3, kernel=3, encoder=3, compressed=5)
    up.encode.weight.normal_()
    x = torch.randn(2, 3, 3, 4)
    weights = up.weights(x)
    assert weights.shape == (2, 9, stride**2, 3, 4)
    torch.testing.assert_close(weights.sum(1), torch.ones(2, stride**2, 3, 4))
    expected = carafe_by_hand(x, weights, 3, stride)
    torch.testing.assert_close(up(x, (3 * stride, 4 * stride)), expected)


def test_carafe_starts_as_a_mean_of_neighbours():
    x, up = torch.randn(2, 3, 6, 6), build("carafe", 2, 3, kernel=5, encoder=3, compressed=8)
    mean = F.avg_pool2d(x, 5, 1, 2)
    torch.testing.assert_close(up(x, (12, 12))[:, :, ::2, ::2], mean, rtol=0.01, atol=0.01)
