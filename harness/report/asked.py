"""What a study's `report` section asks for, with the axes sorted by the part they play."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from harness.report.table import CHOICE
from harness.search import short_names, wording
from harness.space.study import ARM
from harness.statistics.tests import Test
from harness.studies import StudyResults


@dataclass(frozen=True, slots=True)
class Asked:
    """Axes are dotted paths.

    family: its values are families (`arm`: the arms are); along: a family's networks differ in
    these (numbers, such as a coefficient); strata: the other axes, within each of which families
    are compared.
    tuned: each arm is shown at its best value of this axis.
    """

    cost: Literal["macs", "fvcore"] = "macs"
    family: str | None = None
    along: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    tuned: str | None = None
    contrasts: tuple[tuple[str, str], ...] = ()
    spine: tuple[str, ...] = ()
    note: str = ""
    test: Test = "permutation"
    """The primary test, as the study states it."""
    by_need: bool = False
    """Whether the answer says the largest difference by what classes need."""

    def stratum(self, choice: Mapping[str, Any]) -> str:
        """The values of the strata in words; empty where there are none."""
        short = short_names(self.strata)
        return ", ".join(
            f"{short[path]} {wording(choice[path])}" for path in self.strata if path in choice
        )

    def family_of(self, arm: str, choice: Mapping[str, Any]) -> str | None:
        """The family that a network is of, in words."""
        if self.family == ARM:
            return arm
        return wording(choice[self.family]) if self.family and self.family in choice else None

    def place(self, choice: Mapping[str, Any]) -> str:
        """Where in its family a network stands: the values along, in words."""
        return ", ".join(wording(choice[path]) for path in self.along if path in choice)


def asked(study: StudyResults) -> Asked:
    """Read the section. `families: {by, along}` is the same as `family` with its own `along`."""
    said = study.report
    split = said.get("families") or {}
    family, tuned = split.get("by") or said.get("family"), said.get("tuned")
    others = [path for path in study.axes if path not in (family, tuned)]
    along = [split["along"]] if "along" in split else [p for p in others if _numbers(study, p)]
    return Asked(
        cost="fvcore" if said.get("cost") == "fvcore" else "macs",
        family=family,
        along=tuple(along) if family else (),
        strata=tuple(p for p in others if p not in along and len(study.axes[p]) > 1)
        if family
        else (),
        tuned=tuned,
        contrasts=tuple((str(a), str(b)) for a, b in said.get("contrasts") or ()),
        spine=tuple(map(str, said.get("spine") or ())),
        note=str(said.get("note") or ""),
        test="paired_t" if said.get("test") == "paired_t" else "permutation",
        by_need=bool(said.get("by_need")),
    )


def _numbers(study: StudyResults, path: str) -> bool:
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in study.axes[path]
    )


SAME_DATA = "chosen on the data it is shown on (optimistic)"


@dataclass(frozen=True, slots=True)
class Tuning:
    """best: every label -> the label that stands for its arm. tried: values tried, by best."""

    best: dict[str, str]
    tried: dict[str, int]
    path: str | None = None
    """The tuned axis."""

    def words(self, label: str) -> str:
        """What is to be said of an arm shown at its best value; empty where one alone was tried."""
        tried, name = self.tried.get(label, 1), (self.path or "").rpartition(".")[2]
        return f"tuned: best of {tried} values of {name}, {SAME_DATA}" if tried > 1 else ""


def tune(study: StudyResults, cells: pd.DataFrame, path: str | None) -> Tuning:
    """The value of the tuned axis with the highest mean AP, for each arm and other choice.

    It is chosen on the data it is shown on, which flatters; every arm gets the same chances.
    """
    column = f"{CHOICE}{path}"
    if path is None or column not in cells or "ap" not in cells:
        return Tuning({}, {})
    keys = [str(name) for name in cells if str(name).startswith(CHOICE) and name != column]
    keys = ["arm", *keys] if study.arms or not keys else keys
    best: dict[str, str] = {}
    tried: dict[str, int] = {}
    for _, group in cells.groupby(keys, sort=False, dropna=False):
        means = group.groupby("label", sort=False)["ap"].mean().dropna()
        top = str(means.idxmax()) if len(means) else str(group["label"].iloc[0])
        labels = list(dict.fromkeys(group["label"]))
        best |= dict.fromkeys(labels, top)
        tried[top] = len(labels)
    return Tuning(best, tried, path)
