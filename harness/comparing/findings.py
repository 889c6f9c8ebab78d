"""Faults of files by kind: where the first ones are, and how many more there are."""

from dataclasses import dataclass, field

from harness.errors import Fault

SHOWN = 3
"""So many faults of a kind are told one by one."""


@dataclass
class Findings:
    """What is wrong with one file."""

    file: str
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, place: str, message: str, line: int | None = None) -> None:
        """One fault; kind: what it is counted by."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= SHOWN:
            self.faults.setdefault(kind, []).append(Fault(place, message, self.file, line))

    def all(self) -> list[Fault]:
        """The first of each kind, then how many more there are of it."""
        told: list[Fault] = []
        for kind, faults in self.faults.items():
            told += faults
            if (more := self.counts[kind] - len(faults)) > 0:
                told.append(Fault("", f"and {more:,} more: {kind}", self.file))
        return told
