"""One arm as it enters a comparison: what each of its networks scored, and on draws of images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.matches import Matches
from harness.records import Metrics
from harness.statistics.samples import Sample

METRICS = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
CLASS = "class."
"""What the name of a class's AP begins with."""
Draws = dict[str, NDArray[np.float64]]
"""(B,) by metric: a network on draws of the test images."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """One trained network on the test images."""

    source: str
    """Its file, or its trial."""
    seed: int
    figures: dict[str, float | None]
    """By metric: `METRICS`, and `class.<name>`; fractions of 1, None where there is none."""
    draws: Draws | None = None
    matches: Callable[[], Matches | None] | None = None
    """Reads its matches, where the arm has this network alone and they are kept."""


def figures_of(metrics: Metrics) -> dict[str, float | None]:
    """COCO's figures by the names used here."""
    found: dict[str, float | None] = {name: getattr(metrics, name) for name in METRICS}
    return found | {CLASS + name: ap for name, ap in metrics.ap_per_class.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """An arm: networks that differ by their seed."""

    name: str
    networks: tuple[Network, ...]

    @property
    def n(self) -> int:
        return len(self.networks)

    @property
    def drawn(self) -> bool:
        """Whether every network is known on draws of the images."""
        return bool(self.networks) and all(one.draws is not None for one in self.networks)

    def values(self, metric: str) -> NDArray[np.float64]:
        """(n,), NaN where a network has no such figure."""
        found = [one.figures.get(metric) for one in self.networks]
        return np.array([np.nan if one is None else one for one in found], np.float64)

    def draws(self, metric: str) -> NDArray[np.float64] | None:
        """(n, B), or None where they are not known."""
        rows = [None if one.draws is None else one.draws.get(metric) for one in self.networks]
        held = [row for row in rows if row is not None]
        return np.stack(held) if held and len(held) == len(rows) else None

    def sample(self, metric: str = "ap") -> Sample:
        """For the tests of `harness.statistics`."""
        values, draws = self.values(metric), self.draws(metric)
        kept = np.isfinite(values)
        seeds = [one.seed for one, there in zip(self.networks, kept, strict=True) if there]
        return Sample(
            tuple(map(float, values[kept])), tuple(seeds), None if draws is None else draws[kept]
        )


def classes_of(arms: Sequence[Measured]) -> tuple[str, ...]:
    """Classes that every arm has a figure for, in the order of the first."""
    names: dict[str, Any] = {}
    for arm in arms:
        for network in arm.networks:
            names |= dict.fromkeys(one for one in network.figures if one.startswith(CLASS))
    return tuple(
        name[len(CLASS) :]
        for name in names
        if all(np.isfinite(arm.values(name)).any() for arm in arms)
    )
