"""How well an evaluation on the way foretells the end: the rank correlation of each rung's AP.

Early stopping rests on it. It is over trials that were trained to their end, which a scheduler
has chosen by their rungs: among those that were stopped, ranks are not known, and over all
trials the correlation may be higher.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.records import TrialRecord
from harness.statistics.ranks import spearman

REPLICATES = 1000
LEVEL = 0.05
FEWEST = 10
"""Trials below which there is no interval: percentiles of so few resampled promise too much."""


@dataclass(frozen=True, slots=True)
class RungCorrelation:
    """Spearman's rho between AP after `epoch` epochs and AP at the end, over n trials.

    [low, high]: 95% percentile bootstrap over trials; None where there are too few, or all are
    equal.
    """

    epoch: int
    n: int
    rho: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.rho is None:
            return f"epoch {self.epoch}: no ranks (n={self.n})"
        if self.low is None or self.high is None:
            return f"epoch {self.epoch}: {self.rho:.2f} (n={self.n}, no interval)"
        return f"epoch {self.epoch}: {self.rho:.2f} [{self.low:.2f}, {self.high:.2f}] (n={self.n})"


def rung_correlations(records: Iterable[TrialRecord], seed: int = 0) -> tuple[RungCorrelation, ...]:
    """One a rung, in the order of the epochs. seed: of the bootstrap.

    Trials count that are done, have a final AP and one at that rung. The last epoch's evaluation is
    the end itself, and foretells nothing.
    """
    pairs: dict[int, list[tuple[float, float]]] = {}
    for record in records:
        final = record.metrics.ap if record.status == "done" and record.metrics else None
        for rung in record.rungs if final is not None else ():
            is_end = record.epochs_done is not None and rung.epoch >= record.epochs_done
            if rung.ap is not None and final is not None and not is_end:
                pairs.setdefault(rung.epoch, []).append((rung.ap, final))
    return tuple(_correlation(epoch, pairs[epoch], seed) for epoch in sorted(pairs))


def _correlation(epoch: int, pairs: Sequence[tuple[float, float]], seed: int) -> RungCorrelation:
    values = np.asarray(pairs, dtype=np.float64)
    n = len(values)
    rho = float(spearman(values[:, 0], values[:, 1]))
    if np.isnan(rho):
        return RungCorrelation(epoch, n, None, None, None)
    if n < FEWEST:
        return RungCorrelation(epoch, n, rho, None, None)
    drawn = np.random.default_rng(seed).integers(0, n, size=(REPLICATES, n))
    found = spearman(values[drawn, 0], values[drawn, 1])
    low, high = np.nanquantile(found, (LEVEL / 2, 1 - LEVEL / 2))
    return RungCorrelation(epoch, n, rho, float(low), float(high))
