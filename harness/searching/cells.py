"""The cells of a search in its study's table: every proposal with what became of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.ledger import Ledger
from harness.plan.plan import is_done, sources_of
from harness.records import Cost, PartCost
from harness.search import Asked, Proposal, Told
from harness.search.space import key_of
from harness.searching.compare import compared
from harness.searching.screen import Screened
from harness.space.search_faults import TOPOLOGY
from harness.space.study import Study
from harness.space.trial import TrialSpec
from harness.studies import Cell

NO_TRIAL = "unbound"
"""Stands for the id of a proposal that could not be bound."""


def searched_cells(
    study: Study,
    history: Sequence[Asked],
    ledger: Ledger,
    gate: Callable[[Proposal], Screened],
    *,
    is_over: bool,
) -> tuple[Cell, ...]:
    """Proposals in the order of asking, a cell a seed (one where none is trained), then the arms of
    the compare stage where the search is over."""
    cells: list[Cell] = []
    for one in history:
        cells += _told(one, one.told, ledger) if one.told else _open(one.proposal, gate, ledger)
    if is_over:
        for arm in compared(study, history, gate):
            cells += _trials(arm.proposal, arm.screened, ledger)
    return tuple(cells)


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """A choice as tables say it: a drawn graph by its name, which tells it from the others."""
    return {
        path: value.get("name", key_of(value))
        if path == TOPOLOGY and isinstance(value, dict)
        else value
        for path, value in values.items()
    }


def _told(one: Asked, told: Told, ledger: Ledger) -> list[Cell]:
    note, proposal = told.note, one.proposal
    ids, status = list(note.get("ids", ())), note.get("status", "failed")
    facts: dict[str, Any] = {
        "arm": proposal.choice.arm,
        "choice": shown(proposal.choice.values),
        "params": note.get("params"),
        "macs": note.get("macs"),
        "acts": note.get("acts"),
        "parts": {name: PartCost(*part) for name, part in note.get("parts", {}).items()},
    }
    if status in ("rejected", "alias"):
        trial_id = ids[0] if ids else NO_TRIAL
        reason = note.get("reason")
        return [Cell(seed=proposal.seeds[0], id=trial_id, status=status, reason=reason, **facts)]
    cells = []
    for seed, trial_id in zip(proposal.seeds, ids, strict=True):
        record = ledger.get(trial_id)
        if record is not None:
            facts |= {"status": record.status, "reason": record.reason}
        elif status in ("done", "stopped"):
            facts |= {"status": "done", "reason": "its record is gone from the ledger"}
        else:
            reason = "not trained: another seed of its proposal failed"
            facts |= {"status": "rejected", "reason": reason}
        cells.append(Cell(seed=seed, id=trial_id, **facts))
    return cells


def _open(proposal: Proposal, gate: Callable[[Proposal], Screened], ledger: Ledger) -> list[Cell]:
    """Asked and not yet told: its trials as the ledger has them."""
    screened = gate(proposal)
    return _trials(proposal, screened, ledger) if screened.reason is None else []


def _trials(proposal: Proposal, screened: Screened, ledger: Ledger) -> list[Cell]:
    cost = screened.cost or Cost(0, 0, {})
    cells = []
    for seed, spec in zip(proposal.seeds, screened.specs, strict=True):
        record = ledger.get(spec.id)
        status, reason = (record.status, record.reason) if record else _blamed(spec, ledger)
        cells.append(
            Cell(
                arm=proposal.choice.arm,
                choice=shown(proposal.choice.values),
                seed=seed,
                id=spec.id,
                status=status,
                reason=reason,
                params=cost.params,
                macs=cost.macs,
                acts=cost.acts,
                parts=dict(cost.parts),
            )
        )
    return cells


def _blamed(spec: TrialSpec, ledger: Ledger) -> Any:
    """Why a trial has no record: it is pending, or its backbone could not be trained."""
    for source in sources_of(spec):
        record = ledger.get(source.id)
        if record is not None and not is_done(record):
            reason = f"its backbone's trial {source.id} {record.status}: {record.reason}"
            return "failed", reason
    return "pending", None
