"""What is known of a search before it is run: its space, how much of it can be built, its state."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.errors import SpecError
from harness.ledger import Ledger
from harness.plan.plan import is_done
from harness.search import AbstractSearcher, Asked, Proposal
from harness.search.space import RandomPick, all_points
from harness.searching.screen import Screened
from harness.searching.setting import search_of, space_of
from harness.searching.state import MOST_POINTS
from harness.space.bind import Choice
from harness.space.study import Study

DRAWS = 200


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of the proposals of a search so far."""

    proposed: int = 0
    trained: int = 0
    """Networks with values, those of a stopped training included."""
    rejected: int = 0
    repeated: int = 0
    failed: int = 0
    open: int = 0

    @classmethod
    def of(cls, history: Sequence[Asked]) -> "Progress":
        states = Counter(
            _state(one.told.note.get("status")) if one.told else "open" for one in history
        )
        return cls(len(history), **states)


@dataclass(frozen=True, slots=True)
class Preview:
    """A search as its plan tells it."""

    kind: str
    objectives: tuple[str, ...]
    trials: int
    """Networks it is to have."""
    points: int | None
    """Of the space, where it has an end."""
    drawn: int
    """Random points that went through the gate; the next four are theirs."""
    trainable: int
    over_limit: int
    unbuildable: int
    known: int
    """Whose trials the ledger has."""
    networks: int
    """Distinct ones among the trainable."""
    reasons: dict[str, int]
    """Why random points are not trainable, the commonest first."""
    progress: Progress = Progress()

    def at(self, history: Sequence[Asked]) -> "Preview":
        """The same space, searched so far."""
        return replace(self, progress=Progress.of(history))

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "objectives": list(self.objectives)}


def preview(
    study: Study,
    searcher: AbstractSearcher,
    ledger: Ledger,
    gate: Callable[[Proposal], Screened],
) -> Preview:
    """A `SpecError` where no random point can be built: with the faults of the first."""
    search, space = search_of(study), space_of(study)
    points = all_points(space, MOST_POINTS)
    screened = [
        gate(Proposal(turn, Choice(f"random {turn}", {}, values), study.spec.seed_list))
        for turn, values in enumerate(
            space.draw(RandomPick(search.seed, "plan", turn)) for turn in range(DRAWS)
        )
    ]
    unbound = [one for one in screened if one.faults]
    if len(unbound) == len(screened):
        raise SpecError(unbound[0].faults)
    fine = [one for one in screened if one.reason is None]
    return Preview(
        kind=search.kind,
        objectives=search.objectives,
        trials=search.trials,
        points=len(points) if points is not None else None,
        drawn=len(screened),
        trainable=len(fine),
        over_limit=len(screened) - len(fine) - len(unbound),
        unbuildable=len(unbound),
        known=sum(all(is_done(ledger.get(spec.id)) for spec in one.specs) for one in fine),
        networks=len({one.id for one in fine}),
        reasons=dict(Counter(_kind(one.reason) for one in screened if one.reason).most_common(5)),
        progress=Progress.of(searcher.history()),
    )


def _state(status: str | None) -> str:
    named = {"rejected": "rejected", "alias": "repeated", "done": "trained", "stopped": "trained"}
    return named.get(str(status), "failed")


def _kind(reason: str) -> str:
    """A reason without its numbers: `macs over the limit`."""
    name, found, most = reason.partition(" is over the limit of ")
    return f"{name.split(' ')[0]} over the limit of {most}" if found else reason
