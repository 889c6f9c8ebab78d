"""`results/` as a pandas DataFrame: one row a trial, or one row a planned cell of a study.

No cell is left out: rejected, failed, diverged and missing ones are rows with their reasons.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import SpecError, nearest_name
from harness.files import place
from harness.ledger import Ledger
from harness.records import Cost, PartCost, TrialRecord
from harness.search import short_names, wording
from harness.space.heads import part_names
from harness.space.limits import COSTS
from harness.space.study import ARM
from harness.studies import SHIPPED, Cell, StudyResults, chosen_profile, read_study, studies_of

METRICS = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
EMPTY = ["id", "seed", "status", "reason", *METRICS]
"""Columns of a ledger without records."""
PARTS = part_names()
ALTERED = "altered"
"""State of a cell whose trial was not run as its spec says: its AP is compared with nothing."""
CHOICE = "choice."
"""Prefix of the columns that hold a cell's value on each axis."""


def column_of(axis: str) -> str:
    """The column of an axis (dotted path), or of the arms where `arm` stands for one."""
    return axis if axis == ARM else CHOICE + axis


def table(
    results: str | Path = "results", study: str | None = None, profile: str | None = None
) -> pd.DataFrame:
    """Every trial of the ledger, or every planned cell of one profile of one study.

    profile: as `harness report` takes it: `laptop`, or the only one that has results.

    `SpecError` where there are no results, with the nearest place or name. The frame's `attrs`
    keep which results these are (`results`), for what is asked of it next.
    """
    at = place(results)
    ledger = Ledger(at)
    if not (at / "ledger").is_dir() and not (at / "studies").is_dir():
        raise SpecError(f"no results in {results}{_nearest_place(str(results))}")
    if study is None:
        if profile is not None:
            raise SpecError(f"profile {profile!r}: of which study? harness.table(results, study)")
        rows = [record_row(record) for record in ledger.records()]
        made = pd.DataFrame(rows or None, columns=None if rows else EMPTY)
    else:
        profile = chosen_profile(at, study, profile)
        made = study_table(read_study(at, study, profile), ledger)
    made.attrs["results"] = str(at)
    return made


def _nearest_place(word: str) -> str:
    """Where the results are that a word may mean: those of a study, or of a folder like it."""
    known = (Path(word) / SHIPPED, Path("results"), Path("results") / SHIPPED)
    held = [one for one in known if studies_of(one)]
    for one in held:
        if word in studies_of(one):
            return f"; {word!r} is a study: harness.table({str(one)!r}, {word!r})"
    near = nearest_name(word, [str(one) for one in held])
    if near is not None:
        return f"; did you mean {near!r}?"
    return f"; there are some in {held[0]}" if held else ""


def study_table(study: StudyResults, ledger: Ledger) -> pd.DataFrame:
    """One row a cell, in the order of the plan, joined with what the ledger knows of its trial."""
    records = {cell.id: ledger.get(cell.id) for cell in study.cells}
    labels = cell_labels(study.cells)
    first = {
        cell.id: label
        for cell, label in reversed(list(zip(study.cells, labels, strict=True)))
        if cell.status != "alias"
    }
    rows = []
    for cell, label in zip(study.cells, labels, strict=True):
        row = cell_row(cell, label, records[cell.id])
        row["alias_of"] = first.get(cell.id) if cell.status == "alias" else None
        rows.append({"study": study.study, "profile": study.profile} | row)
    return pd.DataFrame(rows or None, columns=None if rows else ["arm", "label", "seed", "status"])


def cell_labels(cells: tuple[Cell, ...]) -> list[str]:
    """A name for each cell's arm and choice: the arm, with the choice where an arm has several."""
    choices: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        held = choices.setdefault(cell.arm, [])
        if cell.choice not in held:
            held.append(cell.choice)
    labels = []
    for cell in cells:
        varied = [
            path
            for path in cell.choice
            if len({repr(choice.get(path)) for choice in choices[cell.arm]}) > 1
        ]
        short = short_names(tuple(cell.choice))
        said = ", ".join(f"{short[path]} {wording(cell.choice[path])}" for path in varied)
        labels.append(f"{cell.arm}, {said}" if said else cell.arm)
    return labels


def cell_row(cell: Cell, label: str, record: TrialRecord | None) -> dict[str, Any]:
    """A cell and its trial. The ledger decides what became of it; the study file fills the rest."""
    status: str = cell.status
    reason = cell.reason
    if record is not None and status != "rejected":
        reason = record.reason or (None if status == "pending" else reason)
        status = status if status == "alias" else record.status
    if record is None and status in ("done", "alias"):
        status, reason = ("missing" if status == "done" else status), "no record in the ledger"
    row: dict[str, Any] = {"arm": cell.arm, "label": label}
    row |= {CHOICE + path: _scalar(value) for path, value in cell.choice.items()}
    row |= {"seed": cell.seed, "status": status, "reason": reason, "alias_of": None}
    facts = record_row(record) if record is not None and status != "rejected" else {}
    facts.pop("seed", None)
    if facts.get("altered"):
        row |= {"status": ALTERED, "reason": facts["altered"]}
        facts |= {"altered_ap": facts["ap"], **dict.fromkeys(METRICS)}
    row |= {name: value for name, value in facts.items() if name not in row}
    row["id"] = cell.id
    planned = _figures(cell, cell.parts)
    return row | {name: value for name, value in planned.items() if row.get(name) is None}


def record_row(record: TrialRecord) -> dict[str, Any]:
    """A record as one flat row. Times in seconds, latency in milliseconds, AP as fractions of 1."""
    spec, place = record.spec, record.environment
    row: dict[str, Any] = {
        "id": record.id,
        "seed": _dig(spec, "seeds", "init"),
        "status": record.status,
        "reason": record.reason,
    }
    row |= _metrics(record) | _cost(record.cost)
    if record.latency is not None:
        late = record.latency
        row |= {"latency_ms": late.median_ms, "latency_p90_ms": late.p90_ms}
        row |= {"latency_device": late.device, "latency_conditions": late.conditions}
    row |= {
        "seconds": record.seconds,
        "images_per_second": record.images_per_second,
        "data_wait_share": record.data_wait_share,
        "peak_memory_mb": record.peak_memory_mb,
        "epochs": len(record.curve) if record.epochs_done is None else record.epochs_done,
        "altered": record.altered,
        "attempt": record.attempt,
        "loss": record.curve[-1].loss if record.curve else None,
    }
    row |= _settings(spec)
    row |= {"device": place.device, "host": place.host, "threads": place.threads}
    row |= {"engine": place.engine, "git_commit": place.git_commit, "started": place.started}
    return row | {f"version.{name}": value for name, value in sorted(place.versions.items())}


def _scalar(value: Any) -> Any:
    """A value of an axis as a table can hold it: what is not a number or a text becomes words."""
    return value if isinstance(value, bool | int | float | str) else wording(value)


def _metrics(record: TrialRecord) -> dict[str, Any]:
    metrics = record.metrics
    if metrics is None:
        return dict.fromkeys(METRICS)
    row: dict[str, Any] = {name: getattr(metrics, name) for name in METRICS}
    row |= {f"ap_by_need.{need}": value for need, value in metrics.ap_by_need.items()}
    return row | {f"ap_per_class.{name}": value for name, value in metrics.ap_per_class.items()}


def _cost(cost: Cost | None) -> dict[str, Any]:
    if cost is None:
        return {}
    row = _figures(cost, cost.parts)
    uncounted = ", ".join(f"{name} x {n}" for name, n in sorted(cost.fvcore_uncounted.items()))
    return row | {"fvcore_total": cost.fvcore_total, "fvcore_uncounted": uncounted or None}


def _figures(whole: Cell | Cost, parts: Mapping[str, PartCost]) -> dict[str, Any]:
    """Costs in closed form, of the whole and then of each part."""
    row: dict[str, Any] = {name: getattr(whole, name) for name in COSTS}
    for part, one in parts.items():
        row |= {f"{name}.{part}": getattr(one, name) for name in COSTS}
    return row


def _settings(spec: dict[str, Any]) -> dict[str, Any]:
    """The settings that change a result and that people compare by."""
    return {
        "backbone": _dig(spec, "model", "backbone", "name"),
        "backbone_frozen": str(_dig(spec, "model", "backbone", "frozen")),
        "image_size": _dig(spec, "model", "image_size"),
        "width": _dig(spec, "model", "feature_network", "width"),
        "topology": _dig(spec, "model", "feature_network", "graph", "name"),
        "precision": _dig(spec, "recipe", "precision"),
        "batch_size": _dig(spec, "recipe", "batch_size"),
        "data_fingerprint": _dig(spec, "facts", "fingerprint"),
        "code_epoch": _dig(spec, "code_epoch"),
        "trainer": _dig(spec, "trainer"),
    }


def _dig(tree: Any, *path: str) -> Any:
    for name in path:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(name)
    return tree
