"""What a paper prints beside what was measured here. Quoted only: no rank and no test has it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.report.summary import ArmSummary
from harness.space.printed import HEADS
from harness.statistics.estimates import Estimate
from harness.studies import StudyResults

COLUMNS = {**HEADS, "ap": "AP (%)", "miou": "mIoU (%)"}
"""Figures of a published table, as heads of columns; others stand by their own names."""


@dataclass(frozen=True, slots=True)
class QuotedRow:
    """A published row and one arm it is of; without an arm, or where nothing was measured, why."""

    label: str
    figures: Mapping[str, str]
    """As printed, by name; AP and mIoU in percent."""
    note: str
    arm: str | None = None
    """The measured arm, as the summary calls it."""
    ap: Estimate | None = None
    """A fraction."""
    costs: Mapping[str, float] | None = None
    why: str = ""

    @property
    def measured_ap(self) -> str:
        """In percent with interval and number of seeds; else why there is none."""
        if self.ap is None:
            return self.why
        mean, low, high = (
            None if value is None else f"{100 * value:.1f}"
            for value in (self.ap.mean, self.ap.low, self.ap.high)
        )
        return f"{mean} [{low}, {high}], n={self.ap.n}" if low else f"{mean}, n={self.ap.n}"


@dataclass(frozen=True, slots=True)
class QuotedInfo:
    """A published table in its own order, each row beside the arms it is of."""

    source: str
    note: str
    protocol: str
    """What the measured side was measured on."""
    names: tuple[str, ...]
    """The figures that any row has, in the order of `COLUMNS`."""
    rows: tuple[QuotedRow, ...]

    @property
    def heads(self) -> tuple[str, ...]:
        return tuple(COLUMNS.get(name, name) for name in self.names)


def quoted(
    study: StudyResults, arms: Sequence[ArmSummary], settings: Mapping[str, str]
) -> QuotedInfo | None:
    """The study's published table, None where it has none. settings: what all trials share."""
    if study.published is None:
        return None
    rows = tuple(row for said in study.published["rows"] for row in _rows(said, arms))
    there = dict.fromkeys(name for row in rows for name in row.figures)
    known = [name for name in COLUMNS if name in there]
    return QuotedInfo(
        source=study.published["source"],
        note=study.published["note"],
        protocol=protocol(study, settings),
        names=(*known, *(name for name in there if name not in COLUMNS)),
        rows=rows,
    )


def _rows(said: Mapping[str, Any], arms: Sequence[ArmSummary]) -> Iterator[QuotedRow]:
    """The row, once for each arm (with its choice) that it is of."""
    name = said["arm"]
    label = said["label"] or name or ""
    figures = {key: str(text) for key, text in said["figures"].items()}
    exact = [arm for arm in arms if arm.label == name]
    found = exact or [arm for arm in arms if arm.arm == name]
    for arm in found:
        why = "" if arm.ap else arm.lacks or "no AP"
        yield QuotedRow(label, figures, said["note"], arm.label, arm.ap, arm.costs, why)
    if not found:
        why = f"no arm {name!r} in these results" if name else "no arm of this study"
        yield QuotedRow(label, figures, said["note"], why=why)


def protocol(study: StudyResults, settings: Mapping[str, str]) -> str:
    """Data, size and length of the trials in words, as far as they share them."""
    images = settings.get("data.val_images", "None")
    words = [
        f"profile {study.profile}",
        settings.get("data.name", "data that differ among trials"),
        f"{images} images" if images != "None" else "",
        f"{size} px" if (size := settings.get("model.image_size")) else "",
        f"{epochs} epoch{'s' * (epochs != '1')}"
        if (epochs := settings.get("recipe.schedule.epochs"))
        else "",
    ]
    return ", ".join(word for word in words if word)


def quoted_table(info: QuotedInfo) -> pd.DataFrame:
    """The same as a flat table: what `published.csv` holds. Measured AP as a fraction."""
    columns = [f"published.{name}" for name in info.names]
    rows = []
    for row in info.rows:
        line: dict[str, Any] = {"label": row.label}
        line |= {f"published.{name}": row.figures.get(name) for name in info.names}
        line |= {"measured.arm": row.arm}
        for name in ("mean", "low", "high", "n"):
            line[f"measured.ap_{name}"] = getattr(row.ap, name) if row.ap else None
        for name in ("params", "macs"):
            line[f"measured.{name}"] = (row.costs or {}).get(name)
        line |= {"why_not": "" if row.ap else row.why, "note": row.note, "source": info.source}
        rows.append(line)
    return pd.DataFrame(rows, columns=None if rows else ["label", *columns])
