"""What the ledger has of a word: a study (or one profile of it), an arm of one, or a trial."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.comparing.families import families_in
from harness.errors import SpecError, did_you_mean
from harness.ledger import Ledger, known_trials, match_trial
from harness.outcomes import FAILURES
from harness.plurals import many
from harness.records import TrialRecord
from harness.report.asked import asked
from harness.report.table import cell_labels
from harness.search import PROPOSAL, is_passed_over
from harness.space.names import SAFE_NAME
from harness.studies import (
    Cell,
    StudyResults,
    as_typed,
    chosen_profile,
    elsewhere,
    profiles_of,
    read_study,
    studies_of,
    study_name,
)


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of a comparison. Aliases are left out: they are trials of another arm."""

    word: str
    """As it was asked for, with the profile that was meant."""
    kind: Literal["study", "arm", "trial"]
    place: str
    """`STUDY/PROFILE`; empty for a trial."""
    arms: dict[str, tuple[TrialRecord, ...]]
    """Finished records by label, as the spec says; in the order of the plan."""
    baseline: str | None
    notes: tuple[str, ...]
    """What is left out of it."""
    study: StudyResults | None = None


def find_side(word: str, results: Path) -> Side:
    """`STUDY`, `STUDY/PROFILE`, `STUDY:ARM`, `STUDY/PROFILE:ARM`, or how a trial's id begins."""
    place, colon, arm = word.partition(":")
    if colon:
        return _arm(word, _study(place, results), arm.strip())
    name = study_name(place.partition("/")[0])
    if SAFE_NAME.fullmatch(name) and profiles_of(results, name):
        return _study(place, results)
    return _trial(word, results)


def _study(place: str, results: Path) -> Side:
    name, _, profile = place.partition("/")
    name = study_name(name)
    if not (SAFE_NAME.fullmatch(name) and profiles_of(results, name)):
        where = elsewhere(results, name) if SAFE_NAME.fullmatch(name) else ""
        raise SpecError(f"no results of study {name!r} in {as_typed(results)}{where}")
    found = read_study(results, name, chosen_profile(results, name, profile or None))
    arms: dict[str, list[TrialRecord]] = {}
    notes = []
    ledger = Ledger(results)
    proposals = 0
    for label, cell in zip(cell_labels(found.cells), found.cells, strict=True):
        if cell.status == "alias" or is_passed_over(cell.arm, cell.status):
            continue
        if PROPOSAL.fullmatch(cell.arm):
            proposals += 1
            continue
        held = arms.setdefault(label, [])
        record = None if cell.status == "rejected" else ledger.get(cell.id)
        if record is not None and _counts(record):
            held.append(record)
        else:
            state = "its record is damaged" if ledger.damaged([cell.id]) else _state(cell, record)
            notes.append(f"{label}, seed {cell.seed}: {state}, left out")
    if proposals:
        notes.append(f"{found.study}: {many(proposals, 'proposal')} of its search, left out")
    word = f"{found.study}/{found.profile}"
    base = _baseline(found, list(arms))
    kept = {label: tuple(records) for label, records in arms.items()}
    return Side(word, "study", word, kept, base, tuple(notes), found)


def _counts(record: TrialRecord) -> bool:
    there = record.metrics is not None and record.metrics.ap is not None
    return record.status == "done" and there and record.altered is None


def _state(cell: Cell, record: TrialRecord | None) -> str:
    if record is None:
        return "rejected" if cell.status == "rejected" else "not trained"
    if record.status in FAILURES or record.status != "done":
        return record.status
    return f"not as its spec says ({record.altered})" if record.altered else "without an AP"


def _baseline(study: StudyResults, labels: list[str]) -> str | None:
    """The label that the study's baseline stands for: a label, or the first of an arm."""
    wanted = study.baseline
    if wanted is None or wanted in labels:
        return wanted
    return next((label for label in _labels(study, wanted) if label in labels), None)


def _arm(word: str, side: Side, arm: str) -> Side:
    labels = list(side.arms)
    fits = [label for label in labels if label == arm]
    if not fits:
        fits = [label for label in _labels(side.study, arm) if label in side.arms]
    if len(fits) > 1:
        raise SpecError(f"{word}: {arm!r} has {len(fits)} networks; name one: {'; '.join(fits)}")
    if not fits and side.study is not None and (first := _alias(side.study, arm)):
        raise SpecError(f"{word}: {arm!r} is the same network as {first!r}; name that one")
    if not fits:
        raise SpecError(f"{word}: no arm {arm!r} in {side.place}{_near(arm, side, labels)}")
    label = fits[0]
    if not side.arms[label]:
        raise SpecError(f"{word}: arm {label!r} of {side.place} has no finished trial")
    notes = tuple(note for note in side.notes if note.startswith(f"{label}, seed "))
    arms = {label: side.arms[label]}
    return Side(f"{side.place}:{label}", "arm", side.place, arms, None, notes, side.study)


def _near(arm: str, side: Side, labels: list[str]) -> str:
    """What may be meant by a word that is no arm."""
    if side.study is not None and arm in families_in(side.study, asked(side.study)):
        return f": it is a family of networks; compare it with another of {side.place}"
    holding = [label for label in labels if arm and arm in label]
    return f"; name one: {'; '.join(holding)}" if holding else did_you_mean(arm, labels)


def _labels(study: StudyResults | None, arm: str) -> list[str]:
    """Of all networks of an arm."""
    cells = study.cells if study is not None else ()
    labels = zip(cell_labels(cells), cells, strict=True)
    return list(dict.fromkeys(label for label, cell in labels if cell.arm == arm))


def _alias(study: StudyResults, label: str) -> str | None:
    """The label whose trials an aliased one shares."""
    cells = list(zip(cell_labels(study.cells), study.cells, strict=True))
    ids = {cell.id for own, cell in cells if own == label and cell.status == "alias"}
    return next((own for own, c in cells if c.id in ids and c.status != "alias"), None)


def _trial(word: str, results: Path) -> Side:
    ledger = Ledger(results)
    others = studies_of(results)
    found = match_trial(
        word, known_trials(ledger), f"in {results}", others, "no study, nor a trial"
    )
    record = ledger.get(found)
    if record is None:
        raise SpecError(f"trial {found} has no record in {ledger.root}")
    if not _counts(record):
        why = record.altered or record.reason
        state = record.status if record.status != "done" else "not as its spec says"
        raise SpecError(f"trial {found} is {state}, not comparable{f': {why}' if why else ''}")
    return Side(found, "trial", "", {found: (record,)}, None, ())
