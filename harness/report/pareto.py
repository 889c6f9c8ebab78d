"""Cost against AP: the data of the plot first (`pareto`), then the drawing (`draw_pareto`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from harness.report.asked import Asked
from harness.report.landmarks import (
    Landmark,
    Landmarks,
    draw_landmarks,
    draw_own_panel,
    named,
)
from harness.report.pareto_marks import Standing, colour_of, draw_keys, draw_measured, standing
from harness.report.style import figure, fit_heights, place_labels, stacked
from harness.report.summary import ArmSummary
from harness.statistics.estimates import Estimate
from harness.statistics.fronts import ap_draws, cost_draws, front_probability, on_front
from harness.statistics.samples import Sample, sample


@dataclass(frozen=True, slots=True)
class Axis:
    """A cost: its column, its label with unit and convention, and what to divide by."""

    column: str
    label: str
    scale: float


WIDE = 4.0
"""Costs that differ by a greater factor are drawn on a logarithmic axis."""

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
    """Of the means."""
    aliases: tuple[str, ...] = ()
    front_probability: float | None = None
    """How likely its true mean is on the front of the true means; None where not known."""

    @property
    def standing(self) -> Standing:
        """Where it stands to the front as far as is known; by the means where nothing is."""
        return standing(self.on_front, self.front_probability)

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
    def spans(self) -> float:
        """The largest cost over the smallest."""
        costs = [point.x for point in self.points if point.x > 0]
        return max(costs) / min(costs) if costs else 1.0

    @property
    def front(self) -> tuple[ParetoPoint, ...]:
        return tuple(point for point in self.points if point.on_front)


def pareto(
    arms: Sequence[ArmSummary],
    x: str = "macs",
    asked: Asked | None = None,
    samples: Mapping[str, Sample] | None = None,
    times: Mapping[str, Sequence[float]] | None = None,
) -> ParetoInfo:
    """The points, their front and how likely each is on it.

    asked: which axis makes families, for colours. samples: by label, where draws of the test
    images are known. times: repeated measurements by label, where the cost is one (latency).
    """
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
    means = np.array([[arm.ap.mean if arm.ap else 0.0 for arm in found]])
    fronts = on_front([arm.costs[axis.column] for arm in found], means)[0] if found else []
    sure = _probabilities(found, axis.column, samples or {}, times or {})
    points = [
        _point(arm, axis, asked, arms, bool(front), probability)
        for arm, front, probability in zip(found, fronts, sure, strict=True)
    ]
    return ParetoInfo(axis, tuple(points), tuple(left_out), asked.family or "")


def _point(
    arm: ArmSummary,
    axis: Axis,
    asked: Asked,
    arms: Sequence[ArmSummary],
    front: bool,
    probability: float | None,
) -> ParetoPoint:
    assert arm.ap is not None
    return ParetoPoint(
        label=arm.label,
        family=asked.family_of(arm.arm, arm.choice),
        place=asked.place(arm.choice),
        stratum=asked.stratum(arm.choice),
        x=arm.costs[axis.column] / axis.scale,
        ap=arm.ap,
        seeds=arm.seeds,
        on_front=front,
        aliases=tuple(other.label for other in arms if other.alias_of == arm.label),
        front_probability=probability,
    )


def _probabilities(
    arms: Sequence[ArmSummary],
    column: str,
    samples: Mapping[str, Sample],
    times: Mapping[str, Sequence[float]],
) -> list[float | None]:
    """Of each arm, that it is on the front; measured costs are drawn as APs are."""
    held = {arm.label: samples.get(arm.label) or sample(arm.seeds) for arm in arms}
    aps = ap_draws(held)
    if aps is None:
        return [None] * len(arms)
    fixed = {arm.label: arm.costs[column] for arm in arms}
    if all(label in times for label in fixed):
        return list(front_probability(cost_draws({name: times[name] for name in fixed}), aps))
    return list(front_probability(list(fixed.values()), aps))


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
    draw_measured(axes, info, colour)
    if info.spans > WIDE:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(LogLocator(base=2, numticks=5 if small else 8))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(info.axis.label)
    axes.set_ylabel("AP (COCO, mean over seeds)")
    axes.margins(x=0.12)
    if info.spans <= WIDE:
        axes.locator_params(axis="x", nbins=4 if small else 7)
    if marks and below:
        draw_own_panel(axes, below, marks, info.axis.label)
    elif marks:
        draw_landmarks(axes, marks)
    heights = [value for point in info.points for value in point.seeds]
    shown = [(p.ap.low, p.ap.high) for p in info.points]
    fit_heights(axes, [*heights, *(mark.ap for mark in beneath)], shown)
    if not small:
        draw_keys(axes, info, colour)
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
    spots, names = [*spots, *quiet_spots], [*names, *quiet_names]
    place_labels(fig, axes, spots, names, len(beneath), _lines(info))


def _lines(info: ParetoInfo) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Interval bars and the steps of the front, which names keep off where they can."""
    found = [
        ((p.x, p.ap.low), (p.x, p.ap.high))
        for p in info.points
        if p.ap.low is not None and p.ap.high is not None
    ]
    for one, after in pairwise(info.front):
        corner = (after.x, one.ap.mean)
        found += [((one.x, one.ap.mean), corner), (corner, (after.x, after.ap.mean))]
    return found
