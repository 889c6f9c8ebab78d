"""What is known of a search before it is run: its space, how much of it can be built, its state."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.errors import Fault, SpecError
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
    stopped: int = 0
    """By the scheduler, with values of a shorter training."""
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
    search, screened = search_of(study), drawn(study, gate)
    if faults := unbuildable(screened):
        raise SpecError(faults)
    points = all_points(space_of(study), MOST_POINTS)
    unbound = [one for one in screened if one.faults]
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


def drawn(study: Study, gate: Callable[[Proposal], Screened]) -> list[Screened]:
    """Random points behind the gate; the same each time."""
    space, seed = space_of(study), search_of(study).seed
    values = [space.draw(RandomPick(seed, "plan", turn)) for turn in range(DRAWS)]
    seeds = study.spec.seed_list
    return [
        gate(Proposal(turn, Choice(f"random {turn}", {}, one), seeds))
        for turn, one in enumerate(values)
    ]


def unbuildable(screened: Sequence[Screened]) -> Sequence[Fault]:
    """The faults of the first point where no point can be bound: then it is the study's own."""
    return screened[0].faults if all(one.faults for one in screened) else ()


def _state(status: str | None) -> str:
    named = {"rejected": "rejected", "alias": "repeated", "done": "trained", "stopped": "stopped"}
    return named.get(str(status), "failed")


def _kind(reason: str) -> str:
    """A reason without its numbers: `macs over the limit`."""
    name, found, most = reason.partition(" is over the limit of ")
    return f"{name.split(' ')[0]} over the limit of {most}" if found else reason
