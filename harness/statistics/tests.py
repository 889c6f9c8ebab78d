"""Tests of one difference, and Holm's adjustment over a family of them."""

import math
from collections.abc import Sequence

from scipy.special import stdtr, stdtrit

from harness.statistics.estimates import LEVEL, numbers


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment, in the order given. None (no test) counts in the family."""
    found = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, i) in enumerate(found):
        running = max(running, min(1.0, p * (len(p_values) - rank)))
        adjusted[i] = running
    return adjusted


def permutation_floor(a: int, b: int) -> float:
    """Smallest two-sided p of an exact permutation test of a seeds against b."""
    return min(1.0, 2 / math.comb(a + b, a)) if a and b else 1.0


def welch(
    a: Sequence[float], b: Sequence[float]
) -> tuple[float, float | None, float | None, float | None]:
    """Difference of means (a - b), its 95% interval and p; None where there is no spread."""
    x, y = numbers(a), numbers(b)
    difference = float(x.mean() - y.mean())
    if x.size < 2 or y.size < 2:
        return difference, None, None, None
    u, v = float(x.var(ddof=1)) / x.size, float(y.var(ddof=1)) / y.size
    if u + v == 0:
        return difference, None, None, None
    df = (u + v) ** 2 / (u**2 / (x.size - 1) + v**2 / (y.size - 1))
    error = math.sqrt(u + v)
    half = float(stdtrit(df, 1 - LEVEL / 2)) * error
    p = 2 * float(stdtr(df, -abs(difference) / error))
    return difference, difference - half, difference + half, p
