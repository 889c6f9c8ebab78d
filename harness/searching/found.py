"""What a search found: the front of its proposals, and the one that wins."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.search import Asked
from harness.space.search_spec import MEASURED, OBJECTIVES


@dataclass(frozen=True, slots=True)
class Found:
    """A proposal that was trained to its end."""

    asked: Asked
    values: tuple[float, ...]

    @property
    def number(self) -> int:
        return self.asked.proposal.number


def finished(history: Sequence[Asked]) -> tuple[Found, ...]:
    """Those with values of the whole training, each network once. Stopped ones are not among
    them: theirs are values of a shorter one."""
    return tuple(
        Found(one, one.told.values)
        for one in history
        if one.told
        and one.told.state == "done"
        and one.told.values is not None
        and one.told.note.get("status") != "alias"
    )


def front(history: Sequence[Asked], objectives: Sequence[str]) -> tuple[Found, ...]:
    """Those that no other is better than in one objective and as good in all."""
    done = finished(history)
    signs = [1 if OBJECTIVES[name] else -1 for name in objectives]

    def dominates(one: Found, other: Found) -> bool:
        pairs = [
            (sign * a, sign * b) for sign, a, b in zip(signs, one.values, other.values, strict=True)
        ]
        return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)

    return tuple(one for one in done if not any(dominates(other, one) for other in done))


def winner(history: Sequence[Asked], objectives: Sequence[str]) -> Found | None:
    """The best by the first objective that is an AP (else by the first); the earliest of equals."""
    place = next((i for i, name in enumerate(objectives) if name in MEASURED), 0)
    sign = 1 if OBJECTIVES[objectives[place]] else -1
    return max(
        front(history, objectives),
        key=lambda one: (sign * one.values[place], -one.number),
        default=None,
    )
