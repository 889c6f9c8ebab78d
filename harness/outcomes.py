"""What can become of a trial: every status, what it means, and when it is tried again."""

import errno
from dataclasses import dataclass
from typing import Literal, cast

from harness.errors import TrialError

Status = Literal[
    "done",
    "stopped",
    "cut",
    "preempted",
    "worker_died",
    "timed_out",
    "disk_full",
    "out_of_memory",
    "diverged",
    "build_error",
    "data_fault",
    "failed",
]

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


OUTCOMES: dict[Status, Outcome] = {
    "done": Outcome("trained and evaluated to its end", "never", failure=False),
    "stopped": Outcome("ended early by the study's scheduler", "next run", failure=False),
    "cut": Outcome("ended by the run's time budget", "next run", failure=False),
    "preempted": Outcome("its machine was taken away", "next run"),
    "worker_died": Outcome("its process ended without a word", "next run"),
    "timed_out": Outcome("took longer than the run allows a trial", "next run"),
    "disk_full": Outcome("there was no room for its files", "next run"),
    "out_of_memory": Outcome("did not fit the device beside others", "alone"),
    "diverged": Outcome("a loss or a weight was no longer a number", "asked"),
    "build_error": Outcome("its network could not be built", "asked"),
    "data_fault": Outcome("its data could not be read", "asked"),
    "failed": Outcome("anything else that went wrong", "asked"),
}
"""By the status of a record. A study's cells have three more: `pending`, `alias`, `rejected`."""

FAILURES: frozenset[str] = frozenset(
    status for status, outcome in OUTCOMES.items() if outcome.failure
)


FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def status_of(error: BaseException) -> Status:
    """The status of a trial that ended by an error, as far as its kind tells."""
    if isinstance(error, TrialError):
        return cast(Status, error.status)
    if isinstance(error, MemoryError):
        return "out_of_memory"
    if isinstance(error, OSError):
        if error.errno in FULL_DISK:
            return "disk_full"
        return "out_of_memory" if error.errno == errno.ENOMEM else "failed"
    return "failed"


def is_tried_again(status: Status, asked: bool) -> bool:
    """Whether a trial with such a record is trained by a run; asked: by `--retry failed`."""
    again = OUTCOMES[status].again
    return again in ("next run", "alone") or (again == "asked" and asked)
