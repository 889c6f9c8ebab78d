"""Fuses as facts: how the inputs of a node become one map.

All inputs have been projected and resampled to the node's level.
"""

from collections.abc import Sequence

from harness.graph.args import choice, flag, positive
from harness.graph.opspec import Entrant, OpSpec, Shape
from harness.graph.spec import Op
from harness.registry import Table

FUSES: Table[OpSpec] = Table("fuse")


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
