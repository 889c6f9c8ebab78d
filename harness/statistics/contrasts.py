"""What seeds can carry: means with t intervals, and contrasts that say when nothing is known.

An interval is Student's t over seeds at 95%; one seed has none. A contrast is Welch's t test,
two-sided, adjusted by Holm over its family. It separates two arms only where, besides, an exact
permutation test on as many seeds could reach the level: its floor is 2 / C(a + b, a), .33 for two
seeds against two, .10 for three, .029 for four. So two or three seeds an arm never rank anything.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from scipy.special import stdtr

from harness.statistics.estimates import LEVEL, Estimate, estimate, numbers
from harness.statistics.tests import holm, permutation_floor, welch

TEST = "Welch's t, two-sided, Holm-adjusted; needs seeds enough for an exact test to reach .05"


@dataclass(frozen=True, slots=True)
class Contrast:
    """`arm` minus `against`. p is raw, p_holm adjusted; both None where there is no test."""

    arm: str
    against: str
    difference: float
    low: float | None
    high: float | None
    n: tuple[int, int]
    p: float | None
    p_holm: float | None
    floor: float
    """The smallest p an exact permutation test on these seeds can give."""
    separated: bool
    paired: bool = False
    """By seed: n counts pairs, the test is a paired t, the floor an exact sign-flip test's."""

    @property
    def verdict(self) -> str:
        """`higher`, `lower`, or `not separated (n=2)`."""
        if self.separated:
            return "higher" if self.difference > 0 else "lower"
        a, b = self.n
        return f"not separated (n={a})" if a == b else f"not separated (n={a} and {b})"


def contrasts(arms: Mapping[str, Sequence[float]], baseline: str) -> tuple[Contrast, ...]:
    """Every other arm against the baseline, as one family of tests."""
    pairs = [(name, baseline) for name in arms if name != baseline]
    return _family(arms, pairs)


def paired_contrasts(
    arms: Mapping[str, Mapping[int, float]], pairs: Sequence[tuple[str, str]]
) -> tuple[Contrast, ...]:
    """The pairs compared seed by seed (paired t, Holm), from AP by seed of each arm.

    The exact test here flips signs: its floor is 2 / 2**n, so six seeds are the least that part.
    """
    found = []
    for a, b in pairs:
        seeds = sorted(set(arms.get(a, {})) & set(arms.get(b, {})))
        one = estimate([arms[a][seed] - arms[b][seed] for seed in seeds])
        if one is not None:
            found.append((a, b, one))
    raw = [_paired_p(one) for _, _, one in found]
    made = []
    for (a, b, one), p, p_holm in zip(found, raw, holm(raw), strict=True):
        floor = 2 / 2**one.n
        parted = p_holm is not None and p_holm <= LEVEL and floor <= LEVEL
        n = (one.n, one.n)
        made.append(Contrast(a, b, one.mean, one.low, one.high, n, p, p_holm, floor, parted, True))
    return tuple(made)


def _paired_p(gap: Estimate) -> float | None:
    """Two-sided paired t; None for one seed or where all seeds differ by the same."""
    if not gap.sd:
        return None
    return 2 * float(stdtr(gap.n - 1, -abs(gap.mean) / (gap.sd / math.sqrt(gap.n))))


def best_set(arms: Mapping[str, Sequence[float]]) -> tuple[str, ...]:
    """The arm with the highest mean and every arm not separated from it.

    The best was picked by looking, so the family is all pairs, not the pairs with the best.
    """
    means = {name: numbers(values).mean() for name, values in arms.items() if len(numbers(values))}
    if not means:
        return ()
    top = max(means, key=lambda name: float(means[name]))
    tests = _family(arms, list(combinations(means, 2)))
    beaten = {
        (test.against if test.arm == top else test.arm)
        for test in tests
        if test.separated and top in (test.arm, test.against)
    }
    return tuple(name for name in means if name == top or name not in beaten)


def _family(
    arms: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]]
) -> tuple[Contrast, ...]:
    measured = [(a, b) for a, b in pairs if len(numbers(arms[a])) and len(numbers(arms.get(b, ())))]
    raw = [welch(arms[a], arms[b]) for a, b in measured]
    adjusted = holm([p for _, _, _, p in raw])
    made = []
    for (a, b), (difference, low, high, p), p_holm in zip(measured, raw, adjusted, strict=True):
        n = (len(numbers(arms[a])), len(numbers(arms[b])))
        floor = permutation_floor(*n)
        separated = p_holm is not None and p_holm <= LEVEL and floor <= LEVEL
        made.append(Contrast(a, b, difference, low, high, n, p, p_holm, floor, separated))
    return tuple(made)
