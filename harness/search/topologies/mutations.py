"""Mutations of a topology: some steps from it, each a change of one edge, node or op of its cell.

The cell is said node by node first (`harness.graph.single`): rows, rewrites and `derive` are gone,
conventions, extra levels and repeats stay. Where a topology is more than one repeated cell (several
stages, turns), its whole graph is the cell.

`drop_edge` `add_edge` `move_edge`  a node reads a source less, one more, or another in its place.
`drop_node`    what read it reads its input of its own level instead, or else its first.
`set_fuse` `set_block` `set_up` `set_down`   a node has another of those that the space names.

No step leaves a cycle, a node that nothing reads or one with too few inputs, and none goes over
what an earlier one has changed. What only the whole file can tell (a way that does not reach so
far, channels that cannot meet) is left to the check that every proposal passes.
"""

from collections.abc import Sequence

from harness.graph.derive import ABOUT
from harness.graph.names import level_of
from harness.graph.parse import parse
from harness.graph.single import said_singly
from harness.graph.spec import Topology
from harness.search.topologies.base import AbstractTopologySpace, Pick, Tree, named
from harness.search.topologies.cell import CellDraft, source_of
from harness.search.topologies.changes import AbstractChange, Ops, changes_at, places_of


class Mutations(AbstractTopologySpace):
    """Picks, for each step: `step2.kind`, then where, `step2.move_edge`, then what comes there,
    `step2.move_edge.p4 > p4_td` (where there is more than one thing that can).

    What can be picked are changes of the cell as it was at first, so that options stay the same.
    One that does not fit any more stands for the next that does: at its place, then at the next
    place, then of the next kind.
    """

    def __init__(
        self,
        topology: Topology,
        steps: int,
        ops: Ops,
        levels: tuple[int, int] | None = None,
    ) -> None:
        self.steps, self.ops = steps, ops
        tree = said_singly(topology, levels)
        self.tree = {key: value for key, value in tree.items() if key not in ABOUT}
        self.name = topology.name
        self.base = _drafted(parse(self.tree))
        self.places = places_of(self.base, ops)
        self._changes: dict[tuple[str, str], dict[str, AbstractChange]] = {}

    @property
    def levels(self) -> tuple[int, int]:
        return self.base.topology.levels

    def changes(self, kind: str, place: str) -> dict[str, AbstractChange]:
        """What can be picked at a place, by word. Worked out once."""
        if (kind, place) not in self._changes:
            self._changes[kind, place] = changes_at(self.base, self.ops, kind, place)
        return self._changes[kind, place]

    def draw(self, pick: Pick) -> Tree:
        cell = self.base
        for step in range(1, self.steps + 1):
            cell = self._stepped(cell, f"step{step}", pick)
        return named(self.name, {**self.tree, "nodes": dict(cell.nodes)})

    def _stepped(self, cell: CellDraft, step: str, pick: Pick) -> CellDraft:
        """The cell after one step; itself where no change is left that fits."""
        for kind in _asked(pick, f"{step}.kind", tuple(self.places)):
            for place in _asked(pick, f"{step}.{kind}", self.places[kind]):
                changes = self.changes(kind, place)
                for word in _asked(pick, f"{step}.{kind}.{place}", tuple(changes)):
                    found = changes[word].of(cell)
                    if found is not None:
                        return found
        return cell


def _drafted(topology: Topology) -> CellDraft:
    """The cell; of the maps it is given, those that it reads are what its nodes may read."""
    nodes, taps = topology.tree["nodes"], topology.tree.get("taps", {})
    ends = frozenset([*topology.tree["outputs"].values(), *taps.values()])
    read = {source_of(one) for node in nodes.values() for one in node["from"]}
    inputs = sorted((level, name) for name in read if (level := level_of(name)) is not None)
    return CellDraft(topology, nodes, ends, tuple(name for _, name in inputs))


def _asked(pick: Pick, name: str, words: Sequence[str]) -> Sequence[str]:
    """All words, from the one picked on and round."""
    if len(words) < 2:
        return words
    at = words.index(pick(name, words))
    return (*words[at:], *words[:at])
