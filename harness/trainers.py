"""Functions that train: the harness's own by name, and the user's under its claim, log and ledger.

A function takes `(spec, where, on_epoch)` and hands back a `TrialRecord`, or one and its
detections. Two attributes of it are read: `version` stands in the ids of its trials, and
`pretrains = False` leaves backbones that trials take over to the harness.
"""

import dataclasses
import logging
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from harness.claims import held, now
from harness.engines.base import OnEpoch
from harness.errors import LedgerError, SpecError, TrialError
from harness.ledger import LOG, Ledger, from_json, to_json
from harness.logs import logged
from harness.matches import Evidence
from harness.plugins import load, user_module
from harness.records import EpochLog, TrialRecord
from harness.space.study import Trainer
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.supplies import standing

RUN_TRIAL = "harness.trial:run_trial"
PROBE, PROBE_TIMED = "harness.probe:probe_trial", "harness.probe:probe_trial_timed"

log = logging.getLogger(__name__)

began: ContextVar[str | None] = ContextVar("began", default=None)
"""When the trial under way began: UTC, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Named:
    """A function by `package:function`, imported when it is first called.

    It keeps torch out of the process that only hands trials over, and crosses to workers.
    """

    name: str
    plugins: tuple[str, ...] = ()
    """Modules to import before it, wherever it runs."""
    others: str | None = None
    """Trains the trials whose spec names no trainer; None: the same function."""

    def __call__(self, spec: TrialSpec, where: Workplace, on_epoch: OnEpoch) -> TrialRecord:
        load(self.plugins)
        name = self.name if spec.trainer or self.others is None else self.others
        function = resolve(name)
        if name.startswith("harness."):
            record: TrialRecord = function(spec, where, on_epoch)
            return record
        return attended(function, spec, where, on_epoch)


def resolve(name: str) -> Callable[..., Any]:
    """The function a `package:function` stands for; a `SpecError` where there is none."""
    module, _, function = name.partition(":")
    try:
        found = getattr(user_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SpecError(f"--trial {name}: should be package:function ({error})") from error
    if not callable(found):
        raise SpecError(f"--trial {name}: is not a function")
    return found  # type: ignore[no-any-return]


def trainer_of(name: str | None) -> Trainer | None:
    """What `--trial` says, as a study has it; None is the harness's own function."""
    if name is None or name == RUN_TRIAL:
        return None
    function = resolve(name)
    version = getattr(function, "version", None)
    pretrains = getattr(function, "pretrains", True)
    if version is not None and not (isinstance(version, str | int) and str(version).strip()):
        raise SpecError(f"--trial {name}: its version should be a word or a number")
    return Trainer(name if version is None else f"{name}@{version}", bool(pretrains))


def work_of(name: str | None, trainer: Trainer | None, plugins: tuple[str, ...] = ()) -> Named:
    """The function that does the trials of a study with such a trainer."""
    others = None if trainer is None or trainer.pretrains else RUN_TRIAL
    return Named(name or RUN_TRIAL, plugins, others)


@dataclass(slots=True)
class _Told:
    """What a function told of its epochs: the curve of a record that brings none."""

    then: float
    rows: list[EpochLog] = field(default_factory=list)

    def add(self, facts: Mapping[str, Any]) -> None:
        moment = time.perf_counter()
        if facts.get("loss") is not None:
            known: dict[str, Any] = {
                one.name: facts.get(one.name) for one in dataclasses.fields(EpochLog)
            }
            known |= {"epoch": int(facts.get("epoch") or len(self.rows) + 1)}
            known |= {"loss": float(facts["loss"])}
            known |= {"seconds": known["seconds"] or moment - self.then}
            known |= {"fusion_weights": known["fusion_weights"] or {}}
            self.rows.append(EpochLog(**known))
        self.then = moment


def attended(
    function: Callable[..., Any], spec: TrialSpec, where: Workplace, on_epoch: OnEpoch
) -> TrialRecord:
    """A trial by somebody's function: nobody else trains it meanwhile, and all of it is kept.

    Where the record says nothing of seconds or of the curve, they are as seen from here.
    """
    ledger = Ledger(where.results)
    with held(ledger.folder(spec.id), is_over=where.is_over) as (claim, _):
        if kept := standing(spec, ledger, where):
            return kept
        started = time.perf_counter()
        told = _Told(started)

        def tell(facts: Mapping[str, Any]) -> None:
            told.add(facts)
            claim.tell(facts)
            on_epoch(facts)

        with logged(ledger.folder(spec.id) / LOG, where.scratch / "logs" / spec.id / LOG):
            log.info("trial %s by %s", spec.id, spec.trainer or "a function of the user's own")
            token = began.set(now())
            try:
                record, evidence = _parts(function(spec, where, tell), spec)
            except Exception:
                log.exception("failed")
                raise
            finally:
                began.reset(token)
        record = _filled(record, told, time.perf_counter() - started)
        return ledger.write(_readable(record), evidence)


def _filled(record: TrialRecord, told: _Told, seconds: float) -> TrialRecord:
    """The record with what it does not say and the harness has seen."""
    if not record.seconds:
        record = dataclasses.replace(record, seconds=seconds)
    if not record.curve and told.rows:
        curve = tuple(told.rows)
        record = dataclasses.replace(record, curve=curve, epochs_done=curve[-1].epoch)
    return record


def _readable(record: TrialRecord) -> TrialRecord:
    """The record, if it is one when it is read again; a `TrialError` names a value of another kind.

    Such a record would be set aside as damaged, and its trial trained at every run.
    """
    try:
        from_json(to_json(record))
    except (LedgerError, TypeError, ValueError) as error:
        raise TrialError(f"the trial function's record cannot be kept: {error}") from None
    return record


def _parts(done: Any, spec: TrialSpec) -> tuple[TrialRecord, Evidence | None]:
    """The record and evidence that a function handed back; a `TrialError` where they are none."""
    record, evidence = done if isinstance(done, tuple) and len(done) == 2 else (done, None)
    if not isinstance(record, TrialRecord):
        raise TrialError(
            f"the trial function handed back a {type(record).__name__}, not a TrialRecord "
            "(`harness.trial_record` makes one)"
        )
    if record.id != spec.id:
        raise TrialError(f"the trial function handed back the record of {record.id}")
    if evidence is None or isinstance(evidence, Evidence):
        return record, evidence
    if not isinstance(evidence, Mapping):
        raise TrialError(f"detections are arrays by name, not a {type(evidence).__name__}")
    import numpy as np

    for name, values in evidence.items():
        if np.asarray(values).dtype.hasobject:
            raise TrialError(f"detections, {name}: should be an array of numbers")
    return record, Evidence(evidence)
