"""The loop: plan, ledger, engine, ledger, study file, report. Run twice, it has nothing to do."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib.util import find_spec

from harness.crew import Crew, Say, Watching
from harness.engines import ENGINES, Work
from harness.errors import Fault, SpecError
from harness.gating import gate, probe_missing
from harness.ledger import Ledger
from harness.outcomes import FAILURES
from harness.plan import Plan, make_plan, open_facts, settle, stored_plan
from harness.plans import read_plans, store_plan
from harness.probes import Probes
from harness.search import Asked
from harness.searching import Allowed, keep_found, run_search, settled_search, with_search
from harness.space.bind import FactsOf
from harness.space.heads import HEAD_FACTS
from harness.space.study import Study
from harness.space.trial import TrialSpec
from harness.space.validate import located
from harness.space.workplace import Workplace
from harness.studies import StudyResults, write_study
from harness.trainers import RUN_TRIAL, Named
from harness.waves import train_plan


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
    crew = Crew(ENGINES.get(where.engine)(), work or Named(RUN_TRIAL), watching, say)
    facts = facts or open_facts(where.cache)
    plan = make_plan(study, ledger, facts, retry_failed=orders.retry_failed)
    plan = with_search(plan, ledger, facts)
    where = replace(where, must_see=_folders(plan))
    _demand_trainable(plan)
    store_plan(where.results, stored_plan(plan, ledger))
    kept = read_plans(where.results, *plan.name)
    write_study(where.results, replace(plan.results(), plans=kept.digests))
    pending, trained = plan.pending()[: orders.limit], 0

    def keep(history: Sequence[Asked] | None = None) -> Plan:
        """The plan as it is now, and with it the study file, for whoever watches."""
        now = settled_search(settle(plan, ledger), ledger, history)
        write_study(where.results, replace(now.results(), plans=kept.digests))
        return now

    searches = plan.search is not None and (plan.search.left > 0 or orders.retry_failed)
    try:
        with crew.engine.session(where) if pending or searches else nullcontext():
            if pending:
                plan = _gated(crew, plan, pending, where)
                wanted = {spec.id for spec in pending}
                pending = tuple(spec for spec in plan.pending() if spec.id in wanted)
                train_plan(crew, plan, pending, ledger, where)
                trained = len(pending)
            if searches:
                behind_gate = crew.gated(study.spec.limits)
                allowed = orders.after(trained)
                train = behind_gate.train
                trained += run_search(study, ledger, where, facts, train, allowed, keep)
    finally:
        plan = keep()
        keep_found(plan, where.results)
    results = replace(plan.results(), plans=kept.digests)
    return Outcome(plan, results, trained, (*ledger.complaints, *kept.complaints))


def _gated(crew: Crew, plan: Plan, trials: Sequence[TrialSpec], where: Workplace) -> Plan:
    """The plan after the second step of the gate, where networks can be probed."""
    if not crew.probes:
        return plan

    def run(specs: Sequence[TrialSpec], latency: bool) -> None:
        crew.probe(specs, where, latency)

    probe_missing(plan, where, run, trials=trials)
    return gate(plan, Probes(where).get)


def _folders(plan: Plan) -> tuple[str, ...]:
    """Where the data of a plan's trials lie."""
    specs = (*(one.spec for one in plan.cells), *plan.sources.values())
    roots = [plan.study.spec.data.root, *(spec.data.root for spec in specs)]
    return tuple(dict.fromkeys(root for root in roots if root))


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
