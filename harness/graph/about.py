"""What is worth saying of a graph that its nodes do not say: stages, and what is left out of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.graph.cell import Cell
from harness.graph.spec import Graph, Topology

_NAMED = 4
"""Rows of a stage that are named before the rest are only counted."""


@dataclass(frozen=True, slots=True)
class Section:
    """The nodes of one repeat: which stage they are of, and its how-manieth time this is."""

    repeat: int
    stage: int
    stages: int
    turn: int
    turns: int
    rows: str

    @property
    def title(self) -> str:
        """`repeat 2`, or `stage 2 (td, out), repeat 1 of 3`."""
        if self.stages == 1:
            return f"repeat {self.turn}"
        again = f", repeat {self.turn} of {self.turns}" if self.turns > 1 else ""
        return f"stage {self.stage} ({self.rows}){again}"

    @property
    def short(self) -> str:
        """The same in a word or two, where there is no room."""
        if self.stages == 1:
            return str(self.turn)
        return f"{self.stage}" if self.turns == 1 else f"{self.stage}.{self.turn}"


@dataclass(frozen=True, slots=True)
class About:
    """Sections in the order of the graph's repeats; what of its source a file leaves out."""

    sections: tuple[Section, ...] = ()
    approximates: str = ""

    def section(self, repeat: int) -> Section | None:
        return next((one for one in self.sections if one.repeat == repeat), None)


def about_topology(topology: Topology, *, repeats: int | None = None) -> About:
    """Of a topology as it is expanded with so many repeats."""
    blueprint = topology.blueprint
    count = topology.repeats if repeats is None else repeats
    found: list[Section] = []
    for i, stage in enumerate(blueprint.stages):
        turns = 1 if stage.extra is not None else stage.repeats
        turns = max(1, count) if i == blueprint.repeated else turns
        rows = "extra levels" if stage.extra is not None else _rows(stage.cells)
        for turn in range(1, turns + 1):
            found.append(Section(len(found) + 1, i + 1, len(blueprint.stages), turn, turns, rows))
    return About(tuple(found), " ".join(str(topology.tree.get("approximates", "")).split()))


def about_graph(graph: Graph) -> About:
    """Of a graph alone: every repeat is one of the same stage."""
    repeats = sorted({node.repeat for node in graph.nodes if node.repeat > 0})
    last = max(repeats, default=0)
    return About(tuple(Section(repeat, 1, 1, repeat, last, "") for repeat in repeats))


def _rows(cells: Iterable[Cell]) -> str:
    cell = next(iter(cells))
    plain = {node.name for node in cell.nodes if node.level is not None}
    names = [*(row.name for row in cell.rows), *sorted(plain)]
    more = f", {len(names) - _NAMED} more" if len(names) > _NAMED + 1 else ""
    return ", ".join(names[: _NAMED if more else _NAMED + 1]) + more
