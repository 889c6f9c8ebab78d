"""What a study can tell apart: how far networks lie apart beside seeds, and what seeds would show.

Both are read off the spread that the study measured; they are advice for the next one, and no test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.report.families import FamiliesInfo
from harness.report.wordings import either
from harness.statistics.contrasts import spread_between
from harness.statistics.power import (
    Narrowness,
    narrowness,
    noether,
    seeds_floor,
    smallest_difference,
)
from harness.statistics.samples import Sample, common_seeds
from harness.statistics.tests import Test

SEEDS = (6, 10, 20, 40)
"""Seeds an arm of which advice is given, besides those at hand."""
MANY = 10**6
"""Seeds that leave nothing of their own noise."""
CHANCES = (0.75, 0.8, 0.9)
CHANCE_WORDS = (
    "Where one of two arms is above the other in {} of trainings, {} pairs of seeds show which "
    "(Noether 1987; one-sided, both errors at .05)."
).format(either([f"{c:.0%}" for c in CHANCES]), either([str(noether(c)) for c in CHANCES]))
"""What ranks alone can show, whatever the spread."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What so many seeds an arm would show of one difference."""

    seeds: int
    smallest: float | None
    """The least difference in AP found with 80% power; None where the test cannot reach .05."""
    at_hand: bool


@dataclass(frozen=True, slots=True)
class TellingInfo:
    """narrow: of networks, then of families."""

    narrow: tuple[tuple[str, Narrowness], ...]
    """With the stratum of families in words; empty for networks."""
    advice: tuple[Advice, ...]
    images: float | None
    """The least difference that any number of seeds would show on these test images; None where
    draws of them are not known."""


def telling_info(
    held: Mapping[str, Sample],
    against: str | None,
    families: Sequence[FamiliesInfo],
    test: Test,
) -> TellingInfo | None:
    """None where no network has two seeds, or there is one network.

    held: each network once. against: the baseline; without one, the highest mean.
    """
    repeated = {name: one for name, one in held.items() if one.n > 1}
    space = narrowness([one.values for one in held.values()])
    if space is None or not repeated:
        return None
    narrow = [("", space)]
    narrow += [(one.stratum, one.narrowness) for one in families if one.narrowness is not None]
    base = against if against in repeated else max(repeated, key=lambda name: repeated[name].mean)
    others = [one for name, one in repeated.items() if name != base]
    spreads = _spreads(repeated[base], others, test)
    if spreads is None:
        return TellingInfo(tuple(narrow), (), None)
    single, lasting = spreads
    now = min(one.n for one in repeated.values())
    advice = tuple(
        Advice(n, _smallest(n, single, lasting, test), n == now) for n in sorted({now, *SEEDS})
    )
    drawn = all(one.draws is not None for one in (repeated[base], *others))
    return TellingInfo(
        tuple(narrow),
        advice,
        smallest_difference(MANY, 0.0, lasting, test=test) if drawn else None,
    )


def _spreads(base: Sample, others: Sequence[Sample], test: Test) -> tuple[float, float] | None:
    """Variance of the difference of one seed of each of two arms, and what test images leave of it
    whatever the seeds: means over the pairs with the base. None where no pair has two seeds."""
    paired = test == "paired_t"
    single, lasting = [], []
    for one in others:
        a, b = one, base
        if paired:
            seeds = common_seeds((one, base))
            if len(seeds) < 2:
                continue
            a, b = one.at(seeds), base.at(seeds)
        spread = spread_between(a, b, paired=paired)
        single.append(float(spread.seed) * 2 / (1 / a.n + 1 / b.n))
        lasting.append(float(spread.lasting))
    return (float(np.mean(single)), float(np.mean(lasting))) if single else None


def _smallest(n: int, single: float, lasting: float, test: Test) -> float | None:
    if n < seeds_floor(test):
        return None
    return smallest_difference(n, single, lasting, test=test)
