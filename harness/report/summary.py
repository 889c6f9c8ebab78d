"""One row an arm: what its seeds say, what it costs, and what may be claimed of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.report.asked import Tuning
from harness.report.table import CHOICE, PARTS
from harness.space.limits import COSTS
from harness.statistics.contrasts import Contrast, best_set, contrasts
from harness.statistics.estimates import Estimate, estimate


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """An arm (with its choice). Cost is of the network, so the same for every seed."""

    label: str
    arm: str
    choice: dict[str, Any]
    planned: int
    ap: Estimate | None
    seeds: tuple[float, ...]
    by_need: dict[str, Estimate]
    costs: dict[str, float]
    """`params`, `macs`, `acts`, `fvcore_total`, `latency_ms` (median of medians) and parts, where
    known."""
    alias_of: str | None
    unfinished: dict[str, int]
    """Cells that gave no AP, by status."""
    contrast: Contrast | None
    in_best_set: bool
    is_baseline: bool
    tuned: str = ""
    """How its learning rate, or what else was tuned, came about; empty where nothing is to say."""

    @property
    def lacks(self) -> str:
        """Why it has no AP of its own, or not of every seed."""
        notes = [f"same network as {self.alias_of}"] if self.alias_of else []
        return "; ".join(notes + [f"{n} {status}" for status, n in self.unfinished.items()])

    @property
    def note(self) -> str:
        """What a reader must know beside the numbers."""
        return "; ".join(words for words in (self.lacks, self.tuned) if words)


def summarise(
    cells: pd.DataFrame,
    baseline: str | None = None,
    tuning: Tuning | None = None,
    untuned: Mapping[str, str] | None = None,
) -> tuple[ArmSummary, ...]:
    """Summaries in the order of the plan; a tuned arm stands here at its best value alone.

    Aliases repeat their numbers and enter no test. untuned: what is said of arms' rates.
    """
    if cells.empty:
        return ()
    tried = tuning.tried if tuning else {}
    chosen = tuning.best if tuning else {}
    base = chosen.get(found, found) if (found := label_of(cells, baseline)) else None
    if tried:
        cells = cells[cells["label"].isin(list(tried))]
    groups = {str(label): group for label, group in cells.groupby("label", sort=False)}
    values = {label: _finished(group, "ap") for label, group in groups.items()}
    alias = {label: _alias(group) for label, group in groups.items()}
    tested = {label: seeds for label, seeds in values.items() if seeds and not alias[label]}
    base = alias.get(base) or base if base else None
    against = {c.arm: c for c in contrasts(tested, base)} if base and base in tested else {}
    best = best_set(tested)
    return tuple(
        ArmSummary(
            label=label,
            arm=str(group["arm"].iloc[0]),
            choice=_choice(group),
            planned=len(group),
            ap=estimate(values[label]),
            seeds=tuple(values[label]),
            by_need=_needs(group),
            costs=_costs(group),
            alias_of=alias[label],
            unfinished=_unfinished(group),
            contrast=against.get(alias[label] or label),
            in_best_set=(alias[label] or label) in best,
            is_baseline=(alias[label] or label) == base,
            tuned=_tuned(label, str(group["arm"].iloc[0]), tuning, untuned or {}),
        )
        for label, group in groups.items()
    )


def _tuned(label: str, arm: str, tuning: Tuning | None, untuned: Mapping[str, str]) -> str:
    words = [tuning.words(label) if tuning else "", untuned.get(arm, "")]
    return "; ".join(word for word in words if word)


def summary_table(arms: tuple[ArmSummary, ...]) -> pd.DataFrame:
    """The summaries as a flat DataFrame: what `summary.csv` holds."""
    rows = []
    for arm in arms:
        row: dict[str, Any] = {"label": arm.label, "arm": arm.arm}
        row |= {CHOICE + path: value for path, value in arm.choice.items()}
        row |= {"planned": arm.planned} | _flat("ap", arm.ap)
        row |= {"not_separated_from_best": arm.in_best_set}
        if arm.contrast is not None:
            test = arm.contrast
            row |= {"against": test.against, "difference": test.difference}
            row |= {"difference_low": test.low, "difference_high": test.high}
            row |= {"p": test.p, "p_holm": test.p_holm, "p_floor": test.floor}
            row |= {"verdict": test.verdict}
        for need, found in arm.by_need.items():
            row |= _flat(f"ap_by_need.{need}", found)
        rows.append(row | arm.costs | {"alias_of": arm.alias_of, "note": arm.note})
    return pd.DataFrame(rows)


def _flat(name: str, found: Estimate | None) -> dict[str, Any]:
    if found is None:
        return {f"{name}_mean": None, f"{name}_sd": None, f"{name}_n": 0}
    return {
        f"{name}_mean": found.mean,
        f"{name}_sd": found.sd,
        f"{name}_n": found.n,
        f"{name}_low": found.low,
        f"{name}_high": found.high,
    }


def _finished(group: pd.DataFrame, column: str) -> list[float]:
    if column not in group:
        return []
    return [float(value) for value in group[column] if pd.notna(value)]


def _alias(group: pd.DataFrame) -> str | None:
    names = group.loc[group["status"] == "alias", "alias_of"].dropna()
    return str(names.iloc[0]) if len(names) == len(group) else None


def _choice(group: pd.DataFrame) -> dict[str, Any]:
    first = group.iloc[0]
    paths = [name for name in group.columns if str(name).startswith(CHOICE)]
    return {str(name)[len(CHOICE) :]: first[name] for name in paths if _known(first[name])}


def _known(value: Any) -> bool:
    return not (value is None or (isinstance(value, float) and value != value))


def _needs(group: pd.DataFrame) -> dict[str, Estimate]:
    prefix = "ap_by_need."
    found = {}
    for name in group.columns:
        if str(name).startswith(prefix):
            one = estimate(_finished(group, name))
            if one is not None:
                found[str(name)[len(prefix) :]] = one
    return found


def _costs(group: pd.DataFrame) -> dict[str, float]:
    names = [*COSTS, "fvcore_total", "latency_ms"]
    names += [f"{kind}.{part}" for part in PARTS for kind in COSTS]
    known = {name: _finished(group, name) for name in names}
    return {name: float(pd.Series(values).median()) for name, values in known.items() if values}


def _unfinished(group: pd.DataFrame) -> dict[str, int]:
    without = group[group["ap"].isna()] if "ap" in group else group
    return {str(status): int(n) for status, n in without["status"].value_counts().items()}


def label_of(cells: pd.DataFrame, name: str | None) -> str | None:
    """The label a name in the study file stands for: a label, or the first of an arm."""
    for column in ("label", "arm"):
        found = cells.loc[cells[column] == name, "label"]
        if name is not None and len(found):
            return str(found.iloc[0])
    return None
