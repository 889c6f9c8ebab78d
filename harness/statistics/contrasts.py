"""Differences between arms, each with its interval, its tests and what would settle it.

The primary test is stated by the study: an exact permutation of seeds between two arms, or a
paired t over the seeds that both have. Two arms are separated only where its p, by Holm over the
family, is at most .05 and the interval (over seeds, and over test images where draws are known)
leaves out zero. Anything else is "not separated", with about how many seeds an arm would settle it.
Two or three seeds of both arms rank nothing: no permutation of them comes under .05 (it may where
the other arm has more), and a paired t separates only with six pairs, where flips of signs could
reach .05 too.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from harness.statistics.estimates import LEVEL, ROUNDING, sources_words
from harness.statistics.power import MOST, seeds_needed
from harness.statistics.samples import Sample, draws_of, shared_seeds
from harness.statistics.superiority import Superiority, paired_superiority, superiority
from harness.statistics.tests import (
    Test,
    floor_of,
    holm,
    paired_t_p,
    permutation_p,
    sign_floor,
    sign_p,
)
from harness.statistics.two_level import Spread, spread_of_difference, spread_of_mean

TESTS: Mapping[Test, str] = {
    "permutation": "exact permutation of seeds between the two arms, two-sided",
    "paired_t": "paired t over the seeds both arms have, two-sided, from six pairs on",
}


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
    """The smallest p that an exact test on these seeds can give."""
    separated: bool
    paired: bool = False
    """By seed: n counts pairs, the test is a paired t, the floor an exact sign-flip test's."""
    seed_se: float | None = None
    """Standard error of the difference from seeds; None where an arm has one."""
    image_se: float | None = None
    """Standard error from the test images; None where draws of them are not known."""
    superiority: Superiority | None = None
    sign_p: float | None = None
    """Exact sign test over the seeds both arms have; None where they share none."""
    sign_floor: float = 1.0
    test: str = TESTS["permutation"]
    needs: int | None = None
    """About how many seeds an arm would settle it; MOST + 1 where more; None where not known."""
    needs_images: bool = False
    """Whether no number of seeds would settle this difference on these test images."""

    @property
    def sources(self) -> str:
        """What the interval is over: `seeds and test images`, `seeds alone`, ..."""
        return sources_words(self.seed_se is not None, self.image_se)

    @property
    def needs_words(self) -> str:
        """`about 9 seeds`, `more than 200 seeds`, `more test images`; empty where not known."""
        if self.needs_images:
            return "more test images"
        if self.needs is None:
            return ""
        return f"more than {MOST} seeds" if self.needs > MOST else f"about {self.needs} seeds"

    @property
    def verdict(self) -> str:
        """`higher`, `lower`, `not separated (needs about 9 seeds)` or `not separated (n=2)`."""
        if self.separated:
            return "higher" if self.difference > 0 else "lower"
        if self.needs_words:
            return f"not separated (needs {self.needs_words})"
        a, b = self.n
        return f"not separated (n={a})" if a == b else f"not separated (n={a} and {b})"


def contrast(
    a: Sample, b: Sample, *, arm: str, against: str, test: Test = "permutation"
) -> Contrast:
    """One difference as a family of its own; a ValueError where there is nothing to compare."""
    found = pairs_of({arm: a, against: b}, [(arm, against)], test=test)
    if not found:
        raise ValueError(f"{arm} and {against} have no seeds to compare")
    return found[0]


def contrasts(
    arms: Mapping[str, Sample], baseline: str, *, test: Test = "permutation"
) -> tuple[Contrast, ...]:
    """Every other arm against the baseline, as one family of tests."""
    return pairs_of(arms, [(name, baseline) for name in arms if name != baseline], test=test)


def pairs_of(
    arms: Mapping[str, Sample], pairs: Iterable[tuple[str, str]], *, test: Test = "permutation"
) -> tuple[Contrast, ...]:
    """These pairs as one family; without those of which an arm has nothing to compare."""
    found = [
        made
        for a, b in pairs
        if a in arms and b in arms and (made := _raw(arms[a], arms[b], a, b, test)) is not None
    ]
    adjusted = holm([one.p for one, _ in found])
    family = len(found)
    return tuple(
        _judged(one, p_holm, spread, test, family)
        for (one, spread), p_holm in zip(found, adjusted, strict=True)
    )


def from_the_top(
    top: str, arms: Mapping[str, Sample], *, test: Test = "permutation"
) -> tuple[Contrast, ...]:
    """The arm with the highest mean, which was picked by looking, minus each other arm.

    Each p is multiplied by the number of the other arms (that is `p_holm` here), so the best arm
    is among those not separated with a probability of .95 or more: it drops out only where one of
    the k - 1 others is called above it, at .05 / (k - 1) each (subset selection: Gupta,
    Technometrics 7, 1965).
    """
    others = [name for name in arms if name != top]
    made = [_raw(arms[top], arms[name], top, name, test) for name in others]
    return tuple(
        _judged(
            found,
            None if found.p is None else min(found.p * len(others), 1.0),
            spread,
            test,
            len(others),
        )
        for found, spread in filter(None, made)
    )


def _raw(
    a: Sample, b: Sample, arm: str, against: str, test: Test
) -> tuple[Contrast, Spread] | None:
    """What needs no family, with its variances; None where nothing can be compared."""
    shared, paired = shared_seeds(a, b), test == "paired_t"
    differences = a.at(shared).array - b.at(shared).array
    sides = _sides(a, b, test)
    if sides is None:
        return None
    a, b = sides
    spread = spread_between(a, b, paired=paired)
    difference, half = a.mean - b.mean, float(spread.half)
    known = math.isfinite(half)
    chance = paired_superiority(differences) if paired else superiority(a.array, b.array)
    made = Contrast(
        arm=arm,
        against=against,
        difference=difference,
        low=difference - half if known else None,
        high=difference + half if known else None,
        n=(a.n, b.n),
        p=_p(a, b, test),
        p_holm=None,
        floor=floor_of(test, a.n, b.n),
        separated=False,
        paired=paired,
        seed_se=_root(spread.seed),
        image_se=None if spread.image is None else _root(spread.image),
        superiority=chance,
        sign_p=float(sign_p(differences)) if shared else None,
        sign_floor=sign_floor(len(shared)),
        test=TESTS[test],
    )
    return made, spread


def _sides(a: Sample, b: Sample, test: Test) -> tuple[Sample, Sample] | None:
    """The two as they are tested: paired, over the seeds that both have; None without any."""
    if test == "paired_t":
        shared = shared_seeds(a, b)
        a, b = a.at(shared), b.at(shared)
    return (a, b) if a.n and b.n else None


def spread_between(a: Sample, b: Sample, *, paired: bool) -> Spread:
    """Variances of the difference of means; paired: the two have the same seeds in one order."""
    draws = draws_of(a, b)
    if not paired:
        return spread_of_difference(
            a.array, b.array, None if draws is None else (draws[0], draws[1])
        )
    return spread_of_mean(a.array - b.array, None if draws is None else draws[0] - draws[1])


def _p(a: Sample, b: Sample, test: Test) -> float | None:
    """None for one seed, or where seeds change nothing."""
    if a.n < 2 or b.n < 2:
        return None
    if test == "paired_t":
        p = float(paired_t_p(a.array - b.array))
        return p if math.isfinite(p) else None
    if max(np.ptp(a.array), np.ptp(b.array)) <= ROUNDING:
        return None
    return float(permutation_p(a.array, b.array))


def _judged(
    one: Contrast, p_holm: float | None, spread: Spread, test: Test, family: int
) -> Contrast:
    if _is_separated(one, p_holm):
        return replace(one, p_holm=p_holm, separated=True)
    if p_holm is None or not one.seed_se:
        return replace(one, p_holm=p_holm)
    single = float(spread.seed) * 2 / (1 / one.n[0] + 1 / one.n[1])
    lasting = float(spread.lasting)
    needs = seeds_needed(one.difference, single, lasting, test=test, family=family)
    if needs is None:
        return replace(one, p_holm=p_holm, needs_images=True)
    return replace(
        one, p_holm=p_holm, needs=min(max(needs, *one.n) + (needs <= max(one.n)), MOST + 1)
    )


def _is_separated(one: Contrast, p_holm: float | None) -> bool:
    clear = one.low is not None and one.high is not None and (one.low > 0 or one.high < 0)
    return clear and p_holm is not None and p_holm <= LEVEL and one.floor <= LEVEL


def _root(variance: np.ndarray) -> float | None:
    value = float(variance)
    return math.sqrt(value) if math.isfinite(value) else None
