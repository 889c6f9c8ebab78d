"""The values of one arm of a study by seed, and what parts two such arms."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from harness.errors import SpecError, did_you_mean
from harness.ledger import Ledger
from harness.report.summary import label_of
from harness.report.table import study_table
from harness.statistics.contrasts import Contrast, contrast
from harness.statistics.samples import sample
from harness.studies import chosen_profile, read_study


def arm_values(
    results: Path, study: str, profile: str | None, arm: str, column: str = "ap"
) -> dict[int, float]:
    """What each seed of an arm measured, by a column of `harness.table`; a `SpecError` where that
    is not there, or nothing of it.

    arm: as the study file names it, or with its choice as the report does.
    """
    profile = profile or chosen_profile(results, study, None)
    cells = study_table(read_study(results, study, profile), Ledger(results))
    label = label_of(cells, arm)
    if label is None:
        known = [str(name) for name in cells["label"].unique()]
        raise SpecError(f"no arm {arm!r} in study {study!r}{did_you_mean(arm, known)}")
    if column not in cells:
        measured = [str(name) for name in cells if str(name).startswith("ap")]
        raise SpecError(f"no column {column!r}{did_you_mean(column, measured)}")
    found = values_of(cells, label, column)
    if not found:
        raise SpecError(f"{study}:{arm}: no trial of it has {column}")
    return found


def values_of(cells: pd.DataFrame, label: str, column: str) -> dict[int, float]:
    """By seed, of the cells under a label that measured something."""
    if column not in cells:
        return {}
    rows = cells[cells["label"] == label].dropna(subset=[column])
    return dict(zip(map(int, rows["seed"]), map(float, rows[column]), strict=True))


def contrast_of(a: Mapping[int, float], b: Mapping[int, float], arm: str, against: str) -> Contrast:
    """`a` minus `b`, by the test that reports use, as a family of one."""
    found = contrast(sample(a), sample(b), arm="a", against="b")
    return replace(found, arm=arm, against=against)
