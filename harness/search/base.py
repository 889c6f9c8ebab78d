"""What a searcher is: asked for the next point, told what came of it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from harness.space.bind import Choice


@dataclass(frozen=True, slots=True)
class Proposal:
    """One point that a searcher asks to be tried."""

    number: int
    """From 0, in the order of asking."""
    choice: Choice


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a proposal."""

    state: Literal["done", "rejected", "failed", "stopped"]
    values: tuple[float, ...] | None = None
    """Objectives in the study's order; None unless done or stopped."""
    violations: tuple[float, ...] = ()
    """Over 0: how far each limit is exceeded, as a share of the limit."""


class AbstractSearcher(ABC):
    """Which points of a space come next, learning from those that were tried."""

    @abstractmethod
    def ask(self) -> Proposal | None:
        """The next point; None when there is none for good."""

    @abstractmethod
    def tell(self, proposal: Proposal, told: Told) -> None:
        """What came of a point that was asked for, once."""
