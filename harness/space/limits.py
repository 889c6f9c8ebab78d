"""The most that a trial of a study may cost: `params`, `macs`, or those of a part."""

from collections.abc import Iterable, Mapping

from harness.errors import Fault
from harness.records import Cost
from harness.space.heads import part_names

LIMITS = (
    "params",
    "macs",
    *(f"{part}.{cost}" for part in part_names() for cost in ("params", "macs")),
)
"""What can be limited."""


def over_limit(limits: Mapping[str, float], cost: Cost) -> str | None:
    """Why a network of this cost is not trained, or None."""
    for name, most in limits.items():
        value = cost_of(name, cost)
        if value > most:
            return f"{name} {value:,} is over the limit of {most:,.0f}"
    return None


def cost_of(name: str, cost: Cost) -> int:
    """A cost by the name of its limit; 0 of a part that is not there."""
    part, _, what = name.rpartition(".")
    return int(getattr(cost.parts.get(part) if part else cost, what, None) or 0)


def excesses(limits: Mapping[str, float], cost: Cost) -> tuple[float, ...]:
    """How far each limit is exceeded, as a share of it, in their order; below 0 where kept."""
    return tuple(cost_of(name, cost) / most - 1 for name, most in limits.items())


def idle_limits(limits: Iterable[str], parts: Iterable[str]) -> list[Fault]:
    """Limits on parts that no network of a study has: they would hold nothing.

    parts: of all its networks; empty where none could be costed, and so nothing is known.
    """
    there = tuple(parts)
    named = {name: name.rpartition(".")[0] for name in limits}
    return [
        Fault(f"limits.{name}", f"no network here has a {part}; there are {', '.join(there)}")
        for name, part in named.items()
        if there and part and part not in there
    ]
