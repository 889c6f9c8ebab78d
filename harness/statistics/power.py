"""How many seeds would settle a difference, what so many can show, and whether a space is narrow.

The rule of `seeds_needed`: as many seeds an arm as give 80% power, at the spread measured and the
difference observed, to both things that "better" asks for: the test over seeds at .05 divided by
the size of its family, and the interval over seeds and these same test images. It is never fewer
than the floor of the exact test asks for. Power is that of the noncentral t.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import nctdtr, nctdtrinc, ndtri, stdtrit

from harness.statistics.estimates import LEVEL, numbers
from harness.statistics.samples import Sample, common_seeds
from harness.statistics.tests import Test, floor_of

POWER = 0.8
MOST = 200
"""More seeds than these are not counted out: `needs` is then one more."""
TELLING = 2.0
"""Networks whose AP spreads less than so many times its spread over seeds cannot be ranked (R9)."""


def noether(gamma: float, alpha: float = 0.05, beta: float = 0.05) -> int:
    """Pairs to find P(A > B) = gamma above one half, one-sided (Noether, JASA 82, 1987).

    (z_alpha + z_beta)^2 / (6 (gamma - 1/2)^2); less than a twentieth of a pair is not rounded up.
    """
    if not 0.5 < gamma < 1:
        raise ValueError(f"gamma is {gamma}: it must lie between .5 and 1")
    z = float(ndtri(1 - alpha) + ndtri(1 - beta))
    return math.ceil(z**2 / (6 * (gamma - 0.5) ** 2) - 0.05)


def seeds_floor(test: Test, family: int = 1) -> int:
    """Fewest seeds an arm with which one test in a family of so many can reach .05.

    MOST + 1 where none can: a drawn permutation test cannot in families of more than a thousand.
    A paired t has no floor of its own: it counts from the pairs on whose flips of signs reach .05
    alone, whatever the family.
    """
    many = 1 if test == "paired_t" else family
    fits = (n for n in range(2, MOST + 1) if floor_of(test, n, n) * many <= LEVEL)
    return next(fits, MOST + 1)


def seeds_needed(
    difference: float, spread: float, lasting: float = 0.0, *, test: Test, family: int = 1
) -> int | None:
    """About how many seeds an arm; MOST + 1 where more; None where no number of them would do.

    spread: variance of the difference of one seed of each arm (of one pair). lasting: variance
    from the test images, which seeds do not take away.
    """
    if abs(difference) < math.sqrt(lasting) * float(ndtri(1 - LEVEL / 2) + ndtri(POWER)):
        return None
    n = np.arange(seeds_floor(test, family), MOST + 1)
    if not len(n):
        return MOST + 1
    freedom = (n - 1) * (1 if test == "paired_t" else 2)
    over_seeds, both = spread / n, spread / n + lasting
    enough = _power(difference, over_seeds, freedom, LEVEL / family) >= POWER
    enough &= _power(difference, both, freedom * (both / over_seeds) ** 2, LEVEL) >= POWER
    return int(n[enough.argmax()]) if enough.any() else MOST + 1


def smallest_difference(n: int, spread: float, lasting: float = 0.0, *, test: Test) -> float:
    """The least difference that n seeds an arm show with 80% power at .05; arguments as above."""
    freedom = (n - 1) * (1 if test == "paired_t" else 2)
    variance = spread / n + lasting
    if variance == 0:
        return 0.0
    df = min(freedom * (variance / (spread / n)) ** 2, 1e6) if spread else 1e6
    far = float(nctdtrinc(df, 1 - POWER, stdtrit(df, 1 - LEVEL / 2)))
    return far * math.sqrt(variance)


def _power(difference: float, variance: Any, df: Any, level: float) -> Any:
    """A difference of a hundred standard errors is found for certain; scipy never ends there."""
    df = np.minimum(df, 1e6)
    errors = np.minimum(abs(difference) / np.sqrt(variance), 100.0)
    return 1 - nctdtr(df, errors, stdtrit(df, 1 - level / 2))


@dataclass(frozen=True, slots=True)
class Narrowness:
    """Spread of AP between networks beside its spread between seeds of one network."""

    space_sd: float
    """Standard deviation of the networks' means, what seeds add to it taken out."""
    seed_sd: float
    """Standard deviation over seeds, pooled over networks."""
    networks: int
    of: str = "networks"

    @property
    def can_rank(self) -> bool:
        return self.space_sd >= TELLING * self.seed_sd

    @property
    def words(self) -> str:
        """One sentence."""
        head = (
            f"AP spreads by {self.space_sd:.4f} between the {self.networks} {self.of} and by "
            f"{self.seed_sd:.4f} between seeds of one (standard deviations, the first without what "
            "seeds add)"
        )
        if self.can_rank:
            return f"{head}: enough to rank {self.of} by."
        return (
            f"{head}: less than {TELLING:g} times as much, so a ranking of these {self.of} is "
            "unreliable."
        )


def narrowness(arms: Sequence[Sequence[float]], of: str = "networks") -> Narrowness | None:
    """Of AP over seeds of each network; None under two networks or where no seed is repeated.

    of: what the networks are called.
    """
    held = [kept for values in arms if len(kept := numbers(values))]
    freedom = sum(len(values) - 1 for values in held)
    if len(held) < 2 or not freedom:
        return None
    noise = sum((len(values) - 1) * values.var(ddof=1) for values in held if len(values) > 1)
    noise = float(noise) / freedom
    between = float(np.var([values.mean() for values in held], ddof=1))
    added = noise * float(np.mean([1 / len(values) for values in held]))
    return Narrowness(math.sqrt(max(between - added, 0)), math.sqrt(noise), len(held), of)


def paired_narrowness(arms: Sequence[Sample], of: str) -> Narrowness | None:
    """Of arms that share networks, over the seeds that all have; None under two of either.

    What a seed does to every arm alike is taken out first: the spread between seeds is the
    residual of arms by seeds, with (arms - 1)(seeds - 1) degrees of freedom. of: what arms are.
    """
    seeds = common_seeds(arms)
    if len(arms) < 2 or len(seeds) < 2:
        return None
    values = np.stack([one.at(seeds).array for one in arms])
    means = values.mean(axis=1)
    residual = values - means[:, None] - values.mean(axis=0) + values.mean()
    noise = float((residual**2).sum()) / ((len(arms) - 1) * (len(seeds) - 1))
    between = float(means.var(ddof=1)) - noise / len(seeds)
    return Narrowness(math.sqrt(max(between, 0)), math.sqrt(noise), len(arms), of)
