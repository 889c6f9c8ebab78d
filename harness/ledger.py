"""The ledger: `results/ledger/<id>/` holds `record.json`, its detections and `log.txt`.

A record is whole or not there, and is never changed: where a failed trial is tried again, its
record is renamed to `attempt-<n>.json` first, and of two finished records the first stays.
Nothing here names a study: studies point into the ledger by trial id.

Without this project: `pandas.json_normalize([json.loads(p.read_text()) for p in
pathlib.Path("results/ledger").glob("*/record.json")])`.
"""

import dataclasses
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.errors import LedgerError, SpecError, did_you_mean
from harness.files import create_whole, supersede, write_whole
from harness.matches import Evidence, Matches, from_arrays, to_arrays
from harness.records import RECORD_VERSION, TrialRecord
from harness.space.base import first_fault
from harness.space.names import SAFE_NAME

RECORD, PARTIAL, LOG = "record.json", "partial.json", "log.txt"


def safe_name(name: str, what: str) -> str:
    """`name`, or a `LedgerError` where it could point out of its folder."""
    if not SAFE_NAME.fullmatch(name):
        raise LedgerError(f"{what} {name!r}: letters, digits, '_', '-' and '.' only")
    return name


@cache
def _adapter() -> TypeAdapter[TrialRecord]:
    return TypeAdapter(TrialRecord)


def to_json(record: TrialRecord) -> str:
    return json.dumps(dataclasses.asdict(record), indent=1) + "\n"


def _from_1(tree: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had one name for all failures, and one name for detections."""
    lost = tree["status"] == "failed" and (tree.get("reason") or "").startswith("worker died")
    status = "worker_died" if lost else tree["status"]
    detections = "detections.npz" if tree["status"] == "done" else None
    return {**tree, "status": status, "detections": detections, "version": 2}


def _from_2(tree: dict[str, Any]) -> dict[str, Any]:
    """Version 2 kept no match records."""
    return {**tree, "matches": None, "version": 3}


UPGRADES = {1: _from_1, 2: _from_2}
"""How a record of an earlier version becomes one of the next. Old ones load for ever."""


class _OtherVersion(LedgerError):
    """A record that is whole, but not of this harness: never set aside."""


def from_json(text: str | bytes) -> TrialRecord:
    """A record from its text; `LedgerError` where it is torn, foreign or from a later version."""
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise LedgerError(f"not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise LedgerError("not a record")
    version = tree.get("version")
    if not isinstance(version, int):
        raise LedgerError("has no version")
    read = tree
    try:
        while (version := tree["version"]) in UPGRADES:
            tree = UPGRADES[version](tree)
    except (KeyError, TypeError, AttributeError) as error:
        raise LedgerError(f"is no record of version {version}: {error}") from None
    if version != RECORD_VERSION:
        raise _OtherVersion(f"record version {version!r}; this harness reads to {RECORD_VERSION}")
    unknown = sorted(set(tree) - {field.name for field in dataclasses.fields(TrialRecord)})
    if unknown:
        raise LedgerError(f"unknown fields {', '.join(unknown)}")
    try:
        as_it_is = text if tree is read else json.dumps(tree)  # most are of this version
        return _adapter().validate_json(as_it_is, strict=True)
    except ValidationError as error:
        raise LedgerError(first_fault(error)) from None


class Ledger:
    """Records by trial id under one results folder."""

    def __init__(self, results: Path) -> None:
        self.root = results / "ledger"
        self.complaints: list[str] = []
        """What was found damaged and set aside since this object was made."""

    def folder(self, trial_id: str) -> Path:
        return self.root / safe_name(trial_id, "trial id")

    def has(self, trial_id: str) -> bool:
        return self.get(trial_id) is not None

    def get(self, trial_id: str) -> TrialRecord | None:
        """The record, or None where there is none. A damaged one is set aside, not fatal."""
        path = self.folder(trial_id) / RECORD
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            record = from_json(text)
            if record.id != trial_id:
                raise LedgerError(f"holds the record of trial {record.id!r}")
        except _OtherVersion as error:
            raise LedgerError(f"{path}: {error}") from None
        except LedgerError as error:
            self._set_aside(path, str(error))
            return None
        return record

    def write(self, record: TrialRecord, evidence: Evidence | None = None) -> TrialRecord:
        """Keep a record and what it rests on; returns the one that stands then.

        The first finished record stays. A new one is on disk before an earlier failure is moved
        away, so that no moment loses one. What stands already is not written twice.
        """
        folder = self.folder(record.id)
        while True:  # again where another driver came between
            kept = self.get(record.id)
            if kept is not None and (kept.status == "done" or to_json(kept) == to_json(record)):
                return kept
            earlier = (
                sum(1 for _ in folder.glob("attempt-*.json")) if kept is None else kept.attempt
            )
            attempt = max(record.attempt, earlier + 1)
            own = dataclasses.replace(record, attempt=attempt)
            if evidence is not None:
                own = _with_evidence(folder, own, evidence)
            if self._put(folder, own, kept):
                return own

    @staticmethod
    def _put(folder: Path, record: TrialRecord, kept: TrialRecord | None) -> bool:
        path, text = folder / RECORD, to_json(record)
        if kept is None:
            return create_whole(path, text)
        aside = folder / f"attempt-{kept.attempt}.json"
        return supersede(path, text, aside, lambda found: _is_of(found, kept))

    def write_partial(self, record: TrialRecord) -> None:
        """Keep what is known of a trial under way: no record, and overwritten as it goes on."""
        write_whole(self.folder(record.id) / PARTIAL, to_json(record))

    def forget_partial(self, trial_id: str) -> None:
        (self.folder(trial_id) / PARTIAL).unlink(missing_ok=True)

    def partial(self, trial_id: str) -> TrialRecord | None:
        """What was last known of a trial under way, or None."""
        try:
            return from_json((self.folder(trial_id) / PARTIAL).read_bytes())
        except (OSError, LedgerError):
            return None

    def detections(self, trial_id: str) -> dict[str, Any] | None:
        """The detections kept beside a record, or None."""
        record = self.get(trial_id)
        return self._arrays(trial_id, record.detections) if record else None

    def matches(self, trial_id: str) -> Matches | None:
        """The match records kept beside a record; None where there are none."""
        record = self.get(trial_id)
        return self.matches_of(record) if record else None

    def matches_of(self, record: TrialRecord) -> Matches | None:
        """As `matches`, of a record that has been read."""
        arrays = self._arrays(record.id, record.matches)
        return from_arrays(arrays) if arrays else None

    def _arrays(self, trial_id: str, name: str | None) -> dict[str, Any] | None:
        import numpy as np

        if name is None:
            return None
        path = self.folder(trial_id) / safe_name(name, "arrays")
        if not path.exists():
            return None
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def records(self) -> Iterator[TrialRecord]:
        """Every whole record, in the order of the ids."""
        if not self.root.is_dir():
            return
        for folder in sorted(self.root.iterdir()):
            if folder.is_dir() and SAFE_NAME.fullmatch(folder.name):
                record = self.get(folder.name)
                if record is not None:
                    yield record

    def damaged(self, trial_ids: Iterable[str]) -> list[str]:
        """A line for each of these trials that counts as missing because its record is damaged."""
        told = []
        for trial_id in dict.fromkeys(trial_ids):
            folder = self.folder(trial_id)
            if (folder / RECORD).exists():
                continue
            for aside in sorted(folder.glob("record.damaged-*.json"))[-1:]:
                told.append(f"{aside}: damaged record set aside; its trial counts as missing")
        return told

    def _set_aside(self, path: Path, reason: str) -> None:
        """Rename a damaged record so that the trial counts as missing and the bytes are kept."""
        number = 1 + sum(1 for _ in path.parent.glob("record.damaged-*.json"))
        aside = path.with_name(f"record.damaged-{number}.json")
        try:
            path.replace(aside)
        except OSError:
            aside = path
        self.complaints.append(f"{aside}: damaged record set aside ({reason})")


def _is_of(text: bytes, record: TrialRecord) -> bool:
    """Whether a file holds this very record."""
    try:
        return to_json(from_json(text)) == to_json(record)  # as text: NaN is not itself
    except LedgerError:
        return False


def _with_evidence(folder: Path, record: TrialRecord, evidence: Evidence) -> TrialRecord:
    """Write what a record rests on; the record with the names of the files."""
    detections = _kept_arrays(folder, "detections", evidence.detections)
    record = dataclasses.replace(record, detections=detections)
    if evidence.matches is None:
        return record
    matches = _kept_arrays(folder, "matches", to_arrays(evidence.matches))
    return dataclasses.replace(record, matches=matches)


def _kept_arrays(folder: Path, what: str, arrays: Mapping[str, Any]) -> str:
    """Write arrays beside a record, under a name that says what they hold."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    content = buffer.getvalue()
    name = f"{what}-{hashlib.sha256(content).hexdigest()[:12]}.npz"
    create_whole(folder / name, content)
    return name


def known_trials(ledger: Ledger) -> list[str]:
    """Ids of all trials that have a folder, whatever is in it."""
    found = sorted(f.name for f in ledger.root.iterdir()) if ledger.root.is_dir() else []
    return [name for name in found if SAFE_NAME.fullmatch(name)]


def match_trial(
    word: str, known: Sequence[str], place: str, others: Iterable[str] = (), what: str = "no trial"
) -> str:
    """The one id that is, or begins with, a word; a `SpecError` where there is no such one.

    others: what may as well have been meant.
    """
    fits = [word] if word in known else [name for name in known if word and name.startswith(word)]
    if len(fits) > 1:
        shown = f"{', '.join(fits[:5])}{', ...' if len(fits) > 5 else ''}"
        raise SpecError(f"{word!r} begins {len(fits)} trials: {shown}")
    if not fits:
        valid = [*known, *others]
        near = did_you_mean(word, valid) if valid else "; it is empty"
        raise SpecError(f"{what} {word!r} {place}{near}")
    return fits[0]


def find_trial(word: str, ledger: Ledger, models: Iterable[str] = ()) -> TrialRecord:
    """The record of the one trial whose id is, or begins with, a word, and that is done.

    models: names that may as well have been meant. Raises `SpecError`.
    """
    models = tuple(models)
    what, place = "no model, nor a trial" if models else "no trial", f"in {ledger.root}"
    trial_id = match_trial(word, known_trials(ledger), place, models, what)
    record = ledger.get(trial_id)
    if record is None:
        raise SpecError(f"trial {trial_id} has no record in {ledger.root}")
    if record.status != "done":
        because = f": {record.reason}" if record.reason else ""
        raise SpecError(f"trial {record.id} is {record.status}, not done{because}")
    return record
