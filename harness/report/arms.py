"""One arm of a study as a `Sample`, and what parts two such arms."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from harness.errors import SpecError, did_you_mean
from harness.ledger import Ledger
from harness.report.sampled import one_set_of_images, sample_of, without_draws
from harness.report.summary import label_of
from harness.report.table import study_table
from harness.statistics.contrasts import Contrast, contrast
from harness.statistics.samples import Sample
from harness.statistics.tests import Test
from harness.studies import chosen_profile, read_study


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """What an arm measured, with the rows of the table that it comes from."""

    name: str
    sample: Sample
    rows: pd.DataFrame


def arm_of(results: Path, study: str, profile: str | None, arm: str, column: str = "ap") -> Arm:
    """What each seed of an arm measured, by a column of `harness.table`; a `SpecError` where that
    is not there, or nothing of it.

    arm: as the study file names it, or with its choice as the report does.
    """
    profile = chosen_profile(results, study, profile)
    ledger = Ledger(results)
    cells = study_table(read_study(results, study, profile), ledger)
    label = label_of(cells, arm)
    if label is None:
        known = [str(name) for name in cells["label"].unique()]
        raise SpecError(f"no arm {arm!r} in study {study!r}{did_you_mean(arm, known)}")
    if column not in cells:
        measured = [str(name) for name in cells if str(name).startswith("ap")]
        raise SpecError(f"no column {column!r}{did_you_mean(column, measured)}")
    rows = cells[cells["label"] == label]
    found = sample_of(rows, results, ledger, column)
    if not found.n:
        raise SpecError(f"{study}:{arm}: no trial of it has {column}")
    return Arm(arm, found, rows)


def on_shared_images(a: Arm, b: Arm) -> tuple[Sample, Sample]:
    """The two samples; without draws where the arms were tested on different images."""
    if one_set_of_images(pd.concat([a.rows, b.rows])):
        return a.sample, b.sample
    one, other = without_draws({"a": a.sample, "b": b.sample}).values()
    return one, other


def contrast_of(
    a: Sample, b: Sample, arm: str, against: str, test: Test = "permutation"
) -> Contrast:
    """`a` minus `b`, as a family of one. Names may be the same: an arm against itself."""
    return replace(contrast(a, b, arm="a", against="b", test=test), arm=arm, against=against)
