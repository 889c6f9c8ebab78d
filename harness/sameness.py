"""Two records of one trial, compared to the last digit; what may be why they differ beside it."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.records import EpochLog, TrialRecord

CURVE = ("step", "loss", "class_loss", "box_loss", "learning_rate", "fusion_weights")
"""Of each epoch; seconds and rates are of the machine."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same."""

    what: str
    recorded: Any
    again: Any
    epoch: int | None = None
    """The first that differs, of what is told by epoch."""

    def __str__(self) -> str:
        when = f" from epoch {self.epoch} on" if self.epoch is not None else ""
        return f"{self.what}{when}: {self.recorded!r} recorded, {self.again!r} now"


def differences(
    recorded: TrialRecord,
    again: TrialRecord,
    detections: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None] = (None, None),
) -> tuple[Difference, ...]:
    """Everything that differs in results: status, costs, curve, metrics, rungs, detections."""
    return (*_plain(recorded, again), *_curves(recorded, again), *_arrays(*detections))


def circumstances(recorded: TrialRecord, again: TrialRecord) -> tuple[Difference, ...]:
    """What differs in where and by what the two were trained."""
    old, new = recorded.environment, again.environment
    found = [
        Difference(name, getattr(old, name), getattr(new, name))
        for name in ("device", "threads", "processes", "git_commit")
    ]
    names = dict.fromkeys((*old.versions, *new.versions))
    found += [Difference(name, old.versions.get(name), new.versions.get(name)) for name in names]
    found.append(Difference("altered", recorded.altered, again.altered))
    return tuple(one for one in found if one.recorded != one.again)


def _plain(recorded: TrialRecord, again: TrialRecord) -> Iterator[Difference]:
    old, new = (_flat(_results(record)) for record in (recorded, again))
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield Difference(name, old.get(name), new.get(name))


def _results(record: TrialRecord) -> dict[str, Any]:
    tree = dataclasses.asdict(record)
    kept = {name: tree[name] for name in ("status", "reason", "epochs_done", "cost", "metrics")}
    return {**kept, "spec": record.spec, "rungs": {rung.epoch: rung.ap for rung in record.rungs}}


def _flat(tree: Any, path: str = "") -> dict[str, Any]:
    if isinstance(tree, Mapping):
        found: dict[str, Any] = {}
        for name, value in tree.items():
            found |= _flat(value, f"{path}.{name}" if path else str(name))
        return found
    return {path: tree}


def _curves(recorded: TrialRecord, again: TrialRecord) -> Iterator[Difference]:
    if len(recorded.curve) != len(again.curve):
        yield Difference("epochs in the curve", len(recorded.curve), len(again.curve))
    for name in CURVE:
        for old, new in zip(recorded.curve, again.curve, strict=False):
            if getattr(old, name) != getattr(new, name):
                yield _at(name, old, new)
                break


def _at(name: str, old: EpochLog, new: EpochLog) -> Difference:
    before, after = getattr(old, name), getattr(new, name)
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [key for key in (*before, *after) if before.get(key) != after.get(key)]
        name, before, after = f"{name} of {keys[0]}", before.get(keys[0]), after.get(keys[0])
    return Difference(name, before, after, old.epoch)


def _arrays(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Difference]:
    if old is None or new is None:
        if (old is None) != (new is None):
            yield Difference("detections", _there(old), _there(new))
        return
    for name in dict.fromkeys((*old, *new)):
        before, after = (np.asarray(arrays.get(name, ())) for arrays in (old, new))
        if len(before) != len(after):
            yield Difference(f"detections, {name}", f"{len(before)} rows", f"{len(after)} rows")
        elif not np.array_equal(before, after):
            rows = (before != after).reshape(len(before), -1).any(1)
            row = int(rows.argmax())
            what = f"detections, {name} of {int(rows.sum())} rows, first row {row}"
            yield Difference(what, before[row].tolist(), after[row].tolist())


def _there(arrays: Mapping[str, Any] | None) -> str:
    return "none" if arrays is None else "there"
