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
        part, _, what = name.rpartition(".")
        value = getattr(cost.parts.get(part) if part else cost, what, 0)
        if value > most:
            return f"{name} {value:,} is over the limit of {most:,.0f}"
    return None


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
