"""Whether an arm had its own learning rate: what was set for another network may not fit it.

A change that needs another rate looks worse than it is at the baseline's. So an arm without a
learning-rate axis inside it, nor a rate of its own, is marked.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.space.ablation import RATE
from harness.space.study import SEEDS


def rate_notes(
    changes: Mapping[str, Mapping[str, Any]] | None,
    axes: Mapping[str, Sequence[Any]],
    baseline: str | None,
) -> dict[str, str]:
    """What is to be said of each arm's learning rate, by arm; nothing of those that have one.

    changes: what each arm says over the study, by dotted path; None where it is not known.
    """
    if (
        changes is None
        or baseline is None
        or baseline not in changes
        or len(axes.get(RATE, ())) > 1
    ):
        return {}
    whose = "study" if has_rate(changes[baseline]) else "baseline"
    note = f"untuned (the {whose}'s learning rate)"
    same = _network(changes[baseline])
    return {
        arm: note
        for arm, said in changes.items()
        if arm != baseline and not has_rate(said) and _network(said) != same
    }


def _network(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What an arm says of its network: all but its seeds."""
    return {path: value for path, value in fields.items() if path != SEEDS}


def has_rate(fields: Mapping[str, Any]) -> bool:
    """Whether an arm's fields say a learning rate, by its path or in a mapping above it."""
    steps = RATE.split(".")
    for length in range(1, len(steps) + 1):
        held: Any = fields.get(".".join(steps[:length]))
        for step in steps[length:]:
            held = held.get(step) if isinstance(held, Mapping) else None
        if held is not None:
            return True
    return False
