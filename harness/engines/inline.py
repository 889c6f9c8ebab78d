"""Trials one after another in this process: same records, no Ray."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.engines.base import (
    ENGINES,
    AbstractEngine,
    Event,
    OnEpoch,
    Watch,
    Work,
    limit_threads,
    outcome,
    perform,
)
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace


@ENGINES.register("inline")
class InlineEngine(AbstractEngine):
    """The engine for tests, debuggers and machines without Ray."""

    def run(self, trials: Sequence[TrialSpec], work: Work, where: Workplace, watch: Watch) -> None:
        limit_threads(where.threads)
        for spec in trials:
            watch(Event(spec.id, "started", {}))
            record = perform(work, spec, where, _teller(spec.id, watch))
            watch(Event(spec.id, "ended", outcome(record)))


def _teller(trial_id: str, watch: Watch) -> OnEpoch:
    def tell(facts: Mapping[str, Any]) -> None:
        watch(Event(trial_id, "epoch", facts))

    return tell
