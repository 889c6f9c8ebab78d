"""The statistics held to their word: levels of every test and interval on studies of known truth.

A simulated AP is a mean over images, so its draws are weighted means and thousands of studies are
one array. Of arm a, seed s, image i it is

    m_a + image_i + (arm by image)_ai + seed_as + (seed by image)_asi

with normal effects of the sizes of a real study on 300 images: seeds differ by some .012 AP, and
two arms by .005 through the choice of images alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import comb, floor

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr

from harness.statistics.estimates import LEVEL
from harness.statistics.images import image_weights
from harness.statistics.superiority import superiority_arrays
from harness.statistics.tests import paired_t_p, permutation_p, sign_p
from harness.statistics.two_level import Spread, spread_of_difference, spread_of_mean

Array = NDArray[np.float64]

SEED_SD, IMAGE_SD, ARM_IMAGE_SD, SEED_IMAGE_SD = 0.008, 0.3, 0.06, 0.15
GAP = 0.01
"""True difference of the first two arms where an interval is to cover it."""
TOLERANCE = 0.015
AT_ONCE = 250
IMAGE_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Level:
    """How often one interval is right, or one test wrong: as stated, and as measured."""

    name: str
    stated: float
    measured: float
    draws: int
    at_most: bool = False
    """Whether it is only bound from above."""

    @property
    def holds(self) -> bool:
        """Within 1.5 points of what it states."""
        over = self.measured - self.stated
        return over <= TOLERANCE if self.at_most else abs(over) <= TOLERANCE


@dataclass(frozen=True, slots=True)
class Setting:
    """Sizes of a simulated study."""

    seeds: int = 6
    images: int = 300
    arms: int = 6


def calibration(
    draws: int = 2000, seed: int = 0, setting: Setting | None = None
) -> tuple[Level, ...]:
    """Levels over so many simulated studies. Intervals state .95; tests .05, or where an exact
    test cannot reach that, the level it can.

    Two arms' images act alike under the nulls of tests; the verdict is also held to its level where
    they do not, and the arms are equal only over all images.
    """
    setting = setting or Setting()
    sums: dict[str, float] = {}
    for generator, size in _chunks(draws, seed):
        for name, right in _study(generator, size, setting).items():
            sums[name] = sums.get(name, 0.0) + float(right.sum())
    stated = _stated(setting)
    return tuple(
        Level(name, stated[name], total / draws, draws, at_most=name in AT_MOST)
        for name, total in sums.items()
    )


AT_MOST = {
    "Holm over a family",
    "the best left out of the marked set",
    "verdict where arms differ by image alone",
}


def _stated(setting: Setting) -> Mapping[str, float]:
    """A test rejects at p <= .05; an exact one attains what its steps allow."""
    n = setting.seeds
    return {
        "interval of a mean": 1 - LEVEL,
        "interval of a difference": 1 - LEVEL,
        "interval of a paired difference": 1 - LEVEL,
        "interval of superiority": 1 - LEVEL,
        "permutation of seeds": _attained_permutation(n),
        "sign test": _attained_sign(n),
        "paired t": LEVEL,
        "Holm over a family": LEVEL,
        "the best left out of the marked set": LEVEL,
        "verdict where arms differ by image alone": LEVEL,
    }


def _attained_permutation(n: int) -> float:
    """The largest p <= .05 of two times n distinct values: tails come in pairs of arrangements."""
    total = comb(2 * n, n)
    return 2 * floor(LEVEL * total / 2) / total


def _attained_sign(n: int) -> float:
    tails = 2 * bdtr(np.arange(n // 2, dtype=float), n, 0.5)
    return float(max([0.0, *tails[tails <= LEVEL]]))


def _chunks(draws: int, seed: int) -> Iterator[tuple[np.random.Generator, int]]:
    generator = np.random.default_rng(seed)
    for start in range(0, draws, AT_ONCE):
        yield generator, min(AT_ONCE, draws - start)


def _study(generator: np.random.Generator, size: int, setting: Setting) -> dict[str, Array]:
    """(size,) of 0 and 1 by name: covered, or rejected though there is nothing."""
    values, draws, held = _aps(generator, size, setting, ARM_IMAGE_SD)
    level, _, _ = _aps(generator, size, setting, 0.0)
    (a, b), (da, db) = (values[:, 0] + GAP, values[:, 1]), (draws[:, 0] + GAP, draws[:, 1])
    x, y = level[:, 0], level[:, 1]
    mean, paired = spread_of_mean(a, da), spread_of_mean(a - b, da - db)
    apart = spread_of_difference(a, b, (da, db))
    gap = a.mean(axis=1) - b.mean(axis=1)
    null = gap - GAP
    return {
        "interval of a mean": _covers(a.mean(axis=1), mean, GAP),
        "interval of a difference": _covers(gap, apart, GAP),
        "interval of a paired difference": _covers(gap, paired, GAP),
        "interval of superiority": _covers_chance(a, b, held[:, 0] + GAP - held[:, 1], setting),
        "permutation of seeds": permutation_p(x, y) <= LEVEL,
        "sign test": sign_p(x - y) <= LEVEL,
        "paired t": paired_t_p(x - y) <= LEVEL,
        "Holm over a family": _family(level),
        "the best left out of the marked set": _left_out(level),
        "verdict where arms differ by image alone": (permutation_p(a - GAP, b) <= LEVEL)
        & (np.abs(null) > apart.half),
    }


def _aps(
    generator: np.random.Generator, size: int, setting: Setting, arm_image_sd: float
) -> tuple[Array, Array, Array]:
    """AP (size, arms, seeds), on draws of the images (..., B), and what the images at hand do to
    each arm (size, arms). Only two arms have draws: the others' are not asked for."""
    arms, n, images = setting.arms, setting.seeds, setting.images
    shared = generator.normal(0, IMAGE_SD, (size, 1, 1, images))
    by_arm = generator.normal(0, 1, (size, arms, 1, images)) * arm_image_sd
    by_seed = generator.normal(0, SEED_IMAGE_SD, (size, arms, n, images))
    seeds = generator.normal(0, SEED_SD, (size, arms, n))
    by_image = shared + by_arm + by_seed
    weights = image_weights(images, IMAGE_DRAWS) / images
    values = by_image.mean(axis=3) + seeds
    draws = by_image[:, :2] @ weights.T + seeds[:, :2, :, None]
    return values, draws, (shared + by_arm).mean(axis=3)[:, :, 0]


def _covers(found: Array, spread: Spread, truth: float) -> Array:
    return np.asarray(np.abs(found - truth) <= spread.half, dtype=float)


def _covers_chance(a: Array, b: Array, gap: Array, setting: Setting) -> Array:
    """P(A > B) of new seeds on the images at hand: what they do to each arm is given."""
    sd = np.sqrt(SEED_SD**2 + SEED_IMAGE_SD**2 / setting.images)
    truth = ndtr(gap / (sd * np.sqrt(2)))
    _, low, high = superiority_arrays(a, b)
    return np.asarray((low <= truth) & (truth <= high), dtype=float)


def _family(values: Array) -> Array:
    """Whether any of the arms is called other than the first: Holm's first step."""
    first = values[:, :1]
    others = values[:, 1:]
    ps = permutation_p(others, np.broadcast_to(first, others.shape))
    return np.asarray(ps.min(axis=1) <= LEVEL / ps.shape[1], dtype=float)


def _left_out(values: Array) -> Array:
    """Whether the first of equal arms is called below the highest mean: as `from_the_top`."""
    top = values.mean(axis=2).argmax(axis=1)
    highest = np.take_along_axis(values, top[:, None, None], axis=1)[:, 0]
    ps = permutation_p(highest, values[:, 0])
    return np.asarray((top > 0) & (ps <= LEVEL / (values.shape[1] - 1)), dtype=float)
