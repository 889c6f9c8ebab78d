"""Between a supply and Ray Tune: trials go out as JSON in Tune's configurations, ends come back."""

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from harness.engines.base import Event, Sink, Supply, Wait, Watch, Work, perform
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace


class Supplier(Searcher):  # type: ignore[misc]
    """A supply as Tune's searcher. Tune neither saves nor restores it: the ledger is the truth."""

    def __init__(
        self, supply: Supply, sink: Sink, where: Workplace, watch: Watch, early: bool
    ) -> None:
        super().__init__()
        self.supply, self.sink, self.where, self.watch = supply, sink, where, watch
        self.early = early
        self.given: dict[str, TrialSpec] = {}
        """Trials that have not ended, by Tune's own ids."""

    def suggest(self, trial_id: str) -> Any:
        spec = self.supply.next()
        if spec is None:
            return Searcher.FINISHED
        if isinstance(spec, Wait):
            return None
        self.given[trial_id] = spec
        return {"trial": spec.id, "spec": packed(spec)}

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        if trial_id in self.given and "facts" in result:
            self.watch(Event(self.given[trial_id].id, "epoch", json.loads(result["facts"])))

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        spec = self.given.pop(trial_id, None)
        if spec is None:
            return
        said = (result or {}).get("outcome")
        told = self._ended_early(spec, error) if said is None or error else json.loads(said)
        self.watch(Event(spec.id, "ended", told))
        self.supply.ended(spec, self.sink.get(spec, self.where))

    def _ended_early(self, spec: TrialSpec, error: bool) -> Mapping[str, Any]:
        """A trial that said nothing at its end was stopped by the scheduler, or is lost."""
        if self.early and not error:
            return self.sink.stopped(spec, self.where)
        self.sink.lost(spec, self.where, "its process is gone" if error else "it said nothing")
        return {"status": "worker_died", "reason": "its process is gone"}

    def save(self, checkpoint_path: str) -> None:
        return None

    def restore(self, checkpoint_path: str) -> None:
        return None

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __deepcopy__(self, memo: Any) -> "Supplier":
        return self


class Starts(tune.Callback):  # type: ignore[misc]
    """Tells of trials that have started; asks in every round whether there is still room."""

    def __init__(self, watch: Watch, room: Callable[[int], None]) -> None:
        self.watch, self.room = watch, room

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray pickles callbacks for a restore that is never asked of it

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        self.watch(Event(trial.config["trial"], "started", {}))

    def on_step_end(self, iteration: int, trials: Any, **_: Any) -> None:
        self.room(sum(trial.status == "RUNNING" for trial in trials))


def trial(config: Mapping[str, Any], *, work: Work, where: Workplace, sink: Sink) -> None:
    """What a worker does: one trial, from JSON to its record in the ledger."""

    def tell(facts: Mapping[str, Any]) -> None:
        compared = {name: facts[name] for name in ("epoch", "ap") if facts.get(name) is not None}
        tune.report({"facts": json.dumps(dict(facts)), **compared})

    told = perform(work, unpacked(config["spec"]), where, tell, sink)
    tune.report({"outcome": json.dumps(dict(told))})  # as text: Tune flattens what is nested


def packed(spec: TrialSpec) -> str:
    """A spec as text small enough for Tune's state file, which holds every configuration."""
    return base64.b85encode(zlib.compress(spec.model_dump_json().encode())).decode()


def unpacked(text: str) -> TrialSpec:
    return TrialSpec.model_validate_json(zlib.decompress(base64.b85decode(text)))
