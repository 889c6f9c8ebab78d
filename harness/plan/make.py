"""Making a plan: bind, cost, gate and look up every cell; settle it when a run is over."""

from dataclasses import replace

from harness.errors import Fault, SpecError
from harness.ledger import Ledger
from harness.outcomes import is_tried_again
from harness.plan.idle import idle_arms
from harness.plan.plan import Plan, Planned, is_done, network_key, sources_of
from harness.records import Cost
from harness.search import cell_name, explicit
from harness.space.bind import Choice, FactsOf, bind, price
from harness.space.limits import idle_limits, over_limit
from harness.space.study import Study
from harness.space.trial import TrialSpec
from harness.space.validate import located
from harness.studies import Cell


def make_plan(study: Study, ledger: Ledger, facts: FactsOf, *, retry_failed: bool = False) -> Plan:
    """Bind every cell, cost it, and look it up. All faults of all cells come in one go."""
    planned: list[Planned] = []
    first: dict[str, str] = {}
    faults: dict[Fault, None] = {}
    costs: dict[str, Cost] = {}
    for choice in explicit(study.spec):
        for seed in study.spec.seeds_of(choice.arm):
            try:
                spec = bind(study, choice, seed, facts)
                cost = _cost(study, choice, spec, costs)
            except SpecError as error:
                faults.update(dict.fromkeys(error.faults))
                break
            cell = _cell(study, choice, seed, spec, cost)
            planned.append(Planned(_settled(cell, first, ledger, retry_failed), spec))
    parts = dict.fromkeys(part for one in planned for part in one.cell.parts)
    faults.update(dict.fromkeys(located(study.placed, idle_limits(study.spec.limits, parts))))
    if not faults:
        faults.update(dict.fromkeys(idle_arms(study, planned)))
    if faults:
        raise SpecError(list(faults))
    found = {source.id: source for p in planned for source in sources_of(p.spec)}
    return Plan(study, tuple(planned), found)


def settle(plan: Plan, ledger: Ledger) -> Plan:
    """The same plan after the engine is done: cells as the ledger has them now."""
    cells = []
    for planned in plan.cells:
        cell, record = planned.cell, ledger.get(planned.cell.id)
        if cell.status not in ("alias", "rejected"):
            if record is not None:
                cell = replace(cell, status=record.status, reason=record.reason)
            else:
                cell = _blamed(cell, planned.spec, ledger)
        cells.append(Planned(cell, planned.spec))
    return replace(plan, cells=tuple(cells))


def _blamed(cell: Cell, spec: TrialSpec, ledger: Ledger) -> Cell:
    """A cell without a record: pending, or failed where its backbone could not be trained."""
    for source in sources_of(spec):
        record = ledger.get(source.id)
        if record is not None and not is_done(record):
            reason = f"its backbone's trial {source.id} {record.status}: {record.reason}"
            return replace(cell, status="failed", reason=reason)
    return replace(cell, status="pending", reason=None)


def _cost(study: Study, choice: Choice, spec: TrialSpec, known: dict[str, Cost]) -> Cost:
    key = network_key(spec.model)
    if key not in known:
        known[key] = price(study, choice, spec)
    return known[key]


def _cell(study: Study, choice: Choice, seed: int, spec: TrialSpec, cost: Cost) -> Cell:
    reason = over_limit(study.spec.limits, cost)
    return Cell(
        arm=choice.arm,
        choice=dict(choice.values),
        seed=seed,
        id=spec.id,
        status="rejected" if reason else "pending",
        reason=reason,
        params=cost.params,
        macs=cost.macs,
        parts=dict(cost.parts),
        acts=cost.acts,
    )


def _settled(cell: Cell, first: dict[str, str], ledger: Ledger, retry_failed: bool) -> Cell:
    """The cell with what the ledger and the cells before it say."""
    if cell.status == "rejected":
        return cell
    name = cell_name(cell.arm, cell.choice)
    if cell.id in first:
        return replace(cell, status="alias", reason=f"the same trial as {first[cell.id]}")
    first[cell.id] = f"{name}, seed {cell.seed}"
    record = ledger.get(cell.id)
    if record is None or is_tried_again(record.status, retry_failed):
        return cell
    return replace(cell, status=record.status, reason=record.reason)
