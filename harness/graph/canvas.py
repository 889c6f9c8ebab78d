"""A layout in pixels: how large a picture is and where its rows and columns lie."""

from dataclasses import dataclass

from harness.graph.layout import Layout, Link

BOX_W, BOX_H = 66.0, 34.0
LEFT, TOP, RIGHT, BOTTOM = 96.0, 118.0, 40.0, 88.0
MIN_WIDTH = 700.0


@dataclass(frozen=True, slots=True)
class Canvas:
    """A layout with its lengths in pixels."""

    layout: Layout

    @property
    def pitch_x(self) -> float:
        """Between columns; a small graph is spread to the width its legend needs anyway."""
        columns = self.layout.width - 1
        if columns > 12:
            return 104.0
        return min(max(122.0, (MIN_WIDTH - LEFT - BOX_W - RIGHT) / max(columns, 1)), 190.0)

    @property
    def pitch_y(self) -> float:
        """Between rows, with room for the deepest arc over nodes."""
        return max(84.0, BOX_H + 10 + 0.75 * self.arc(self.longest))

    @property
    def longest(self) -> int:
        """Columns crossed by the longest same-level edge over nodes."""
        return max(
            (self.span(link) for link in self.layout.links if link.kind == "skip"), default=0
        )

    @staticmethod
    def arc(span: int) -> float:
        """How deep the control points of an arc over `span` columns lie below its ends."""
        return 14.0 * span**0.75 + 10.0 if span else 0.0

    def span(self, link: Link) -> int:
        return self.layout.columns[link.target] - self.layout.columns[link.source]

    @property
    def width(self) -> float:
        return max(LEFT + (self.layout.width - 1) * self.pitch_x + BOX_W + RIGHT, MIN_WIDTH)

    @property
    def floor(self) -> float:
        """Below the last row and its arcs."""
        arcs = 0.75 * self.arc(self.longest)
        return TOP + (len(self.layout.rows) - 1) * self.pitch_y + BOX_H + max(arcs, 12.0)

    @property
    def height(self) -> float:
        return self.floor + BOTTOM

    def x(self, column: float) -> float:
        """The middle of a column."""
        return LEFT + column * self.pitch_x + BOX_W / 2

    def y(self, level: int) -> float:
        """The middle of a row."""
        return TOP + self.layout.rows[level] * self.pitch_y + BOX_H / 2

    def at(self, key: str) -> tuple[float, float]:
        return self.x(self.layout.columns[key]), self.y(self.layout.levels[key])
