"""A mean over seeds, and a difference of two, with an interval from seeds and test images.

The statistics are `harness.statistics.two_level`'s; here they are of figures that may be absent:
a network has no AP of large objects where there are none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.statistics.two_level import Spread, spread_of_difference, spread_of_mean

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Interval:
    """value with its 95% interval, or without where nothing can be said."""

    value: float
    low: float | None
    high: float | None
    seed_se: float | None
    """Standard error from training; None for one seed."""
    image_se: float | None
    """Standard error from the choice of test images; None without draws of them."""

    @property
    def excludes_zero(self) -> bool:
        return self.low is not None and self.high is not None and self.low * self.high > 0


def mean_interval(values: Array, draws: Array | None) -> Interval | None:
    """Of a mean over seeds. values: (n,); draws: (n, B) on draws of images. None without values."""
    kept = np.isfinite(values)
    if not kept.any():
        return None
    known = _known(None if draws is None else draws[kept])
    rows = known[0] if known else None
    return _interval(float(values[kept].mean()), spread_of_mean(values[kept], rows))


def gap_interval(
    a: Array, b: Array, draws_a: Array | None, draws_b: Array | None
) -> Interval | None:
    """Of the mean of `a` minus the mean of `b`; a draw has the same images on both sides."""
    kept_a, kept_b = np.isfinite(a), np.isfinite(b)
    if not kept_a.any() or not kept_b.any():
        return None
    a, b = a[kept_a], b[kept_b]
    known = _known(*(d if d is None else d[k] for d, k in ((draws_a, kept_a), (draws_b, kept_b))))
    rows = (known[0], known[1]) if known else None
    return _interval(float(a.mean() - b.mean()), spread_of_difference(a, b, rows))


def _known(*draws: Array | None) -> list[Array] | None:
    """The draws in which every network has the figure; None where there are not two."""
    held = [one for one in draws if one is not None]
    if len(held) < len(draws):
        return None
    there = np.all([np.isfinite(one).all(axis=0) for one in held], axis=0)
    return [one[:, there] for one in held] if there.sum() > 1 else None


def _interval(value: float, spread: Spread) -> Interval:
    half = float(spread.half)
    image = None if spread.image is None else float(np.sqrt(spread.image))
    seed = float(np.sqrt(spread.seed)) if np.isfinite(spread.seed) else None
    if not np.isfinite(half):
        return Interval(value, None, None, seed, image)
    return Interval(value, value - half, value + half, seed, image)
