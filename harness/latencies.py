"""Latencies that were measured elsewhere: `results/latencies/<study>/<profile>.json`.

They come from a CSV file with a head: `trial,device,runtime,milliseconds`, and what else is known.
They stand beside what the harness measured and are never mixed with it.
"""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.errors import Fault, LedgerError, SpecError, did_you_mean
from harness.files import write_whole
from harness.ledger import safe_name
from harness.space.base import first_fault
from harness.studies import StudyResults

LATENCIES_VERSION = 1
NEEDED = ("trial", "device", "runtime", "milliseconds")
KNOWN = (*NEEDED, "batch", "precision", "threads", "image_size", "note")
NUMBERS = ("batch", "threads", "image_size")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """One latency, as somebody measured it."""

    trials: tuple[str, ...]
    """The trial, or all of an arm: they are one network."""
    device: str
    runtime: str
    milliseconds: float
    """Of one forward pass."""
    batch: int | None = None
    precision: str | None = None
    threads: int | None = None
    image_size: int | None = None
    note: str | None = None

    @property
    def setting(self) -> str:
        """Device and runtime, with what else sets it apart."""
        words = [self.device, self.runtime]
        words += [f"batch {self.batch}"] if self.batch is not None else []
        words += [self.precision] if self.precision else []
        threads = self.threads
        words += [f"{threads} thread{'s' if threads > 1 else ''}"] if threads is not None else []
        words += [f"{self.image_size} px"] if self.image_size is not None else []
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Latencies:
    """A file's content."""

    study: str
    profile: str
    rows: tuple[Elsewhere, ...] = ()
    version: int = LATENCIES_VERSION

    def having(self, new: Sequence[Elsewhere]) -> "Latencies":
        """With new rows in place of earlier ones of the same trials and setting."""
        kept = {(one.trials, one.setting): one for one in (*self.rows, *new)}
        return dataclasses.replace(self, rows=tuple(kept.values()))


def latencies_path(results: Path, study: str, profile: str) -> Path:
    safe_name(study, "study"), safe_name(profile, "profile")
    return results / "latencies" / study / f"{profile}.json"


def write_latencies(results: Path, latencies: Latencies) -> Path:
    path = latencies_path(results, latencies.study, latencies.profile)
    write_whole(path, json.dumps(dataclasses.asdict(latencies), indent=1) + "\n")
    return path


def read_latencies(results: Path, study: str, profile: str) -> Latencies:
    """What was brought in so far, maybe nothing; a `LedgerError` where the file is damaged."""
    path = latencies_path(results, study, profile)
    try:
        found = _adapter().validate_json(path.read_bytes(), strict=True)
    except FileNotFoundError:
        return Latencies(study, profile)
    except ValidationError as error:
        raise LedgerError(f"{path}: {first_fault(error)}") from None
    if (found.study, found.profile, found.version) != (study, profile, LATENCIES_VERSION):
        raise LedgerError(
            f"{path}: is of study {found.study!r}, profile {found.profile!r}, "
            f"version {found.version}"
        )
    return found


@cache
def _adapter() -> TypeAdapter[Latencies]:
    return TypeAdapter(Latencies)


def read_csv(file: Path, study: StudyResults, names: Mapping[str, Sequence[str]]) -> Latencies:
    """The rows of a file, for trials of a study; a `SpecError` holds all faults with their lines.

    names: the trials of each arm that is one network, by the arm's name.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError(Fault("", "is not text in UTF-8", str(file))) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    faults: list[Fault] = []
    rows: dict[tuple[object, ...], Elsewhere] = {}
    ids = tuple(dict.fromkeys(cell.id for cell in study.cells))
    try:
        head = [word.strip() for word in next(reader, [])]
        faults += [fault.at(file, 1) for fault in _head_faults(head)]
        for cells in () if faults else reader:
            if not any(map(str.strip, cells)):
                continue
            row, found = _row(head, cells, ids, names)
            if row is not None and (row.trials, row.setting) in rows:
                found = [Fault("", f"{row.setting}: this trial is there twice")]
            faults += [fault.at(file, reader.line_num) for fault in found]
            if row is not None:
                rows.setdefault((row.trials, row.setting), row)
    except csv.Error as error:
        faults.append(Fault("", f"not CSV: {error}", str(file), reader.line_num))
    if not faults and not rows:
        faults.append(Fault("", "holds no latency", str(file)))
    if faults:
        raise SpecError(faults)
    return Latencies(study.study, study.profile, tuple(rows.values()))


def _head_faults(head: Sequence[str]) -> list[Fault]:
    faults = [
        Fault("", f"no column {name!r}{did_you_mean(name, KNOWN)}")
        for name in head
        if name not in KNOWN
    ]
    faults += [Fault("", f"column {name!r} is missing") for name in NEEDED if name not in head]
    twice = dict.fromkeys(name for name in head if head.count(name) > 1)
    return faults + [Fault("", f"column {name!r} is there twice") for name in twice]


def _row(
    head: Sequence[str],
    cells: Sequence[str],
    ids: Sequence[str],
    names: Mapping[str, Sequence[str]],
) -> tuple[Elsewhere | None, list[Fault]]:
    if len(cells) != len(head):
        return None, [Fault("", f"has {len(cells)} values for {len(head)} columns")]
    said = {name: cell.strip() for name, cell in zip(head, cells, strict=True)}
    faults = [Fault(name, "is empty") for name in NEEDED if not said[name]]
    numbers: dict[str, int | None] = {}
    for name in NUMBERS:
        text = said.get(name, "")
        fits = text.isascii() and text.isdecimal() and int(text) > 0
        if text and not fits:
            faults.append(Fault(name, f"should be a whole number over 0, not {text!r}"))
        numbers[name] = int(text) if fits else None
    milliseconds = _positive(said["milliseconds"])
    if milliseconds is None and said["milliseconds"]:
        faults.append(
            Fault("milliseconds", f"should be a number over 0, not {said['milliseconds']!r}")
        )
    trials = _trials(said["trial"], ids, names) if said["trial"] else ()
    if isinstance(trials, str):
        faults.append(Fault("trial", trials))
    if faults or isinstance(trials, str) or milliseconds is None:
        return None, faults
    words = {name: said.get(name) or None for name in ("precision", "note")}
    return Elsewhere(
        trials, said["device"], said["runtime"], milliseconds,
        **numbers, **words,  # type: ignore[arg-type]
    ), []  # fmt: skip


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _trials(
    word: str, ids: Sequence[str], names: Mapping[str, Sequence[str]]
) -> tuple[str, ...] | str:
    """The trials that a word means: an id, how one begins, or an arm; else why it means none."""
    if word in ids:
        return (word,)
    if word in names:
        return tuple(names[word])
    fits = [one for one in ids if one.startswith(word)]
    if len(fits) == 1:
        return (fits[0],)
    if fits:
        return f"{word!r} begins {len(fits)} trials: {', '.join(fits[:5])}"
    return f"no trial or arm {word!r} in this study{did_you_mean(word, [*names, *ids])}"


def settings(latencies: Latencies) -> dict[str, dict[str, float]]:
    """Milliseconds by setting, then by trial: an id's own row before its arm's."""
    found: dict[str, dict[str, float]] = {}
    for one in sorted(latencies.rows, key=lambda row: -len(row.trials)):
        found.setdefault(one.setting, {}).update(dict.fromkeys(one.trials, one.milliseconds))
    return found
