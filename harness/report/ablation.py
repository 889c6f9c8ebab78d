"""What each part of an ablation is worth: differences by seed from both ends, and the interaction.

An arm is compared with the arm it changes one thing of, seed by seed: the mean of the differences,
with n, the seeds that both have. The interaction is what full is worth over base beyond the sum of
its parts. Nothing here is a test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.report.asked import Tuning
from harness.report.table import CHOICE
from harness.space.ablation import BASE, FULL
from harness.statistics.estimates import Estimate, estimate
from harness.studies import StudyResults

Values = Mapping[tuple[str, int], float]
"""AP by (choice on the axes in words, seed)."""


@dataclass(frozen=True, slots=True)
class AblationRow:
    """One arm. gap and the costs' differences are this arm minus `against`."""

    name: str
    kind: str
    part: str
    """The part or swap; of a control, the arm whose width was changed."""
    changes: str
    """What was done, in words; settings: by which fields."""
    settings: str
    against: str | None
    ap: Estimate | None
    gap: Estimate | None
    macs: float | None
    """Whole model, mean over the axes' values."""
    macs_gap: float | None
    partner: str | None
    """The control that costs as much; of the control, nothing."""
    match: str
    """Of a control: its width, and by how much it misses the cost."""
    note: str

    @property
    def cost(self) -> str:
        """The difference in multiply-adds: `−0.31 M (−0.8%)`."""
        if self.macs is None or self.macs_gap is None:
            return "–"
        share = self.macs_gap / (self.macs - self.macs_gap)
        return f"{self.macs_gap / 1e6:+.2f} M ({share:+.1%})".replace("-", "−")


@dataclass(frozen=True, slots=True)
class Interaction:
    """Full minus base, beside the sums of what parts are worth alone, over the same seeds."""

    whole: Estimate
    added: Estimate
    """The sum over parts of (base + part) - base."""
    removed: Estimate
    """The sum over parts of full - (full - part)."""
    beyond_added: Estimate
    """Full minus base beyond what the parts give when each is added alone."""
    beyond_removed: Estimate
    """Full minus base beyond what the parts take along when each is removed alone."""


@dataclass(frozen=True, slots=True)
class AblationInfo:
    """The rows in the order of the plan; interaction is None where an arm it needs has no AP."""

    rows: tuple[AblationRow, ...]
    interaction: Interaction | None
    both: bool
    """Whether parts are removed from full and added to base."""
    part: str | None
    """The part whose cost is matched; None is the whole model."""


def ablation_info(
    study: StudyResults, cells: pd.DataFrame, tuning: Tuning, untuned: Mapping[str, str]
) -> AblationInfo | None:
    """What the section shows, or None where the study takes nothing apart."""
    said = study.ablation
    if said is None or cells.empty:
        return None
    shown = cells[cells["label"].isin(list(tuning.tried))] if tuning.tried else cells
    aps = {str(arm): _values(group, tuning.path) for arm, group in shown.groupby("arm")}
    macs = {str(arm): _mean(group, "macs") for arm, group in shown.groupby("arm")}
    partners = {arm["against"]: arm["name"] for arm in said["arms"] if arm["kind"] == "matched"}
    notes = _notes(shown, tuning, untuned)
    rows = tuple(
        AblationRow(
            name=arm["name"],
            kind=arm["kind"],
            part=arm["what"],
            changes=arm["changes"],
            settings=arm["settings"],
            against=arm["against"],
            ap=_over_seeds([aps.get(arm["name"], {})], lambda one: one[0]),
            gap=_gap(aps, arm["name"], arm["against"]),
            macs=macs.get(arm["name"]),
            macs_gap=_minus(macs.get(arm["name"]), macs.get(arm["against"])),
            partner=partners.get(arm["name"]),
            match=_match(said["matched"], arm["name"]),
            note=notes.get(arm["name"], ""),
        )
        for arm in said["arms"]
    )
    both = said["ends"] == "both" and bool(said["parts"])
    found = _interaction(aps, said["parts"]) if both else None
    return AblationInfo(rows, found, both, said["part"])


def ablation_table(info: AblationInfo) -> pd.DataFrame:
    """The rows as a flat DataFrame: what `ablation.csv` holds."""
    rows = []
    for row in info.rows:
        gap = row.gap
        rows.append(
            {
                "arm": row.name,
                "kind": row.kind,
                "changes": row.changes,
                "settings": row.settings,
                "against": row.against,
                "ap_mean": row.ap.mean if row.ap else None,
                "ap_n": row.ap.n if row.ap else 0,
                "difference_mean": gap.mean if gap else None,
                "difference_n": gap.n if gap else 0,
                "macs": row.macs,
                "macs_difference": row.macs_gap,
                "partner": row.partner,
                "match": row.match,
                "note": row.note,
            }
        )
    return pd.DataFrame(rows)


def _interaction(aps: Mapping[str, Values], parts: Sequence[str]) -> Interaction | None:
    names = [FULL, BASE, *(f"{BASE} + {part}" for part in parts)]
    names += [f"{FULL} - {part}" for part in parts]
    held, n = [aps.get(name, {}) for name in names], len(parts)

    def whole(one: Sequence[float]) -> float:
        return one[0] - one[1]

    def added(one: Sequence[float]) -> float:
        return sum(value - one[1] for value in one[2 : 2 + n])

    def removed(one: Sequence[float]) -> float:
        return sum(one[0] - value for value in one[2 + n :])

    def beyond_added(one: Sequence[float]) -> float:
        return whole(one) - added(one)

    def beyond_removed(one: Sequence[float]) -> float:
        return whole(one) - removed(one)

    sums: tuple[Callable[[Sequence[float]], float], ...] = (
        whole,
        added,
        removed,
        beyond_added,
        beyond_removed,
    )
    known: list[Estimate] = [found for of in sums if (found := _over_seeds(held, of)) is not None]
    return Interaction(*known) if len(known) == len(sums) else None


def _gap(aps: Mapping[str, Values], name: str, against: str | None) -> Estimate | None:
    if against is None:
        return None
    return _over_seeds([aps.get(name, {}), aps.get(against, {})], lambda one: one[0] - one[1])


def _over_seeds(held: Sequence[Values], of: Callable[[Sequence[float]], float]) -> Estimate | None:
    """One number a seed, the mean over the choices that all arms have of it; then over seeds."""
    shared = [key for key in held[0] if all(key in values for values in held)]
    by_seed: dict[int, list[float]] = {}
    for key in shared:
        by_seed.setdefault(key[1], []).append(of([values[key] for values in held]))
    return estimate([sum(found) / len(found) for found in by_seed.values()])


def _values(group: pd.DataFrame, tuned: str | None) -> dict[tuple[str, int], float]:
    """AP by choice (without the tuned axis, of which the best is shown) and seed."""
    if "ap" not in group:
        return {}
    paths = [n for n in group if str(n).startswith(CHOICE) and n != f"{CHOICE}{tuned}"]
    return {
        (repr([row[path] for path in paths]), int(row["seed"])): float(row["ap"])
        for row in group.dropna(subset=["ap"]).to_dict("records")
    }


def _mean(group: pd.DataFrame, column: str) -> float | None:
    known = list(group[column].dropna()) if column in group else []
    return float(sum(known) / len(known)) if known else None


def _minus(a: float | None, b: float | None) -> float | None:
    return a - b if a is not None and b is not None else None


def _match(matched: Sequence[Mapping[str, Any]], name: str) -> str:
    words = [str(one["words"]) for one in matched if one["arm"] == name]
    return "; ".join(dict.fromkeys(words))


def _notes(shown: pd.DataFrame, tuning: Tuning, untuned: Mapping[str, str]) -> dict[str, str]:
    notes: dict[str, dict[str, None]] = {}
    for arm, name in zip(shown["arm"], shown["label"], strict=True):
        held = notes.setdefault(str(arm), {})
        held |= dict.fromkeys([tuning.words(str(name)), untuned.get(str(arm), "")])
    return {arm: "; ".join(word for word in held if word) for arm, held in notes.items()}
