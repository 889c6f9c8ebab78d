"""Cost against AP: the data of the plot. `pareto_drawing` draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.report.asked import Asked
from harness.report.landmarks import Landmarks
from harness.report.pareto_marks import SEVERAL
from harness.report.style import in_number_order
from harness.report.summary import ArmSummary
from harness.search import short_names, wording
from harness.statistics.estimates import Estimate
from harness.statistics.fronts import ap_draws, cost_draws, front_probability, on_front
from harness.statistics.samples import Sample, sample
from harness.statistics.standings import Standing, standings


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
    """None without families, and where the network is of several."""
    place: str
    """Where in its family, in words; empty without families."""
    stratum: str
    x: float
    ap: Estimate
    seeds: tuple[float, ...]
    on_front: bool
    """Of the means."""
    standing: Standing = "perhaps"
    """Where it stands to the front, by the study's own test."""
    aliases: tuple[str, ...] = ()
    front_probability: float | None = None
    """How likely its true mean is on the front of the true means; None where not known."""
    shared: str = ""
    """The families that it is a network of, in words, where these are several."""
    said: str = ""
    """Then what it is called: its place with the names of the axes, and those families."""

    @property
    def is_judged(self) -> bool:
        """Whether it has seeds enough to be held to others."""
        return self.ap.n > 1

    @property
    def group(self) -> str:
        """What gives it its colour and shape: its family, or itself."""
        return SEVERAL if self.shared else self.family or self.label

    @property
    def name(self) -> str:
        """What is written beside the point: the colour says the family."""
        if self.shared:
            return f"{self.place} ({self.shared})".strip()
        return self.place if self.family else self.title

    @property
    def title(self) -> str:
        """What it is called in tables: a network of several families by what it is."""
        return self.said or " = ".join([self.label, *self.aliases])


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
    families: tuple[str, ...] = ()
    """All of them, in the order of their numbers: the same over every cost."""

    @property
    def spans(self) -> float:
        """The largest cost over the smallest."""
        costs = [point.x for point in self.points if point.x > 0]
        return max(costs) / min(costs) if costs else 1.0

    @property
    def front(self) -> tuple[ParetoPoint, ...]:
        return tuple(point for point in self.points if point.on_front)

    @property
    def is_one_cost(self) -> bool:
        """Whether all cost the same, so that a front is of the highest AP alone."""
        return len(self.points) > 1 and len({point.x for point in self.points}) == 1

    @property
    def short(self) -> str:
        """The axis of the families in a word."""
        return self.by.rsplit(".", 1)[-1]


def pareto(
    arms: Sequence[ArmSummary],
    x: str = "macs",
    asked: Asked | None = None,
    samples: Mapping[str, Sample] | None = None,
    times: Mapping[str, Sequence[float]] | None = None,
) -> ParetoInfo:
    """The points, their front, where each stands to it and how likely each is on it.

    asked: which axis makes families, for colours, and the study's test. samples: by label, where
    draws of the test images are known. times: repeated measurements by label, where the cost is
    one (latency).
    """
    asked = asked or Asked()
    axis = AXES[x]
    left_out = {arm.label: why for arm in arms if (why := _why_not(arm, axis, x))}
    found = [arm for arm in arms if not arm.alias_of and arm.label not in left_out]
    found.sort(key=lambda arm: (arm.costs[axis.column], arm.label))
    means = np.array([[arm.ap.mean if arm.ap else 0.0 for arm in found]])
    costs = {arm.label: arm.costs[axis.column] for arm in found}
    fronts = on_front(list(costs.values()), means)[0] if found else []
    held = {arm.label: (samples or {}).get(arm.label) or sample(arm.seeds) for arm in found}
    measured = _of_all(times or {}, costs)
    sure = _probabilities(held, costs, measured)
    stand = standings(costs, held, test=asked.test, times=measured)
    points = [
        replace(
            _point(arm, axis, asked, arms),
            on_front=bool(front),
            front_probability=probability if held[arm.label].n > 1 else None,
            standing=stand[arm.label],
        )
        for arm, front, probability in zip(found, fronts, sure, strict=True)
    ]
    missing, families = tuple(left_out.items()), _families(arms, asked)
    return ParetoInfo(axis, tuple(points), missing, asked.family or "", families=families)


def _why_not(arm: ArmSummary, axis: Axis, x: str) -> str:
    """Why a network has no point; empty where it has one, and of another name of a network."""
    if arm.alias_of or (arm.ap is not None and axis.column in arm.costs):
        return ""
    return arm.lacks or "no AP" if arm.ap is None else f"no {x}"


def _of_all(
    times: Mapping[str, Sequence[float]], costs: Mapping[str, float]
) -> Mapping[str, Sequence[float]] | None:
    """Measurements of these arms; None where one has none."""
    return {label: times[label] for label in costs} if costs.keys() <= times.keys() else None


def _families(arms: Sequence[ArmSummary], asked: Asked) -> tuple[str, ...]:
    found = {asked.family_of(arm.arm, arm.choice) for arm in arms}
    return tuple(sorted((name for name in found if name), key=in_number_order))


def _point(arm: ArmSummary, axis: Axis, asked: Asked, arms: Sequence[ArmSummary]) -> ParetoPoint:
    assert arm.ap is not None
    aliases = [other for other in arms if other.alias_of == arm.label]
    own, every = _families([arm, *aliases], asked), _families(arms, asked)
    axis_word = (asked.family or "").rsplit(".", 1)[-1]
    shared = _in_words(own, every, axis_word)
    short = short_names(asked.along)
    said = [f"{short[one]} {wording(arm.choice[one])}" for one in asked.along if one in arm.choice]
    said += [shared if len(own) == len(every) else f"{axis_word} {shared}"]
    return ParetoPoint(
        label=arm.label,
        family=own[0] if len(own) == 1 else None,
        place=asked.place(arm.choice),
        stratum=asked.stratum(arm.choice),
        x=arm.costs[axis.column] / axis.scale,
        ap=arm.ap,
        seeds=arm.seeds,
        on_front=False,
        aliases=tuple(other.label for other in aliases),
        shared=shared,
        said=", ".join(said) if shared else "",
    )


def _in_words(own: Sequence[str], every: Sequence[str], axis: str) -> str:
    """Several families of one axis: `every factor`, `1.2 to 1.35`, `1.2, 1.4`."""
    if len(own) < 2:
        return ""
    if len(own) == len(every):
        return f"every {axis}"
    first, last = every.index(own[0]), every.index(own[-1])
    run = last - first == len(own) - 1 and len(own) > 2
    return f"{own[0]} to {own[-1]}" if run else ", ".join(own)


def _probabilities(
    held: Mapping[str, Sample],
    costs: Mapping[str, float],
    times: Mapping[str, Sequence[float]] | None,
) -> list[float | None]:
    """Of each arm, that it is on the front; measured costs are drawn as APs are."""
    aps = ap_draws(held)
    if aps is None:
        return [None] * len(held)
    drawn = cost_draws(times) if times else list(costs.values())
    return list(front_probability(drawn, aps))
