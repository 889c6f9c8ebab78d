"""Latencies that were measured elsewhere, as table and page show them: beside ours."""

from dataclasses import dataclass

import pandas as pd

from harness.latencies import Latencies, settings

COLUMN = "latency_elsewhere_ms."
"""Prefix of the columns that hold milliseconds by device and runtime."""


@dataclass(frozen=True, slots=True)
class ElsewhereInfo:
    """Milliseconds of each arm by device and runtime: text, since trials of an arm may differ."""

    settings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str | None, ...]], ...]
    """(arm, one for each setting)."""
    notes: tuple[str, ...]


def with_elsewhere(cells: pd.DataFrame, latencies: Latencies) -> pd.DataFrame:
    """The table with a column for each device and runtime."""
    columns = {
        COLUMN + setting: cells["id"].map(by_trial)
        for setting, by_trial in settings(latencies).items()
    }
    return cells.assign(**columns) if columns else cells


def elsewhere_info(cells: pd.DataFrame, latencies: Latencies) -> ElsewhereInfo | None:
    """What the page shows; None where nothing was brought in."""
    columns = [str(name) for name in cells.columns if str(name).startswith(COLUMN)]
    rows = []
    for label, group in cells.groupby("label", sort=False) if columns else ():
        said = tuple(_words(group[column]) for column in columns)
        if any(said):
            rows.append((str(label), said))
    if not rows:
        return None
    notes = dict.fromkeys(f"{one.setting}: {one.note}" for one in latencies.rows if one.note)
    return ElsewhereInfo(tuple(name[len(COLUMN) :] for name in columns), tuple(rows), tuple(notes))


def _words(values: "pd.Series[float]") -> str | None:
    there = values.dropna()
    if there.empty:
        return None
    low, high = float(there.min()), float(there.max())
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
