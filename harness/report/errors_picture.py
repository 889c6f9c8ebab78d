"""The pictures of errors: small multiples of dots and intervals, a row an arm."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.report.errors import ArmErrors, ErrorsInfo, Value
from harness.report.style import OKABE_ITO, SOFT, figures
from harness.statistics.kinds import KINDS, SIZES


def draw_error_pictures(info: ErrorsInfo) -> dict[str, Figure]:
    """The section's figures by name; none where there is nothing to show."""
    if not info.arms:
        return {}
    made = {"errors": draw_kinds(info), "errorsizes": draw_sizes(info)}
    return made | ({"errorgaps": draw_gaps(info)} if info.against() else {})


def draw_kinds(info: ErrorsInfo) -> Figure:
    """A panel a kind, a row an arm: AP50 that mending this kind alone would give back."""
    arms = info.drawn
    fig, panels = figures(7.2, 2 * (0.75 + 0.24 * len(arms)), 2, 3)
    for kind, axes in zip(KINDS, panels.flat, strict=True):
        _rows(axes, [(arm, arm.values.get(f"kind.{kind}")) for arm in arms])
        axes.set_title(kind, loc="left")
    _frame(panels, [arm.values.get(f"kind.{kind}") for arm in arms for kind in KINDS], floor=True)
    for axes in panels[1]:
        axes.set_xlabel("AP50 given back")
    return fig


def draw_gaps(info: ErrorsInfo) -> Figure:
    """The same as differences to the baseline: left of zero is less error."""
    arms = info.against()
    fig, panels = figures(7.2, 2 * (0.75 + 0.24 * len(arms)), 2, 3)
    for kind, axes in zip(KINDS, panels.flat, strict=True):
        axes.axvline(0, color=SOFT, linewidth=0.9)
        _rows(axes, [(arm, arm.gaps.get(f"kind.{kind}")) for arm in arms])
        axes.set_title(kind, loc="left")
    _frame(panels, [arm.gaps.get(f"kind.{kind}") for arm in arms for kind in KINDS])
    for axes in panels[1]:
        axes.set_xlabel("difference in AP50")
    return fig


def draw_sizes(info: ErrorsInfo) -> Figure:
    """A row of panels a size, a column a kind; differences to the baseline where there is one."""
    arms = info.against() or info.drawn
    everything: list[Value | None] = []
    fig, panels = figures(7.2, 3 * (0.62 + 0.2 * len(arms)), len(SIZES), len(KINDS))
    for size, row in zip(SIZES, panels, strict=True):
        for kind, axes in zip(KINDS, row, strict=True):
            held = [(arm, (arm.gaps or arm.values).get(f"size.{size}.{kind}")) for arm in arms]
            if info.against():
                axes.axvline(0, color=SOFT, linewidth=0.9)
            scaled = [(arm, _scaled(one, 100)) for arm, one in held]
            _rows(axes, scaled, ticks=2)
            everything += [one for _, one in scaled]
            axes.tick_params(labelsize=7)
        row[0].set_title(f"{size} objects", loc="left", fontsize=8)
    for kind, axes in zip(KINDS, panels[-1], strict=True):
        axes.set_xlabel(kind, fontsize=7)
    _frame(panels, everything, floor=not info.against())
    return fig


def _frame(panels: Any, shown: Sequence[Value | None], floor: bool = False) -> None:
    """One range for all panels, names at the left alone.

    Every mean is in it, zero too, and intervals as far as they go no more than that range out: two
    seeds have some that would squeeze all else into a line.
    """
    there = [one for one in shown if one is not None]
    means = [0.0, *(one.mean for one in there)]
    low, high = min(means), max(means)
    room = max(high - low, 1e-3)
    ends = [(one.low, one.high) for one in there if one.low is not None and one.high is not None]
    left = max(min([low, *(end for end, _ in ends)]), low - 0.6 * room)
    right = min(max([high, *(end for _, end in ends)]), high + 0.6 * room)
    panels[0, 0].set_xlim((0 if floor else left) - 0.06 * room, right + 0.06 * room)
    for axes in panels[:, 1:].flat:
        axes.tick_params(labelleft=False)


def _scaled(one: Value | None, by: float) -> Value | None:
    if one is None or one.low is None or one.high is None:
        return None if one is None else Value(one.mean * by)
    return Value(one.mean * by, one.low * by, one.high * by)


def _rows(axes: Axes, rows: Sequence[tuple[ArmErrors, Value | None]], ticks: int = 4) -> None:
    for y, (arm, one) in enumerate(rows):
        if one is None:
            continue
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [y, y], color=OKABE_ITO[0], linewidth=1.2)
        fill = "none" if arm.is_baseline else OKABE_ITO[0]
        axes.plot([one.mean], [y], "o", markersize=4.5, color=OKABE_ITO[0], markerfacecolor=fill)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [arm.label for arm, _ in rows])
    axes.grid(False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(ticks))
