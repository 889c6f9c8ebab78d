"""The most that a trial of a study may cost: `params`, `macs`, `acts`, or those of a part, known
from closed forms; `memory_mb` and `latency_ms`, known when the network has been probed."""

from collections.abc import Iterable, Mapping

from harness.errors import Fault, did_you_mean
from harness.records import Cost
from harness.space.heads import part_names

COSTS = ("params", "macs", "acts")
MEMORY, LATENCY = "memory_mb", "latency_ms"
MEASURED = (MEMORY, LATENCY)
"""Limits on what a probe measures (`harness.probes`): peak memory of a training step in megabytes,
and milliseconds of a forward pass at batch 1."""
LIMITS = (*COSTS, *(f"{part}.{cost}" for part in part_names() for cost in COSTS), *MEASURED)
"""What can be limited."""


def unknown_limits(limits: Iterable[str]) -> list[Fault]:
    """Limits of a study that are on nothing, with the nearest name or all of them."""
    costs, parts = ", ".join(COSTS), ", ".join(part_names())
    there = f"; there are {', '.join((*COSTS, *MEASURED))}, and {costs} of a part: {parts}"
    found = []
    for name in limits:
        if name not in LIMITS:
            near = did_you_mean(name, LIMITS)
            near = near if near.startswith("; did you") else there
            found.append(Fault(f"limits.{name}", f"no limit {name!r}{near}"))
    return found


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


def over_measured(
    limits: Mapping[str, float], memory_mb: float | None, latency_ms: float | None
) -> str | None:
    """Why a network that was measured so is not trained, or None (also where nothing is known)."""
    memory = limits.get(MEMORY)
    if memory is not None and memory_mb is not None and memory_mb > memory:
        return f"memory {memory_mb:,.0f} MB is over the limit of {memory:,.0f}"
    latency = limits.get(LATENCY)
    if latency is not None and latency_ms is not None and latency_ms > latency:
        return f"latency {latency_ms:,.2f} ms is over the limit of {latency:,.2f}"
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
