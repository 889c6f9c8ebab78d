"""Names beside the points of a plot: where they cover nothing, or nowhere."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from harness.report.style import INK, SOFT

Line = tuple[tuple[float, float], tuple[float, float]]
"""From one point of the data to another."""
Offset = tuple[int, int, str]
"""Points to the right, points up, alignment."""
NEAR: tuple[Offset, ...] = (
    (7, 6, "left"), (-7, 6, "right"), (7, -13, "left"), (-7, -13, "right"),
    (0, 11, "center"), (0, -19, "center"), (7, 15, "left"), (-7, 15, "right"),
)  # fmt: skip
"""Where a name is tried beside its point."""
FAR: tuple[Offset, ...] = tuple(
    (x, y, align)
    for y in (28, -36, 44, -52, 60, -68)
    for x, align in ((16, "left"), (-16, "right"), (34, "left"), (-34, "right"))
)
"""Where it is tried next, with a line to its point."""


def place_labels(
    fig: Figure,
    axes: Axes,
    spots: Sequence[tuple[float, float]],
    names: Sequence[str],
    quiet: int = 0,
    lines: Sequence[Line] = (),
    *,
    strict: bool = False,
) -> None:
    """Write names beside their points where they cover nothing; a name without room is left out.

    lines: level and upright ones, from end to end, that names keep off where they can (strict:
    always). Points whose name is empty are only kept free. The last `quiet` names are written
    quietly, each with a thin line to its point, as names far from theirs have one.
    """
    fig.draw_without_rendering()  # sizes alone: a raster of it costs seconds
    renderer = fig.canvas.get_renderer()  # type: ignore[attr-defined]
    pixels: Any = axes.transData.transform(list(spots)) if spots else []
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in pixels]
    frame = axes.get_window_extent(renderer)
    tries = _tries(axes, lines, strict)
    for i, (spot, name) in enumerate(zip(spots, names, strict=True)):
        if not name:
            continue
        others = taken[:i] + taken[i + 1 :]
        is_quiet = i >= len(names) - quiet
        written: Any = {"fontsize": 7, "color": SOFT} if is_quiet else {"fontsize": 8, "color": INK}
        for kept_off, (dx, dy, align) in tries:
            note = axes.annotate(
                name, spot, (dx, dy), textcoords="offset points", ha=align, **written
            )
            box = note.get_window_extent(renderer)
            if _is_inside(box, frame) and not any(
                box.overlaps(other) for other in (*others, *kept_off)
            ):
                taken.append(box)
                note.set_in_layout(False)
                if is_quiet or abs(dy) > 20:
                    _lead(note, spot)
                break
            note.remove()


def _tries(axes: Axes, lines: Sequence[Line], strict: bool) -> list[tuple[list[Bbox], Offset]]:
    """What a name keeps off and where it is tried, one after the other."""
    ends: Any = [axes.transData.transform(line) for line in lines]
    bars = [Bbox([one.min(axis=0) - 0.5, one.max(axis=0) + 0.5]) for one in ends]
    off_bars = [(bars, offset) for offset in NEAR + FAR] if bars else []
    return off_bars if bars and strict else [*off_bars, *(([], offset) for offset in NEAR)]


def _is_inside(box: Bbox, frame: Bbox) -> bool:
    """A name may stand a little above the frame, where nothing else is."""
    across = frame.x0 <= box.x0 and box.x1 <= frame.x1
    return bool(across and frame.y0 <= box.y0 and box.y1 <= frame.y1 + 8)


def _lead(note: Annotation, spot: tuple[float, float]) -> None:
    """A thin line from a name to its point; it keeps no other name away."""
    line = {"arrowstyle": "-", "color": SOFT, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 3}
    dx, dy = note.xyann
    note.axes.annotate(  # type: ignore[union-attr]
        "", spot, (dx, dy + 7 if dy < 0 else dy), textcoords="offset points", arrowprops=line
    ).set_in_layout(False)
