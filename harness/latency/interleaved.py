"""Several calls timed in turn, round after round: what else the machine does falls on all alike."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

WARM_UP = 3
SLICE = 0.05
"""Seconds that one timing lasts at least, in calls of the slowest."""


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Clock:
    """now: seconds. settle: waits until the device has done what it was given."""

    now: Callable[[], float] = time.perf_counter
    settle: Callable[[], None] = _nothing

    def seconds(self, run: Callable[[], object], calls: int = 1) -> float:
        """Mean time of a call."""
        self.settle()
        started = self.now()
        for _ in range(calls):
            run()
        self.settle()
        return (self.now() - started) / calls


def turns(count: int, rounds: int) -> Iterator[tuple[int, ...]]:
    """Who runs when in each round.

    The first moves on by one a round, and every other cycle runs backwards: in `count` rounds
    each is once at every place, and in twice as many each pair stands both ways round.
    """
    for turn in range(rounds):
        cycle, first = divmod(turn, count)
        ahead = tuple((first + place) % count for place in range(count))
        yield ahead[::-1] if cycle % 2 else ahead


def whole_cycles(count: int, rounds: int) -> int:
    """`rounds`, or as many more as let each of `count` be at every place equally often."""
    return count * math.ceil(rounds / count)


def interleave(
    runs: Mapping[str, Callable[[], object]], rounds: int, clock: Clock | None = None
) -> tuple[dict[str, tuple[float, ...]], int]:
    """Milliseconds a call, by name, a value a round; and how many calls each value is the mean of.

    All make the same number of calls in a round, after a warm-up that is not kept.
    """
    clock = clock or Clock()
    names = tuple(runs)
    warm = {name: [clock.seconds(runs[name]) for _ in range(WARM_UP)] for name in names}
    slowest = max(min(times) for times in warm.values())
    calls = max(1, math.ceil(SLICE / max(slowest, 1e-6)))
    found: dict[str, list[float]] = {name: [] for name in names}
    for order in turns(len(names), whole_cycles(len(names), rounds)):
        for place in order:
            name = names[place]
            found[name].append(1e3 * clock.seconds(runs[name], calls))
    return {name: tuple(times) for name, times in found.items()}, calls
