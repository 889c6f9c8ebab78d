"""A topology file read into values: rows, plain nodes, rewrites and settings, names still names."""

from dataclasses import dataclass
from typing import Literal

from harness.graph.spec import Norm, Op, Projection, Scalar

Step = Literal["", "coarser", "finer", "all"]
Order = Literal["down", "up", "none"]


@dataclass(frozen=True, slots=True)
class Extra:
    """How a level coarser than the backbone's is made from the next finer one, before the cell."""

    down: Op
    block: Op
    projection: Projection


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for every node that does not say otherwise."""

    projection: Projection
    up: Op
    down: Op
    fuse: Op
    block: Op
    norm: Norm
    extra: Extra


@dataclass(frozen=True, slots=True)
class Ref:
    """One reference: a row, `in`, a node or a cell input (`p4`); a step in level; repeats back."""

    name: str
    step: Step = ""
    back: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    """One entry of `from`: the first of `refs` that exists. None: as the node says."""

    refs: tuple[Ref, ...]
    path: str
    projection: Projection | None = None
    up: Op | None = None
    down: Op | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """What a row and a node have in common. None: as the settings say.

    inputs is None where the file does not say (an entry of `nodes` that changes a row's node).
    """

    name: str
    path: str
    inputs: tuple[Input, ...] | None
    fuse: Op | None = None
    block: Op | None = None
    up: Op | None = None
    down: Op | None = None
    projection: Projection | None = None
    norm: Norm | None = None
    channels: float | None = None


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
    """A rewrite by name; `op` is what the `set_` rewrites put everywhere."""

    name: str
    op: Op | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a feature network, for any range of levels."""

    rows: tuple[Row, ...]
    nodes: tuple[PlainNode, ...]
    outputs: tuple[tuple[int, str], ...]
    rewrites: tuple[Rewrite, ...]
    settings: Settings
    inherited: tuple[tuple[str, Scalar], ...]
    last_backbone_level: int
