"""Blocks that look at several ranges at once: pools or dilations of several sizes, concatenated."""

import math

from harness.graph.args import flag, positive, whole
from harness.graph.ops.blocks.parts import (
    Part,
    act,
    acted,
    convolution,
    pool_pyramid,
    ratio_of,
    share,
    unit,
    whole_of,
)
from harness.graph.ops.blocks.table import BLOCKS, FORM, described
from harness.graph.opspec import OpSpec, Shape
from harness.graph.spec import Op
from harness.graph.tally import Tally


def _spp(op: Op, channels_in: int, channels_out: int) -> Part:
    hidden = share(channels_in, ratio_of(op, "hidden"))
    return unit(op, channels_in, hidden) + pool_pyramid(hidden) + unit(op, 4 * hidden, channels_out)


def _aspp(op: Op, channels_in: int, channels_out: int) -> Part:
    """Three branches over the map and one over its mean, which has no norm."""
    rate, quarter = whole_of(op, "rate"), channels_out // 4
    pooled = convolution(channels_in, quarter, bias=bool(op["bias"]))
    pooled += act(op, acted(op, channels_in, quarter))
    return (
        unit(op, channels_in, channels_out - 3 * quarter)
        | unit(op, channels_in, quarter, 3, dilation=rate)
        | unit(op, channels_in, quarter, 3, dilation=2 * rate)
        | Part(pooled.params, Tally(mean=channels_in), pooled.cell + pooled.image)
    )


def _ssh(op: Op, channels_in: int, channels_out: int) -> Part:
    quarter = channels_out // 4
    again = unit(op, quarter, quarter, 3)
    wide = unit(op, channels_in, quarter, 3) + (again | again * 2)
    return unit(op, channels_in, channels_out - 2 * quarter, 3) | wide


def _ratio_pool_params(op: Op, shape: Shape) -> int:
    return convolution(shape.channels_in, shape.channels_out, bias=bool(op["bias"])).params


def _ratio_pool_cells(op: Op, shape: Shape) -> int:
    """Of a map whose sides are a ratio of the map's, rounded down, one cell at least."""
    return math.prod(max(1, int(side * ratio_of(op, "ratio"))) for side in shape.sides)


def _ratio_pool_macs(op: Op, shape: Shape) -> int:
    return _ratio_pool_cells(op, shape) * shape.channels_in * shape.channels_out


def _ratio_pool_acts(op: Op, shape: Shape) -> int:
    return _ratio_pool_cells(op, shape) * shape.channels_out


def _ratio_pool_tally(op: Op, shape: Shape) -> Tally:
    """Every cell lies in one window or so, and is made by interpolation."""
    conv = convolution(shape.channels_in, shape.channels_out, bias=bool(op["bias"]))
    around = Tally(pool=shape.cells * shape.channels_in, bilinear=shape.cells * shape.channels_out)
    return conv.tally(_ratio_pool_cells(op, shape)) + around


def _ratio_pool_kernel(op: Op, stride: int) -> int:
    """Two pooled cells, between which a cell is interpolated; rounded up to odd."""
    return int(-(-2 // ratio_of(op, "ratio"))) // 2 * 2 + 1


BLOCKS.register("spp")(described(_spp, (positive("hidden", 0.5), *FORM)))
BLOCKS.register("aspp")(described(_aspp, (whole("rate", 3), *FORM), global_=True))
BLOCKS.register("ssh")(described(_ssh, FORM))
BLOCKS.register("ratio_pool")(
    OpSpec(
        args=(positive("ratio", 0.1), flag("bias", True, inherits=True)),
        arity=(1, 1),
        any_channels=True,
        params=_ratio_pool_params,
        macs=_ratio_pool_macs,
        acts=_ratio_pool_acts,
        tally=_ratio_pool_tally,
        kernel=_ratio_pool_kernel,
    )
)
