"""What a study would do, before anything does: every cell with its cost, gate and ledger hit."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.engines.base import WORKER_DIED
from harness.errors import Fault, SpecError
from harness.ledger import Ledger
from harness.records import Cost, TrialRecord
from harness.search import cell_name, grid
from harness.space.assumed import assumption
from harness.space.beside import published_data
from harness.space.bind import Choice, FactsOf, bind, price
from harness.space.data import DataFacts, DataSpec
from harness.space.limits import idle_limits, over_limit
from harness.space.model import ModelSpec
from harness.space.study import Study
from harness.space.trial import TrialSpec
from harness.space.validate import located
from harness.space.workplace import Workplace
from harness.studies import Cell, StudyResults


@dataclass(frozen=True, slots=True)
class Planned:
    """A cell and the complete trial behind it."""

    cell: Cell
    spec: TrialSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """All cells of a study as the ledger has them now."""

    study: Study
    cells: tuple[Planned, ...]
    sources: Mapping[str, TrialSpec]
    """Trials whose backbone others take over, each after its own sources."""

    def pending(self) -> tuple[TrialSpec, ...]:
        """What is still to be trained, each trial once: first all first seeds, then all second."""
        found = {p.spec.id: p for p in self.cells if p.cell.status == "pending"}
        seeds = {seed: place for place, seed in enumerate(self.study.spec.seed_list)}
        ordered = sorted(found.values(), key=lambda planned: seeds[planned.cell.seed])
        return tuple(planned.spec for planned in ordered)

    def pending_sources(self, ledger: Ledger, where: Workplace) -> tuple[TrialSpec, ...]:
        """Sources of pending trials that have no finished record, or whose weights are gone."""
        wanted = {source.id for spec in self.pending() for source in sources_of(spec)}
        return tuple(
            spec
            for trial_id, spec in self.sources.items()
            if trial_id in wanted
            and not (is_done(ledger.get(trial_id)) and where.backbone(trial_id).exists())
        )

    def results(self) -> StudyResults:
        spec = self.study.spec
        return StudyResults(
            study=self.study.name,
            profile=self.study.profile,
            question=spec.question,
            cells=tuple(planned.cell for planned in self.cells),
            axes={path: list(values) for path, values in spec.vary.items()},
            arms=tuple(spec.arms),
            baseline=spec.baseline,
            report=spec.report.model_dump(mode="json"),
            published=self.published(),
            sources=tuple(self.sources),
            file=str(self.study.file),
        )

    def published(self) -> dict[str, Any] | None:
        """The study's published table, with ours beside it for each arm that is one network."""
        networks: dict[str, dict[str, ModelSpec]] = {}
        for planned in self.cells:
            model = planned.spec.model
            networks.setdefault(planned.cell.arm, {})[_network_key(model)] = model
        single = {arm: one for arm, found in networks.items() if len(one := [*found.values()]) == 1}
        models = {arm: one[0] for arm, one in single.items()}
        try:
            return published_data(self.study.spec, models)
        except SpecError as error:
            raise SpecError(located(self.study.placed, error.faults)) from None

    def as_json(self, estimate: Mapping[str, Any]) -> dict[str, Any]:
        """The document of `harness plan --json`."""
        trials = [
            {
                "id": cell.id,
                "arm": cell.arm,
                "choice": cell.choice,
                "seed": cell.seed,
                "status": cell.status,
                "reason": cell.reason,
                "params": cell.params,
                "macs": cell.macs,
                "acts": cell.acts,
                "parts": {name: asdict(part) for name, part in cell.parts.items()},
            }
            for cell in (planned.cell for planned in self.cells)
        ]
        return {
            "study": self.study.name,
            "profile": self.study.profile,
            "trials": trials,
            "estimate": dict(estimate),
            "assumed": assumption(self.study.spec),
            "published": self.published(),
        }


def make_plan(study: Study, ledger: Ledger, facts: FactsOf, *, retry_failed: bool = False) -> Plan:
    """Bind every cell, cost it, and look it up. All faults of all cells come in one go."""
    planned: list[Planned] = []
    first: dict[str, str] = {}
    faults: dict[Fault, None] = {}
    costs: dict[str, Cost] = {}
    for choice in grid(study.spec):
        for seed in study.spec.seed_list:
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


def sources_of(spec: TrialSpec) -> Iterator[TrialSpec]:
    """The trials a trial's backbone comes from, the earliest first."""
    source = spec.model.backbone.source
    if source is not None:
        yield from sources_of(source)
        yield source


def is_done(record: TrialRecord | None) -> bool:
    return record is not None and record.status == "done"


def open_facts(cache: Path) -> FactsOf:
    """Facts of datasets as they lie on disk (generated ones are made now), each looked at once."""
    known: dict[tuple[str, int], DataFacts] = {}

    def facts(spec: DataSpec, image_size: int) -> DataFacts:
        from harness.data import open_data

        key = (spec.model_dump_json(), image_size)
        if key not in known:
            known[key] = open_data(spec, image_size, cache).facts
        return known[key]

    return facts


def _cost(study: Study, choice: Choice, spec: TrialSpec, known: dict[str, Cost]) -> Cost:
    key = _network_key(spec.model)
    if key not in known:
        known[key] = price(study, choice, spec)
    return known[key]


def _network_key(model: ModelSpec) -> str:
    return model.model_dump_json(exclude={"backbone": {"source"}})


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
    if record is None or may_retry(record, retry_failed):
        return cell
    return replace(cell, status=record.status, reason=record.reason)


def may_retry(record: TrialRecord, retry_failed: bool) -> bool:
    """A lost worker is no fault of the trial; other failures stay until asked for."""
    if record.status == "failed" and (record.reason or "").startswith(WORKER_DIED):
        return True
    return retry_failed and record.status != "done"


def estimate(plan: Plan, ledger: Ledger, where: Workplace, at_once: int) -> dict[str, Any]:
    """How long the pending trials take, from finished trials of the same study (else unknown)."""
    pending = plan.pending()
    done = [ledger.get(p.cell.id) for p in plan.cells if p.cell.status == "done"]
    seconds = [record.seconds for record in done if record is not None]
    each = statistics.median(seconds) if seconds else None
    waves = -(-len(pending) // max(1, at_once))
    return {
        "pending": len(pending),
        "sources": len(plan.pending_sources(ledger, where)),
        "at_once": at_once,
        "seconds_a_trial": each,
        "seconds": each * waves if each is not None else (0.0 if not pending else None),
        "basis": f"median of {len(seconds)} finished trials" if seconds else None,
    }
