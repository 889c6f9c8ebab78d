"""What each part of an ablation is worth: differences by seed from both ends, and the interaction.

An arm is compared with the arm it changes one thing of, seed by seed: the mean of the differences,
with n, the seeds that both have. The interaction is what full is worth over base beyond the sum of
its parts. Each of these is a weighted sum of arms' samples, over seeds and, where draws are known,
test images. Nothing here is a test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.ledger import Ledger
from harness.report.asked import Tuning
from harness.report.sampled import sample_of
from harness.report.table import CHOICE
from harness.space.ablation import BASE, FULL
from harness.statistics.estimates import Estimate
from harness.statistics.samples import Sample, combined, common_seeds
from harness.statistics.two_level import estimate_of
from harness.studies import StudyResults

Held = Mapping[str, Sample]
"""AP of an arm by choice on the axes, in words."""


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
    study: StudyResults,
    cells: pd.DataFrame,
    tuning: Tuning,
    untuned: Mapping[str, str],
    results: Path,
) -> AblationInfo | None:
    """What the section shows, or None where the study takes nothing apart."""
    said = study.ablation
    if said is None or cells.empty:
        return None
    shown = cells[cells["label"].isin(list(tuning.tried))] if tuning.tried else cells
    ledger = Ledger(results)
    aps = {
        str(arm): _by_choice(group, tuning.path, results, ledger)
        for arm, group in shown.groupby("arm")
    }
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
            ap=_sum([aps.get(arm["name"], {})], [1]),
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
                "difference_low": gap.low if gap else None,
                "difference_high": gap.high if gap else None,
                "difference_n": gap.n if gap else 0,
                "macs": row.macs,
                "macs_difference": row.macs_gap,
                "partner": row.partner,
                "match": row.match,
                "note": row.note,
            }
        )
    return pd.DataFrame(rows)


def _interaction(aps: Mapping[str, Held], parts: Sequence[str]) -> Interaction | None:
    """Sums over full, base, base with each part and full without each."""
    names = [FULL, BASE, *(f"{BASE} + {part}" for part in parts)]
    names += [f"{FULL} - {part}" for part in parts]
    held, n = [aps.get(name, {}) for name in names], len(parts)
    whole = np.array([1, -1, *[0] * (2 * n)])
    added = np.array([0, -n, *[1] * n, *[0] * n])
    removed = np.array([n, 0, *[0] * n, *[-1] * n])
    sums = (whole, added, removed, whole - added, whole - removed)
    found = [_sum(held, [float(weight) for weight in weights]) for weights in sums]
    known = [one for one in found if one is not None]
    return Interaction(*known) if len(known) == len(sums) else None


def _gap(aps: Mapping[str, Held], name: str, against: str | None) -> Estimate | None:
    if against is None:
        return None
    return _sum([aps.get(name, {}), aps.get(against, {})], [1, -1])


def _sum(held: Sequence[Held], weights: Sequence[float]) -> Estimate | None:
    """The weighted sum of arms, over the seeds and the mean of the choices that all have."""
    shared = [choice for choice in held[0] if all(choice in one for one in held)]
    if not shared:
        return None
    samples = [one[choice] for choice in shared for one in held]
    shares = [weight / len(shared) for _ in shared for weight in weights]
    seeds = common_seeds(samples)
    return estimate_of(combined([one.at(seeds) for one in samples], shares))


def _by_choice(
    group: pd.DataFrame, tuned: str | None, results: Path, ledger: Ledger
) -> dict[str, Sample]:
    """Samples by choice (without the tuned axis, of which the best is shown)."""
    paths = [n for n in group if str(n).startswith(CHOICE) and n != f"{CHOICE}{tuned}"]
    choices = [repr([row[path] for path in paths]) for row in group.to_dict("records")]
    found = {
        str(choice): sample_of(rows, results, ledger)
        for choice, rows in group.assign(_choice=choices).groupby("_choice", sort=False)
    }
    return {choice: one for choice, one in found.items() if one.n}


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
