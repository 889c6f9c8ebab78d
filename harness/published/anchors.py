"""AP anchors: known results, the commands that repeat them, and what came of it here.

An anchor is 'not run here' until its record is in the results folder: a study's, as `harness run`
leaves it, or an evaluation's in `evals/<name>.json`. Nothing but these files is read.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from harness.errors import LedgerError
from harness.ledger import Ledger
from harness.space.base import Frozen, first_fault
from harness.space.load import read_yaml
from harness.studies import read_study, study_path

FILE = Path(__file__).with_name("anchors.yaml")
NOT_RUN = "not run here"


class StudyRecord(Frozen):
    """Where a study's record lies."""

    name: str
    profile: str


class Anchor(Frozen):
    """A known result and the way to repeat it. Its record is a study's or an evaluation's."""

    what: str
    checks: str
    """What of the harness it is a check of."""
    ap: float
    """Percent, COCO val2017."""
    source: str
    commands: tuple[str, ...]
    study: StudyRecord | None = None
    evaluation: str | None = None
    holds: dict[str, Any] = Field(default_factory=dict)
    """What the record must say, by dotted path, to be of this anchor."""
    differs: str = ""
    """What is not as in the source."""

    @property
    def record(self) -> str:
        """Where its record would lie, under the results folder."""
        if self.study is not None:
            return f"studies/{self.study.name}/{self.study.profile}.json"
        return f"evals/{self.evaluation}.json"


class _Read(BaseModel):
    """A part of an evaluation's file; what else stands there is kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class EvaluationMetrics(_Read):
    ap: float | None
    """A fraction."""


class EvaluationEnvironment(_Read):
    device: str


class Evaluation(_Read):
    """What `harness eval` leaves, as far as an anchor reads it."""

    metrics: EvaluationMetrics
    environment: EvaluationEnvironment


@dataclass(frozen=True, slots=True)
class Found:
    """A record: its AP (percent) and device, and what it says of itself."""

    ap: float
    device: str
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """What is known of an anchor here. ap, device: None where it was not run."""

    name: str
    anchor: Anchor
    ap: float | None = None
    runs: int = 0
    """Records that `ap` is the mean of: seeds."""
    device: str | None = None
    note: str = NOT_RUN

    @property
    def difference(self) -> float | None:
        return None if self.ap is None else self.ap - self.anchor.ap

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "what": self.anchor.what,
            "checks": self.anchor.checks,
            "known_ap": self.anchor.ap,
            "source": self.anchor.source,
            "commands": list(self.anchor.commands),
            "record": self.anchor.record,
            "differs": self.anchor.differs,
            "measured_ap": self.ap,
            "difference": self.difference,
            "runs": self.runs,
            "device": self.device,
            "note": self.note,
        }


def load_anchors(file: Path = FILE) -> dict[str, Anchor]:
    """The anchors by name, in the order of the file."""
    tree = json.dumps(read_yaml(file).tree)
    return TypeAdapter(dict[str, Anchor]).validate_json(tree)


def anchor_states(results: Path, anchors: Mapping[str, Anchor] | None = None) -> list[State]:
    """Every anchor with what the results folder, or the shipped one in it, has of it."""
    known = load_anchors() if anchors is None else anchors
    return [_state(name, anchor, results) for name, anchor in known.items()]


def _state(name: str, anchor: Anchor, results: Path) -> State:
    complaints = []
    for folder in (results, results / "shipped"):
        found = list(_records(anchor, folder))
        if not found:
            continue
        wrong = _unlike(anchor, found)
        if not wrong:
            ap = sum(one.ap for one in found) / len(found)
            devices = ", ".join(dict.fromkeys(one.device for one in found))
            return State(name, anchor, ap, len(found), devices, "measured")
        complaints.append(f"{NOT_RUN}: the record in {folder} has {wrong}")
    return State(name, anchor, note="; ".join(complaints) or NOT_RUN)


def _records(anchor: Anchor, results: Path) -> Iterator[Found]:
    if anchor.study is not None:
        yield from _of_study(anchor.study, results)
    elif anchor.evaluation is not None:
        yield from _of_evaluations(anchor, results / "evals")


def _of_study(place: StudyRecord, results: Path) -> Iterator[Found]:
    """The study's finished trials."""
    if not study_path(results, place.name, place.profile).is_file():
        return
    ledger = Ledger(results)
    for trial in dict.fromkeys(c.id for c in read_study(results, place.name, place.profile).cells):
        record = ledger.get(trial)
        if record and record.status == "done" and record.metrics and record.metrics.ap is not None:
            yield Found(100 * record.metrics.ap, record.environment.device, record.spec)


def _of_evaluations(anchor: Anchor, folder: Path) -> list[Found]:
    """The one record that is the anchor's, else the first: several files may be of one model."""
    name = str(anchor.evaluation)
    beside = sorted(folder.glob(f"{name}-{'[0-9a-f]' * 8}.json"))
    found = [one for file in (folder / f"{name}.json", *beside) for one in _of_evaluation(file)]
    return ([one for one in found if not _unlike(anchor, [one])] or found)[:1]


def _of_evaluation(file: Path) -> Iterator[Found]:
    """An evaluation's own file."""
    try:
        kept = Evaluation.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return
    except ValidationError as error:
        raise LedgerError(f"{file}: {first_fault(error)}") from None
    if kept.metrics.ap is not None:
        yield Found(100 * kept.metrics.ap, kept.environment.device, kept.model_dump())


def _unlike(anchor: Anchor, found: list[Found]) -> str:
    """What the records have that the anchor has not, in words; empty where there is nothing."""
    wrong = {
        f"{path} {_at(one.said, path)!r}, not {wanted!r}": None
        for one in found
        for path, wanted in anchor.holds.items()
        if _at(one.said, path) != wanted
    }
    return ", ".join(wrong)


def _at(tree: Any, path: str) -> Any:
    for step in path.split("."):
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    return tree
