"""What can become of a trial: every status, what it means, and when it is tried again."""

from dataclasses import dataclass
from typing import Literal

Again = Literal["never", "next run", "alone", "asked"]
"""When a trial with this status is trained again: never; by the next run; by the next run with the
device to itself; only by `--retry failed`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One status of a trial."""

    meaning: str
    again: Again
    failure: bool = True
    """Whether a run that leaves it has failed (exit code 1)."""


OUTCOMES: dict[str, Outcome] = {
    "done": Outcome("trained and evaluated to its end", "never", failure=False),
    "stopped": Outcome("ended early by the study's scheduler", "next run", failure=False),
    "cut": Outcome("ended by the run's time budget", "next run", failure=False),
    "preempted": Outcome("its machine was taken away", "next run"),
    "worker_died": Outcome("its process ended without a word", "next run"),
    "timed_out": Outcome("took longer than the run allows a trial", "next run"),
    "out_of_memory": Outcome("did not fit the device beside others", "alone"),
    "diverged": Outcome("a loss or a weight was no longer a number", "asked"),
    "build_error": Outcome("its network could not be built", "asked"),
    "data_fault": Outcome("its data could not be read", "asked"),
    "failed": Outcome("anything else that went wrong", "asked"),
}
"""By the status of a record. A study's cells have three more: `pending`, `alias`, `rejected`."""

FAILURES = frozenset(status for status, outcome in OUTCOMES.items() if outcome.failure)


def is_tried_again(status: str, asked: bool) -> bool:
    """Whether a trial with such a record is trained by a run; asked: by `--retry failed`."""
    again = OUTCOMES[status].again
    return again in ("next run", "alone") or (again == "asked" and asked)
