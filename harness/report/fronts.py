"""How sure the fronts are, over each cost beside the others, and where two costs disagree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from harness.report.pareto import AXES, ParetoInfo
from harness.report.summary import ArmSummary
from harness.statistics.best import UNJUDGED
from harness.statistics.fronts import (
    BEYOND,
    DRAWS,
    SEED,
    Disagreement,
    Hypervolume,
    ap_draws,
    disagreements,
    hypervolume,
)
from harness.statistics.samples import Sample, sample
from harness.statistics.standings import Standing

SHORT = {
    "macs": "multiply-adds",
    "fvcore": "fvcore's count",
    "params": "parameters",
    "latency": "latency",
}
METHOD = (
    f"{DRAWS:,} draws (seed {SEED}) of every arm's mean AP by Student's t over its seeds, together "
    "with draws of the test images where they are known, shared by all arms; a measured latency "
    "is drawn by t over its measurements, in logarithms"
)


@dataclass(frozen=True, slots=True)
class FrontCell:
    """An arm over one cost. probability is None where seeds give none."""

    probability: float | None
    standing: Standing
    is_judged: bool = True

    @property
    def words(self) -> str:
        """What the mark in the plot says."""
        said = {"on": "on", "perhaps": "perhaps", "off": "not on it"}
        return said[self.standing] if self.is_judged else UNJUDGED


@dataclass(frozen=True, slots=True)
class FrontRow:
    """An arm over every cost; None where it has no such cost."""

    label: str
    cells: tuple[FrontCell | None, ...]


@dataclass(frozen=True, slots=True)
class FrontsInfo:
    """costs are words, in the order of each row's cells and of volumes."""

    costs: tuple[str, ...]
    rows: tuple[FrontRow, ...]
    volumes: tuple[Hypervolume | None, ...]
    disagreements: tuple[Disagreement, ...]
    """Between multiply-adds and measured latency."""
    timed: bool
    """Whether any arm was timed twice, so that a disagreement could be told from noise."""

    @property
    def method(self) -> str:
        """How the probabilities come about."""
        return METHOD

    @property
    def reference(self) -> str:
        """The declared reference of the hypervolumes, in words."""
        return f"AP 0 and {BEYOND:g} times the largest cost, cost in doublings (log2)"


def fronts_info(
    drawn: Sequence[ParetoInfo],
    arms: Sequence[ArmSummary],
    times: Mapping[str, Sequence[float]],
    samples: Mapping[str, Sample] | None = None,
) -> FrontsInfo | None:
    """From Pareto plots of one study over different costs. None under two arms with a point.

    times: latencies in ms by label, one a measurement. samples: by label, with draws of images.
    """
    labels = {point.label: point.title for info in drawn for point in info.points}
    if len(labels) < 2:
        return None
    found = [{point.label: point for point in info.points} for info in drawn]
    rows = []
    for label, title in labels.items():
        points = [held.get(label) for held in found]
        cells = tuple(
            FrontCell(p.front_probability, p.standing, p.is_judged) if p else None for p in points
        )
        rows.append(FrontRow(title, cells))
    costs = {arm.label: arm.costs["macs"] for arm in arms if arm.ap and "macs" in arm.costs}
    names = {axis.column: name for name, axis in AXES.items()}
    return FrontsInfo(
        tuple(SHORT[names[info.axis.column]] for info in drawn),
        tuple(rows),
        tuple(_volume(info, samples or {}) for info in drawn),
        disagreements(costs, times),
        any(len(values) > 1 for values in times.values()),
    )


def times_of(cells: pd.DataFrame) -> dict[str, list[float]]:
    """Latencies by label, a value a trial that measured one; of one device alone, the commonest."""
    if "latency_ms" not in cells or "latency_device" not in cells:
        return {}
    known = cells[cells["status"] != "alias"].dropna(subset=["latency_ms", "latency_device"])
    if known.empty:
        return {}
    known = known[known["latency_device"] == known["latency_device"].mode().iloc[0]]
    return {
        str(label): [float(value) for value in group["latency_ms"]]
        for label, group in known.groupby("label", sort=False)
    }


def _volume(info: ParetoInfo, samples: Mapping[str, Sample]) -> Hypervolume | None:
    held = {p.label: samples.get(p.label) or sample(p.seeds) for p in info.points}
    means = [point.ap.mean for point in info.points]
    costs = [point.x for point in info.points]
    return hypervolume(costs, means, ap_draws(held)) if held else None
