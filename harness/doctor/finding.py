"""What a check is asked, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Verdict = Literal["holds", "does not hold", "not run"]


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the doctor looks, and how long it may take."""

    results: Path
    """A folder, or a store; read, and tried with files of a moment."""
    scratch: Path
    """An empty folder of this machine that is removed afterwards."""
    device: str = "auto"
    full: bool = False
    """More of each check, in minutes rather than seconds."""
    seed: int = 0
    """Of whatever a check draws at random."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check."""

    verdict: Verdict
    said: str
    """One sentence; of a check that was not run, why."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Plain values by name, units in the names."""

    @classmethod
    def of(cls, held: bool, said: str, **figures: Any) -> "Finding":
        return cls("holds" if held else "does not hold", said, figures)

    @classmethod
    def not_run(cls, because: str) -> "Finding":
        return cls("not run", because)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold for results to be believed."""

    name: str
    what: str
    """What holds where it holds, in a few words."""
    run: Callable[[Setting], Finding]


@dataclass(frozen=True, slots=True)
class Examined:
    """A check with what it found, and how long it took."""

    check: Check
    finding: Finding
    seconds: float
