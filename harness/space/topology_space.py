"""What a study says of a space of topologies to search: NAS-FPN's, or mutations of one."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, model_validator

from harness.errors import did_you_mean
from harness.graph.conventions import CONVENTIONS
from harness.graph.faults import Faults
from harness.graph.ops import FUSES
from harness.graph.read import Reader
from harness.space.base import Frozen
from harness.space.model import Count


def word_of(op: Any) -> str:
    """An op in words, for a pick: `weighted fast` for `{weighted: fast}`."""
    if isinstance(op, Mapping):
        return " ".join(f"{key} {word_of(value)}" for key, value in op.items()).strip()
    return json.dumps(op) if isinstance(op, bool) else "" if op is None else str(op)


def by_word(ops: Iterable[Any]) -> dict[str, Any]:
    """Ops by what they are called in a pick."""
    return {word_of(op): op for op in ops}


def _right(read: Callable[[Reader], object]) -> None:
    """Whatever a reader of the graph language finds wrong, as pydantic wants to hear it."""
    faults = Faults()
    read(Reader(faults, {}))
    if faults:
        raise ValueError("; ".join(fault.message for fault in faults.all()))


def _op(kind: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        resamples = kind in ("up", "down")
        _right(lambda r: r.route(kind, value, "") if resamples else r.op(kind, value, ""))
        return value

    return check


def _levels(value: Any) -> Any:
    """`p3..p7` or `[3, 7]` as two numbers."""
    _right(lambda reader: reader.levels(value, ""))
    return Reader(Faults(), {}).levels(value, "")


def _joins(name: str) -> bool:
    """Whether a fuse takes any two inputs and more, whose roles nobody has to say."""
    spec = FUSES.get(name)
    fewest, most = spec.arity
    return fewest <= 2 and most is None and (not spec.roles or "add" in spec.roles)


def _joining(value: Any) -> Any:
    name = next(iter(value)) if isinstance(value, Mapping) else value
    if not _joins(name):
        can = ", ".join(filter(_joins, FUSES.names()))
        raise ValueError(f"{name} cannot join any two maps; {can} can")
    return value


def _some(ops: tuple[Any, ...]) -> tuple[Any, ...]:
    if not ops:
        raise ValueError("needs at least one fuse")
    return ops


def _distinct(ops: tuple[Any, ...]) -> tuple[Any, ...]:
    words = [word_of(op) for op in ops]
    twice = next((word for word in words if words.count(word) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} stands there twice")
    return ops


def _convention(name: str) -> str:
    if name not in CONVENTIONS:
        near = did_you_mean(name, CONVENTIONS.names())
        raise ValueError(f"no conventions {name!r}{near}")
    return name


Fuse = Annotated[Any, AfterValidator(_op("fuse"))]
Block = Annotated[Any, AfterValidator(_op("block"))]
Up = Annotated[Any, AfterValidator(_op("up"))]
Down = Annotated[Any, AfterValidator(_op("down"))]
Ops = AfterValidator(_distinct)
Levels = Annotated[
    tuple[int, int], BeforeValidator(_levels, json_schema_input_type=str | tuple[int, int])
]


class MergingCellsStudy(Frozen):
    """NAS-FPN's space (`harness.search.topologies.merging_cells`)."""

    levels: Levels = (3, 7)
    """Of the inputs and the outputs."""
    cells: Count = 7
    """Merging cells of one repeat, those that make the outputs included."""
    fuses: Annotated[
        tuple[Annotated[Fuse, AfterValidator(_joining)], ...], Ops, AfterValidator(_some)
    ] = ("sum", "gate")
    blocks: Annotated[tuple[Block, ...], Ops] = ()
    """What follows a fuse; none: what the conventions say."""
    inner_levels: Levels | None = None
    """Of cells that make no output; None: all but the finest, as in the paper."""
    conventions: Annotated[str, AfterValidator(_convention)] = "nas_fpn"
    repeats: Count = 1

    @property
    def inner(self) -> tuple[int, int]:
        return self.inner_levels or (self.levels[0] + 1, self.levels[1])

    @model_validator(mode="after")
    def _has_room(self) -> "MergingCellsStudy":
        finest, coarsest = self.levels
        outputs = coarsest - finest + 1
        if outputs < 2:
            raise ValueError("needs at least two levels: a cell joins two maps")
        if self.cells < outputs:
            span = f"p{finest}..p{coarsest}"
            reason = f"needs at least {outputs} cells, one a level of {span}"
            raise ValueError(f"{reason}: there are {self.cells}")
        if self.inner[0] < finest or self.inner[1] > coarsest:
            raise ValueError(f"inner_levels do not lie within p{finest}..p{coarsest}")
        return self


class MutationsStudy(Frozen):
    """Mutations of a topology (`harness.search.topologies.mutations`)."""

    of: str | dict[str, Any]
    """A topology by name or file, or outright."""
    steps: Count = 1
    """Changes made one after another."""
    levels: Levels | None = None
    """None: the topology's own."""
    fuses: Annotated[tuple[Fuse, ...], Ops] = ()
    """What a node may be given in place of its own; of none, no fuse is changed."""
    blocks: Annotated[tuple[Block, ...], Ops] = ()
    ups: Annotated[tuple[Up, ...], Ops] = ()
    downs: Annotated[tuple[Down, ...], Ops] = ()


class TopologySpaceStudy(Frozen):
    """One space of topologies."""

    merging_cells: MergingCellsStudy | None = None
    mutations: MutationsStudy | None = None

    @model_validator(mode="after")
    def _one(self) -> "TopologySpaceStudy":
        if (self.merging_cells is None) == (self.mutations is None):
            raise ValueError("a space is one of merging_cells and mutations")
        return self
