"""Plain, separable and deformable convolutions, padding SAME; and none, but norm or activation."""

from harness.graph.args import choice, flag, whole
from harness.graph.ops.blocks.parts import (
    Part,
    act,
    convolution,
    depthwise_separable,
    each_cell,
    norm,
    unit,
    whole_of,
)
from harness.graph.ops.blocks.table import ACTIVATIONS, BLOCKS, FORM, described, odd_kernel
from harness.graph.opspec import OpSpec
from harness.graph.spec import Op


def _conv(op: Op, channels_in: int, channels_out: int) -> Part:
    return unit(op, channels_in, channels_out, whole_of(op, "kernel"))


def _sepconv(op: Op, channels_in: int, channels_out: int) -> Part:
    kernel = whole_of(op, "kernel")
    depthwise = convolution(channels_in, channels_in, kernel, groups=channels_in, bias=False)
    return depthwise + unit(op, channels_in, channels_out)


def _act(op: Op, channels: int, _: int) -> Part:
    return norm(op, channels) + act(op, channels)


def _lc(op: Op, channels_in: int, channels_out: int) -> Part:
    kernel = whole_of(op, "kernel")
    kept = depthwise_separable(op, channels_in, channels_in, kernel)
    last = depthwise_separable(op, channels_in, channels_out, kernel)
    return kept * (whole_of(op, "n") - 1) + last


def _deformable(op: Op, channels_in: int, channels_out: int) -> Part:
    """Two offsets and a mask for each cell of the kernel, from a convolution of its own.

    Reach is that of the undisplaced kernel.
    """
    kernel = whole_of(op, "kernel")
    offsets = convolution(channels_in, 3 * kernel**2, kernel)
    masked = each_cell(scale=kernel**2 * channels_in)
    return (offsets | unit(op, channels_in, channels_out, kernel)) + masked


BLOCKS.register("none")(OpSpec(arity=(1, 1)))
BLOCKS.register("act")(
    described(
        _act,
        (choice("act", *ACTIVATIONS, inherits=True), flag("norm", False)),
        idle=lambda op: (),
        any_channels=False,
    )
)
BLOCKS.register("conv")(described(_conv, (odd_kernel(), *FORM)))
BLOCKS.register("sepconv")(described(_sepconv, (odd_kernel(), *FORM)))
BLOCKS.register("lc")(described(_lc, (whole("n", 2), odd_kernel(5), *FORM)))
BLOCKS.register("deformable")(described(_deformable, (odd_kernel(), *FORM)))
