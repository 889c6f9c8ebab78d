"""Cost against AP: the data of the plot first (`pareto`), then the drawing (`draw_pareto`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.asked import Asked
from harness.report.landmarks import (
    Landmark,
    Landmarks,
    draw_landmarks,
    draw_own_panel,
    named,
)
from harness.report.style import (
    BAND,
    INK,
    MARKERS,
    SOFT,
    colours,
    figure,
    fit_heights,
    in_number_order,
    place_labels,
    stacked,
)
from harness.report.summary import ArmSummary
from harness.statistics.estimates import Estimate


@dataclass(frozen=True, slots=True)
class Axis:
    """A cost: its column, its label with unit and convention, and what to divide by."""

    column: str
    label: str
    scale: float


AXES = {
    "macs": Axis("macs", "GFLOPs (10⁹ multiply-adds, closed form, 1 per MAC)", 1e9),
    "fvcore": Axis("fvcore_total", "GFLOPs (10⁹, fvcore's own count, 1 per multiply-add)", 1e9),
    "params": Axis("params", "parameters (millions)", 1e6),
    "latency": Axis("latency_ms", "latency (ms an image, median)", 1.0),
}


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """One network. x in the axis' unit; seeds are the APs its mean is of."""

    label: str
    family: str | None
    place: str
    """Where in its family, in words; empty without families."""
    stratum: str
    x: float
    ap: Estimate
    seeds: tuple[float, ...]
    on_front: bool
    aliases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What is written beside the point: the colour says the family."""
        return self.place if self.family else " = ".join([self.label, *self.aliases])


@dataclass(frozen=True, slots=True)
class ParetoInfo:
    """Points by rising cost. The front is of the means; seeds may not separate its points."""

    axis: Axis
    points: tuple[ParetoPoint, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    """Arms that have no point, and why."""
    by: str = ""
    """The axis whose values are families; empty without families."""
    landmarks: Landmarks | None = None
    """Published detectors to draw with the points, where they were asked for."""

    @property
    def front(self) -> tuple[ParetoPoint, ...]:
        return tuple(point for point in self.points if point.on_front)


def pareto(arms: Sequence[ArmSummary], x: str = "macs", asked: Asked | None = None) -> ParetoInfo:
    """The points and their front. asked: which axis makes families, for colours."""
    asked = asked or Asked()
    axis = AXES[x]
    left_out, found = [], []
    for arm in arms:
        if arm.alias_of:
            continue
        if arm.ap is None or axis.column not in arm.costs:
            left_out.append((arm.label, arm.lacks or "no AP" if arm.ap is None else f"no {x}"))
            continue
        found.append(arm)
    found.sort(key=lambda arm: (arm.costs[axis.column], arm.label))
    points = []
    for arm in found:
        cost, mean = arm.costs[axis.column], arm.ap.mean if arm.ap else 0.0
        beaten = any(
            other.costs[axis.column] <= cost
            and other.ap is not None
            and other.ap.mean >= mean
            and (other.costs[axis.column] < cost or other.ap.mean > mean)
            for other in found
        )
        assert arm.ap is not None
        family = asked.family_of(arm.arm, arm.choice)
        place, stratum = asked.place(arm.choice), asked.stratum(arm.choice)
        same = tuple(other.label for other in arms if other.alias_of == arm.label)
        points.append(
            ParetoPoint(
                arm.label,
                family,
                place,
                stratum,
                cost / axis.scale,
                arm.ap,
                arm.seeds,
                not beaten,
                same,
            )
        )
    return ParetoInfo(axis, tuple(points), tuple(left_out), asked.family or "")


def draw_pareto(info: ParetoInfo, *, small: bool = False) -> Figure:
    """Means with intervals, each seed as a tick, the front as a stepped line.

    small: half as wide, without a key, to stand beside others.
    """
    marks, colour = info.landmarks, _colour(info)
    beneath = marks.points if marks and marks.beneath else ()
    below: Axes | None = None
    if marks and not marks.beneath:
        fig, (axes, below) = stacked(7.2, (4.6, 4.0))
    else:
        fig, axes = figure(4.4, 3.3) if small else figure(7.2, 4.6)
    _draw_measured(axes, info, colour)
    axes.set_xlabel(info.axis.label)
    axes.set_ylabel("AP (COCO, mean over seeds)")
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=4 if small else 7)
    if marks and below:
        draw_own_panel(axes, below, marks, info.axis.label)
    elif marks:
        draw_landmarks(axes, marks)
    heights = [value for point in info.points for value in point.seeds]
    shown = [(p.ap.low, p.ap.high) for p in info.points]
    fit_heights(axes, [*heights, *(mark.ap for mark in beneath)], shown)
    if not small:
        _keys(axes, info, colour)
    _write_names(fig, axes, info, beneath)
    if marks and below:
        place_labels(fig, below, *named(marks.points), len(marks.points))
    return fig


def _write_names(fig: Figure, axes: Axes, info: ParetoInfo, beneath: Sequence[Landmark]) -> None:
    """Names of measured points first, then of published ones. Last of all: sizes must stand."""
    spots = [(point.x, point.ap.mean) for point in info.points]
    names = [
        point.name if point.on_front or len(info.points) <= 12 else "" for point in info.points
    ]
    quiet_spots, quiet_names = named(beneath)
    place_labels(fig, axes, [*spots, *quiet_spots], [*names, *quiet_names], len(beneath))


def _colour(info: ParetoInfo) -> dict[str, str]:
    """A colour for each family, or for each point where there are none."""
    groups = list(dict.fromkeys(point.family or point.label for point in info.points))
    if info.by:
        groups.sort(key=in_number_order)
    return dict(zip(groups, colours(len(groups)), strict=True))


def _draw_measured(axes: Axes, info: ParetoInfo, colour: dict[str, str]) -> None:
    front = info.front
    if len(front) > 1:
        axes.step(
            [point.x for point in front],
            [point.ap.mean for point in front],
            where="post",
            color=SOFT,
            linewidth=1.1,
            linestyle=(0, (4, 2)),
            zorder=1,
            label="Pareto front of the means",
        )
    groups, strata = list(colour), list(dict.fromkeys(point.stratum for point in info.points))
    for point in info.points:
        group = point.family or point.label
        kind = strata.index(point.stratum) if len(strata) > 1 else groups.index(group) // 8
        _draw_point(axes, point, colour[group], MARKERS[kind % len(MARKERS)])


def _draw_point(axes: Axes, point: ParetoPoint, colour: str, marker: str) -> None:
    if point.ap.low is not None and point.ap.high is not None:
        axes.plot(
            [point.x, point.x], [point.ap.low, point.ap.high], color=colour, linewidth=1.2, zorder=2
        )
    axes.plot(
        [point.x] * len(point.seeds),
        point.seeds,
        linestyle="none",
        marker="_",
        markersize=7,
        color=colour,
        alpha=0.9,
        zorder=3,
    )
    axes.plot(
        [point.x],
        [point.ap.mean],
        linestyle="none",
        marker=marker,
        markersize=8.5 if point.on_front else 6.5,
        markerfacecolor=colour if point.on_front else BAND,
        markeredgecolor=INK if point.on_front else colour,
        markeredgewidth=1.2,
        zorder=4,
    )


def _keys(axes: Axes, info: ParetoInfo, colour: dict[str, str]) -> None:
    """A key where colours mean families; labels beside the points say the rest."""
    if any(point.family for point in info.points):
        for name, shade in colour.items():
            axes.plot([], [], linestyle="none", marker="o", color=shade, label=name)
    strata = list(dict.fromkeys(point.stratum for point in info.points if point.stratum))
    for marker, stratum in zip(MARKERS, strata, strict=False):
        axes.plot([], [], linestyle="none", marker=marker, color=SOFT, label=stratum)
    axes.plot(
        [], [], linestyle="none", marker="o", color=SOFT, markeredgecolor=INK, label="on the front"
    )
    axes.plot([], [], linestyle="none", marker="_", color=SOFT, label="one seed")
    axes.plot([], [], color=SOFT, linewidth=1.2, label="95% t interval over seeds")
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0,
        title=info.by.rsplit(".", 1)[-1] or None,
    )
