"""A layout in pixels: how large a picture is and where its rows and columns lie."""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from harness.graph.layout import Layout, Link

BOX_H = 34.0
LEFT, TOP = 96.0, 118.0
MIN_WIDTH = 700.0
NAMED = 66.0, 100.0
"""Narrowest and widest box; a longer name is cut."""
BESIDE = 12.0
"""Between two boxes of one column."""
FEW_LANES = 3
"""Up to so many edges over nodes beside each other are drawn as arcs, more as lanes."""
LANES = 11.0, 5.0
"""How far below the boxes the first lane runs, and how far each below the one before."""


@dataclass(frozen=True)
class Canvas:
    """A layout with its lengths in pixels.

    letters: of the longest name in a box. notes: lines of text under the title that not every
    picture has. right: room for what is said of outputs.
    """

    layout: Layout
    letters: int = 6
    notes: int = 0
    right: float = 40.0
    legend: int = 2

    @cached_property
    def box_w(self) -> float:
        return min(max(NAMED[0], 6.3 * self.letters + 12), NAMED[1])

    @cached_property
    def cell_w(self) -> float:
        """Of what stands in one column: a box, or two beside each other."""
        return 2 * self.box_w + BESIDE if self.layout.pairs else self.box_w

    @cached_property
    def pitch_x(self) -> float:
        """Between columns: room for the edges between two of them; a small graph is spread."""
        columns = self.layout.width - 1
        gap = max(38.0 if columns > 12 else 56.0, min(26 + 2.0 * self.busiest, 90.0))
        spread = (MIN_WIDTH - LEFT - self.cell_w - self.right) / max(columns, 1)
        return max(self.cell_w + gap, min(spread, 190.0)) if columns <= 12 else self.cell_w + gap

    @cached_property
    def busiest(self) -> int:
        """Most edges to other levels that end in one column."""
        levels = self.layout.levels
        ends = Counter(
            self.layout.column(link.target)
            for link in self.layout.links
            if levels[link.source] != levels[link.target] and self.span(link)
        )
        return max(ends.values(), default=0)

    @cached_property
    def pitch_y(self) -> float:
        """Between rows, with room for the deepest arc over nodes."""
        return max(84.0, BOX_H + 24 + self.deepest)

    @cached_property
    def deepest(self) -> float:
        """How far below the boxes the lowest edge over nodes runs."""
        return max(map(self.depth, self.skips), default=0.0)

    @cached_property
    def skips(self) -> tuple[Link, ...]:
        return tuple(link for link in self.layout.links if link.kind == "skip")

    def depth(self, link: Link) -> float:
        """How far below the boxes an edge over nodes runs: as an arc, or in its source's lane."""
        if self.lanes:
            return LANES[0] + LANES[1] * self.lanes[link.source]
        return 7.0 + 11.0 * math.log2(self.span(link))

    @cached_property
    def lanes(self) -> dict[str, int]:
        """Where edges over nodes are many, one lane for all those of a source; else nothing."""
        ends: dict[str, int] = {}
        for link in self.skips:
            ends[link.source] = max(ends.get(link.source, 0), self.layout.column(link.target))
        lanes: dict[str, int] = {}
        taken: dict[int, list[int]] = {}
        for source in sorted(ends, key=lambda key: self.layout.columns[key]):
            last = taken.setdefault(self.layout.levels[source], [])
            start = self.layout.column(source)
            free = [i for i, end in enumerate(last) if end < start]
            lanes[source] = free[0] if free else len(last)
            last[lanes[source] : lanes[source] + 1] = [ends[source]]
        return lanes if max(lanes.values(), default=0) >= FEW_LANES else {}

    def span(self, link: Link) -> int:
        return self.layout.column(link.target) - self.layout.column(link.source)

    @property
    def top(self) -> float:
        return TOP + 15.0 * self.notes

    @property
    def width(self) -> float:
        return max(self.end + self.right, MIN_WIDTH)

    @property
    def end(self) -> float:
        """Behind the last column."""
        return LEFT + (self.layout.width - 1) * self.pitch_x + self.cell_w

    @property
    def floor(self) -> float:
        """Below the last row and its arcs."""
        last = self.top + (len(self.layout.rows) - 1) * self.pitch_y + BOX_H
        return last + max(self.deepest + 2, 12.0)

    @property
    def height(self) -> float:
        return self.floor + 44 + 22 * self.legend

    def x(self, column: float) -> float:
        """The middle of the first place of a column, or of its second."""
        second = (self.box_w + BESIDE) * math.ceil(column % 1)
        return LEFT + math.floor(column) * self.pitch_x + self.box_w / 2 + second

    def y(self, level: int) -> float:
        """The middle of a row."""
        return self.top + self.layout.rows[level] * self.pitch_y + BOX_H / 2

    def at(self, key: str) -> tuple[float, float]:
        return self.x(self.layout.columns[key]), self.y(self.layout.levels[key])
