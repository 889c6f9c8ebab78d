"""Each label's trials as a `Sample`: AP by seed, and on draws of the test images where known."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from harness.draws import Draws, draws_of
from harness.ledger import Ledger
from harness.statistics.samples import Sample, sample


def samples(
    cells: pd.DataFrame, results: Path, ledger: Ledger, metric: str = "ap"
) -> dict[str, Sample]:
    """By label, aliases left out. metric: a column of the table (`ap`, `ap_by_need.context`).

    Draws stay out where a trial of the label has none: an interval is over both or over seeds.
    """
    if metric not in cells:
        return {}
    rows = cells[(cells["status"] != "alias") & cells[metric].notna()]
    found = {
        str(label): sample_of(group, results, ledger, metric)
        for label, group in rows.groupby("label", sort=False)
    }
    return found if one_set_of_images(rows) else without_draws(found)


def sample_of(cells: pd.DataFrame, results: Path, ledger: Ledger, metric: str = "ap") -> Sample:
    """One arm's, of its cells; empty where none measured this."""
    if metric not in cells:
        return sample({})
    rows = cells.dropna(subset=[metric])
    values = dict(zip(map(int, rows["seed"]), map(float, rows[metric]), strict=True))
    return _with_draws(sample(values), rows, results, ledger, metric)


def _with_draws(
    one: Sample, group: pd.DataFrame, results: Path, ledger: Ledger, metric: str
) -> Sample:
    name, held = _name(metric), []
    for trial in group.drop_duplicates("seed")["id"]:
        record = ledger.get(str(trial))
        draws: Draws | None = draws_of(results, record) if record is not None else None
        if draws is None or name not in draws:
            return one
        held.append(draws[name])
    whole = held and len(held) == one.n
    return Sample(one.values, one.seeds, np.stack(held)) if whole else one


def _name(metric: str) -> str:
    """A column of the table, as draws call it."""
    for column, name in (("ap_by_need.", "need."), ("ap_per_class.", "class.")):
        if metric.startswith(column):
            return name + metric.removeprefix(column)
    return metric


def one_set_of_images(rows: pd.DataFrame) -> bool:
    """Draws pair over arms only where all saw the same images."""
    return "data_fingerprint" not in rows or rows["data_fingerprint"].nunique() <= 1


def without_draws(found: Mapping[str, Sample]) -> dict[str, Sample]:
    """Seeds alone."""
    return {label: Sample(one.values, one.seeds) for label, one in found.items()}
