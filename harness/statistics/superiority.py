"""P(A > B): how probable it is that a seed of one arm comes out above a seed of the other."""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import nctdtrinc, ndtr

from harness.statistics.estimates import LEVEL, ROUNDING
from harness.statistics.samples import Floats

MEANINGFUL = 0.75
"""gamma of Bouthillier et al. (MLSys 2021): a chance that would matter to who chooses."""


class Superiority(NamedTuple):
    """P(A > B) over seeds on these test images, with its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def is_meaningful(self) -> bool:
        """Above chance, and possibly by as much as matters (R13)."""
        return self.low > 0.5 and self.high >= MEANINGFUL


def superiority(a: Floats, b: Floats) -> Superiority | None:
    """Of two arms whose seeds are not paired; None under two seeds or without spread."""
    if min(a.size, b.size) < 2 or max(np.ptp(a), np.ptp(b)) <= ROUNDING:
        return None
    return Superiority(*map(float, superiority_arrays(a, b)))


def paired_superiority(differences: Floats) -> Superiority | None:
    """Of one seed: P(A - B > 0) from differences by seed."""
    if differences.size < 2 or np.ptp(differences) <= ROUNDING:
        return None
    n = differences.size
    nc = differences.mean() / differences.std(ddof=1)
    t = np.asarray(nc * math.sqrt(n))
    ends = [float(ndtr(end / math.sqrt(n))) for end in _noncentrality(t, np.asarray(n - 1.0))]
    return Superiority(float(ndtr(nc)), *ends)


def superiority_arrays(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """Value, low and high of arrays (..., seeds); NaN where there is no spread.

    Binormal: P = Phi(d), d = (m_a - m_b) / sqrt(s_a^2 + s_b^2). The t of the difference is
    noncentral with noncentrality d * sqrt(s_a^2 + s_b^2) / se and Welch's degrees of freedom.
    """
    n, m = a.shape[-1], b.shape[-1]
    if n < 2 or m < 2:
        none = np.full(a.shape[:-1], np.nan)
        return none, none, none
    u, v = a.var(axis=-1, ddof=1), b.var(axis=-1, ddof=1)
    gap = a.mean(axis=-1) - b.mean(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(u / n + v / m)
        df = error**4 / ((u / n) ** 2 / (n - 1) + (v / m) ** 2 / (m - 1))
        scale = error / np.sqrt(u + v)
        low, high = _noncentrality(gap / error, df)
        value = np.asarray(ndtr(gap / np.sqrt(u + v)))
    return value, ndtr(low * scale), ndtr(high * scale)


LARGE = 100.0
"""Beyond this t its noncentrality grows as t does, and scipy's search for it takes for ever."""


def _noncentrality(t: Floats, df: Floats) -> tuple[Floats, Floats]:
    """95% interval of the noncentrality of an observed t."""
    flip = np.sign(t) + (t == 0)
    size = np.minimum(np.abs(t), LARGE)
    beyond = np.maximum(np.abs(t) / LARGE, 1.0)
    far = beyond * np.asarray(nctdtrinc(df, LEVEL / 2, size))
    near = beyond * np.asarray(nctdtrinc(df, 1 - LEVEL / 2, size))
    return np.where(flip > 0, near, -far), np.where(flip > 0, far, -near)
