"""What was run: planned cells and their ends, settings, devices, and what differs among trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.outcomes import FAILURES
from harness.records import TrialRecord
from harness.studies import StudyResults

CONFOUNDERS = {
    "device": "devices",
    "git_commit": "commits of the harness",
    "code_epoch": "code epochs",
    "trainer": "trainers",
    "version.torch": "versions of torch",
    "data_fingerprint": "datasets",
    "precision": "precisions",
    "batch_size": "batch sizes",
    "image_size": "image sizes",
    "backbone": "backbones",
    "backbone_frozen": "freezings of the backbone",
}
"""Columns that ought to be one value where arms are compared, unless an axis varies them."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The facts behind the page's last sections."""

    states: dict[str, int]
    """Planned cells by where they ended."""
    facts: dict[str, str]
    settings: dict[str, str]
    """Dotted path -> value, for what every finished trial shares."""
    cautions: tuple[str, ...]
    frozen: bool
    """The backbone of every trial was frozen whole: routing on fixed features."""
    devices: tuple[str, ...]
    uncounted: str | None
    """What fvcore did not count, of the first trial that has it."""


def what_ran(study: StudyResults, cells: pd.DataFrame, records: Sequence[TrialRecord]) -> Ran:
    """The account of a study's run."""
    states = {str(state): int(n) for state, n in cells["status"].value_counts().items()}
    uncounted = _values(cells, "fvcore_uncounted")
    return Ran(
        states=states,
        facts=_facts(study, cells, records),
        settings=shared_settings([record.spec for record in records]),
        cautions=_cautions(cells),
        frozen=_values(cells, "backbone_frozen") == ["all"],
        devices=tuple(_values(cells, "device")),
        uncounted=uncounted[0] if uncounted else None,
    )


def shared_settings(specs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Every scalar of the specs that is the same in all; the network's own nodes left out."""
    flat = [
        _flatten({name: spec.get(name) for name in ("model", "recipe", "data")}) for spec in specs
    ]
    if not flat:
        return {}
    same = {path for path in flat[0] if all(one.get(path) == flat[0][path] for one in flat)}
    hidden = ("model.feature_network.graph.", "model.backbone.source.")
    return {
        path: value
        for path, value in flat[0].items()
        if path in same and not path.startswith(hidden)
    }


def _facts(
    study: StudyResults, cells: pd.DataFrame, records: Sequence[TrialRecord]
) -> dict[str, str]:
    versions = [name for name in cells.columns if str(name).startswith("version.")]
    facts = {
        "study file": study.file or "not recorded",
        "profile": study.profile,
        "axes": "; ".join(f"{path}: {_list(values)}" for path, values in study.axes.items()),
        "seeds": _list(sorted({cell.seed for cell in study.cells})),
        "data fingerprint": _list(_values(cells, "data_fingerprint")),
        "epochs": _list(_values(cells, "epochs")),
        "device": _list(_values(cells, "device")),
        "threads a trial": _list(_values(cells, "threads")),
        "engine": _list(_values(cells, "engine")),
        "harness commit": _list(_values(cells, "git_commit")),
        "versions": ", ".join(f"{name[8:]} {_list(_values(cells, name))}" for name in versions),
        "trained by": _list(_values(cells, "trainer")),
        "backbone trained by": _list(study.sources),
        "training and evaluation time": f"{sum(record.seconds for record in records) / 60:.1f} min",
        "latency measured": _list(_values(cells, "latency_conditions")),
    }
    return {name: value for name, value in facts.items() if value}


def _cautions(cells: pd.DataFrame) -> tuple[str, ...]:
    varied = {str(name) for name in cells.columns if str(name).startswith("choice.")}
    said = []
    for column, words in CONFOUNDERS.items():
        values = _values(cells, column)
        if len(values) > 1 and not any(column.split("_")[0] in name for name in varied):
            said.append(f"Trials differ in {words}: {_list(values)}. Compare with care.")
    if "status" in cells:
        ended = cells.loc[cells["status"].isin(FAILURES), "label"]
        lost = list(dict.fromkeys(ended))
        if lost:
            said.append(
                f"Means leave out trials that diverged or failed, so they flatter: {_list(lost)}."
            )
    return tuple(said)


def _values(cells: pd.DataFrame, column: str) -> list[Any]:
    if column not in cells:
        return []
    found = list(dict.fromkeys(cells[column].dropna()))
    return [int(v) if isinstance(v, float) and v.is_integer() else v for v in found]


def _list(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))


def _flatten(tree: Any, path: str = "") -> dict[str, str]:
    if isinstance(tree, Mapping):
        flat: dict[str, str] = {}
        for name, value in tree.items():
            flat |= _flatten(value, f"{path}.{name}" if path else str(name))
        return flat
    return {path: str(tree)}
