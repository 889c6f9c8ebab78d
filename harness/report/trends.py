"""AP per doubling of multiply-adds: over all networks of a study, and along each axis alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.report.costed import Network
from harness.statistics.curves import slope
from harness.statistics.estimates import Estimate
from harness.statistics.samples import combined
from harness.statistics.two_level import estimate_of

KINDS = {"image_size": "resolution", "repeats": "repeats", "depth": "depth", "width": "width"}
"""What an axis scales, by a word of its path; the first that is in it."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Along one axis, the others held fixed: AP per doubling of multiply-adds, one slope a seed."""

    axis: str
    """Dotted path."""
    kind: str
    """`width`, `repeats`, `resolution`, `depth`; else the last word of the path."""
    slope: Estimate
    networks: int
    doublings: float
    """How far the axis alone takes the cost, at most, in doublings."""


def kind_of(axis: str) -> str:
    """What an axis scales, in a word."""
    words = axis.split(".")
    return next((kind for word, kind in KINDS.items() if word in words), words[-1])


def overall_trend(networks: Sequence[Network]) -> Estimate | None:
    """One slope over all networks, over the seeds that all of them have."""
    weights = slope([one.macs for one in networks]) if networks else None
    return None if weights is None else _estimate(networks, list(weights))


def trends(
    networks: Sequence[Network], axes: Mapping[str, Sequence[object]], arms: Sequence[str] = ()
) -> tuple[Trend, ...]:
    """A slope for each axis of numbers that changes the cost where the others stand still.

    axes: values by dotted path, as the study says them; arms: its named arms. Networks of one arm
    that agree on all other axes are a group, and the slope is within groups, each with a height of
    its own.
    """
    found = []
    for axis, values in axes.items():
        if len(values) < 2 or not all(_is_number(value) for value in values):
            continue
        mine = [one for one in networks if axis in one.choice]
        groups = [_group(one, axis, arms) for one in mine]
        weights = slope([one.macs for one in mine], groups) if mine else None
        one = None if weights is None else _estimate(mine, list(weights))
        if weights is None or one is None:
            continue
        used = int(sum(abs(weight) > 1e-12 for weight in weights))
        found.append(Trend(axis, kind_of(axis), one, used, _widest(mine, groups)))
    return tuple(found)


def _group(network: Network, axis: str, arms: Sequence[str]) -> tuple[object, ...]:
    """What a network shares with those it is compared along an axis."""
    named = network.arm if network.arm in arms else ""
    rest = {path: value for path, value in network.choice.items() if path != axis}
    return (named, *sorted((path, str(value)) for path, value in rest.items()))


def _estimate(networks: Sequence[Network], weights: Sequence[float]) -> Estimate | None:
    return estimate_of(combined([one.sample for one in networks], weights))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def doublings(costs: Sequence[float]) -> float:
    """From the least cost to the largest, in doublings."""
    return math.log2(max(costs) / min(costs)) if costs else 0.0


def _widest(networks: Sequence[Network], groups: Sequence[object]) -> float:
    held: dict[object, list[float]] = {}
    for one, group in zip(networks, groups, strict=True):
        held.setdefault(group, []).append(one.macs)
    return max(map(doublings, held.values()))
