"""The edges of a picture: where each leaves and enters its boxes, and the way between."""

import math
from collections import Counter
from collections.abc import Collection
from html import escape

from harness.graph.canvas import BOX_H, Canvas
from harness.graph.layout import Link
from harness.graph.wording import edge_words, learns

KINDS = {
    "same": "same level",
    "skip": "same level, over a node",
    "up": "upsampled (coarse to fine)",
    "down": "downsampled (fine to coarse)",
}
MANY = 80
"""Edges of a picture from which on they are drawn finer."""


def markers() -> str:
    """Arrow heads; those of edges with weights have a dot behind them."""
    kinds = [*KINDS, "skip-b", "skip-c"]
    tips = "".join(
        f'<marker id="fn-tip-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="5.5" '
        f'markerHeight="5.5" orient="auto"><path class="tip-{kind}" d="M0 0.8L8 4L0 7.2z"/>'
        f'</marker><marker id="fn-dot-{kind}" viewBox="0 0 17 8" refX="16" refY="4" '
        f'markerWidth="11.7" markerHeight="5.5" orient="auto"><circle class="tip-{kind}" cx="4" '
        f'cy="4" r="3.6"/><path class="tip-{kind}" d="M9 0.8L17 4L9 7.2z"/></marker>'
        for kind in kinds
    )
    return f"<defs>{tips}</defs>"


Projected = Collection[tuple[str, int]]
"""Edges that have a 1x1 convolution, as `Inferred` has them; none where nothing is inferred."""


def has_weights(link: Link, projected: Projected) -> bool:
    """Whether some op on an edge learns, its projection included."""
    return (link.target, link.place) in projected or any(learns(op) for op in link.edge.path)


class Strokes:
    """Draws the edges of a canvas. numbers: of the boxes, by key."""

    def __init__(
        self,
        canvas: Canvas,
        numbers: dict[str, int],
        ways: tuple[str, ...],
        projected: Projected = (),
    ) -> None:
        self.canvas, self.numbers, self.ways = canvas, numbers, ways
        self.projected = projected
        self.links = canvas.layout.links
        self.skips = _ranks(canvas)
        self.seen: Counter[tuple[str, str]] = Counter()
        self.boxes: dict[int, list[int]] = {}
        for key, column in canvas.layout.columns.items():
            self.boxes.setdefault(canvas.layout.levels[key], []).append(math.floor(column))

    def drawn(self) -> list[str]:
        """Same-level edges first, so that those between levels lie above them."""
        order = sorted(self.links, key=lambda link: list(KINDS).index(link.kind))
        return [self._edge(link, i) for i, link in enumerate(order)]

    def _edge(self, link: Link, number: int) -> str:
        ends = (link.source, link.target)
        twin = self.seen[ends]
        self.seen[ends] += 1
        own = (link.target, link.place) in self.projected
        words = edge_words(link.edge, self.ways, projected=own)
        title = f"{link.source} to {link.target}" + (f" ({words})" if words else "")
        classes = ["edge", link.kind, *(f"n{self.numbers[key]}" for key in ends)]
        classes += ["before"] if link.edge.tap == "before" else []
        tip, shade = "dot" if has_weights(link, self.projected) else "tip", self._shade(link)
        classes[1] += shade
        return (
            f'<path class="{" ".join(classes)}" marker-end="url(#fn-{tip}-{link.kind}{shade})" '
            f'd="{self._path(link, number, 6.0 * twin)}"><title>{escape(title)}</title></path>'
        )

    def _shade(self, link: Link) -> str:
        """Lanes beside each other differ in shade."""
        lane = self.canvas.lanes.get(link.source, 0) if link.kind == "skip" else 0
        return ("", "-b", "-c")[lane % 3]

    def _path(self, link: Link, number: int, aside: float) -> str:
        canvas, half = self.canvas, self.canvas.box_w / 2
        (x0, y0), (x1, y1) = canvas.at(link.source), canvas.at(link.target)
        if canvas.span(link) == 0 and y0 != y1:
            side = 1 if y1 > y0 else -1
            top, low = y0 + side * BOX_H / 2, y1 - side * (BOX_H / 2 + 1.5)
            if x0 != x1:
                mid = f"{(top + low) / 2:.1f}"
                return f"M{x0:.1f} {top:.1f}C{x0:.1f} {mid} {x1:.1f} {mid} {x1:.1f} {low:.1f}"
            return f"M{x0 + aside:.1f} {top:.1f}V{low:.1f}"
        if link.kind == "skip":
            leaves, enters = self.skips[id(link)]
            return self._over(link, (x0 + half - leaves, y0), (x1 - half + enters, y1))
        out, into = self._port(link, 1) + aside, self._port(link, -1) + aside
        return self._across(link, (x0 + half, y0 + out), (x1 - half - 1.5, y1 + into), number)

    def _over(self, link: Link, start: tuple[float, float], end: tuple[float, float]) -> str:
        """Under the boxes between: an arc, or down to a lane, along it and up again."""
        (x0, y0), x1 = start, end[0]
        low, depth, turn = y0 + BOX_H / 2, self.canvas.depth(link), 5.0
        if self.canvas.lanes:
            lane = low + depth
            return (
                f"M{x0:.1f} {low:.1f}V{lane - turn:.1f}Q{x0:.1f} {lane:.1f} "
                f"{x0 + turn:.1f} {lane:.1f}H{x1 - turn:.1f}Q{x1:.1f} {lane:.1f} "
                f"{x1:.1f} {lane - turn:.1f}V{low + 1.5:.1f}"
            )
        bow, reach = low + depth / 0.75, 0.3 * (x1 - x0)
        return (
            f"M{x0:.1f} {low:.1f}C{x0 + reach:.1f} {bow:.1f} "
            f"{x1 - reach:.1f} {bow:.1f} {x1:.1f} {low + 1.5:.1f}"
        )

    def _port(self, link: Link, end: int) -> float:
        """Offset in y at the source (end = 1) or the target (end = -1): farther, farther out.

        Same-level edges stay in the middle; the others keep to the side they come from.
        """
        rows, levels = self.canvas.layout.rows, self.canvas.layout.levels
        there = rows[levels[link.target]] - rows[levels[link.source]]
        if there == 0:
            return 0.0
        side = 1 if there * end > 0 else -1
        return side * min(4.0 + 3.0 * abs(there), BOX_H / 2 - 3)

    def _across(
        self, link: Link, start: tuple[float, float], end: tuple[float, float], number: int
    ) -> str:
        """A path to a later column that crosses no box: it changes level where the way is free.

        It runs along the target's row if no box stands there, else along its source's, else
        between rows, in one of several lanes.
        """
        (x0, y0), (x1, y1) = start, end
        gap = self.canvas.pitch_x - self.canvas.cell_w
        if self.canvas.span(link) <= 1:
            return f"M{x0:.1f} {y0:.1f}" + _bend(x0, y0, x1, y1)
        if self._free(link, link.target):
            along = y1
        elif self._free(link, link.source):
            along = y0
        else:
            half = self.canvas.pitch_y / 2 - 3.0 + 3.0 * (number % 5 - 2)
            along = self.canvas.at(link.target)[1] + (half if y0 > y1 else -half)
        first = _bend(x0, y0, x0 + gap, along) if along != y0 else ""
        last = _bend(x1 - gap, along, x1, y1) if along != y1 else ""
        return f"M{x0:.1f} {y0:.1f}{first}H{x1 - gap if last else x1:.1f}{last}"

    def _free(self, link: Link, key: str) -> bool:
        """Whether no box stands in a node's row between the link's columns."""
        layout = self.canvas.layout
        low, high = layout.column(link.source), layout.column(link.target)
        return not any(low < column < high for column in self.boxes[layout.levels[key]])


def _bend(x0: float, y0: float, x1: float, y1: float) -> str:
    middle = (x0 + x1) / 2
    return f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"


def _ranks(canvas: Canvas) -> dict[int, tuple[float, float]]:
    """How far from its box's corner each edge over nodes leaves and enters.

    Longer arcs leave and enter farther in, so that those of one box do not cross; in lanes, all
    of a source leave it in one line.
    """
    leaving: dict[str, list[Link]] = {}
    entering: dict[str, list[Link]] = {}
    for link in canvas.skips:
        leaving.setdefault(link.source, []).append(link)
        entering.setdefault(link.target, []).append(link)
    room = 0.5 * canvas.box_w
    leaves: dict[int, float] = {}
    for links in leaving.values():
        step = 0.0 if canvas.lanes else min(9.0, room / len(links))
        for rank, link in enumerate(sorted(links, key=canvas.span)):
            leaves[id(link)] = 9.0 + rank * step
    places: dict[int, tuple[float, float]] = {}
    for links in entering.values():
        step = min(9.0, room / len(links))
        for rank, link in enumerate(sorted(links, key=canvas.span)):
            places[id(link)] = leaves[id(link)], 9.0 + rank * step
    return places
