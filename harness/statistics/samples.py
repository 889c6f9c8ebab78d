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
    return tuple(sorted(set(a.seeds) & set(b.seeds)))


def minus(a: Sample, b: Sample) -> Sample:
    """`a - b`, seed by seed and draw by draw, over the seeds that both have."""
    return combined((a, b), (1, -1))


def combined(samples: Sequence[Sample], weights: Sequence[float]) -> Sample:
    """The weighted sum, seed by seed and draw by draw, over the seeds that all have.

    Draws are known where those of all are. At least one sample.
    """
    seeds = tuple(sorted(set.intersection(*(set(one.seeds) for one in samples))))
    shared = [one.at(seeds) for one in samples]
    held = [one.draws for one in shared if one.draws is not None]
    values = np.tensordot(weights, np.stack([one.array for one in shared]), 1)
    draws = np.tensordot(weights, np.stack(held), 1) if len(held) == len(shared) else None
    return Sample(tuple(map(float, values)), seeds, draws)


def draws_of(*samples: Sample) -> tuple[Floats, ...] | None:
    """The draws of all, without those in which one has no AP; None where one has no draws."""
    held = [one.draws for one in samples if one.draws is not None]
    if len(held) < len(samples):
        return None
    if len({one.shape[1] for one in held}) > 1:
        raise ValueError("arms with different draws of the test images")
    known = np.all([np.isfinite(one).all(axis=0) for one in held], axis=0)
    return tuple(one[:, known] for one in held) if known.sum() > 1 else None
