"""Plans as they were stored, before their results: `results/studies/<study>/<profile>/plans/`.

A file a plan, named by its digest, written once and never again: what a study meant to do stays
as it was said, whatever came of it. The digest is of what was decided (cells by trial, and what
they are to be compared by), not of names, order, spelling, time or commit. A run with other
cells or seeds stores another plan; the first one says what was meant before anything was known.
"""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.errors import LedgerError
from harness.files import create_whole
from harness.ledger import safe_name
from harness.space.base import first_fault

PLAN_VERSION = 1
SHOWN = 12
"""Digits of a digest that people are shown."""


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A point that is to be run."""

    arm: str
    choice: dict[str, Any]
    seed: int
    id: str
    """The trial."""
    named: bool = True
    """Whether the arm is a name of the study file's own, not made from the choice."""

    @property
    def key(self) -> tuple[str, int, str]:
        """What it is decided by, whatever it is called."""
        return (self.arm if self.named else "", self.seed, self.id)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """What a study means to run and how it means to compare, and what was known at that time."""

    study: str
    profile: str
    question: str
    cells: tuple[PlannedCell, ...]
    sources: tuple[str, ...]
    """Trials that train backbones."""
    recipe: str
    """sha256 of the study's recipe (its settings that are not left open), 16 digits."""
    declared: dict[str, Any]
    """Everything else that the file decides (baseline, limits, contrasts, ...), defaults left out;
    by dotted path."""
    primary: str
    """The comparison that the study is made for, in words."""
    stored: str = ""
    """When: UTC, ISO 8601. Not in the digest, as are all below."""
    git_commit: str | None = None
    harness: str = ""
    """Version of the harness."""
    found: dict[str, str] = field(default_factory=dict)
    """Status of those of its trials that the ledger had a record of at that time."""
    file: str | None = None
    """The study file as it was named on the command line."""
    first: str | None = None
    """Digest of the first plan of this study and profile, where this is a later one."""
    added: tuple[PlannedCell, ...] = ()
    """What it has and the first has not."""
    left_out: tuple[PlannedCell, ...] = ()
    """What the first has and it has not."""
    version: int = PLAN_VERSION

    @property
    def digest(self) -> str:
        """sha256 of what was decided, 64 digits."""
        decided = {
            "version": self.version,
            "study": self.study,
            "profile": self.profile,
            "question": self.question,
            "cells": sorted(cell.key for cell in self.cells),
            "sources": sorted(self.sources),
            "recipe": self.recipe,
            "declared": self.declared,
        }
        text = json.dumps(decided, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({cell.seed for cell in self.cells}))

    @property
    def trials(self) -> frozenset[str]:
        return frozenset(cell.id for cell in self.cells)


def without(these: StoredPlan, those: StoredPlan) -> tuple[PlannedCell, ...]:
    """Cells of one plan that another has not, in their order."""
    there = Counter(cell.key for cell in those.cells)
    left = []
    for cell in these.cells:
        if there[cell.key]:
            there[cell.key] -= 1
        else:
            left.append(cell)
    return tuple(left)


def changed(before: StoredPlan, after: StoredPlan) -> dict[str, tuple[Any, Any]]:
    """What else was decided otherwise, by dotted path: (before, after); None where it is unset."""
    pairs: dict[str, tuple[Any, Any]] = {
        "question": (before.question, after.question),
        "recipe": (before.recipe, after.recipe),
    }
    for path in sorted({*before.declared, *after.declared}):
        pairs[path] = (before.declared.get(path), after.declared.get(path))
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def plans_folder(results: Path, study: str, profile: str) -> Path:
    safe_name(study, "study"), safe_name(profile, "profile")
    return results / "studies" / study / profile / "plans"


def store_plan(results: Path, plan: StoredPlan) -> Path:
    """Keep a plan, beside the first one; one that is there stays as it is, with the time it has."""
    path = plans_folder(results, plan.study, plan.profile) / f"{plan.digest}.json"
    if path.exists():
        return path
    for first in read_plans(results, plan.study, plan.profile).plans[:1]:
        added, left_out = without(plan, first), without(first, plan)
        plan = dataclasses.replace(plan, first=first.digest, added=added, left_out=left_out)
    create_whole(path, json.dumps(_tree(plan), indent=1) + "\n")
    return path


@dataclass(frozen=True, slots=True)
class KeptPlans:
    """The plans of a study, the first one first, and what is wrong with files of others."""

    plans: tuple[StoredPlan, ...] = ()
    complaints: tuple[str, ...] = ()

    @property
    def digests(self) -> tuple[str, ...]:
        return tuple(plan.digest for plan in self.plans)


def read_plans(results: Path, study: str, profile: str) -> KeptPlans:
    """Every stored plan. One that is damaged, or was changed since, is told and not believed."""
    plans, complaints = [], []
    for path in sorted(plans_folder(results, study, profile).glob("*.json")):
        try:
            plans.append(_read(path))
        except LedgerError as error:
            complaints.append(str(error))
    plans.sort(key=lambda plan: (plan.stored, plan.digest))
    return KeptPlans(tuple(plans), tuple(complaints))


def _read(path: Path) -> StoredPlan:
    try:
        tree = json.loads(path.read_bytes())
        if (version := tree.get("version")) != PLAN_VERSION:
            raise LedgerError(f"{path}: version {version!r}; this harness reads {PLAN_VERSION}")
        tree.pop("digest", None), tree.pop("seeds", None)
        plan = _adapter().validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        raise LedgerError(f"{path}: {first_fault(error)}") from None
    except (ValueError, AttributeError) as error:
        raise LedgerError(f"{path}: not a plan: {error}") from None
    if plan.digest != path.stem:
        raise LedgerError(
            f"{path}: was changed after it was stored: its digest is now {plan.digest}"
        )
    return plan


def _tree(plan: StoredPlan) -> Mapping[str, Any]:
    """As it is kept: with what can be computed of it, for readers without the harness."""
    return {"digest": plan.digest, "seeds": plan.seeds, **dataclasses.asdict(plan)}


@cache
def _adapter() -> TypeAdapter[StoredPlan]:
    return TypeAdapter(StoredPlan)
