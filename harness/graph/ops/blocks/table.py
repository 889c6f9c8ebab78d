"""The table of blocks, the arguments that convolutions share, and how parts become facts."""

from collections.abc import Callable
from functools import lru_cache

from harness.graph.args import Arg, choice, flag, whole
from harness.graph.ops.blocks.parts import Part
from harness.graph.opspec import Meaning, OpSpec, Shape
from harness.graph.spec import Op
from harness.graph.tally import Tally
from harness.registry import Table

ACTIVATIONS = ("silu", "relu", "relu6", "hswish", "leaky_relu", "gelu", "none")
ORDERS = ("act_conv_norm", "conv_norm_act")

BLOCKS: Table[OpSpec] = Table("block", str.isidentifier)

Parts = Callable[[Op, int, int], Part]
"""(op, channels in, channels out) -> what the block is made of."""
Idle = Callable[[Op], tuple[str, ...]]
"""The arguments that change nothing, given the others."""

FORM = (
    choice("act", *ACTIVATIONS, inherits=True),
    choice("order", *ORDERS, inherits=True),
    flag("bias", True, inherits=True),
    flag("norm", True),
)
"""How a convolution stands in a block."""


def odd_kernel(default: int = 3) -> Arg:
    return whole("kernel", default, odd=True)


def no_order(op: Op) -> tuple[str, ...]:
    """Without an activation there is no order of it."""
    return ("order",) if op["act"] == "none" else ()


def described(
    parts: Parts,
    args: tuple[Arg, ...],
    *,
    idle: Idle = no_order,
    any_channels: bool = True,
    global_: bool = False,
) -> OpSpec:
    """The facts of a block, from its parts."""
    parts = lru_cache(maxsize=4096)(parts)

    def params(op: Op, shape: Shape) -> int:
        return parts(op, shape.channels_in, shape.channels_out).params

    def macs(op: Op, shape: Shape) -> int:
        made = parts(op, shape.channels_in, shape.channels_out)
        return shape.cells * (made.macs + shape.cells * made.pairs) + made.once

    def acts(op: Op, shape: Shape) -> int:
        return parts(op, shape.channels_in, shape.channels_out).acts_over(shape.cells)

    def tally(op: Op, shape: Shape) -> Tally:
        return parts(op, shape.channels_in, shape.channels_out).tally(shape.cells)

    return OpSpec(
        args=args,
        arity=(1, 1),
        any_channels=any_channels,
        params=params,
        macs=macs,
        acts=acts,
        tally=tally,
        kernel=lambda op, stride: 1 + 2 * parts(op, 1, 1).reach,
        global_=global_,
        normalises=lambda op: bool(dict(op.args).get("norm", False)),
        meaning=without(idle),
    )


def without(idle: Idle) -> Meaning:
    """A meaning that leaves idle arguments out."""

    def meaning(op: Op, inputs: int) -> tuple[object, ...]:
        left_out = idle(op)
        return (op.name, *((name, value) for name, value in op.args if name not in left_out))

    return meaning
