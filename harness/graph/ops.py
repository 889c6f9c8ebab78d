"""The ops of the language as facts: arguments, arity, roles, channels, parameters, multiply-adds.

An op is two things under one name: the facts here, free of torch, and its module in `harness.ops`.
Adding one means one `register` here and one there. In YAML an op is its name (`sum`), its name with
its first argument (`{weighted: fast}`), or its name with a mapping of arguments.
"""

from collections.abc import Sequence

from harness.graph.args import choice, flag, positive, whole
from harness.graph.opspec import Count, Entrant, OpSpec, Shape, read_op
from harness.graph.spec import Op
from harness.registry import Table

__all__ = [
    "ACTIVATIONS",
    "BLOCKS",
    "FUSES",
    "ORDERS",
    "RESAMPLES",
    "OpSpec",
    "Shape",
    "read_op",
]

ACTIVATIONS = ("silu", "relu", "relu6", "none")
ORDERS = ("act_conv_norm", "conv_norm_act")

FUSES: Table[OpSpec] = Table("fuse")
RESAMPLES: Table[OpSpec] = Table("resample")
BLOCKS: Table[OpSpec] = Table("block")


# Fuses. All inputs have been projected and resampled to the node's level.


def _sum_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    return ("sum",) if inputs == 1 else (op.name,)


def _weighted_params(op: Op, shape: Shape) -> int:
    """Trained weights: frozen ones stay 1 and are no parameters."""
    if op["frozen"]:
        return 0
    return shape.inputs * (shape.channels_out if op["per"] == "channel" else 1)


def _weighted_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    args = dict(op.args)
    if args["norm"] != "fast":
        del args["eps"]
    if args["frozen"]:
        del args["per"]
    return (op.name, *args.items())


def _gate_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    return (op.name, op["pool"])


def _gate_roles(fuse: Op, entrants: Sequence[Entrant]) -> list[str | None] | str:
    """`gate` is the coarser of two (of two alike the first), or the finer where the op says so."""
    roles = [role for _, role in entrants]
    left = [i for i, role in enumerate(roles) if role is None]
    if "gate" in roles and "gated" not in roles and len(left) == 1:
        roles[left[0]] = "gated"
    elif "gated" in roles and "gate" not in roles and len(left) == 1:
        roles[left[0]] = "gate"
    elif not {"gate", "gated"} & set(roles) and len(left) == 2:
        coarser, finer = sorted(left, key=lambda i: -entrants[i][0])
        gate, gated = (coarser, finer) if fuse["from"] == "coarser" else (finer, coarser)
        roles[gate], roles[gated] = "gate", "gated"
    if roles.count("gate") != 1 or roles.count("gated") != 1 or None in roles:
        return "gate needs one input that gates and one that is gated; say the others' role: add"
    return roles


FUSES.register("sum")(OpSpec(meaning=_sum_meaning))
FUSES.register("mean")(OpSpec(meaning=_sum_meaning))
FUSES.register("weighted")(
    OpSpec(
        args=(
            choice("norm", "fast", "softmax", "none"),
            choice("per", "scalar", "channel"),
            positive("eps", 1e-4),
            flag("frozen", False),
        ),
        params=_weighted_params,
        meaning=_weighted_meaning,
    )
)
# gate + gated * sigmoid(pool(gate)) + the rest
FUSES.register("gate")(
    OpSpec(
        args=(choice("from", "coarser", "finer"), choice("pool", "max", "avg")),
        arity=(2, None),
        roles=("gate", "gated", "add"),
        global_=True,
        assign=_gate_roles,
        meaning=_gate_meaning,
    )
)


# Resamples. `up` where the source is coarser than the node, `down` where it is finer.


def _pool_kernel(op: Op, stride: int) -> int:
    return stride + 1 if op["kernel"] == "stride_plus_1" else stride


RESAMPLES.register("nearest")(OpSpec(arity=(1, 1), directions=("up",)))
RESAMPLES.register("max_pool")(
    OpSpec(
        args=(choice("kernel", "stride_plus_1", "stride"),),
        arity=(1, 1),
        directions=("down",),
        kernel=_pool_kernel,
    )
)


# Blocks. Padding SAME, stride 1. A norm has a scale and an offset a channel.

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
        params=params,
        macs=macs,
        kernel=lambda op, stride: int(op["kernel"] or 1),
        normalises=lambda op: bool(op["norm"]),
        meaning=_conv_meaning,
    )


BLOCKS.register("sepconv")(_conv_spec(_sepconv_params, _sepconv_macs))
BLOCKS.register("conv")(_conv_spec(_conv_params, _conv_macs))
BLOCKS.register("none")(OpSpec(arity=(1, 1)))
