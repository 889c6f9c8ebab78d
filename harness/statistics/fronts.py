"""Fronts that know their noise: how likely each network is on one, how large it is, and where two
costs disagree.

A draw of an arm's AP is its mean, plus Student's t with n - 1 degrees of freedom times the
standard error over its seeds, plus what one draw of the test images does to that mean: the same
draw for every arm, so that arms rise and fall together. An arm of one seed has the spread that
the others have on average, and their degrees of freedom. A front is drawn from such draws.

How far that holds was simulated: where arms truly differ by as much as their noise or more, a
network said to be on the front with probability .3 is on it in .3 of cases. Where all arms are
equal, probabilities near 0 and 1 are too sure (.02 is .14 with six seeds).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from harness.statistics.estimates import LEVEL
from harness.statistics.samples import Sample, draws_of
from harness.statistics.tests import holm
from harness.statistics.two_level import spread_of_difference, spread_of_mean

DRAWS = 4000
SEED = 20200727
"""Of the generator behind the draws, so that a report made twice is one report."""
BEYOND = 1.1
"""The reference of a hypervolume lies at so many times the largest cost, and at AP 0."""

FAR = 50.0
"""Drawn latencies stay within e to this power of the measured: two measurements bound nothing."""

Draws = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hypervolume:
    """Area under a front: AP times doublings of cost, from AP 0 up to the cost `reference`."""

    value: float
    low: float | None
    high: float | None
    reference: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """`cheaper` costs less than `dearer` and yet takes longer. Ratios are cheaper over dearer."""

    cheaper: str
    dearer: str
    cost_ratio: float
    latency_ratio: float
    low: float
    high: float
    """95% interval of the latency ratio."""


def ap_draws(samples: Mapping[str, Sample], draws: int = DRAWS, seed: int = SEED) -> Draws | None:
    """(draws, arms): what the arms' mean APs may be; None where no arm has two seeds."""
    spread = [_spread(one) for one in samples.values()]
    known = [(sd**2, n - 1) for sd, n in spread if n > 1]
    if not known:
        return None
    pooled_df = sum(df for _, df in known)
    pooled = math.sqrt(sum(variance * df for variance, df in known) / pooled_df)
    rng = np.random.default_rng(seed)
    found = np.empty((draws, len(samples)))
    for i, (sample, (sd, n)) in enumerate(zip(samples.values(), spread, strict=True)):
        df, own = (n - 1, sd) if n > 1 else (pooled_df, pooled)
        noise = rng.standard_t(df, draws) * own / math.sqrt(n)
        found[:, i] = float(np.mean(sample.values)) + noise
    return found + _together(samples, draws, rng)


def cost_draws(times: Mapping[str, Sequence[float]], draws: int = DRAWS, seed: int = SEED) -> Draws:
    """(draws, arms): what the arms' costs may be, from repeated measurements in logarithms.

    An arm measured once, and any other that shows no spread, stands still.
    """
    rng = np.random.default_rng(seed + 1)
    found = np.empty((draws, len(times)))
    for i, values in enumerate(times.values()):
        logs = np.log(np.asarray(values, dtype=float))
        noise = 0.0
        if logs.size > 1:
            noise = rng.standard_t(logs.size - 1, draws) * logs.std(ddof=1) / math.sqrt(logs.size)
        found[:, i] = np.exp(float(logs.mean()) + np.clip(noise, -FAR, FAR))
    return found


def on_front(costs: Draws | Sequence[float], aps: Draws) -> NDArray[np.bool_]:
    """(draws, arms): which arms nothing beats, in each draw.

    An arm is beaten by one that costs no more and has no less AP, one of the two strictly.
    """
    cost = np.broadcast_to(np.asarray(costs, dtype=float), aps.shape)
    beaten = np.zeros(aps.shape, dtype=bool)
    for i in range(aps.shape[1]):
        c, a = cost[:, [i]], aps[:, [i]]
        beaten |= (c <= cost) & (a >= aps) & ((c < cost) | (a > aps))
    return ~beaten


def front_probability(costs: Draws | Sequence[float], aps: Draws | None) -> tuple[float, ...]:
    """Share of draws in which each arm is on the front; empty where there are no draws."""
    return () if aps is None else tuple(map(float, on_front(costs, aps).mean(axis=0)))


def area_under(costs: Sequence[float], aps: Draws, reference: float) -> Draws:
    """(draws,): area under the front's steps, over log2 of cost, up to the reference."""
    order = np.argsort(costs, kind="stable")
    x = np.log2([*np.asarray(costs, dtype=float)[order], reference])
    best = np.maximum.accumulate(np.clip(aps[:, order], 0.0, 1.0), axis=1)
    return np.asarray(best @ np.diff(x))


def hypervolume(
    costs: Sequence[float], means: Sequence[float], aps: Draws | None
) -> Hypervolume | None:
    """Of the front of the means, against AP 0 and `BEYOND` times the largest cost.

    Its interval is the draws' turned round (the basic bootstrap: Davison and Hinkley, 1997, 5.2):
    the best of noisy means is too good already, and that of their draws is so twice.
    """
    if len(costs) == 0:
        return None
    reference = max(costs) * BEYOND
    value = float(area_under(costs, np.asarray([means], dtype=float), reference)[0])
    if aps is None:
        return Hypervolume(value, None, None, reference)
    drawn = area_under(costs, aps, reference)
    low, high = np.quantile(drawn, [LEVEL / 2, 1 - LEVEL / 2])
    return Hypervolume(value, float(2 * value - high), float(2 * value - low), reference)


def disagreements(
    costs: Mapping[str, float], times: Mapping[str, Sequence[float]]
) -> tuple[Disagreement, ...]:
    """Pairs of which the one that costs less takes longer, by more than the noise of measuring.

    times: repeated measurements of each arm. Welch's t on logarithms, Holm over all pairs that
    differ in cost; an arm measured once enters no pair.
    """
    logs = {name: np.log(np.asarray(values, dtype=float)) for name, values in times.items()}
    named = [name for name in costs if name in logs and logs[name].size > 1]
    pairs = [(a, b) for a in named for b in named if costs[a] < costs[b]]
    found, raw = [], []
    for a, b in pairs:
        gap = float(logs[a].mean() - logs[b].mean())
        spread = spread_of_difference(logs[a], logs[b])
        half, error = float(spread.half), math.sqrt(float(spread.variance))
        raw.append(2 * float(stdtr(float(spread.df), -abs(gap) / error)) if error else None)
        ends = [math.exp(end) for end in (gap, gap - half, gap + half)]
        found.append(Disagreement(a, b, costs[a] / costs[b], *ends))
    parted = [
        one
        for one, p in zip(found, holm(raw), strict=True)
        if one.latency_ratio > 1 and p is not None and p <= LEVEL
    ]
    return tuple(sorted(parted, key=lambda one: -one.latency_ratio))


def _spread(sample: Sample) -> tuple[float, int]:
    n = len(sample.values)
    return (float(np.std(sample.values, ddof=1)) if n > 1 else 0.0), n


def _together(samples: Mapping[str, Sample], draws: int, rng: np.random.Generator) -> Draws:
    """(draws, arms): what drawn test images do to the means; zero where an arm has no draws.

    Scaled to the variance that images alone have: what they do with seeds is in the seeds' spread.
    """
    known = draws_of(*samples.values())
    if known is None:
        return np.zeros((draws, len(samples)))
    pick = rng.integers(0, known[0].shape[1], draws)
    columns = []
    for sample, held in zip(samples.values(), known, strict=True):
        away = held.mean(axis=0)
        spread = spread_of_mean(sample.array, held)
        share = float(spread.lasting) / float(away.var(ddof=1)) if away.std() else 0.0
        columns.append((away - away.mean())[pick] * math.sqrt(share))
    return np.stack(columns, axis=1)
