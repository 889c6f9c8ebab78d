"""The ops of the language as facts: arguments, arity, roles, channels, parameters, multiply-adds.

An op is two things under one name: the facts here, free of torch, and its module in `harness.ops`.
Adding one means one `register` here and one there. In YAML an op is its name (`sum`), its name with
its first argument (`{weighted: fast}`), or its name with a mapping of arguments.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import SpecError
from harness.graph.args import Arg, choice, flag, positive, whole
from harness.graph.faults import Faults
from harness.graph.spec import Op, Scalar
from harness.registry import Table

ACTIVATIONS = ("silu", "relu", "relu6", "none")
ORDERS = ("act_conv_norm", "conv_norm_act")


@dataclass(frozen=True, slots=True)
class Shape:
    """What an op works on: channels in and out, number of inputs, cells of the map it makes."""

    channels_in: int
    channels_out: int
    inputs: int = 1
    cells: int = 1


Count = Callable[[Op, Shape], int]
Meaning = Callable[[Op, int], tuple[object, ...]]


def _nothing(op: Op, shape: Shape) -> int:
    return 0


def _literal(op: Op, inputs: int) -> tuple[object, ...]:
    return (op.name, *op.args)


def _same_channels(op: Op, channels: tuple[int, ...]) -> int:
    return channels[0]


@dataclass(frozen=True, slots=True)
class OpSpec:
    """The facts of one op.

    arity: fewest and most inputs (None = any number). roles: what an input may be called.
    commutes: the order of the inputs means nothing (their roles may).
    equal_channels: all inputs must have the same number of channels.
    channels: of the map an op makes, from those of its inputs.
    params, macs: of one use. kernel: cells of its input one output cell sees, given the stride.
    global_: one output cell sees the whole input.
    meaning: the op without what changes nothing (given its number of inputs); for the digest.
    """

    args: tuple[Arg, ...] = ()
    arity: tuple[int, int | None] = (1, None)
    roles: tuple[str, ...] = ()
    commutes: bool = True
    equal_channels: bool = True
    channels: Callable[[Op, tuple[int, ...]], int] = _same_channels
    params: Count = _nothing
    macs: Count = _nothing
    kernel: Callable[[Op, int], int] = lambda op, stride: 1
    global_: bool = False
    normalises: Callable[[Op], bool] = lambda op: False
    meaning: Meaning = _literal


FUSES: Table[OpSpec] = Table("fuse")
RESAMPLES: Table[OpSpec] = Table("resample")
BLOCKS: Table[OpSpec] = Table("block")


def read_op(
    table: Table[OpSpec],
    value: Any,
    path: str,
    faults: Faults,
    inherited: Mapping[str, Scalar] | None = None,
) -> Op | None:
    """The op a tree spells, with every argument filled in; None (and faults) where it is wrong."""
    name, given = _name_and_args(value)
    if not isinstance(name, str):
        faults.add(path, f"expected one {table.kind} by name, got {value!r}")
        return None
    try:
        spec = table.get(name)
    except SpecError as error:
        faults.add(path, error.faults[0].message)
        return None
    if given is not None and not isinstance(given, Mapping):
        if not spec.args:
            faults.add(f"{path}.{name}", f"{table.kind} {name!r} takes no arguments")
            return None
        given = {spec.args[0].name: given}
    return _fill(name, spec, given or {}, path, faults, inherited or {})


def _name_and_args(value: Any) -> tuple[Any, Any]:
    if value is None:
        return "none", None
    if isinstance(value, Mapping):
        return next(iter(value.items())) if len(value) == 1 else (None, None)
    return value, None


def _fill(
    name: str,
    spec: OpSpec,
    given: Mapping[str, Any],
    path: str,
    faults: Faults,
    inherited: Mapping[str, Scalar],
) -> Op:
    if given:
        faults.unknown_fields(given, [arg.name for arg in spec.args], f"{path}.{name}")
    filled: list[tuple[str, Scalar]] = []
    for arg in spec.args:
        default = inherited.get(arg.name, arg.default) if arg.inherits else arg.default
        value = default
        if arg.name in given:
            value = arg.read(given[arg.name], f"{path}.{name}.{arg.name}", faults, default)
        filled.append((arg.name, value))
    return Op(name, tuple(filled))


# Fuses. All inputs have been projected and resampled to the node's level.


def _sum_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    return ("sum",) if inputs == 1 else (op.name,)


def _weighted_params(op: Op, shape: Shape) -> int:
    return shape.inputs * (shape.channels_out if op["per"] == "channel" else 1)


def _weighted_trained(op: Op, shape: Shape) -> int:
    return 0 if op["frozen"] else _weighted_params(op, shape)


def _weighted_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    args = dict(op.args)
    if args["norm"] != "fast":
        del args["eps"]
    if args["frozen"]:
        del args["per"]
    return (op.name, *args.items())


def _gate_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    return (op.name, op["pool"])


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
        params=_weighted_trained,
        meaning=_weighted_meaning,
    )
)
# gate + gated * sigmoid(pool(gate)) + the rest; see `roles.py` for who is what.
FUSES.register("gate")(
    OpSpec(
        args=(choice("from", "coarser", "finer"), choice("pool", "max", "avg")),
        arity=(2, None),
        roles=("gate", "gated", "add"),
        global_=True,
        meaning=_gate_meaning,
    )
)


# Resamples. `up` where the source is coarser than the node, `down` where it is finer.


def _pool_kernel(op: Op, stride: int) -> int:
    return stride + 1 if op["kernel"] == "stride_plus_1" else stride


UP = ("nearest",)
DOWN = ("max_pool",)
RESAMPLES.register("nearest")(OpSpec(arity=(1, 1)))
RESAMPLES.register("max_pool")(
    OpSpec(args=(choice("kernel", "stride_plus_1", "stride"),), arity=(1, 1), kernel=_pool_kernel)
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
