"""Blocks as facts: what follows the fuse of a node, or stands on an edge.

Padding SAME, stride 1. A norm has a scale and an offset a channel.
"""

from harness.graph.args import choice, flag, whole
from harness.graph.opspec import Count, OpSpec, Shape
from harness.graph.spec import Op
from harness.registry import Table

ACTIVATIONS = ("silu", "relu", "relu6", "none")
ORDERS = ("act_conv_norm", "conv_norm_act")

BLOCKS: Table[OpSpec] = Table("block")

_CONV_ARGS = (
    whole("kernel", 3, odd=True),
    choice("act", *ACTIVATIONS, inherits=True),
    choice("order", *ORDERS, inherits=True),
    flag("bias", True, inherits=True),
    flag("norm", True),
)


def _after_conv(op: Op, channels: int) -> int:
    return channels * (int(bool(op["bias"])) + 2 * int(bool(op["norm"])))


def _area(op: Op) -> int:
    return int(op["kernel"] or 0) ** 2


def _sepconv_params(op: Op, shape: Shape) -> int:
    weights = _area(op) * shape.channels_in + shape.channels_in * shape.channels_out
    return weights + _after_conv(op, shape.channels_out)


def _sepconv_macs(op: Op, shape: Shape) -> int:
    return shape.cells * shape.channels_in * (_area(op) + shape.channels_out)


def _conv_weights(op: Op, shape: Shape) -> int:
    return _area(op) * shape.channels_in * shape.channels_out


def _conv_params(op: Op, shape: Shape) -> int:
    return _conv_weights(op, shape) + _after_conv(op, shape.channels_out)


def _conv_macs(op: Op, shape: Shape) -> int:
    return shape.cells * _conv_weights(op, shape)


def _conv_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    args = dict(op.args)
    if args["act"] == "none":
        del args["order"]
    return (op.name, *args.items())


def _conv_spec(params: Count, macs: Count) -> OpSpec:
    return OpSpec(
        args=_CONV_ARGS,
        arity=(1, 1),
        any_channels=True,
        params=params,
        macs=macs,
        kernel=lambda op, stride: int(op["kernel"] or 1),
        normalises=lambda op: bool(op["norm"]),
        meaning=_conv_meaning,
    )


BLOCKS.register("sepconv")(_conv_spec(_sepconv_params, _sepconv_macs))
BLOCKS.register("conv")(_conv_spec(_conv_params, _conv_macs))
BLOCKS.register("none")(OpSpec(arity=(1, 1)))
