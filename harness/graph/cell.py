"""A topology file read into values: stages of rows and plain nodes, names still names.

What may differ by level (`block: {p3..p4: sepconv, p5..p7: conv}`) is a `PerLevel`; what may
differ by distance (`down: {x2: strided_conv, x4: [max_pool, strided_conv]}`) is a `Route`.
"""

from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from harness.graph.spec import Norm, Op, Projection, Scalar, Tap

T = TypeVar("T")
LEVELS_END = 63
"""Coarser than any level."""
Step = Literal["", "coarser", "finer", "all"]
Order = Literal["down", "up", "none"]
Back = int | Literal["first", "all", "log2"]
"""Repeats back: a number; the first; every earlier one; or 1, 2, 4, 8, ... back."""

Chain = tuple[Op, ...]
"""Ops an edge passes in order: resamples and blocks."""


@dataclass(frozen=True, slots=True)
class PerLevel(Generic[T]):
    """Values by ranges of levels: (finest, coarsest, value)."""

    ranges: tuple[tuple[int, int, T], ...]

    def at(self, level: int) -> T | None:
        for low, high, value in self.ranges:
            if low <= level <= high:
                return value
        return None

    def of(self, level: int) -> T:
        """The value at a level, of one that has a value for every level."""
        value = self.at(level)
        assert value is not None
        return value


Leveled: TypeAlias = PerLevel[T] | T | None


def said_at(value: "PerLevel[T] | T | None", level: int) -> T | None:
    """What is said for a level, if anything."""
    return value.at(level) if isinstance(value, PerLevel) else value


def at_level(value: "PerLevel[T] | T | None", level: int, default: "PerLevel[T]") -> T:
    """What holds at a level: what is said for it, else the default's."""
    found = said_at(value, level)
    return default.of(level) if found is None else found


def everywhere(value: "PerLevel[T] | T | None", default: "PerLevel[T] | T") -> "PerLevel[T]":
    """What is said, and at all other levels the default."""
    rest = default if isinstance(default, PerLevel) else PerLevel(((0, LEVELS_END, default),))
    if value is None:
        return rest
    if isinstance(value, PerLevel):
        return PerLevel((*value.ranges, *rest.ranges))
    return PerLevel(((0, LEVELS_END, value),))


@dataclass(frozen=True, slots=True)
class Route:
    """How a map gets to another level: a chain of ops by distance in levels, or one for all.

    distances: (levels apart, chain), empty where `chain` serves every distance.
    """

    chain: Chain = ()
    distances: tuple[tuple[int, Chain], ...] = ()

    def over(self, distance: int) -> Chain | None:
        """The chain for a distance; None where none is said for it."""
        return dict(self.distances).get(distance) if self.distances else self.chain


@dataclass(frozen=True, slots=True)
class ExtraStep:
    """How one extra level is made from the next finer one."""

    down: PerLevel[Route]
    block: Op
    projection: Projection


@dataclass(frozen=True, slots=True)
class Extra:
    """How levels coarser than those at hand are made, each from the next finer.

    first: the step that makes the finest of them, rest: those after it.
    source: what the first one reads (`in`, a row, `backbone`). levels: None = all that lack.
    """

    first: ExtraStep
    rest: ExtraStep
    source: str = "in"
    levels: tuple[int, int] | None = None
    path: str = "extra"


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for every node that does not say otherwise.

    inner_levels: where nodes may stand beside the levels of inputs and outputs.
    """

    projection: Projection
    up: PerLevel[Route]
    down: PerLevel[Route]
    fuse: PerLevel[Op]
    block: PerLevel[Op]
    norm: Norm
    extra: Extra
    inner_levels: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """One reference: a row, `in`, a node or a cell input (`p4`); a step in level; repeats back."""

    name: str
    step: Step = ""
    back: Back = 0


@dataclass(frozen=True, slots=True)
class Input:
    """One entry of `from`: the first of `refs` that exists. None: as the node says.

    place: its own in `from`; None for one that a rewrite has put there.
    op: blocks on the edge, before any resampling. share: edges of one key have one set of weights.
    """

    refs: tuple[Ref, ...]
    path: str
    place: int | None = None
    projection: Projection | None = None
    up: Route | None = None
    down: Route | None = None
    role: str | None = None
    tap: Tap = "after"
    op: Chain = ()
    channels: Leveled[float] = None
    share: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether an edge that is equal to it would say nothing new."""
        return not self.op and self.share is None and self.channels is None

    def says_again(self, other: "Input") -> bool:
        """Whether both, of one source, say the same, but for who the source is to the fuse."""
        return (self.is_plain and other.is_plain) and (
            (self.tap, self.projection, self.up, self.down)
            == (other.tap, other.projection, other.up, other.down)
        )


@dataclass(frozen=True, slots=True)
class Family:
    """What a row and a node have in common. None: as the settings say.

    inputs is None where the file does not say (an entry of `nodes` that changes a row's node).
    """

    name: str
    path: str
    inputs: tuple[Input, ...] | None
    fuse: Leveled[Op] = None
    block: Leveled[Op] = None
    up: Leveled[Route] = None
    down: Leveled[Route] = None
    projection: Projection | None = None
    norm: Norm | None = None
    channels: Leveled[float] = None
    share: str | None = None


@dataclass(frozen=True, slots=True)
class Row(Family):
    """A family of nodes, one a level."""

    order: Order = "none"
    skip_first: bool = False
    levels: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PlainNode(Family):
    """One node at one level; without a level, a change to a node that a row makes."""

    level: int | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rewrite by name; `op` or `route` is what the `set_` rewrites put everywhere."""

    name: str
    op: Op | None = None
    route: Route | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a feature network, for any range of levels.

    path: where the file says it, as its stage's.
    """

    rows: tuple[Row, ...]
    nodes: tuple[PlainNode, ...]
    outputs: tuple[tuple[int, str], ...]
    rewrites: tuple[Rewrite, ...]
    settings: Settings
    path: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """A cell, repeated; or extra levels, made once.

    cells: one, or several that take turns from repeat to repeat.
    shared: all repeats have one set of weights.
    inside: where the file names the other file that says this stage (`stages.1.topology`), if so.
    """

    cells: tuple[Cell, ...] = ()
    repeats: int = 1
    shared: bool = False
    extra: Extra | None = None
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A whole topology, read: its stages in order and what they start from.

    repeated: the stage whose number of repeats is the topology's own, for a study to vary.
    extra: how levels that the backbone lacks are made, where no stage makes them.
    inputs: levels bound to backbone maps, where the file names them. taps: (name, node, tap).
    """

    stages: tuple[Stage, ...]
    repeated: int | None
    extra: Extra
    settings: Settings
    inherited: tuple[tuple[str, Scalar], ...]
    last_backbone_level: int
    inputs: tuple[int, int] | None = None
    taps: tuple[tuple[str, str], ...] = ()
