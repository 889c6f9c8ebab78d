"""A study's rows as `Sample`s by label: AP by seed, with draws of the test images where known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.report.table import CHOICE
from harness.statistics.samples import Sample


@dataclass(frozen=True, slots=True)
class Network:
    """One arm at one choice of the axes, with an AP. macs: multiply-adds."""

    label: str
    arm: str
    choice: dict[str, Any]
    macs: float
    sample: Sample


def networks(
    rows: pd.DataFrame, samples: Mapping[str, Sample] | None = None
) -> tuple[Network, ...]:
    """Every label that has a cost and at least one AP, in the order of the rows.

    samples: by label, where draws of the test images are known; an alias has those of the label
    it repeats. Without it a label's sample is its column of AP.
    """
    needed = ("label", "macs", "ap", "seed")
    if any(name not in rows for name in needed):
        return ()
    known = rows[rows["status"] != "rejected"].dropna(subset=["macs", "ap"])
    paths = [str(name) for name in rows.columns if str(name).startswith(CHOICE)]
    found = []
    for label, group in known.groupby("label", sort=False):
        first = group.iloc[0]
        choice = {path[len(CHOICE) :]: first[path] for path in paths if pd.notna(first[path])}
        sample = _given(samples or {}, str(label), group) or _of_values(group)
        found.append(
            Network(str(label), str(first["arm"]), choice, float(group["macs"].median()), sample)
        )
    return tuple(found)


def _given(samples: Mapping[str, Sample], label: str, group: pd.DataFrame) -> Sample | None:
    name = group["alias_of"].iloc[0] if "alias_of" in group else None
    one = samples.get(label) or samples.get(str(name))
    return one if one is not None and one.values else None


def _of_values(group: pd.DataFrame) -> Sample:
    one = group.drop_duplicates("seed").sort_values("seed")
    return Sample(tuple(map(float, one["ap"])), tuple(map(int, one["seed"])), None)
