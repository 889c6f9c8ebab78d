"""What an engine is: it decides where trials run, and nothing else.

An engine is handed complete specs and `work` (a function that does one trial). Whatever becomes
of a trial, a record of it stands in the ledger when the engine is done with it; the caller
reads results from there and from nowhere else.
"""

import logging
import os
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from platform import node
from typing import Any

from harness.errors import TrialError
from harness.ledger import Ledger
from harness.records import Environment, TrialRecord
from harness.registry import Table
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace

WORKER_DIED = "worker died"
"""How the reason of a record starts whose worker was lost: the next run tries it again."""

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


class AbstractEngine(ABC):
    """Runs trials to their records."""

    def session(self, where: Workplace) -> AbstractContextManager[Any]:
        """Whatever several calls of `run` share, such as a cluster that is slow to start."""
        return nullcontext()

    @abstractmethod
    def run(self, trials: Sequence[TrialSpec], work: Work, where: Workplace, watch: Watch) -> None:
        """Run every trial; return when each has a record, or raise `EngineError`.

        KeyboardInterrupt passes through, with finished trials kept.
        """


ENGINES: Table[type[AbstractEngine]] = Table("engine")


def perform(work: Work, spec: TrialSpec, where: Workplace, on_epoch: OnEpoch) -> TrialRecord:
    """Do one trial and see that its record is in the ledger, also where it fails."""
    ledger = Ledger(where.results)
    try:
        record = work(spec, where, on_epoch)
    except Exception as error:
        logging.getLogger("harness").debug("trial %s failed", spec.id, exc_info=True)
        record = failed(spec, where, reason_of(error), traceback.format_exc())
    ledger.write(record)
    return ledger.get(spec.id) or record


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


def failed(spec: TrialSpec, where: Workplace, reason: str, trace: str | None = None) -> TrialRecord:
    """The record of a trial that has no result."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    place = Environment(node(), where.device, where.threads, {}, None, started, where.engine)
    return TrialRecord(
        id=spec.id,
        status="failed",
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
