"""AP against log2 of cost as one curve a seed, straight between its networks.

All that is read off such curves is linear in the networks' APs: the height at a cost, the mean
height over a range of costs, a slope. So each reading is a row of weights over networks, and
applied to `Sample`s it gives a `Sample` again: a value a seed, and one on each draw of the test
images. Intervals and gaps then come from where those of arms come from.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from harness.statistics.contrasts import Contrast
from harness.statistics.estimates import LEVEL, Estimate, estimate
from harness.statistics.samples import Sample
from harness.statistics.tests import holm
from harness.statistics.two_level import spread_of_mean

Weights = NDArray[np.float64]
"""One a network, by the order of the costs they were made for."""


def common_costs(curves: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """The range that every list of costs covers; None where that is nothing."""
    if not curves or not all(curves):
        return None
    low, high = max(map(min, curves)), min(map(max, curves))
    return (low, high) if low < high else None


def height_at(costs: Sequence[float], cost: float) -> Weights | None:
    """Weights of the curve's height at a cost; None where the curve does not reach it.

    costs: of the networks, in any order; those of one cost count as one point, their mean.
    """
    if not min(costs) <= cost <= max(costs):
        return None
    points, spread = _points(costs)
    return spread @ _between(points, np.array([math.log2(cost)]))[:, 0]


def height_over(costs: Sequence[float], common: tuple[float, float]) -> Weights:
    """Weights of the mean height over a range of costs, in log2 (exact, by trapezoids)."""
    low, high = math.log2(common[0]), math.log2(common[1])
    points, spread = _points(costs)
    grid = np.array([low, *points[(points > low) & (points < high)], high])
    steps = np.diff(grid)
    area = np.concatenate([steps, [0.0]]) / 2 + np.concatenate([[0.0], steps]) / 2
    return np.asarray(spread @ _between(points, grid) @ area / (high - low))


def slope(costs: Sequence[float], groups: Sequence[object] | None = None) -> Weights | None:
    """Weights of the least-squares slope of AP per doubling of cost; None where no cost differs.

    groups: one a network; the slope is then within groups, each with a height of its own.
    """
    x = np.log2(np.asarray(costs, dtype=float))
    names = list(groups) if groups is not None else [0] * len(x)
    for name in dict.fromkeys(names):
        mine = np.array([one == name for one in names])
        x[mine] -= x[mine].mean()
    total = float(x @ x)
    return x / total if total > 1e-12 else None


def combined(samples: Sequence[Sample], weights: Sequence[float]) -> Sample:
    """The weighted sum of samples, over the seeds that every one of non-zero weight has.

    It has draws where all of those have, as many as the one with fewest.
    """
    used = [(one, w) for one, w in zip(samples, weights, strict=True) if w]
    seeds = common_seeds([one for one, _ in used])
    held = [(one.at(seeds), w) for one, w in used]
    values = sum((w * one.array for one, w in held), np.zeros(len(seeds)))
    known = [(one.draws, w) for one, w in held if one.draws is not None]
    draws = None
    if known and len(known) == len(held):
        fewest = min(one.shape[1] for one, _ in known)
        draws = np.asarray(sum(w * one[:, :fewest] for one, w in known))
    return Sample(tuple(map(float, values)), seeds, draws)


def minus(a: Sample, b: Sample) -> Sample:
    """a - b over the seeds that both have."""
    return combined([a, b], [1.0, -1.0])


def gap_contrasts(
    heights: Mapping[str, Sample], pairs: Sequence[tuple[str, str]]
) -> tuple[Contrast, ...]:
    """a - b of each pair, seed by seed, Holm over the pairs that share a seed.

    The interval is `estimate_of` the differences. It separates where the adjusted p is at most
    .05 and so many pairs of seeds could reach that in an exact sign-flip test: six.
    """
    found = [(a, b, minus(heights[a], heights[b])) for a, b in pairs]
    kept = [(a, b, e) for a, b, one in found if (e := estimate_of(one)) is not None]
    raw = [_p(minus(heights[a], heights[b])) for a, b, _ in kept]
    made = []
    for (a, b, one), p, p_holm in zip(kept, raw, holm(raw), strict=True):
        floor = 2 / 2**one.n
        parted = p_holm is not None and p_holm <= LEVEL and floor <= LEVEL
        n = (one.n, one.n)
        made.append(Contrast(a, b, one.mean, one.low, one.high, n, p, p_holm, floor, parted, True))
    return tuple(made)


def estimate_of(sample: Sample) -> Estimate | None:
    """The mean over seeds with a 95% interval: over seeds, and over images where draws are there
    (`two_level`). Without draws it is Student's t; one seed alone has none."""
    plain = estimate(sample.values)
    if plain is None or plain.sd is None or sample.draws is None:
        return plain
    half = float(spread_of_mean(sample.array, sample.draws).half)
    return Estimate(plain.mean, plain.sd, plain.n, plain.mean - half, plain.mean + half)


def _p(sample: Sample) -> float | None:
    """Two-sided, of the mean against 0: the test of the interval of `estimate_of`."""
    spread = spread_of_mean(sample.array, sample.draws)
    variance = float(spread.variance)
    if sample.n < 2 or not variance:
        return None
    seeds = float(spread.seed)
    df = min(float(spread.df) * (variance / seeds) ** 2, 1e6) if seeds else 1e6
    return 2 * float(stdtr(df, -abs(sample.mean) / math.sqrt(variance)))


def common_seeds(samples: Sequence[Sample]) -> tuple[int, ...]:
    """Seeds that every sample has, ascending."""
    if not samples:
        return ()
    return tuple(sorted(set.intersection(*(set(one.seeds) for one in samples))))


def _points(costs: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distinct log2 costs, rising, and how each is the mean of networks: (networks, points)."""
    x = np.log2(np.asarray(costs, dtype=float))
    points, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    spread = np.zeros((len(x), len(points)))
    spread[np.arange(len(x)), place] = 1 / counts[place]
    return points, spread


def _between(points: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(points, at): how much of each point a straight line has at each place."""
    return np.array([np.interp(at, points, one) for one in np.eye(len(points))])
