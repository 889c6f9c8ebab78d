"""The objectives of a proposal, from the records of its seeds."""

import math
from collections.abc import Sequence

from harness.records import Cost, TrialRecord
from harness.space.limits import LATENCY, cost_of
from harness.space.search_spec import MEASURED


def values_of(
    objectives: Sequence[str], records: Sequence[TrialRecord], cost: Cost
) -> tuple[float, ...]:
    """One value an objective: its mean over the records. NaN where one has nothing to say."""
    return tuple(_mean([value_of(name, one, cost) for one in records]) for name in objectives)


def value_of(name: str, record: TrialRecord, cost: Cost) -> float:
    """Of one trial, in the units of `harness.space.search_spec.OBJECTIVES`."""
    if name in MEASURED:
        found = getattr(record.metrics, name, None)
    elif name == LATENCY:
        found = record.latency.median_ms if record.latency else None
    else:
        found = cost_of(name, cost)
    return math.nan if found is None else float(found)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
