"""Stages in which a part of the channels passes by: cross-stage-partial ones, and ES."""

from harness.graph.args import choice, flag, positive, whole
from harness.graph.ops.blocks.parts import (
    Part,
    depthwise_separable,
    each_cell,
    pool_pyramid,
    ratio_of,
    share,
    squeeze,
    unit,
    whole_of,
)
from harness.graph.ops.blocks.rep import rep_unit
from harness.graph.ops.blocks.table import BLOCKS, FORM, described, no_order, odd_kernel
from harness.graph.spec import Op

INNERS = ("bottleneck", "sepconv", "rep", "conv_rep", "rep_conv")
JOINS = ("concat", "all", "add")


def _inner(op: Op, channels: int) -> Part:
    """One of the blocks that follow each other inside a stage."""
    kernel, middle = whole_of(op, "kernel"), share(channels, ratio_of(op, "expand"))
    match op["inner"]:
        case "bottleneck":
            return unit(op, channels, middle) + unit(op, middle, channels, kernel)
        case "sepconv":
            return unit(op, channels, middle) + depthwise_separable(op, middle, channels, kernel)
        case "rep":
            return rep_unit(op, channels, channels, kernel)
        case "conv_rep":
            first = unit(op, channels, middle, kernel)
            return first + rep_unit(op, middle, channels, kernel)
        case _:
            first = rep_unit(op, channels, middle, kernel)
            return first + unit(op, middle, channels, kernel)


def _csp(op: Op, channels_in: int, channels_out: int) -> Part:
    n, hidden = whole_of(op, "n"), share(channels_out, ratio_of(op, "hidden"))
    passed = worked = unit(op, channels_in, hidden)
    inner = _inner(op, hidden)
    worked += (inner + each_cell(add=hidden) if op["shortcut"] else inner) * n
    if op["spp"]:
        worked += pool_pyramid(hidden) + unit(op, 4 * hidden, hidden)
    if op["join"] == "add":
        last = each_cell(add=hidden)
        last += unit(op, hidden, channels_out) if hidden != channels_out else Part()
    else:
        last = unit(op, hidden * (n + 1 if op["join"] == "all" else 2), channels_out)
    return (passed | worked) + last


def _idle(op: Op) -> tuple[str, ...]:
    """`rep` has no middle; of one block, `all` are the last."""
    idle = no_order(op)
    if op["inner"] == "rep":
        idle += ("expand",)
    if op["n"] == 1 and op["join"] != "add":
        idle += ("join",)
    return idle


def _es(op: Op, channels_in: int, channels_out: int) -> Part:
    kernel, half = whole_of(op, "kernel"), max(1, channels_out // 2)
    passed = unit(op, channels_in, channels_out)
    ghost = unit(op, channels_in, half) + unit(op, half, half, kernel, groups=half, acts=False)
    excited = squeeze(2 * half, 4) + each_cell(scale=2 * half)
    worked = ghost + excited + unit(op, 2 * half, channels_out)
    return (passed | worked) + unit(op, 2 * channels_out, channels_out)


_CSP_ARGS = (
    whole("n", 1),
    positive("hidden", 0.5),
    choice("inner", *INNERS),
    odd_kernel(),
    flag("shortcut", False),
    choice("join", *JOINS),
    positive("expand", 1.0),
    flag("spp", False),
    *FORM,
)

BLOCKS.register("csp")(described(_csp, _CSP_ARGS, idle=_idle))
BLOCKS.register("es")(described(_es, (odd_kernel(5), *FORM), global_=True))
