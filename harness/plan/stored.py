"""A plan as it is stored before its results: what the study decides, and what is known by then."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from harness.commit import git_commit
from harness.ledger import Ledger
from harness.plan.plan import Plan
from harness.plans import PlannedCell, StoredPlan
from harness.space.study import ARM, StudySpec

IN_CELLS = {"question", "model", "vary", "arms", "seeds", "recipe", "data", "published"}
"""What the cells' trials say already, and what decides nothing."""
SEARCHED = {"model", "seeds", "data"}
"""What a search starts from: no cell is there beforehand to say it."""
SAID_ONLY = {"note", "published_detectors", "costs", "by_need"}
"""What the section `report` says of looks alone."""


def stored_plan(plan: Plan, ledger: Ledger) -> StoredPlan:
    """The plan as it is now, with the time and what the ledger has of its trials."""
    spec = plan.study.spec
    found = {one.cell.id: ledger.get(one.cell.id) for one in plan.cells}
    return StoredPlan(
        study=plan.study.name,
        profile=plan.study.profile,
        question=spec.question,
        cells=tuple(
            PlannedCell(cell.arm, dict(cell.choice), cell.seed, cell.id, bool(spec.arms))
            for cell in (one.cell for one in plan.cells)
        ),
        sources=tuple(plan.sources),
        recipe=_digest(spec.recipe.model_dump(mode="json", exclude_none=True)),
        declared=declared(spec),
        primary=primary(spec),
        stored=datetime.now(UTC).isoformat(timespec="microseconds"),
        git_commit=git_commit(),
        harness=_version(),
        found={trial: record.status for trial, record in found.items() if record is not None},
        file=str(plan.study.file),
    )


def declared(spec: StudySpec) -> dict[str, Any]:
    """What a study decides beside its cells, by dotted path; what is left at its default is not."""
    in_cells = IN_CELLS - SEARCHED if spec.search else IN_CELLS
    tree = spec.model_dump(mode="json", exclude_defaults=True, exclude=in_cells)
    report = tree.get("report", {})
    for name in SAID_ONLY:
        report.pop(name, None)
    if "contrasts" in report:
        report["contrasts"] = sorted(report["contrasts"])
    return _flat(tree)


def primary(spec: StudySpec) -> str:
    """The comparison a study is made for, as its report draws it."""
    asked = spec.report
    if spec.search and spec.search.compare:
        return "what was found against the mean of random networks of equal cost, by fresh seeds"
    if asked.spine:
        return f"each step of the chain {' → '.join(asked.spine)}, seed by seed"
    if asked.contrasts:
        return f"{', '.join(' against '.join(pair) for pair in asked.contrasts)}, seed by seed"
    if asked.family:
        families = "arms" if asked.family == ARM else asked.family
        return f"families of {families}, by mean AP over the cost that all reach"
    if spec.baseline:
        return f"each arm against {spec.baseline}, by mean AP over seeds"
    return "none is named: every pair of arms, by mean AP over seeds"


def _flat(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        here = f"{path}.{name}" if path else str(name)
        found |= _flat(value, here) if isinstance(value, Mapping) else {here: value}
    return found


def _digest(tree: Any) -> str:
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _version() -> str:
    try:
        return metadata.version("feature-network-harness")
    except metadata.PackageNotFoundError:
        return ""
