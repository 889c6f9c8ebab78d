"""The standard error of a mean or a difference with two sources: seeds outside, images inside.

AP of seed s of an arm on the test images at hand is y_s = m + i + t_s + c_s: the arm's mean m over
all images and seeds, i what these images do to every network of the arm, t_s what training did,
c_s what these images do to this seed's network alone. Over seeds, y spreads by var(t) + var(c);
over draws of the images, the mean of n networks spreads by var(i) + var(c) / n. So

    var(mean) = [var(t) + var(c)] / n  +  var(i) + var(c) / n  -  var(c) / n
                 seed part                image part             counted twice

where var(c) is the mean, over seeds, of the variance over draws of a network's deviation from the
mean of its arm, times n / (n - 1). The sum is never taken below the greater of its two parts. A
difference of arms is the same with draws shared by both arms: what the images do to both goes out.
Intervals are Student's t with Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946),
where the image part, of hundreds of images, counts as known.

Every function takes leading axes: arrays are (..., seeds) and (..., seeds, draws).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from harness.statistics.estimates import LEVEL, ROUNDING, Estimate, estimate
from harness.statistics.samples import Floats, Sample, draws_of

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Variances of one mean or difference; each is of the figure itself, not of one network.

    seed and df are NaN where an arm has one seed; image and twice None where draws are not known.
    """

    seed: Values
    df: Values
    """Degrees of freedom of the seed part."""
    image: Values | None
    twice: Values | None
    """What both parts count."""

    @property
    def lasting(self) -> Values:
        """What more seeds on the same images do not take away."""
        if self.image is None or self.twice is None:
            return np.zeros_like(self.seed)
        return np.maximum(self.image - self.twice, 0)

    @property
    def variance(self) -> Values:
        """Of the figure; from the one part alone where the other is not known."""
        if self.image is None:
            return self.seed
        greater = np.fmax(self.seed, self.image)
        return np.fmax(np.nan_to_num(self.seed) + self.lasting, greater)

    @property
    def half(self) -> Values:
        """Half the width of the 95% interval; NaN where there is none, as where nothing spreads."""
        variance = self.variance
        with np.errstate(divide="ignore", invalid="ignore"):
            df = self.df * (variance / self.seed) ** 2
            t = stdtrit(np.minimum(df, 1e6), 1 - LEVEL / 2)
        normal = float(ndtri(1 - LEVEL / 2))
        known = np.nan if self.image is None else normal
        factor = np.where(np.isnan(self.seed), known, np.where(self.seed == 0, normal, t))
        return np.asarray(np.where(variance > ROUNDING**2, factor * np.sqrt(variance), np.nan))


def estimate_of(sample: Sample) -> Estimate | None:
    """An arm's mean with its 95% interval, over seeds and, where draws are known, test images."""
    if not sample.n:
        return None
    draws = draws_of(sample)
    plain = estimate(sample.values)
    if plain is None or draws is None:
        return plain
    spread = spread_of_mean(sample.array, draws[0])
    assert spread.image is not None
    half, image = float(spread.half), float(np.sqrt(spread.image))
    known = math.isfinite(half)
    low, high = (plain.mean - half, plain.mean + half) if known else (None, None)
    return replace(plain, low=low, high=high, image_se=image)


def spread_of_mean(values: Values, draws: Floats | None = None) -> Spread:
    """Of the mean of one arm's values, or of paired differences given as values."""
    n = values.shape[-1]
    seed, df = _seed_part(values)
    if draws is None:
        return Spread(seed, np.full(seed.shape, df), None, None)
    image = draws.mean(axis=-2).var(axis=-1, ddof=1)
    return Spread(seed, np.full(seed.shape, df), image, _own(draws) / n)


def spread_of_difference(
    a: Values, b: Values, draws: tuple[Floats, Floats] | None = None
) -> Spread:
    """Of the difference of the means of two arms whose seeds are not paired."""
    (u, i), (v, j) = _seed_part(a), _seed_part(b)
    with np.errstate(divide="ignore", invalid="ignore"):
        welch = (u + v) ** 2 / (u**2 / i + v**2 / j)
    df = np.where(u + v > 0, welch, i + j)
    if draws is None:
        return Spread(u + v, df, None, None)
    one, other = draws
    image = (one.mean(axis=-2) - other.mean(axis=-2)).var(axis=-1, ddof=1)
    twice = _own(one) / a.shape[-1] + _own(other) / b.shape[-1]
    return Spread(u + v, df, image, twice)


def _seed_part(values: Values) -> tuple[Values, float]:
    """Variance of the mean over seeds with its degrees of freedom; NaN of one seed."""
    n = values.shape[-1]
    if n < 2:
        return np.full(values.shape[:-1], np.nan), float("nan")
    return np.asarray(values.var(axis=-1, ddof=1) / n), n - 1.0


def _own(draws: Floats) -> Values:
    """Variance over draws of what images do to one network alone; 0 where one seed hides it."""
    n = draws.shape[-2]
    if n < 2:
        return np.zeros(draws.shape[:-2])
    own = draws - draws.mean(axis=-2, keepdims=True)
    return np.asarray(own.var(axis=-1, ddof=1).sum(axis=-1) / (n - 1))
