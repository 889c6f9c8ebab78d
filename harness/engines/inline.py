"""Trials one after another in this process: same records, no Ray."""

from collections.abc import Mapping
from typing import Any

from harness.engines.base import (
    ENGINES,
    AbstractEngine,
    Early,
    Event,
    LedgerSink,
    OnEpoch,
    Sink,
    Supply,
    Wait,
    Watch,
    Work,
    limit_threads,
    perform,
)
from harness.errors import EngineError
from harness.space.workplace import Workplace


@ENGINES.register("inline")
class InlineEngine(AbstractEngine):
    """The engine for tests, debuggers and machines without Ray."""

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
        if early is not None:
            raise EngineError("early stopping compares trials that run at once: use --engine ray")
        sink = sink or LedgerSink()
        limit_threads(where.threads)
        while (spec := supply.next()) is not None:
            if isinstance(spec, Wait):
                raise AssertionError("a supply waits, and nothing runs")
            watch(Event(spec.id, "started", {}))
            told = perform(work, spec, where, _teller(spec.id, watch), sink)
            watch(Event(spec.id, "ended", told))
            supply.ended(spec, sink.get(spec, where))

    def slots(self, where: Workplace) -> int:
        return 1


def _teller(trial_id: str, watch: Watch) -> OnEpoch:
    def tell(facts: Mapping[str, Any]) -> None:
        watch(Event(trial_id, "epoch", facts))

    return tell
