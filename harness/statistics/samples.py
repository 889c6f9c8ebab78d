"""What one arm's seeds measured: AP of each, and of each on draws of the test images."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One arm. Missing seeds are simply absent. Rows of draws pair over arms."""

    values: tuple[float, ...]
    """AP of each seed's network on the test images."""
    seeds: tuple[int, ...]
    draws: Floats | None = None
    """(n, B): AP of each on B draws of the test images, the same draws for every arm; None: not
    known."""

    def __post_init__(self) -> None:
        if len(self.values) != len(self.seeds):
            raise ValueError(f"{len(self.values)} values of {len(self.seeds)} seeds")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"a seed stands twice: {', '.join(map(str, self.seeds))}")
        if not all(math.isfinite(value) for value in self.values):
            raise ValueError("a value is no number: leave its seed out")
        if self.draws is not None and (self.draws.ndim != 2 or len(self.draws) != self.n):
            raise ValueError(f"draws of shape {self.draws.shape} of {self.n} seeds")

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def array(self) -> Floats:
        return np.asarray(self.values, dtype=np.float64)

    def at(self, seeds: Sequence[int]) -> "Sample":
        """These seeds alone, in this order."""
        places = [self.seeds.index(seed) for seed in seeds]
        draws = None if self.draws is None else self.draws[places]
        return Sample(tuple(self.values[i] for i in places), tuple(seeds), draws)


def sample(values: Sequence[float | None] | Mapping[int, float | None]) -> Sample:
    """Values by seed, or in order of seeds from 0; what is no number is left out. No draws."""
    items = values.items() if isinstance(values, Mapping) else enumerate(values)
    known = {seed: float(x) for seed, x in items if x is not None and math.isfinite(x)}
    return Sample(tuple(known.values()), tuple(known))


def shared_seeds(a: Sample, b: Sample) -> tuple[int, ...]:
    """Seeds that both arms have, ascending."""
    return common_seeds((a, b))


def combined(samples: Sequence[Sample], weights: Sequence[float]) -> Sample:
    """The weighted sum of samples, over the seeds that every one of non-zero weight has.

    It has draws where all of those have, as many as the one with fewest.
    """
    used = [(one, w) for one, w in zip(samples, weights, strict=True) if w]
    seeds = common_seeds([one for one, _ in used])
    held = [(one.at(seeds), w) for one, w in used]
    values = sum((w * one.array for one, w in held), np.zeros(len(seeds)))
    known = [(one.draws, w) for one, w in held if one.draws is not None]
    draws = None
    if known and len(known) == len(held):
        fewest = min(one.shape[1] for one, _ in known)
        draws = np.asarray(sum(w * one[:, :fewest] for one, w in known))
    return Sample(tuple(map(float, values)), seeds, draws)


def minus(a: Sample, b: Sample) -> Sample:
    """a - b over the seeds that both have."""
    return combined([a, b], [1.0, -1.0])


def common_seeds(samples: Sequence[Sample]) -> tuple[int, ...]:
    """Seeds that every sample has, ascending."""
    if not samples:
        return ()
    return tuple(sorted(set.intersection(*(set(one.seeds) for one in samples))))


def draws_of(*samples: Sample) -> tuple[Floats, ...] | None:
    """The draws of all, without those in which one has no AP; None where one has no draws."""
    held = [one.draws for one in samples if one.draws is not None]
    if len(held) < len(samples):
        return None
    if len({one.shape[1] for one in held}) > 1:
        raise ValueError("arms with different draws of the test images")
    known = np.all([np.isfinite(one).all(axis=0) for one in held], axis=0)
    return tuple(one[:, known] for one in held) if known.sum() > 1 else None
