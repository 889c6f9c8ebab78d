"""The ledger: `results/ledger/<id>/` holds `record.json`, `detections.npz` and `log.txt`.

A record is written beside its place and renamed into it, after its detections, so it is there
whole or not at all. Nothing here names a study: studies point into the ledger by trial id.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.errors import LedgerError, SpecError, did_you_mean
from harness.records import RECORD_VERSION, TrialRecord
from harness.space.base import first_fault
from harness.space.names import SAFE_NAME

RECORD, DETECTIONS, LOG = "record.json", "detections.npz", "log.txt"


def safe_name(name: str, what: str) -> str:
    """`name`, or a `LedgerError` where it could point out of its folder."""
    if not SAFE_NAME.fullmatch(name):
        raise LedgerError(f"{what} {name!r}: letters, digits, '_', '-' and '.' only")
    return name


def write_whole(path: Path, content: str | bytes) -> None:
    """Write beside `path`, flush to disk, rename: readers see the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@cache
def _adapter() -> TypeAdapter[TrialRecord]:
    return TypeAdapter(TrialRecord)


def to_json(record: TrialRecord) -> str:
    return json.dumps(dataclasses.asdict(record), indent=1) + "\n"


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
    if version != RECORD_VERSION:
        raise _OtherVersion(f"record version {version!r}; this harness reads {RECORD_VERSION}")
    unknown = sorted(set(tree) - {field.name for field in dataclasses.fields(TrialRecord)})
    if unknown:
        raise LedgerError(f"unknown fields {', '.join(unknown)}")
    try:
        return _adapter().validate_json(text, strict=True)
    except ValidationError as error:
        raise LedgerError(first_fault(error)) from None


class Ledger:
    """Records by trial id under one results folder."""

    def __init__(self, results: Path) -> None:
        self.root = Path(results) / "ledger"
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

    def write(self, record: TrialRecord, detections: Mapping[str, Any] | None = None) -> None:
        """Keep a record and its detections (arrays by name). The first finished record stays."""
        kept = self.get(record.id)
        if kept is not None and kept.status == "done":
            return
        folder = self.folder(record.id)
        folder.mkdir(parents=True, exist_ok=True)
        if detections is not None:
            self._write_detections(folder / DETECTIONS, detections)
        write_whole(folder / RECORD, to_json(record))

    def detections(self, trial_id: str) -> dict[str, Any] | None:
        """The arrays kept beside a record, or None."""
        import numpy as np

        path = self.folder(trial_id) / DETECTIONS
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as arrays:
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

    @staticmethod
    def _write_detections(path: Path, detections: Mapping[str, Any]) -> None:
        import io

        import numpy as np

        buffer = io.BytesIO()
        np.savez_compressed(buffer, **detections)
        write_whole(path, buffer.getvalue())

    def _set_aside(self, path: Path, reason: str) -> None:
        """Rename a damaged record so that the trial counts as missing and the bytes are kept."""
        number = 1 + sum(1 for _ in path.parent.glob("record.damaged-*.json"))
        aside = path.with_name(f"record.damaged-{number}.json")
        try:
            path.replace(aside)
        except OSError:
            aside = path
        self.complaints.append(f"{aside}: damaged record set aside ({reason})")


def find_trial(word: str, ledger: Ledger, models: Iterable[str] = ()) -> TrialRecord:
    """The record of the one trial whose id is, or begins with, a word, and that is done.

    models: names that may as well have been meant. Raises `SpecError`.
    """
    known = sorted(f.name for f in ledger.root.iterdir()) if ledger.root.is_dir() else []
    known = [name for name in known if SAFE_NAME.fullmatch(name)]
    fits = [word] if word in known else [name for name in known if word and name.startswith(word)]
    if len(fits) > 1:
        shown = f"{', '.join(fits[:5])}{', ...' if len(fits) > 5 else ''}"
        raise SpecError(f"{word!r} begins {len(fits)} trials: {shown}")
    record = ledger.get(fits[0]) if fits else None
    if record is None:
        valid = [*known, *models]
        what = "no model, nor a trial" if models else "no trial"
        near = did_you_mean(word, valid) if valid else "; it is empty"
        raise SpecError(f"{what} {word!r} in {ledger.root}{near}")
    if record.status != "done":
        because = f": {record.reason}" if record.reason else ""
        raise SpecError(f"trial {record.id} is {record.status}, not done{because}")
    return record
