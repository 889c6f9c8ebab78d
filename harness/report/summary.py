"""One row an arm: what its seeds say, what it costs, and what may be claimed of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.report.asked import Tuning
from harness.report.table import CHOICE, PARTS
from harness.space.limits import COSTS
from harness.statistics.best import UNJUDGED, best_set
from harness.statistics.contrasts import Contrast, contrasts
from harness.statistics.estimates import Estimate, interquartile_mean
from harness.statistics.samples import Sample, sample
from harness.statistics.tests import Test
from harness.statistics.two_level import estimate_of


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
    parts: str = ""
    """What would part it from the highest mean, in words (`about 9 seeds`); empty where it is
    parted, or the highest, or that is not known."""
    is_judged: bool = True
    """Whether it has seeds enough to be held to the best; one seed is not."""
    middle: Estimate | None = None
    """Interquartile mean of AP, where there are seeds enough for one."""
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
        one = "" if self.is_judged else UNJUDGED
        return "; ".join(words for words in (self.lacks, one, self.tuned) if words)


def summarise(
    cells: pd.DataFrame,
    baseline: str | None = None,
    tuning: Tuning | None = None,
    untuned: Mapping[str, str] | None = None,
    *,
    samples: Mapping[str, Sample] | None = None,
    needs: Mapping[str, Mapping[str, Sample]] | None = None,
    test: Test = "permutation",
) -> tuple[ArmSummary, ...]:
    """Summaries in the order of the plan; a tuned arm stands here at its best value alone.

    Aliases repeat their numbers and enter no test. untuned: what is said of arms' rates.
    samples: AP by label with draws of the test images; without them, of the table's seeds alone.
    needs: the same of each need. test: the study's primary test.
    """
    if cells.empty:
        return ()
    tried = tuning.tried if tuning else {}
    chosen = tuning.best if tuning else {}
    base = chosen.get(found, found) if (found := label_of(cells, baseline)) else None
    if tried:
        cells = cells[cells["label"].isin(list(tried))]
    groups = {str(label): group for label, group in cells.groupby("label", sort=False)}
    alias = {label: _alias_among(groups, group) for label, group in groups.items()}
    held = {label: _sample(group, "ap", samples or {}) for label, group in groups.items()}
    tested = {label: one for label, one in held.items() if one.n and not alias[label]}
    base = alias.get(base) or base if base else None
    against = _against(tested, base, test)
    best = best_set(tested, test=test)
    return tuple(
        ArmSummary(
            label=label,
            arm=str(group["arm"].iloc[0]),
            choice=_choice(group),
            planned=len(group),
            ap=estimate_of(held[alias[label] or label]),
            seeds=held[label].values,
            by_need=_needs(groups[alias[label] or label], needs or {}),
            costs=_costs(group),
            alias_of=alias[label],
            unfinished=_unfinished(group),
            contrast=against.get(alias[label] or label),
            in_best_set=(alias[label] or label) in best.names,
            parts=best.open.get(alias[label] or label, ""),
            is_judged=(alias[label] or label) not in best.unjudged,
            middle=interquartile_mean(held[alias[label] or label].values),
            is_baseline=(alias[label] or label) == base,
            tuned=_tuned(label, str(group["arm"].iloc[0]), tuning, untuned or {}),
        )
        for label, group in groups.items()
    )


def _against(tested: Mapping[str, Sample], base: str | None, test: Test) -> dict[str, Contrast]:
    """The contrast of each arm with the baseline, as one family."""
    if base is None or base not in tested:
        return {}
    return {one.arm: one for one in contrasts(tested, base, test=test)}


def _sample(group: pd.DataFrame, column: str, samples: Mapping[str, Sample]) -> Sample:
    """The label's own, or its column of the table by seed."""
    label = str(group["label"].iloc[0])
    if label in samples:
        return samples[label]
    if column not in group:
        return sample({})
    return sample(dict(zip(map(int, group["seed"]), group[column], strict=True)))


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
        if (middle := arm.middle) is not None:
            row |= {"ap_iqm": middle.mean, "ap_iqm_low": middle.low, "ap_iqm_high": middle.high}
        row |= {"not_separated_from_best": arm.in_best_set}
        if arm.contrast is not None:
            test = arm.contrast
            row |= {"against": test.against, "difference": test.difference}
            row |= {"difference_low": test.low, "difference_high": test.high}
            row |= {"difference_seed_se": test.seed_se, "difference_image_se": test.image_se}
            row |= {"p": test.p, "p_holm": test.p_holm, "p_floor": test.floor, "test": test.test}
            row |= {"sign_p": test.sign_p, "sign_floor": test.sign_floor}
            if (chance := test.superiority) is not None:
                row |= {"superiority": chance.value}
                row |= {"superiority_low": chance.low, "superiority_high": chance.high}
            row |= {"needs_seeds": test.needs}
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
        f"{name}_seed_se": found.seed_se,
        f"{name}_image_se": found.image_se,
    }


def _finished(group: pd.DataFrame, column: str) -> list[float]:
    if column not in group:
        return []
    return [float(value) for value in group[column] if pd.notna(value)]


def _alias(group: pd.DataFrame) -> str | None:
    names = group.loc[group["status"] == "alias", "alias_of"].dropna()
    return str(names.iloc[0]) if len(names) == len(group) else None


def _alias_among(groups: Mapping[str, pd.DataFrame], group: pd.DataFrame) -> str | None:
    """None, too, where the label it repeats is not shown: tuned over other seeds, it lost."""
    name = _alias(group)
    return name if name in groups else None


def aliases(cells: pd.DataFrame) -> dict[str, str]:
    """The label whose network another label repeats, by that other label."""
    found = {str(label): _alias(group) for label, group in cells.groupby("label", sort=False)}
    return {label: name for label, name in found.items() if name}


def _choice(group: pd.DataFrame) -> dict[str, Any]:
    first = group.iloc[0]
    paths = [name for name in group.columns if str(name).startswith(CHOICE)]
    return {str(name)[len(CHOICE) :]: first[name] for name in paths if _known(first[name])}


def _known(value: Any) -> bool:
    return not (value is None or (isinstance(value, float) and value != value))


def _needs(group: pd.DataFrame, needs: Mapping[str, Mapping[str, Sample]]) -> dict[str, Estimate]:
    prefix = "ap_by_need."
    found = {}
    for column in map(str, group.columns):
        if column.startswith(prefix):
            need = column.removeprefix(prefix)
            one = estimate_of(_sample(group, column, needs.get(need, {})))
            if one is not None:
                found[need] = one
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
