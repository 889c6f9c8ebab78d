"""The loop: plan, ledger, engine, ledger, study file, report. Run twice, it has nothing to do."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

from harness.engines import ENGINES, AbstractEngine, Early, Listed, Supply, Watch, Work
from harness.errors import EngineError, Fault, SpecError
from harness.gating import ProbeSink, gate, probe_missing
from harness.ledger import Ledger
from harness.outcomes import FAILURES
from harness.plan import Plan, make_plan, open_facts, settle, stored_plan
from harness.plans import read_plans, store_plan
from harness.probes import Probes
from harness.search import BACKBONE, Title, cell_name
from harness.searching import Allowed, run_search, settled_search, with_search
from harness.space.bind import FactsOf
from harness.space.heads import HEAD_FACTS
from harness.space.study import Study
from harness.space.trial import TrialSpec
from harness.space.validate import located
from harness.space.workplace import Workplace
from harness.studies import StudyResults, write_study
from harness.supplies import Missing, is_oversized
from harness.trainers import RUN_TRIAL as RUN_TRIAL
from harness.trainers import Named as Named
from harness.trainers import resolve as resolve

MICRO_BATCHES = (1, 2, 4, 8)
"""Into how many parts a batch is cut that does not fit, one after the other until it does."""
PROBE, PROBE_TIMED = "harness.probe:probe_trial", "harness.probe:probe_trial_timed"

Say = Callable[[str], None]
"""Tells the user one line."""

Watching = Callable[[Mapping[str, Title], int], Any]
"""Makes a context manager that watches trials, from their titles by id and how many run at once."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How a study is to be run: nothing here changes a result."""

    where: Workplace
    limit: int | None = None
    """At most so many trials now; the rest stays pending."""
    retry_failed: bool = False
    budget_s: float | None = None
    """Seconds after which nothing more is started, and what runs ends with its epoch."""

    def after(self, trained: int) -> Allowed:
        """What a search may do when so many trials were trained."""
        left = None if self.limit is None else self.limit - trained
        return Allowed(left, self.retry_failed)

    def workplace(self) -> Workplace:
        """Where trials run, from now on."""
        end = None if self.budget_s is None else time.time() + self.budget_s
        return replace(self.where, deadline=end)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left."""

    plan: Plan
    results: StudyResults
    trained: int
    complaints: tuple[str, ...]

    @property
    def failed(self) -> int:
        return sum(cell.status in FAILURES for cell in self.results.cells)


def run_study(
    study: Study,
    orders: Orders,
    *,
    work: Work | None = None,
    facts: FactsOf | None = None,
    watching: Watching | None = None,
    say: Say = lambda line: None,
) -> Outcome:
    """Run what the ledger lacks. The study file is kept up to date, also on interruption."""
    where = orders.workplace()
    _demand_tensorboard(where)
    ledger = Ledger(where.results)
    engine = ENGINES.get(where.engine)()
    facts = facts or open_facts(where.cache)
    plan = make_plan(study, ledger, facts, retry_failed=orders.retry_failed)
    plan = with_search(plan, ledger, facts)
    _demand_trainable(plan)
    store_plan(where.results, stored_plan(plan, ledger))
    kept = read_plans(where.results, *plan.name)
    write_study(where.results, replace(plan.results(), plans=kept.digests))
    pending, work = plan.pending()[: orders.limit], work or Named(RUN_TRIAL)
    searches = plan.search is not None and (plan.search.left > 0 or orders.retry_failed)
    trained = 0
    try:
        with engine.session(where) if pending or searches else nullcontext():
            if pending:
                plan = _gated(engine, plan, pending, where, work, say)
                wanted = {spec.id for spec in pending}
                pending = tuple(spec for spec in plan.pending() if spec.id in wanted)
                _train(engine, plan, pending, ledger, where, work, watching, say)
                trained = len(pending)
            if searches:
                train = partial(_train_search, engine, work, watching, say)
                trained += run_search(study, ledger, where, facts, train, orders.after(trained))
    finally:
        plan = settled_search(settle(plan, ledger), ledger)
        results = replace(plan.results(), plans=kept.digests)
        write_study(where.results, results)
    return Outcome(plan, results, trained, (*ledger.complaints, *kept.complaints))


def _gated(
    engine: AbstractEngine,
    plan: Plan,
    trials: Sequence[TrialSpec],
    where: Workplace,
    work: Work,
    say: Say,
) -> Plan:
    """The plan after the second step of the gate, where our own trials are to be run.

    What a user's own training builds of a spec is not known here.
    """
    if not isinstance(work, Named) or work.name != RUN_TRIAL:
        return plan

    def run(specs: Sequence[TrialSpec], latency: bool) -> None:
        say(f"probing {len(specs)} network{'s' if len(specs) > 1 else ''}")
        probing = Named(PROBE_TIMED if latency else PROBE, work.plugins)
        engine.run(Listed(specs), probing, where, _unwatched, sink=ProbeSink())

    probe_missing(plan, where, run, trials=trials)
    return gate(plan, Probes(where).get)


def _demand_trainable(plan: Plan) -> None:
    """A `SpecError` where a head is costed alone."""
    field, spec, faults = "model.head.kind", plan.study.spec, {}
    for planned in plan.cells:
        kind, arm = planned.spec.model.head.kind, planned.cell.arm
        if not HEAD_FACTS.get(kind).detects:
            path = f"arms.{arm}.{field}" if field in spec.arms.get(arm, {}) else field
            faults[path] = f"{kind!r} is costed, not trained yet: `harness plan` shows its costs"
    if faults:
        raise SpecError(located(plan.study.placed, [Fault(*pair) for pair in faults.items()]))


def _demand_tensorboard(where: Workplace) -> None:
    """A `SpecError` where files for TensorBoard are asked for and cannot be written."""
    if where.tensorboard and find_spec("tensorboardX") is None:
        extra = "pip install 'feature-network-harness[tensorboard]'"
        raise SpecError(f"--tensorboard: tensorboardX is not installed: {extra}")


def _train(
    engine: AbstractEngine,
    plan: Plan,
    pending: Sequence[TrialSpec],
    ledger: Ledger,
    where: Workplace,
    work: Work,
    watching: Watching | None,
    say: Say,
) -> None:
    """Sources first, so that no two trials make the same backbone; then the trials.

    Those that ran out of memory before come last, one at a time with the device to itself.
    """
    titles = titles_of(plan)

    def train(trials: Sequence[TrialSpec], what: str, where: Workplace = where) -> None:
        if trials and not where.is_over():
            say(what)
            supply = Missing(trials, ledger, where, plan.sources)
            _watched(engine, supply, trials, work, where, watching, titles)

    def train_all(trials: Sequence[TrialSpec], what: str, where: Workplace = where) -> None:
        alone = [spec for spec in trials if is_oversized(ledger.get(spec.id))]
        beside = [spec for spec in trials if spec not in alone]
        train(beside, what.format(len(beside)), where)
        for parts in MICRO_BATCHES:
            alone = [spec for spec in alone if is_oversized(ledger.get(spec.id))]
            by_itself = replace(where, alone=True, micro_batches=parts)
            train(alone, f"{what.format(len(alone))}, each alone on its device", by_itself)

    with engine.session(where):
        for wave in _waves(plan.pending_sources(ledger, where)):
            kept = replace(where, keep="last")  # others take their backbone out of it
            train_all(wave, "pretraining {} backbones", kept)
        train_all([spec for spec in pending if _is_ready(spec, ledger)], "training {} trials")


def _watched(
    engine: AbstractEngine,
    supply: Supply,
    trials: Sequence[TrialSpec],
    work: Work,
    where: Workplace,
    watching: Watching | None,
    titles: Mapping[str, Title],
) -> None:
    if watching is None:
        engine.run(supply, work, where, _unwatched)
        return
    asked = {spec.id: titles.get(spec.id, BACKBONE) for spec in trials}
    with watching(asked, engine.slots(where)) as watch:
        engine.run(supply, work, where, watch)


def _train_search(
    engine: AbstractEngine,
    work: Work,
    watching: Watching | None,
    say: Say,
    supply: Supply,
    where: Workplace,
    what: str,
    titles: Mapping[str, Title],
    early: Early | None = None,
) -> None:
    """As `harness.searching.running.Train` wants it."""
    say(what)
    seen = watching(titles, engine.slots(where)) if watching else nullcontext(_unwatched)
    with seen as watch:
        engine.run(supply, work, where, watch, early=early)


_unwatched: Watch = lambda event: None  # noqa: E731


def _waves(sources: Sequence[TrialSpec]) -> list[list[TrialSpec]]:
    """Sources that need no other pending source, then those that need only these, and so on."""
    waves: list[list[TrialSpec]] = []
    left = list(sources)
    while left:
        ids = {spec.id for spec in left}
        source = {spec.id: spec.model.backbone.source for spec in left}
        wave = [spec for spec in left if (s := source[spec.id]) is None or s.id not in ids]
        if not wave:
            raise EngineError("backbones' sources go in a circle")
        waves.append(wave)
        left = [spec for spec in left if spec not in wave]
    return waves


def _is_ready(spec: TrialSpec, ledger: Ledger) -> bool:
    source = spec.model.backbone.source
    if source is None:
        return True
    record = ledger.get(source.id)
    return record is not None and record.status == "done"


def titles_of(plan: Plan) -> dict[str, Title]:
    """What trials are called where people watch: by their first cell."""
    titles: dict[str, Title] = {}
    for cell in (planned.cell for planned in plan.cells):
        titles.setdefault(cell.id, Title(cell_name(cell.arm, cell.choice), cell.seed))
    return titles
