"""The drawing of `pareto`: on the page, small beside others, and as wide as a phone."""

from collections.abc import Sequence
from itertools import pairwise
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from harness.report.labels import Line, place_labels
from harness.report.landmarks import Landmark, draw_landmarks, draw_own_panel, named
from harness.report.pareto import WIDE, ParetoInfo
from harness.report.pareto_marks import colour_of, draw_keys, draw_measured, is_named
from harness.report.style import PHONE, figure, fit_heights, stacked, write_key


def draw_pareto(info: ParetoInfo, *, small: bool = False) -> Figure:
    """Means with intervals, each seed as a tick, the front as a stepped line.

    small: half as wide, without a key, to stand beside others.
    """
    marks, colour = info.landmarks, colour_of(info)
    beneath = marks.points if marks and marks.beneath else ()
    below: Axes | None = None
    if marks and not marks.beneath:
        fig, (axes, below) = stacked(7.2, (4.6, 4.0))
    else:
        fig, axes = figure(4.4, 3.3) if small else figure(7.2, 4.6)
    _draw_points(axes, info, [mark.ap for mark in beneath], marks=4 if small else 7)
    if marks and below:
        draw_own_panel(axes, below, marks, info.axis.label)
    elif marks:
        draw_landmarks(axes, marks)
    if not small:
        draw_keys(axes, info, colour)
        write_key(fig, axes, title=info.short or None)
    _write_names(fig, axes, info, beneath, strict=not small and is_named(info))
    if marks and below:
        place_labels(fig, below, *named(marks.points), len(marks.points))
    return fig


def draw_phone(info: ParetoInfo) -> Figure:
    """As wide as a phone, its key under it; measured points alone. Arms are named in the key.

    With published detectors, as `draw_pareto` has them small: the caption is of these too.
    """
    if info.landmarks:
        return draw_pareto(info, small=True)
    fig, axes = figure(PHONE, 3.0)
    _draw_points(axes, info, [], marks=4)
    axes.set_xlabel(fill(info.axis.label, 36))
    draw_keys(axes, info, colour_of(info), letters=44)
    write_key(fig, axes, phone=True, title=info.short or None)
    if info.families or not is_named(info):
        _write_names(fig, axes, info, ())
    return fig


def _draw_points(axes: Axes, info: ParetoInfo, more: Sequence[float], marks: int) -> None:
    """more: other heights to be shown; marks: of the axis of costs."""
    draw_measured(axes, info, colour_of(info))
    if info.spans > WIDE:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(LogLocator(base=2, numticks=marks + 1))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(info.axis.label)
    axes.set_ylabel("AP (COCO, mean over seeds)")
    axes.margins(x=0.12)
    if info.is_one_cost:
        axes.set_xticks([info.points[0].x], [f"{info.points[0].x:.4g}"])
    elif info.spans <= WIDE:
        axes.locator_params(axis="x", nbins=marks)
    heights = [value for point in info.points for value in point.seeds]
    fit_heights(axes, [*heights, *more], [(p.ap.low, p.ap.high) for p in info.points])


def _write_names(
    fig: Figure, axes: Axes, info: ParetoInfo, beneath: Sequence[Landmark], *, strict: bool = False
) -> None:
    """Names of measured points first, then of published ones. Last of all: sizes must stand.

    strict: a name that would lie across a bar is left out, as the key has it.
    """
    spots = [(point.x, point.ap.mean) for point in info.points]
    names = [
        point.name if point.on_front or len(info.points) <= 12 else "" for point in info.points
    ]
    quiet_spots, quiet_names = named(beneath)
    spots, names = [*spots, *quiet_spots], [*names, *quiet_names]
    strict = strict and not info.families
    place_labels(fig, axes, spots, names, len(beneath), lines_of(info), strict=strict)


def lines_of(info: ParetoInfo) -> list[Line]:
    """Interval bars and the steps of the front, which names keep off where they can."""
    found: list[Line] = [
        ((p.x, p.ap.low), (p.x, p.ap.high))
        for p in info.points
        if p.ap.low is not None and p.ap.high is not None
    ]
    for one, after in pairwise(info.front):
        corner = (after.x, one.ap.mean)
        found += [((one.x, one.ap.mean), corner), (corner, (after.x, after.ap.mean))]
    return found
