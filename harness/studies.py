"""A study's own file: `results/studies/<study>/<profile>.json`.

It maps arms, choices and seeds to trials in the ledger, and says of every planned cell what
became of it. Facts of trials stand in the ledger alone; a report needs both and nothing else.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from harness.errors import Fault, LedgerError, SpecError, did_you_mean
from harness.files import is_local, write_whole
from harness.ledger import safe_name
from harness.outcomes import Status
from harness.records import PartCost
from harness.space.base import first_fault
from harness.space.names import SAFE_NAME

STUDY_VERSION = 1
SHIPPED = "shipped"
"""Folder, below `results/`, of the results that come with the harness."""

CellStatus = Literal["pending", "alias", "rejected"] | Status


class DamagedStudy(SpecError, LedgerError):
    """A study's file that cannot be read: an input that is wrong."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One planned point of a study: an arm, a choice on the axes, a seed."""

    arm: str
    """Name of the arm, or of the choice where a study has axes alone."""
    choice: dict[str, Any]
    """Value by axis (dotted path), without the seed."""
    seed: int
    id: str
    """The trial. Aliases share it with the cell they are an alias of."""
    status: CellStatus
    reason: str | None = None
    params: int | None = None
    macs: int | None = None
    """Closed form, whole model, batch 1."""
    parts: dict[str, PartCost] = field(default_factory=dict)
    acts: int | None = None


@dataclass(frozen=True, slots=True)
class StudyResults:
    """All that a report needs beside the ledger's records."""

    study: str
    profile: str
    question: str
    cells: tuple[Cell, ...]
    axes: dict[str, list[Any]] = field(default_factory=dict)
    """The values of each axis by its dotted path, in the order of the file."""
    arms: tuple[str, ...] = ()
    """Named arms, in the order of the file."""
    baseline: str | None = None
    report: dict[str, Any] = field(default_factory=dict)
    """The study's `report` section, defaults filled in."""
    published: dict[str, Any] | None = None
    """The study's `published` section (`harness.space.study.PublishedTable`), as plain data."""
    sources: tuple[str, ...] = ()
    """Trials that were trained for their backbone."""
    file: str | None = None
    """The study file as it was named on the command line."""
    search: dict[str, Any] | None = None
    """The study's `search` section, what was known of its space, and how far it is."""
    changes: dict[str, dict[str, Any]] | None = None
    """What each arm says over the study, by dotted path; None where it was not kept yet."""
    ablation: dict[str, Any] | None = None
    """The study's `ablation` section with its arms (`harness.plan.ablation`), as plain data."""
    plans: tuple[str, ...] = ()
    """Digests of the plans that were stored, the first one first (`harness.plans`)."""
    version: int = STUDY_VERSION


def study_path(results: Path, study: str, profile: str) -> Path:
    safe_name(study, "study"), safe_name(profile, "profile")
    return results / "studies" / study / f"{profile}.json"


def write_study(results: Path, study: StudyResults) -> Path:
    path = study_path(results, study.study, study.profile)
    write_whole(path, json.dumps(dataclasses.asdict(study), indent=1) + "\n")
    return path


def read_study(results: Path, study: str, profile: str) -> StudyResults:
    """What the last run left; `LedgerError` where there is none, `DamagedStudy` where it cannot be
    read."""
    path = study_path(results, study, profile)
    try:
        return _adapter().validate_json(path.read_bytes(), strict=True)
    except FileNotFoundError:
        raise LedgerError(f"{path}: no results of study {study!r}, profile {profile!r}") from None
    except ValidationError as error:
        raise DamagedStudy(Fault("", f"is damaged: {first_fault(error)}", str(path))) from None


def study_name(word: str) -> str:
    """A study's name, from it or from its file."""
    return Path(word).stem if word.endswith((".yaml", ".yml")) else word


def profiles_of(results: Path, study: str) -> tuple[str, ...]:
    """Profiles of a study that have results."""
    folder = results / "studies" / safe_name(study, "study")
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def studies_of(results: Path) -> list[str]:
    """Studies that have results."""
    folder = results / "studies"
    there = folder.iterdir() if folder.is_dir() else ()
    names = [one.name for one in there if SAFE_NAME.fullmatch(one.name) and any(one.glob("*.json"))]
    return sorted(names)


def chosen_profile(results: Path, study: str, profile: str | None) -> str:
    """The profile to report: the one asked for, `laptop`, or the only one that has results."""
    if not SAFE_NAME.fullmatch(study):
        raise SpecError(f"study {study!r}: letters, digits, '_', '-' and '.' only")
    there = profiles_of(results, study)
    if profile in there:
        return str(profile)
    if profile is None and "laptop" in there:
        return "laptop"
    if profile is None and len(there) == 1:
        return there[0]
    if not there:
        raise SpecError(
            f"no results of study {study!r} in {as_typed(results)}{elsewhere(results, study)}"
        )
    wanted = f"no results of profile {profile!r}" if profile else "say which --profile"
    raise SpecError(f"study {study!r}: {wanted}{did_you_mean(profile or '', there)}")


def elsewhere(results: Path, study: str) -> str:
    """What is said after `no results of study ...`: where there are some, or the nearest name."""
    shipped = results / SHIPPED
    if profiles_of(shipped, study):
        return f"; there are shipped ones: --results {as_typed(shipped)}"
    if others := studies_of(results):
        return did_you_mean(study, others)
    return ": no study has results there"


def as_typed(folder: Path) -> str:
    """A folder from where we are, if it lies below."""
    here = Path.cwd()
    below = is_local(folder) and folder.is_relative_to(here)
    return str(folder.relative_to(here) if below else folder)


@cache
def _adapter() -> TypeAdapter[StudyResults]:
    return TypeAdapter(StudyResults)
