"""What a searcher is: it says which point comes next, and is told what became of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.registry import Table
from harness.search.space import SearchSpace
from harness.space.bind import Choice

State = Literal["done", "rejected", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One point that a searcher wants to know the worth of."""

    number: int
    """From 0, in the order of asking."""
    choice: Choice
    seeds: tuple[int, ...] = (0,)
    """Its objectives are means over these."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a proposal."""

    state: State
    values: tuple[float, ...] | None = None
    """Objectives in the study's order; None unless done or stopped."""
    violations: tuple[float, ...] = ()
    """How far each limit is exceeded, as a share of it; 0 or less where it is kept."""
    epoch: int | None = None
    """Where a stopped one ended: its values are of a shorter training, never of a front."""
    note: Mapping[str, Any] = field(default_factory=dict)
    """Plain values that the caller wants kept beside it."""

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value not in (None, (), {})}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Told":
        """From what `as_json` made."""
        tuples = {key: tuple(kept[key]) for key in ("values", "violations") if key in kept}
        return cls(**{**kept, **tuples})


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposal with what was told of it, or None where it is open."""

    proposal: Proposal
    told: Told | None


@dataclass(frozen=True, slots=True)
class Setting:
    """What a searcher works on."""

    space: SearchSpace
    highest: tuple[bool, ...]
    """Of each objective whether more is better."""
    trials: int
    """How many networks the whole search has."""
    seeds: tuple[int, ...] = (0,)
    seed: int = 0
    population: int | None = None
    key: str = "search"
    """What the objectives depend on: a search of another key shares nothing with this one."""
    journal: Path | None = None
    """Where its state is kept; None is in memory alone."""
    is_reader: bool = False
    """Looks at the journal and never writes."""


class AbstractSearcher(ABC):
    """Proposals, each once. Whoever asks tells in any order, also after a restart."""

    @abstractmethod
    def ask(self) -> Proposal | None:
        """The next point; None where there is none, for good.

        What an earlier run asked and never told comes first. When this returns, the proposal is
        on disk.
        """

    @abstractmethod
    def tell(self, proposal: Proposal, told: Told) -> None:
        """What became of a proposal. Telling again replaces what was told."""

    @abstractmethod
    def history(self) -> tuple[Asked, ...]:
        """Every proposal so far, in order."""

    def close(self) -> None:
        """Let go of the journal."""
        return


SEARCHERS: Table[Callable[[Setting], AbstractSearcher]] = Table("way of searching")
"""Under the names of `harness.space.search_spec.KINDS`."""
