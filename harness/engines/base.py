"""What an engine is: it decides where trials run, and nothing else.

An engine is handed complete specs and `work` (a function that does one trial). Whatever becomes
of a trial, a record of it stands in the ledger when the engine is done with it; the caller
reads results from there and from nowhere else.
"""

import logging
import os
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from platform import node
from typing import Any, Protocol

from harness.claims import began_under
from harness.errors import Elsewhere, Rejected, TrialError
from harness.ledger import Ledger
from harness.outcomes import OUTCOMES, Status, status_of
from harness.records import Environment, TrialRecord
from harness.registry import Table
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace

OnEpoch = Callable[[Mapping[str, Any]], None]
"""Called by `work` after each epoch, with plain values (`epoch`, `epochs`, `ap`, ...)."""

Work = Callable[[TrialSpec, Workplace, OnEpoch], TrialRecord]
"""Does one trial. `harness.trial.run_trial` is one; it may keep its record itself."""


@dataclass(frozen=True, slots=True)
class Event:
    """What an engine tells while it runs: a trial started, went on by an epoch, or ended."""

    id: str
    kind: str
    """`started`, `epoch` or `ended`."""
    facts: Mapping[str, Any]


Watch = Callable[[Event], None]


class Wait:
    """What a supply says that has nothing now, and may have when some trial has ended."""


WAIT = Wait()


class Supply(Protocol):
    """Says which trial comes next. An engine asks whenever it has room."""

    adaptive: bool
    """Whether what comes next may hang on what has ended: then it is not asked for ahead."""

    def next(self) -> TrialSpec | Wait | None:
        """A trial; `WAIT` where nothing can be said before another has ended; None at the end."""

    def ended(self, spec: TrialSpec, record: TrialRecord | None) -> None:
        """Told of every trial that was handed out, once. record: None where there is none."""


class Listed:
    """A fixed list of trials, in order."""

    adaptive = False

    def __init__(self, trials: Sequence[TrialSpec]) -> None:
        self._left = deque(trials)

    def next(self) -> TrialSpec | None:
        return self._left.popleft() if self._left else None

    def ended(self, spec: TrialSpec, record: TrialRecord | None) -> None:
        pass


class Sink(Protocol):
    """Keeps what `work` returns. Crosses to workers."""

    def keep(self, spec: TrialSpec, where: Workplace, done: Any) -> Mapping[str, Any]:
        """Keep it, from inside the worker; returns what is told when it has ended."""

    def fail(self, spec: TrialSpec, where: Workplace, error: BaseException) -> Mapping[str, Any]:
        """Keep what `work` raised, from inside the worker, as far as it is to be kept."""

    def lost(self, spec: TrialSpec, where: Workplace, reason: str) -> None:
        """Keep that the worker is gone, unless it left something. Called where the run is."""

    def stopped(self, spec: TrialSpec, where: Workplace) -> Mapping[str, Any]:
        """Keep that the scheduler ended it. Called where the run is."""

    def get(self, spec: TrialSpec, where: Workplace) -> TrialRecord | None:
        """The record of a trial that has ended, where this is about records."""


class LedgerSink:
    """Records in the ledger."""

    def keep(self, spec: TrialSpec, where: Workplace, done: Any) -> Mapping[str, Any]:
        return outcome(Ledger(where.results).write(done))

    def fail(self, spec: TrialSpec, where: Workplace, error: BaseException) -> Mapping[str, Any]:
        if isinstance(error, Rejected):
            return {"status": "rejected", "ap": None, "seconds": 0.0, "reason": str(error)}
        if isinstance(error, Elsewhere):
            return {"status": "cut", "ap": None, "seconds": 0.0, "reason": str(error)}
        trace = "".join(traceback.format_exception(error))
        return self.keep(
            spec, where, failed(spec, where, status_of(error), reason_of(error), trace)
        )

    def lost(self, spec: TrialSpec, where: Workplace, reason: str) -> None:
        ledger = Ledger(where.results)
        kept = ledger.get(spec.id)
        earlier = kept and not began_under(ledger.folder(spec.id), kept.environment.started)
        if kept is None or earlier or OUTCOMES[kept.status].again == "next run":
            ledger.write(failed(spec, where, "worker_died", reason))

    def stopped(self, spec: TrialSpec, where: Workplace) -> Mapping[str, Any]:
        """The trial left a record of its way at its last evaluation (`Ledger.write_partial`)."""
        left = Ledger(where.results).partial(spec.id)
        reason = "by the study's scheduler"
        if left is None:
            return self.keep(spec, where, failed(spec, where, "stopped", reason))
        return self.keep(spec, where, replace(left, status="stopped", reason=reason))

    def get(self, spec: TrialSpec, where: Workplace) -> TrialRecord | None:
        return Ledger(where.results).get(spec.id)


@dataclass(frozen=True, slots=True)
class Early:
    """Early stopping by successive halving (`asha`; Li et al. 2018, arXiv 1810.05934).

    A trial goes on past an epoch of `rungs` only while its AP there is among the best
    1 / `reduction` of those that came so far.
    """

    epochs: int
    """Of the whole schedule."""
    grace: int
    """Epochs before the first rung."""
    reduction: float
    brackets: int = 1
    """More than one is asynchronous Hyperband: brackets differ in their first rung."""

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs after which a trial is evaluated, over all brackets."""
        found, epoch = [], float(self.grace)
        while round(epoch) < self.epochs:
            found.append(round(epoch))
            epoch *= self.reduction
        return tuple(dict.fromkeys(found))


class AbstractEngine(ABC):
    """Runs trials to their records."""

    def session(self, where: Workplace) -> AbstractContextManager[Any]:
        """Whatever several calls of `run` share, such as a cluster that is slow to start."""
        return nullcontext()

    @abstractmethod
    def run(
        self,
        supply: Supply,
        work: Work,
        where: Workplace,
        watch: Watch,
        *,
        sink: Sink | None = None,
        early: Early | None = None,
    ) -> None:
        """Run every trial of the supply; return when it has ended and each has its record.

        sink: where results are kept; None is the ledger. Raises `EngineError`.
        KeyboardInterrupt passes through, with finished trials kept.
        """

    @abstractmethod
    def slots(self, where: Workplace) -> int:
        """How many trials run at once."""


ENGINES: Table[type[AbstractEngine]] = Table("engine")


def perform(
    work: Work, spec: TrialSpec, where: Workplace, on_epoch: OnEpoch, sink: Sink
) -> Mapping[str, Any]:
    """Do one trial and see that what comes of it is kept, also where it fails."""
    try:
        return sink.keep(spec, where, work(spec, where, on_epoch))
    except Exception as error:
        logging.getLogger("harness").debug("trial %s failed", spec.id, exc_info=True)
        return sink.fail(spec, where, error)


def outcome(record: TrialRecord) -> dict[str, Any]:
    """What is told of a trial when it has ended."""
    ap = record.metrics.ap if record.metrics else None
    return {"status": record.status, "ap": ap, "seconds": record.seconds, "reason": record.reason}


def reason_of(error: BaseException) -> str:
    """One line: our own errors say it themselves, others are named."""
    text = str(error).strip().splitlines()
    first = text[0] if text else ""
    if isinstance(error, TrialError):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def failed(
    spec: TrialSpec, where: Workplace, status: Status, reason: str, trace: str | None = None
) -> TrialRecord:
    """The record of a trial that has no result."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    place = Environment(node(), where.device, where.threads, {}, None, started, where.engine)
    return TrialRecord(
        id=spec.id,
        status=status,
        spec=spec.model_dump(mode="json"),
        environment=place,
        seconds=0.0,
        reason=reason,
        traceback=trace,
    )


def thread_variables(threads: int) -> dict[str, str]:
    """Environment that holds numeric libraries to `threads`, set before they are imported."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return dict.fromkeys(names, str(threads))


def limit_threads(threads: int) -> None:
    os.environ.update(thread_variables(threads))


def processors() -> int:
    """CPU cores this process may use: affinity and container quota, at least 1."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return max(1, cores)
