"""The words of the language: frozen values that say what a feature network is.

A `Topology` is what a file says (one cell, by rows or nodes, with defaults filled in).
A `Graph` is what it means: plain nodes, every repeat written out, extra levels included.
Everything after `expand` (check, infer, identity, draw, compile, count) sees a `Graph`.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from harness.graph.cell import Blueprint

Scalar = bool | int | float | str | None
Tap = Literal["after", "before"]
"""Where an edge reads its source: after the source's block, or before it (the fused map)."""


@dataclass(frozen=True, slots=True)
class Op:
    """A name from one of the tables (fuse, resample, block) with all its arguments filled in."""

    name: str
    args: tuple[tuple[str, Scalar], ...] = ()

    def __getitem__(self, key: str) -> Scalar:
        return dict(self.args)[key]


@dataclass(frozen=True, slots=True)
class Norm:
    """Batch norm constants in torch's sense: momentum is the weight of the new batch."""

    eps: float = 1e-3
    momentum: float = 0.01


@dataclass(frozen=True, slots=True)
class Projection:
    """The 1x1 convolution that brings an edge's channels to the node's.

    when: `none`, `auto` (where channels differ) or `always` (on every edge from a backbone map).
    per: `edge` (one for each use) or `input` (one for each backbone map, shared by its uses).
    """

    when: str = "auto"
    per: str = "edge"
    norm: bool = True
    bias: bool = True


@dataclass(frozen=True, slots=True)
class Edge:
    """One input of a node: tapped, projected, then taken along a path of ops.

    source: the key of a node or of a graph input.
    path: blocks and resamples, in order; each resample goes one level on, the last all that are
    left. Empty for a source of the node's own level that comes as it is.
    role: what the input is to a fuse that tells its inputs apart.
    channels: of what arrives, as a multiple of the width. None: the node's; for a fuse whose
    inputs may differ in channels (`concat`), the source's.
    share: edges of one key have one projection and one path.
    """

    source: str
    projection: Projection
    path: tuple[Op, ...] = ()
    role: str | None = None
    tap: Tap = "after"
    channels: float | None = None
    share: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One map: `block(fuse(inputs))`.

    key: unique in the graph: `name@repeat` (`p4_td@2`). Repeats are counted through all stages;
    extra levels made from the backbone have repeat 0.
    channels: a multiple of the width (1.0 = the width); None = as many as the fuse gives.
    share: nodes of one key have one block and one fuse.
    """

    name: str
    repeat: int
    level: int
    inputs: tuple[Edge, ...]
    fuse: Op
    block: Op
    norm: Norm
    channels: float | None = 1.0
    share: str | None = None

    @property
    def key(self) -> str:
        return f"{self.name}@{self.repeat}"


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole feature network as plain nodes in topological order.

    inputs: the levels bound to backbone maps; their keys are `p3`, `p4`, ...
    outputs: (level, node key), ascending by level. taps: further outputs, (name, node key).
    """

    name: str
    inputs: tuple[int, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[int, str], ...]
    taps: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """What a file says, checked but not yet expanded.

    tree: the plain tree with `derive` resolved; `parse(with_fields(tree, ...))` is a variant of it.
    blueprint: the same, read into values with every default filled in.
    """

    name: str
    tree: dict[str, Any]
    repeats: int
    levels: tuple[int, int]
    blueprint: "Blueprint" = field(repr=False, compare=False)
    source: str = ""
