"""What the facts of an op are, and how a tree spells one."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import SpecError
from harness.graph.args import Arg
from harness.graph.faults import Faults
from harness.graph.spec import Op, Scalar
from harness.graph.tally import Tally
from harness.registry import Table


@dataclass(frozen=True, slots=True)
class Shape:
    """What an op works on.

    cells: of the map it makes. cells_in: of the map it reads (a resample's differs).
    stride: 2 ** (levels between the two maps), for a resample.
    height: of the map it makes, where that is known (0: the map is taken to be square).
    """

    channels_in: int
    channels_out: int
    inputs: int = 1
    cells: int = 1
    cells_in: int = 1
    stride: int = 1
    height: int = 0

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the map it makes."""
        height = self.height or math.isqrt(self.cells)
        return height, self.cells // height


Count = Callable[[Op, Shape], int]
Entrant = tuple[int, str | None]
"""One input of a fuse: the level of its source, and the role the file gave it."""
Assign = Callable[[Op, Sequence[Entrant]], list[str | None] | str]
Meaning = Callable[[Op, int], tuple[object, ...]]


def nothing(op: Op, shape: Shape) -> int:
    return 0


def no_operation(op: Op, shape: Shape) -> Tally:
    return Tally()


def literal(op: Op, inputs: int) -> tuple[object, ...]:
    return (op.name, *op.args)


def same_channels(op: Op, channels: tuple[int, ...]) -> int:
    return channels[0]


@dataclass(frozen=True, slots=True)
class OpSpec:
    """The facts of one op.

    arity: fewest and most inputs (None = any number). roles: what an input may be called.
    commutes: the order of the inputs means nothing (their roles may).
    equal_channels: all inputs must have the same number of channels.
    channels: of the map an op makes, from those of its inputs.
    params, macs, acts: of one use (acts: outputs of its convolutions and linear layers); tally: all
    its operations.
    kernel: cells of its input one output cell sees, given the stride.
    ahead: on a way down, how many of those lie before the cell its stride leads to.
    global_: one output cell sees the whole input.
    assign: gives every input its role, or says what is wrong (a fuse that knows roles).
    any_channels: can make another number of channels than it is given (a convolution can).
    directions: `up`, `down` (a resample). normalises: has a norm of its own.
    meaning: the op without what changes nothing (given its number of inputs); for the digest.
    """

    args: tuple[Arg, ...] = ()
    arity: tuple[int, int | None] = (1, None)
    roles: tuple[str, ...] = ()
    commutes: bool = True
    equal_channels: bool = True
    channels: Callable[[Op, tuple[int, ...]], int] = same_channels
    params: Count = nothing
    macs: Count = nothing
    acts: Count = nothing
    tally: Callable[[Op, Shape], Tally] = no_operation
    kernel: Callable[[Op, int], int] = lambda op, stride: 1
    ahead: Callable[[Op, int], int] | None = None
    global_: bool = False
    assign: Assign | None = None
    any_channels: bool = False
    directions: tuple[str, ...] = ()
    normalises: Callable[[Op], bool] = lambda op: False
    meaning: Meaning = literal

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing on any map, and leaves the channels as they are."""
        return self.params is nothing and self.macs is nothing and not self.any_channels


def read_op(
    table: Table[OpSpec],
    value: Any,
    path: str,
    faults: Faults,
    inherited: Mapping[str, Scalar] | None = None,
) -> Op | None:
    """The op a tree spells, with every argument filled in; None (and faults) where it is wrong."""
    name, given, more = _name_and_args(value)
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
    if more:
        faults.unknown_fields(more, [arg.name for arg in spec.args], path)
        given = {**(given or {}), **{k: v for k, v in more.items() if k in _names(spec)}}
    return _fill(name, spec, given or {}, path, faults, inherited or {})


def _names(spec: OpSpec) -> list[str]:
    return [arg.name for arg in spec.args]


def _name_and_args(value: Any) -> tuple[Any, Any, Mapping[str, Any]]:
    """Name, what stands behind it, and further arguments beside it (`{conv: 3, act: relu}`)."""
    if value is None or value == "identity":
        return "none", None, {}
    if isinstance(value, Mapping):
        entries = list(value.items())
        return (*entries[0], dict(entries[1:])) if entries else (None, None, {})
    return value, None, {}


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
