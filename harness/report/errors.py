"""Errors by kind and by size: what an arm gets wrong, and what a baseline gets wrong instead.

Of each trial the kinds come from its detections and the kept ground truth alone
(`harness.statistics.kinds`, `oracles`). Means are over seeds; intervals are over seeds and, by the
same draws for every arm, over test images.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import LedgerError
from harness.ledger import Ledger
from harness.report.summary import ArmSummary
from harness.report.trial_errors import Drawn, kept_errors
from harness.statistics.kinds import KINDS
from harness.statistics.oracles import TOTALS
from harness.statistics.samples import Sample, draws_of
from harness.statistics.two_level import Spread, spread_of_difference, spread_of_mean
from harness.truths import Truth, read_truth

MOST = 12
"""Arms that are drawn: the baseline, those not separated from the best, then as planned. Tables
have all."""
NO_TRUTH = (
    "the ground truth of their validation images was not kept with these results "
    "(trials from now on keep it in results/truths)"
)
OTHER_DATA = "it saw other data than the first arm"
NO_DETECTIONS = "its detections were not kept"
WORDS = {**{kind: kind for kind in KINDS}, **{total: f"all {total}" for total in TOTALS}}


@dataclass(frozen=True, slots=True)
class Value:
    """A mean over seeds, or a difference of two; without an interval where none can be had."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ArmErrors:
    """One arm, by the names of `harness.statistics.oracles.error_draws`."""

    label: str
    n: int
    is_baseline: bool
    values: Mapping[str, Value]
    gaps: Mapping[str, Value]
    """Minus the baseline; empty for it, and where there is none."""
    is_drawn: bool = True


@dataclass(frozen=True, slots=True)
class ErrorsInfo:
    """What the section shows; `missing` says why it shows nothing."""

    arms: tuple[ArmErrors, ...] = ()
    baseline: str | None = None
    images: int = 0
    bands: tuple[float, float] = (0.0, 0.0)
    left_out: tuple[tuple[str, str], ...] = ()
    missing: str = ""

    @property
    def drawn(self) -> tuple[ArmErrors, ...]:
        return tuple(arm for arm in self.arms if arm.is_drawn)

    def against(self) -> tuple[ArmErrors, ...]:
        """Arms that are drawn as differences."""
        return tuple(arm for arm in self.drawn if arm.gaps)


def errors_info(
    results: Path,
    cells: pd.DataFrame,
    arms: Sequence[ArmSummary],
    look: Callable[[Ledger, Truth, str], Drawn | None] = kept_errors,
) -> ErrorsInfo | None:
    """Errors of every arm with results; None where there is none.

    cells: as `harness.report.table.study_table`; arms: their summaries, which say the baseline.
    look: computes one trial, or takes it from where it was kept.
    """
    everything = trials_of(cells, arms)
    if not everything:
        return None
    fingerprint, trials = on_one_dataset(cells, everything)
    try:
        truth = read_truth(results, fingerprint)
    except LedgerError:
        return ErrorsInfo(missing=NO_TRUTH)
    ledger, samples = Ledger(results), {}
    left_out = [(label, OTHER_DATA) for label in everything if label not in trials]
    for label, seeds in trials.items():
        found = {seed: drawn for seed, one in seeds.items() if (drawn := look(ledger, truth, one))}
        if found:
            samples[label] = _samples(found)
        else:
            left_out.append((label, NO_DETECTIONS))
    if not samples:
        return ErrorsInfo(missing="the detections of these trials were not kept")
    baseline = next((arm.label for arm in arms if arm.is_baseline and arm.label in samples), None)
    chosen = _chosen(arms, samples)
    made = tuple(
        ArmErrors(
            label=label,
            n=max(sample.n for sample in named.values()),
            is_baseline=label == baseline,
            values={name: _mean(sample) for name, sample in named.items()},
            gaps=_gaps(named, samples[baseline]) if baseline and label != baseline else {},
            is_drawn=label in chosen,
        )
        for label, named in samples.items()
    )
    return ErrorsInfo(made, baseline, len(truth.images), truth.bands, tuple(left_out))


def trials_of(cells: pd.DataFrame, arms: Sequence[ArmSummary]) -> dict[str, dict[int, str]]:
    """Trials of each summarised arm that have an AP, by seed; aliases are shown already."""
    if "ap" not in cells:
        return {}
    rows = cells[cells["ap"].notna() & (cells["status"] == "done")]
    held = {arm.label: rows[rows["label"] == arm.label] for arm in arms if arm.alias_of is None}
    return {
        label: dict(zip(map(int, one["seed"]), map(str, one["id"]), strict=True))
        for label, one in held.items()
        if len(one)
    }


def on_one_dataset(
    cells: pd.DataFrame, trials: Mapping[str, Mapping[int, str]]
) -> tuple[str, dict[str, dict[int, str]]]:
    """Fingerprint of the data of the first trial, and the trials that saw these."""
    data = dict(zip(cells["id"], cells["data_fingerprint"], strict=True))
    first = data[next(iter(next(iter(trials.values())).values()))]
    held = {
        label: {seed: one for seed, one in seeds.items() if data[one] == first}
        for label, seeds in trials.items()
    }
    return str(first), {label: seeds for label, seeds in held.items() if seeds}


def _chosen(arms: Sequence[ArmSummary], samples: Mapping[str, Any]) -> set[str]:
    ranked = sorted(arms, key=lambda arm: (not arm.is_baseline, not arm.in_best_set))
    there = [arm.label for arm in ranked if arm.label in samples]
    return set(there[:MOST])


def _samples(found: Mapping[int, Drawn]) -> dict[str, Sample]:
    """By name: the value of each seed, and its draws; without what no image has."""
    made = {}
    for name in next(iter(found.values())):
        known = {s: drawn[name] for s, drawn in found.items() if np.isfinite(drawn[name][0])}
        if known:
            values = tuple(float(drawn[0]) for drawn in known.values())
            draws = np.stack([np.asarray(drawn[1:], np.float64) for drawn in known.values()])
            made[name] = Sample(values, tuple(known), draws)
    return made


def _mean(sample: Sample) -> Value:
    draws = draws_of(sample)
    return _value(sample.mean, spread_of_mean(sample.array, draws[0] if draws else None))


def _gaps(named: Mapping[str, Sample], base: Mapping[str, Sample]) -> dict[str, Value]:
    made = {}
    for name, one in named.items():
        if (other := base.get(name)) is not None:
            draws = draws_of(one, other)
            both = (draws[0], draws[1]) if draws else None
            spread = spread_of_difference(one.array, other.array, both)
            made[name] = _value(one.mean - other.mean, spread)
    return made


def _value(mean: float, spread: Spread) -> Value:
    half = float(spread.half)
    return Value(mean, mean - half, mean + half) if np.isfinite(half) else Value(mean)


def errors_table(info: ErrorsInfo) -> pd.DataFrame:
    """Everything as a flat table: arm, what, mean, low, high, and the same minus the baseline."""
    rows = []
    for arm in info.arms:
        for name, one in arm.values.items():
            gap = arm.gaps.get(name)
            row: dict[str, Any] = {"label": arm.label, "n": arm.n, "what": name}
            row |= {"mean": one.mean, "low": one.low, "high": one.high}
            row |= {
                "difference": gap.mean if gap else None,
                "difference_low": gap.low if gap else None,
                "difference_high": gap.high if gap else None,
            }
            rows.append(row)
    return pd.DataFrame(rows)
