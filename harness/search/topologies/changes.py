"""Changes of a cell, one edge, node or field each."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.graph.ops import BLOCKS, FUSES
from harness.graph.spec import Op
from harness.search.topologies.cell import CellDraft, Place, source_of

FIELDS = ("fuse", "block", "up", "down")
"""Of a node: what may be put in another's place."""


class AbstractChange(ABC):
    """One change, made of the cell as it was at first, which may not fit any more."""

    @abstractmethod
    def places(self, cell: CellDraft) -> frozenset[Place]:
        """What it changes."""

    @abstractmethod
    def changed(self, cell: CellDraft) -> CellDraft | None:
        """The cell after it, right or not; None where its place is not there."""

    @abstractmethod
    def nodes(self, cell: CellDraft) -> tuple[str, ...]:
        """Nodes whose inputs or fuse are other than before."""

    def of(self, cell: CellDraft) -> CellDraft | None:
        """The cell with the change made; None where it does not fit, or goes over another."""
        places = self.places(cell)
        found = self.changed(cell) if not places & cell.touched else None
        touched = self.nodes(cell) if found is not None else ()
        for node in touched:
            found = found.with_roles(node) if found is not None else None
        if found is None or not found.stands(touched):
            return None
        return replace(found, touched=cell.touched | places)


@dataclass(frozen=True, slots=True)
class DropEdge(AbstractChange):
    """A node no longer reads a source."""

    node: str
    source: str

    @property
    def word(self) -> str:
        """The edge."""
        return f"{self.source} > {self.node}"

    def places(self, cell: CellDraft) -> frozenset[Place]:
        return frozenset({(self.node, self.source)})

    def nodes(self, cell: CellDraft) -> tuple[str, ...]:
        return (self.node,)

    def changed(self, cell: CellDraft) -> CellDraft | None:
        if self.node not in cell.nodes or self.source not in cell.read(self.node):
            return None
        inputs = [one for one in cell.nodes[self.node]["from"] if source_of(one) != self.source]
        return cell.with_node(self.node, **{"from": inputs})


@dataclass(frozen=True, slots=True)
class AddEdge(DropEdge):
    """A node reads one source more."""

    def changed(self, cell: CellDraft) -> CellDraft | None:
        if self.node not in cell.nodes or self.source not in cell.sources:
            return None
        if self.source in cell.read(self.node) or self.source == self.node:
            return None
        fuse = cell.fuse(self.node)
        added = fuse is not None and "add" in FUSES.get(fuse.name).roles
        one: Any = {"from": self.source, "role": "add"} if added else self.source
        return cell.with_node(self.node, **{"from": [*cell.nodes[self.node]["from"], one]})


@dataclass(frozen=True, slots=True)
class MoveEdge(AbstractChange):
    """A node reads another source in the place of one. What the edge said of itself is gone."""

    node: str
    source: str
    to: str

    def places(self, cell: CellDraft) -> frozenset[Place]:
        return frozenset({(self.node, self.source), (self.node, self.to)})

    def nodes(self, cell: CellDraft) -> tuple[str, ...]:
        return (self.node,)

    def changed(self, cell: CellDraft) -> CellDraft | None:
        if self.node not in cell.nodes or self.to not in cell.sources or self.to == self.node:
            return None
        read = cell.read(self.node)
        if self.source not in read or self.to in read:
            return None
        inputs = list(cell.nodes[self.node]["from"])
        inputs[read.index(self.source)] = self.to
        return cell.with_node(self.node, **{"from": inputs})


@dataclass(frozen=True, slots=True)
class DropNode(AbstractChange):
    """A node is gone; what read it reads its input of its own level instead, or its first."""

    node: str

    def places(self, cell: CellDraft) -> frozenset[Place]:
        stands_in = self._stands_in(cell)
        return frozenset((reader, stands_in) for reader in self.nodes(cell))

    def nodes(self, cell: CellDraft) -> tuple[str, ...]:
        return tuple(name for name in cell.nodes if self.node in cell.read(name))

    def _stands_in(self, cell: CellDraft) -> str:
        read = cell.read(self.node) if self.node in cell.nodes else [""]
        level = cell.level(self.node)
        return next((source for source in read if cell.level(source) == level), read[0])

    def changed(self, cell: CellDraft) -> CellDraft | None:
        if self.node not in cell.nodes or self.node in cell.ends:
            return None
        later = [source for name in cell.nodes for source in cell.read(name) if "@" in source]
        if any(source.partition("@")[0] == self.node for source in later):
            return None
        stands_in = self._stands_in(cell)
        found = cell.without(self.node)
        for reader in self.nodes(cell):
            read = cell.read(reader)
            inputs = list(cell.nodes[reader]["from"])
            inputs[read.index(self.node)] = stands_in
            if stands_in in read:
                del inputs[read.index(self.node)]
            found = found.with_node(reader, **{"from": inputs})
        return found


@dataclass(frozen=True, slots=True)
class SetField(AbstractChange):
    """A node has another fuse, block or way between levels. op: as a tree says it."""

    node: str
    field: str
    op: Any

    def places(self, cell: CellDraft) -> frozenset[Place]:
        return frozenset({(self.node, self.field)})

    def nodes(self, cell: CellDraft) -> tuple[str, ...]:
        return (self.node,)

    def changed(self, cell: CellDraft) -> CellDraft | None:
        if self.node not in cell.nodes or self._is_so(cell):
            return None
        levels = [cell.level(source) - cell.level(self.node) for source in cell.read(self.node)]
        needless = {
            "fuse": len(levels) < 2,
            "block": False,
            "up": not any(level > 0 for level in levels),
            "down": not any(level < 0 for level in levels),
        }
        return None if needless[self.field] else cell.with_node(self.node, **{self.field: self.op})

    def _is_so(self, cell: CellDraft) -> bool:
        """Whether the node has it already, in whatever words."""
        old = cell.op(self.node, self.field)
        new = cell.op(self.node, self.field, said=self.op)
        if isinstance(old, Op) and isinstance(new, Op) and old.name == new.name:
            spec = (FUSES if self.field == "fuse" else BLOCKS).get(old.name)
            count = len(cell.read(self.node))
            same = spec.meaning(old, count) == spec.meaning(new, count)
            return old == new if spec.roles else same
        return old == new


Ops = Mapping[str, Mapping[str, Any]]
"""What nodes may be given, by field (`fuse`, ...) and by word."""


def places_of(cell: CellDraft, ops: Ops) -> dict[str, tuple[str, ...]]:
    """Where a change can be made, by kind: at a node, or at an edge."""
    nodes = tuple(cell.nodes)
    kinds = {
        "drop_edge": tuple(one.word for one in _edges(cell) if one.of(cell) is not None),
        "add_edge": nodes,
        "move_edge": tuple(one.word for one in _edges(cell)),
        "drop_node": tuple(one for one in nodes if DropNode(one).of(cell) is not None),
        **{f"set_{field}": nodes for field in ops},
    }
    return {kind: places for kind, places in kinds.items() if places}


def changes_at(cell: CellDraft, ops: Ops, kind: str, place: str) -> dict[str, AbstractChange]:
    """The changes of a kind that fit a cell at one place, by what they bring there."""
    field = kind.removeprefix("set_")
    edge = next((one for one in _edges(cell) if one.word == place), None)
    found: dict[str, AbstractChange] = {}
    if kind == "drop_node":
        found = {place: DropNode(place)}
    elif kind == "drop_edge" and edge is not None:
        found = {place: edge}
    elif kind == "add_edge":
        found = {source: AddEdge(place, source) for source in cell.sources}
    elif kind == "move_edge" and edge is not None:
        found = {to: MoveEdge(edge.node, edge.source, to) for to in cell.sources}
    elif field in ops:
        found = {word: SetField(place, field, op) for word, op in ops[field].items()}
    return {word: one for word, one in found.items() if one.of(cell) is not None}


def _edges(cell: CellDraft) -> Iterator[DropEdge]:
    for node in cell.nodes:
        for source in dict.fromkeys(cell.read(node)):
            yield DropEdge(node, source)
