"""Every error the harness raises on purpose.

HarnessError
├── SpecError     your YAML or arguments: every fault at once, each with its place
├── TrialError    one trial could not be built or trained
│   ├── DataFault    its data are not there, cannot be read, or are not those it was planned for
│   ├── BuildError   its network cannot be built, or its first step does not run
│   ├── TimedOut     it took longer than the run allows a trial
│   ├── Cut          the run's time is over
│   ├── Preempted    the machine wants its process to end
│   └── WorkerDied   one of its processes ended without a word
├── LedgerError   a record could not be read or written
└── EngineError   the engine that runs trials could not start or was lost
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where in the tree, what, and (added by the door) file and line."""

    path: str
    message: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = self.file or ""
        if place and self.line is not None:
            place = f"{place}:{self.line}"
        what = f"{self.path}: {self.message}" if self.path else self.message
        return f"{place}  {what}" if place else what

    def at(self, file: str | Path, line: int | None) -> "Fault":
        return replace(self, file=str(file), line=line)


class HarnessError(Exception):
    """The root: whatever is caught at the door and shown without a traceback."""


class SpecError(HarnessError):
    """What the user wrote is wrong. Holds all faults found, in the order of the file."""

    def __init__(self, faults: Iterable[Fault] | Fault | str) -> None:
        if isinstance(faults, str):
            faults = Fault("", faults)
        self.faults = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class TrialError(HarnessError):
    """A trial could not be built or trained."""

    status = "failed"
    """Of the trial's record (`harness.outcomes`)."""


class Rejected(HarnessError):
    """A network does not pass the gate's second step. Not a fact of the trial: no record of it."""


class Elsewhere(HarnessError):
    """The run's time was over while another process still trained a trial. Not a fact of the trial:
    no record of it."""


class DataFault(TrialError):
    """The data of a trial are not there, cannot be read, or are not those it was planned for."""

    status = "data_fault"


class BuildError(TrialError):
    """The network of a trial cannot be built, or its first step does not run."""

    status = "build_error"


class TimedOut(TrialError):
    """A trial took longer than its run allows."""

    status = "timed_out"


class Cut(TrialError):
    """The run's time is over."""

    status = "cut"


class Preempted(TrialError):
    """The machine wants the trial's process to end."""

    status = "preempted"


class WorkerDied(TrialError):
    """A process of the trial ended without a word."""

    status = "worker_died"


class LedgerError(HarnessError):
    """A record in `results/` could not be read or written."""


class EngineError(HarnessError):
    """The engine could not start, or lost its workers."""


def first_line(error: Exception) -> str:
    """Of what an error of another library says; its kind where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def nearest_name(name: str, names: Sequence[str]) -> str | None:
    """The name that is most alike, by the letters in common (difflib); of those that are equally
    so, one of the very same letters, then the one that begins alike longest. None if none is."""
    near = difflib.get_close_matches(name, names, n=8, cutoff=0.6)

    def alike(other: str) -> tuple[float, bool, int]:
        ratio = difflib.SequenceMatcher(None, other, name).ratio()
        start = takewhile(lambda pair: pair[0] == pair[1], zip(other, name, strict=False))
        return ratio, sorted(other) == sorted(name), len(list(start))

    return max(near, key=alike, default=None)


def did_you_mean(name: object, valid: Iterable[str]) -> str:
    """The nearest right word as `; did you mean 'p6_td'?`, else the valid names, else nothing."""
    names = list(dict.fromkeys(valid))
    near = nearest_name(str(name), names)
    if near is not None:
        return f"; did you mean {near!r}?"
    if not names:
        return ""
    mark = "; " if any("," in name for name in names) else ", "
    shown = sorted(names)[:12] + ["..."] * (len(names) > 12)
    return f"; there are {mark.join(shown)}"
