"""A study that searches, and a loop that runs it without an engine."""

from dataclasses import dataclass, field

import pytest

from harness.engines.base import Wait
from harness.ledger import Ledger
from harness.records import Environment, Metrics, TrialRecord
from harness.searching import Allowed, SearchSupply, open_searcher
from harness.space.profiles import load_study
from harness.space.workplace import Workplace

STUDY = """\
question: What is found?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 1, projection: always}
  head: {depth: 1}
recipe: {schedule: {epochs: 2}}
seeds: %(seeds)s
limits: %(limits)s
search:
  kind: %(kind)s
  trials: %(trials)s
  objectives: %(objectives)s
  space: %(space)s
%(more)s
"""
SIX = (
    "{model.feature_network.width: {low: 16, high: 32, step: 8}, "
    "recipe.optimizer.learning_rate: {choices: [0.01, 0.02]}}"
)
LARGE = (
    "{model.feature_network.width: {low: 8, high: 64, step: 8}, "
    "recipe.optimizer.learning_rate: {low: 0.001, high: 0.1, log: true}}"
)


@pytest.fixture
def study(tmp_path):
    def study(space=SIX, *, sets=(), **options):
        said = {
            "kind": "random", "trials": 20, "objectives": "[ap]", "seeds": 1, "limits": "{}",
            "more": "", "space": space,
        } | options  # fmt: skip
        file = tmp_path / "searched.yaml"
        file.write_text(STUDY % said)
        return load_study(file, sets=sets)

    return study


def ap_of(spec) -> float:
    """Narrow networks and small rates are best here; seeds differ a little."""
    width, rate = spec.model.feature_network.width, spec.recipe.optimizer.learning_rate
    return 1 / (1 + width / 100 + rate) + spec.seeds.init / 1e4


def record_of(spec, status="done", ap=None, **more) -> TrialRecord:
    ap = ap_of(spec) if ap is None else ap
    return TrialRecord(
        id=spec.id,
        status=status,
        spec=spec.model_dump(mode="json"),
        environment=Environment("here", "cpu", 1, {}, None, "2026-01-01T00:00:00+00:00"),
        seconds=1.0,
        metrics=Metrics(ap, ap, ap, None, ap, ap, {}) if status == "done" else None,
        reason=None if status == "done" else "told to",
        **more,
    )


@dataclass
class Runner:
    """Runs a search as an engine would; trains nothing, counts everything."""

    results: object
    facts: object
    trained: list = field(default_factory=list)
    fails: dict = field(default_factory=dict)
    """Status or record function by the number of the training."""

    def supply(self, study, **options) -> SearchSupply:
        searcher = open_searcher(study, self.results, self.facts)
        ledger = Ledger(self.results)
        where, allowed = Workplace(self.results), Allowed(**options)
        return SearchSupply(study, searcher, ledger, where, self.facts, allowed)

    def __call__(self, study, *, at_once=1, most=10**6, **options) -> SearchSupply:
        """Until the supply ends, or `most` trainings were begun: then everything is dropped."""
        supply = self.supply(study, **options)
        try:
            self.run(supply, at_once, most)
            if supply.is_over and len(self.trained) <= most:
                supply.compares = True
                self.run(supply, at_once, most)
        finally:
            supply.searcher.close()
        return supply

    def run(self, supply, at_once=1, most=10**6) -> None:
        running = []
        while True:
            spec = supply.next() if len(running) < at_once else None
            if spec is not None and not isinstance(spec, Wait):
                if len(self.trained) >= most:
                    return
                self.trained.append(spec)
                running.append(spec)
            elif running:
                self.end(supply, running.pop(0))
            else:
                assert spec is None, "waits for nothing"
                return

    def end(self, supply, spec) -> None:
        what = self.fails.get(self.trained.index(spec), "done")
        record = record_of(spec, what) if isinstance(what, str) else what(spec)
        if record is not None:
            Ledger(self.results).write(record)
            supply.where.backbone(spec.id).parent.mkdir(parents=True, exist_ok=True)
            supply.where.backbone(spec.id).write_bytes(b"weights")
        supply.ended(spec, record)

    @property
    def ids(self) -> list[str]:
        return [spec.id for spec in self.trained]


@pytest.fixture
def runner(tmp_path, facts):
    return Runner(tmp_path / "results", facts)
