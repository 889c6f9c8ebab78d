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

from harness.statistics.contrasts import Contrast, pairs_of
from harness.statistics.samples import Sample

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


def gap_contrasts(
    heights: Mapping[str, Sample], pairs: Sequence[tuple[str, str]]
) -> tuple[Contrast, ...]:
    """a - b of each pair, seed by seed: what two families share of networks goes out."""
    return pairs_of(heights, pairs, test="paired_t")


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
