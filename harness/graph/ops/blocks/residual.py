"""Blocks that add to their input: basic, bottleneck, dilated."""

from harness.graph.args import flag, positive, whole
from harness.graph.ops.blocks.parts import Part, each_cell, ratio_of, share, unit, whole_of
from harness.graph.ops.blocks.table import BLOCKS, FORM, described, odd_kernel
from harness.graph.spec import Op


def _shortcut(op: Op, channels_in: int, channels_out: int) -> Part:
    """What the input is added by: the addition, and a convolution where channels differ."""
    added = each_cell(add=channels_out)
    if channels_in == channels_out:
        return added
    return added + unit(op, channels_in, channels_out, acts=False)


def _residual(op: Op, channels_in: int, channels_out: int) -> Part:
    kernel = whole_of(op, "kernel")
    second = unit(op, channels_out, channels_out, kernel)
    first = unit(op, channels_in, channels_out, kernel) + second
    rest = (second * 2 | _shortcut(op, channels_out, channels_out)) * (whole_of(op, "n") - 1)
    return (first | _shortcut(op, channels_in, channels_out)) + rest


def _bottleneck(op: Op, channels_in: int, channels_out: int) -> Part:
    hidden, kernel = share(channels_out, ratio_of(op, "hidden")), whole_of(op, "kernel")
    after = unit(op, hidden, hidden, kernel) + unit(op, hidden, channels_out)
    first, later = unit(op, channels_in, hidden) + after, unit(op, channels_out, hidden) + after
    if op["shortcut"]:
        first |= _shortcut(op, channels_in, channels_out)
        later |= _shortcut(op, channels_out, channels_out)
    return first + later * (whole_of(op, "n") - 1)


def _dilated(op: Op, channels_in: int, channels_out: int) -> Part:
    hidden = share(channels_in, ratio_of(op, "hidden"))
    middle = unit(op, hidden, hidden, 3, dilation=whole_of(op, "rate"))
    worked = unit(op, channels_in, hidden) + middle + unit(op, hidden, channels_out)
    return worked | _shortcut(op, channels_in, channels_out)


_BOTTLENECK_ARGS = (
    positive("hidden", 0.25),
    flag("shortcut", True),
    whole("n", 1),
    odd_kernel(),
    *FORM,
)

BLOCKS.register("residual")(described(_residual, (whole("n", 1), odd_kernel(), *FORM)))
BLOCKS.register("bottleneck")(described(_bottleneck, _BOTTLENECK_ARGS))
BLOCKS.register("dilated")(
    described(_dilated, (whole("rate", 2), positive("hidden", 0.25), *FORM), any_channels=False)
)
