"""What a study had planned before its results, and what came after: added, left out, missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from harness.ledger import Ledger
from harness.outcomes import OUTCOMES
from harness.plans import SHOWN, PlannedCell, StoredPlan, changed, read_plans
from harness.plurals import many
from harness.records import TrialRecord
from harness.search import cell_name
from harness.space.search_faults import TAKEN
from harness.studies import Cell, CellStatus, StudyResults


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One stored plan beside those before it."""

    digest: str
    stored: str
    """When, UTC, to the minute."""
    cells: int
    added: tuple[str, ...]
    """Its cells that no plan before it has, by arm."""
    new: int
    """How many they are."""
    known: int
    """How many of them had results before this plan was stored."""
    dropped: tuple[str, ...]
    """Cells of plans before it that it has not, by arm."""
    changes: tuple[str, ...]
    """What else was decided otherwise than in the plan before it."""
    seen: str | None
    """How much of what was planned before had results by then; None of the first plan."""


@dataclass(frozen=True, slots=True)
class PlannedInfo:
    """What the page says of plans."""

    steps: tuple[PlanStep, ...]
    summary: str
    primary: str | None
    dropped: tuple[str, ...]
    """Cells that some plan has and the study as it is reported has not, by arm."""
    missing: tuple[tuple[str, str, str], ...]
    """Reported cells that have no result: (cells by arm, status, reason)."""
    complaints: tuple[str, ...]
    """Files of plans that are not believed."""


def planned_info(results: Path, study: StudyResults, ledger: Ledger) -> PlannedInfo:
    """Compute; draw nothing."""
    kept = read_plans(results, study.study, study.profile)
    named = bool(study.arms)
    spelt = [cell for cell in study.cells if not (study.search and TAKEN.fullmatch(cell.arm))]
    told = [cell for cell in study.cells if cell in spelt or cell.status in OUTCOMES]
    now = [PlannedCell(c.arm, c.choice, c.seed, c.id, named) for c in spelt]
    ever = _union(kept.plans)
    gone = [cell for key, cell in ever.items() if key not in {cell.key for cell in now}]
    records = {cell.id: ledger.get(cell.id) for cell in [*now, *ever.values()]}
    return PlannedInfo(
        steps=_steps(kept.plans, records),
        summary=_summary(kept.plans, now, records),
        primary=kept.plans[0].primary if kept.plans else None,
        dropped=tuple(_with_results(gone, records)),
        missing=_missing(told, ledger),
        complaints=kept.complaints,
    )


def known_before(cell: PlannedCell, plan: StoredPlan, record: TrialRecord | None) -> bool:
    """Whether a cell's result was there when a plan was stored: by the plan's own account, or by
    the clock of the record, which may have come from elsewhere since."""
    return cell.id in plan.found or (record is not None and ended(record) <= _time(plan.stored))


def ended(record: TrialRecord) -> datetime:
    """When a trial was over: its start and how long it took."""
    return _time(record.environment.started) + timedelta(seconds=record.seconds)


def _time(text: str) -> datetime:
    """ISO 8601; UTC where it says no zone."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _union(plans: Sequence[StoredPlan]) -> dict[tuple[str, int, str], PlannedCell]:
    return {cell.key: cell for plan in reversed(plans) for cell in plan.cells}


Records = Mapping[str, TrialRecord | None]


def _steps(plans: Sequence[StoredPlan], records: Records) -> tuple[PlanStep, ...]:
    steps = []
    for i, plan in enumerate(plans):
        before = _union(plans[:i])
        own = {cell.key for cell in plan.cells}
        new = [cell for cell in plan.cells if cell.key not in before]
        left = [cell for key, cell in before.items() if key not in own]
        seen = sum(cell.id in plan.found for cell in before.values())
        steps.append(
            PlanStep(
                digest=plan.digest,
                stored=_when(plan),
                cells=len(plan.cells),
                added=tuple(by_arm(new)),
                new=len(new),
                known=sum(known_before(cell, plan, records[cell.id]) for cell in new),
                dropped=tuple(by_arm(left)),
                changes=tuple(_changes(plans[i - 1], plan)) if i else (),
                seen=f"{seen} of {len(before)}" if i else None,
            )
        )
    return tuple(steps)


def _when(plan: StoredPlan) -> str:
    return _time(plan.stored).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _summary(plans: Sequence[StoredPlan], now: Sequence[PlannedCell], records: Records) -> str:
    """What a reader must know first."""
    if not plans:
        return (
            "No plan was stored before these results, so nothing here is known to have been "
            "decided beforehand."
        )
    first = plans[0]
    known = sum(known_before(cell, first, records[cell.id]) for cell in first.cells)
    words = [
        f"Plan {first.digest[:SHOWN]} was stored on {_when(first)} with "
        f"{many(len(first.cells), 'cell')} ({many(len(first.trials), 'trial')})."
    ]
    if known:
        of = "The result of 1 of them was" if known == 1 else f"Results of {known} of them were"
        words.append(f"{of} known before it was stored.")
    else:
        words.append("No result of them was known then.")
    here = {cell.key for cell in now}
    planned = {cell.key for cell in first.cells}
    added, gone = len(here - planned), len(planned - here)
    if added or gone:
        were = "was" if added == 1 else "were"
        words.append(f"Since then {added} {were} added and {gone} left out.")
    else:
        words.append("What is reported is what was planned then.")
    return " ".join(words)


def by_arm(cells: Iterable[PlannedCell]) -> list[str]:
    """Cells in words, an arm and choice a line: `fpn: seeds 2, 3`."""
    return [f"{name}: {_seeds(group)}" for name, group in _groups(cells).items()]


def _groups(cells: Iterable[PlannedCell]) -> dict[str, list[PlannedCell]]:
    groups: dict[str, list[PlannedCell]] = {}
    for cell in cells:
        groups.setdefault(cell_name(cell.arm, cell.choice), []).append(cell)
    return groups


def _seeds(cells: Sequence[PlannedCell | Cell]) -> str:
    seeds = sorted({cell.seed for cell in cells})
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"


def _with_results(cells: Sequence[PlannedCell], records: Records) -> list[str]:
    found = []
    for name, group in _groups(cells).items():
        done = sum(records[cell.id] is not None for cell in group)
        there = f"{done} with a result, not shown here" if done else "no result"
        found.append(f"{name}: {_seeds(group)} ({there})")
    return found


def _changes(before: StoredPlan, after: StoredPlan) -> list[str]:
    words = []
    for path, (old, new) in changed(before, after).items():
        words.append(path if path == "recipe" else f"{path}: {_word(old)} → {_word(new)}")
    return words


def _word(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list):
        return ", ".join(_word(item) for item in value)
    if isinstance(value, float) and value >= 1e4:
        return f"{value:,.0f}"
    return str(value)


def _ended(status: CellStatus) -> str:
    """A state, and when such a trial is trained again."""
    if status == "pending" or status == "alias" or status == "rejected":
        return status
    return f"{status.replace('_', ' ')} ({AGAIN[OUTCOMES[status].again]})"


AGAIN = {
    "never": "for good",
    "next run": "the next run tries it again",
    "alone": "the next run tries it again, alone on its device",
    "asked": "until `--retry failed`",
}


def _missing(cells: Sequence[Cell], ledger: Ledger) -> tuple[tuple[str, str, str], ...]:
    """Cells without a result, one row for all seeds that ended alike."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        record = ledger.get(cell.id)
        if cell.status == "alias" or (record is not None and record.status == "done"):
            continue
        status = "missing" if cell.status == "done" else _ended(cell.status)
        key = (cell_name(cell.arm, cell.choice), status, cell.reason or "")
        groups.setdefault(key, []).append(cell)
    return tuple(
        (f"{name}: {_seeds(group)}", status, reason)
        for (name, status, reason), group in groups.items()
    )
