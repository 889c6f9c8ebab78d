"""What a searcher is told of a proposal, and what is kept beside it for the study's table."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.records import TrialRecord
from harness.search import Proposal, Title, Told
from harness.searching.objectives import values_of
from harness.searching.screen import Screened, costs_of
from harness.space.trial import TrialSpec


@dataclass(slots=True)
class Open:
    """A proposal between asking and telling."""

    proposal: Proposal
    screened: Screened
    records: dict[str, TrialRecord] = field(default_factory=dict)
    followers: list[Proposal] = field(default_factory=list)
    """Proposals of the same network, told when it is."""


def rejection(screened: Screened) -> Told:
    """Of a proposal that the gate does not let through."""
    note = {"status": "rejected", "reason": screened.reason, **_ids(screened, 1)}
    note |= {name: cost for name, cost in costs_of(screened.cost).items() if name != "parts"}
    return Told("rejected", violations=screened.violations, note=note)


def success(one: Open, records: Sequence[TrialRecord], objectives: Sequence[str]) -> Told:
    """Of a proposal whose trials ended well: trained to their end, or stopped by the scheduler.

    A stopped one is told by its last rung, and says the epoch: no value of a whole training. One
    that was trained otherwise than its spec says (in micro-batches) is told as failed: its AP is
    not compared with others, and so must not lead the search.
    """
    stopped = next((record for record in records if record.status == "stopped"), None)
    note = {"status": "done", **_ids(one.screened), **costs_of(one.screened.cost)}
    violations = one.screened.violations
    altered = next((record.altered for record in records if record.altered), None)
    if altered is not None:
        return Told("failed", violations=violations, note={**note, "reason": altered})
    if stopped is None and one.screened.cost is not None:
        values = values_of(objectives, records, one.screened.cost)
        return Told("done", values, violations, note=note)
    rung = stopped.rungs[-1] if stopped and stopped.rungs else None
    reached = (rung.ap,) if rung is not None and rung.ap is not None else None
    epoch = rung.epoch if rung else None
    return Told("stopped", reached, violations, epoch, {**note, "status": "stopped"})


def failure(one: Open, record: TrialRecord) -> Told:
    """Of a proposal one of whose trials failed."""
    note: dict[str, Any] = {"status": record.status, "reason": record.reason}
    note |= {**_ids(one.screened), **costs_of(one.screened.cost)}
    return Told("failed", violations=one.screened.violations, note=note)


def same_as(told: Told, number: int) -> Told:
    """The same for another spelling of the same network."""
    note = {**told.note, "status": "alias", "reason": f"the same network as proposal {number}"}
    return replace(told, note=note)


def title_of(proposal: Proposal, spec: TrialSpec) -> Title:
    """What a trial is called where people watch."""
    return Title(proposal.choice.arm, spec.seeds.init)


def _ids(screened: Screened, most: int | None = None) -> dict[str, Any]:
    return {"ids": [spec.id for spec in screened.specs[:most]]}
