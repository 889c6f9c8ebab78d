"""Fuses as facts: how the inputs of a node become one map.

All inputs have been projected and resampled to the node's level.
"""

from harness.graph.args import choice, flag, positive, whole
from harness.graph.ops.blocks.parts import (
    Part,
    act,
    batch_norm,
    convolution,
    each_cell,
    whole_of,
)
from harness.graph.ops.blocks.table import ACTIVATIONS
from harness.graph.ops.fuse_roles import (
    DYNAMIC_ROLES,
    GATE_ROLES,
    INJECT_ROLES,
    dynamic_roles,
    gate_roles,
    inject_roles,
)
from harness.graph.opspec import OpSpec, Shape
from harness.graph.spec import Op
from harness.graph.tally import Tally
from harness.registry import Table

FUSES: Table[OpSpec] = Table("fuse", str.isidentifier)


def _elements(shape: Shape) -> int:
    """Of the map that a fuse makes."""
    return shape.channels_out * shape.cells


def _sums(op: Op, shape: Shape) -> Tally:
    """One operation less than there are inputs, for each element."""
    return Tally(fuse=_elements(shape) * (shape.inputs - 1))


def _mean_tally(op: Op, shape: Shape) -> Tally:
    return Tally(fuse=_elements(shape) * shape.inputs)


def _sum_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    return ("sum",) if inputs == 1 else (op.name,)


FUSES.register("sum")(OpSpec(meaning=_sum_meaning, tally=_sums))
FUSES.register("mean")(OpSpec(meaning=_sum_meaning, tally=_mean_tally))
FUSES.register("mul")(OpSpec(meaning=_sum_meaning, tally=_sums))
FUSES.register("concat")(
    OpSpec(commutes=False, equal_channels=False, channels=lambda op, channels: sum(channels))
)


# weighted: w1 x1 + ... + wk xk


def _weighted_params(op: Op, shape: Shape) -> int:
    """Trained weights: frozen ones stay 1 and are no parameters."""
    if op["frozen"]:
        return 0
    match op["per"]:
        case "channel":
            return shape.inputs * shape.channels_out
        case "pixel":
            return shape.inputs * whole_of(op, "grid") ** 2
        case _:
            return shape.inputs


def _weighted_tally(op: Op, shape: Shape) -> Tally:
    """As google/automl writes it: every input times its weight, and (fast) over their sum; add.

    Softmax of n weights is 5 n operations to TensorFlow's profiler, a sum of k numbers k - 1.
    """
    k, each = shape.inputs, _elements(shape)
    numbers = {"channel": shape.channels_out, "pixel": whole_of(op, "grid") ** 2}
    alike = numbers.get(str(op["per"]), 1)
    match op["norm"]:
        case "fast":
            return Tally(fuse=each * (3 * k - 1) + alike * (k - 1))
        case "softmax":
            return Tally(fuse=each * (2 * k - 1) + alike * 5 * k)
        case _:
            return Tally(fuse=each * (2 * k - 1))


def _weighted_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    """Without `grid` where there is none, as it was before weights per pixel were known."""
    args = dict(op.args)
    if args["norm"] != "fast":
        del args["eps"]
    if args["frozen"] or args["per"] != "pixel":
        del args["grid"]
    if args["frozen"]:
        del args["per"]
    return (op.name, *args.items())


FUSES.register("weighted")(
    OpSpec(
        args=(
            choice("norm", "fast", "softmax", "none"),
            choice("per", "scalar", "channel", "pixel"),
            positive("eps", 1e-4),
            flag("frozen", False),
            whole("grid", 8),
        ),
        params=_weighted_params,
        tally=_weighted_tally,
        meaning=_weighted_meaning,
    )
)


# gate: gate + gated * sigmoid(pool(gate)) + the rest


def _gate_tally(op: Op, shape: Shape) -> Tally:
    """A product and sums; a global maximum is no operation to TensorFlow's profiler."""
    each = _elements(shape)
    return Tally(fuse=each * shape.inputs, mean=each if op["pool"] == "avg" else 0)


def _gate_meaning(op: Op, inputs: int) -> tuple[object, ...]:
    return (op.name, op["pool"])


FUSES.register("gate")(
    OpSpec(
        args=(choice("from", "coarser", "finer"), choice("pool", "max", "avg")),
        arity=(2, None),
        roles=GATE_ROLES,
        global_=True,
        assign=gate_roles,
        tally=_gate_tally,
        meaning=_gate_meaning,
    )
)


# inject: local * hard sigmoid(gate) + global

FUSES.register("inject")(
    OpSpec(
        arity=(3, 3),
        roles=INJECT_ROLES,
        assign=inject_roles,
        tally=lambda op, shape: Tally(fuse=2 * _elements(shape)),
    ),
)


# spatial: w1 x1 + ... + wk xk, weights from the inputs themselves, of every pixel


def _spatial(op: Op, shape: Shape) -> Part:
    """Squeezing convolutions, then one that makes a map of weights for every input."""
    squeeze, count, normed = whole_of(op, "squeeze"), shape.inputs, bool(op["batch_norm"])
    convs, each = (1, count) if op["together"] else (count, 1)
    one = convolution(each * shape.channels_in, squeeze, bias=not normed)
    one += (batch_norm(squeeze) if normed else Part()) + act(op, squeeze)
    return one * convs + convolution(convs * squeeze, count, whole_of(op, "kernel"))


def _spatial_tally(op: Op, shape: Shape) -> Tally:
    """The parts; weights of every cell by softmax; every input times its weight, added up."""
    k, softmax = shape.inputs, 5 * shape.inputs if op["norm"] == "softmax" else 0
    fused = _elements(shape) * (2 * k - 1) + softmax * shape.cells
    return _spatial(op, shape).tally(shape.cells) + Tally(fuse=fused)


FUSES.register("spatial")(
    OpSpec(
        args=(
            choice("norm", "softmax", "sigmoid"),
            whole("squeeze", 16),
            flag("together", False),
            whole("kernel", 1, odd=True),
            choice("act", *ACTIVATIONS, inherits=True),
            flag("batch_norm", True),
        ),
        arity=(2, None),
        params=lambda op, shape: _spatial(op, shape).params,
        macs=lambda op, shape: shape.cells * _spatial(op, shape).macs,
        acts=lambda op, shape: _spatial(op, shape).acts_over(shape.cells),
        tally=_spatial_tally,
        kernel=lambda op, stride: whole_of(op, "kernel"),
        normalises=lambda op: bool(op["batch_norm"]),
    )
)


# dynamic: deformable convolutions of the middle and its neighbours, steered by the middle


def _dynamic(op: Op, shape: Shape) -> Part:
    """Offsets and masks, a deformable convolution with norm an input, and what scales them."""
    channels, count = shape.channels_in, shape.inputs
    steering = convolution(channels, 27, 3)
    deformed = convolution(channels, channels, 3, bias=False) + batch_norm(channels)
    deformed += each_cell(scale=9 * channels, mean=channels)
    scale = convolution(channels, 1)
    once = scale.cell * count + scale.image
    return steering + deformed * count + Part(scale.params, image=once)


def _dynamic_tally(op: Op, shape: Shape) -> Tally:
    """The parts; every input times its scale, added up, and the mean."""
    return _dynamic(op, shape).tally(shape.cells) + Tally(fuse=_elements(shape) * 2 * shape.inputs)


FUSES.register("dynamic")(
    OpSpec(
        arity=(1, 3),
        roles=DYNAMIC_ROLES,
        params=lambda op, shape: _dynamic(op, shape).params,
        macs=lambda op, shape: shape.cells * _dynamic(op, shape).macs + _dynamic(op, shape).once,
        acts=lambda op, shape: _dynamic(op, shape).acts_over(shape.cells),
        tally=_dynamic_tally,
        kernel=lambda op, stride: 3,
        global_=True,
        assign=dynamic_roles,
        normalises=lambda op: True,
    )
)
