"""Tests of one difference, the floor that the number of seeds sets, and Holm over a family.

All are two-sided. The permutation test exchanges seeds between two arms: exact where nothing but
names differs. The sign test counts, of the seeds both arms have, on which side the difference lies.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.special import bdtr, stdtr

from harness.statistics.estimates import ROUNDING
from harness.statistics.samples import Floats

Test = Literal["permutation", "paired_t"]
EXACT = 50_000
"""Most arrangements that are all gone through."""
DRAWN = 20_000
"""Arrangements drawn where there are more."""


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
    """Smallest two-sided p of the permutation test of a seeds against b.

    One arrangement in C(a + b, a) is as observed; where sizes are equal its mirror is as far.
    """
    if not (a and b):
        return 1.0
    least = min(1.0, (2 if a == b else 1) / math.comb(a + b, a))
    return least if math.comb(a + b, a) <= EXACT else max(least, 1 / (DRAWN + 1))


def sign_floor(pairs: int) -> float:
    """Smallest two-sided p of the exact sign test (and of any flip of signs) of so many pairs."""
    return float(min(1.0, 2 / 2**pairs))


def floor_of(test: Test, a: int, b: int) -> float:
    """Smallest p at which `test` may separate a seeds from b (paired: a pairs)."""
    return sign_floor(a) if test == "paired_t" else permutation_floor(a, b)


def permutation_p(a: Floats, b: Floats) -> Floats:
    """P of the difference of means under exchange of seeds, of arrays (..., seeds).

    All C(a + b, a) arrangements where they are at most `EXACT`; else `DRAWN` random ones, always
    the same, with one added above and below for the observed one (Phipson and Smyth 2010).
    """
    n, m = a.shape[-1], b.shape[-1]
    both = np.concatenate([a, b], axis=-1)
    both = both - both.mean(axis=-1, keepdims=True)
    masks, exact = _arrangements(n, m)
    far = np.abs(both @ masks)
    near = np.abs(both[..., :n].sum(axis=-1))
    rounding = ROUNDING * (1 + np.abs(both).max(axis=-1))
    count = (far >= (near - rounding)[..., None]).sum(axis=-1)
    return np.asarray(count / masks.shape[1] if exact else (count + 1) / (masks.shape[1] + 1))


@lru_cache(maxsize=8)
def _arrangements(n: int, m: int) -> tuple[Floats, bool]:
    """(n + m, arrangements) of 0 and 1: who is called an a; and whether these are all."""
    total = math.comb(n + m, n)
    if total <= EXACT:
        chosen = np.array(list(combinations(range(n + m), n))).reshape(total, n)
    else:
        order = np.random.default_rng(0).random((DRAWN, n + m)).argsort(axis=1)
        chosen = order[:, :n]
    masks = np.zeros((len(chosen), n + m))
    np.put_along_axis(masks, chosen, 1.0, axis=1)
    masks.setflags(write=False)
    return masks.T, total <= EXACT


def paired_t_p(differences: Floats) -> Floats:
    """Student's paired t of arrays (..., pairs); NaN where all pairs differ by the same."""
    n = differences.shape[-1]
    error = differences.std(axis=-1, ddof=1) / math.sqrt(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > ROUNDING, np.abs(differences.mean(axis=-1)) / error, np.nan)
    return np.asarray(2 * stdtr(n - 1, -t))


def sign_p(differences: Floats) -> Floats:
    """Exact sign test of arrays (..., pairs); a pair without a difference is on neither side."""
    up, down = (differences > 0).sum(axis=-1), (differences < 0).sum(axis=-1)
    tail = bdtr(np.minimum(up, down).astype(float), up + down, 0.5)
    return np.asarray(np.minimum(1.0, 2 * tail))
