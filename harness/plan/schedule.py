"""When trials would end that run so many at once, each as soon as there is room."""

import heapq
from collections.abc import Iterable, Mapping, Sequence

from harness.plan.plan import sources_of
from harness.space.trial import TrialSpec


def makespan(seconds: Iterable[float], at_once: int) -> float:
    """Wall time of trials that start in order, `at_once` of them side by side."""
    slots = [0.0] * max(1, at_once)
    for one in seconds:
        heapq.heappush(slots, heapq.heappop(slots) + one)
    return max(slots)


def waves_of(sources: Sequence[TrialSpec]) -> list[list[TrialSpec]]:
    """Backbones' trials as a run does them: first those that need no other, and so on."""
    ids = {spec.id for spec in sources}
    waves: dict[int, list[TrialSpec]] = {}
    for spec in sources:
        depth = sum(source.id in ids for source in sources_of(spec))
        waves.setdefault(depth, []).append(spec)
    return [waves[depth] for depth in sorted(waves)]


def wall_time(
    waves: Sequence[Sequence[TrialSpec]], seconds: Mapping[str, float], at_once: int
) -> float:
    """Waves one after another. seconds: by trial; what is not known counts nothing."""
    return sum(makespan([seconds.get(s.id, 0.0) for s in wave], at_once) for wave in waves)
