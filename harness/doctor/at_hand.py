"""Which results of a control study are at hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from harness.ledger import Ledger
from harness.report.arms import contrast_of
from harness.report.sampled import sample_of
from harness.report.table import study_table
from harness.statistics.contrasts import Contrast
from harness.statistics.samples import Sample
from harness.studies import StudyResults, profiles_of, read_study

FIRST = ("laptop", "laptop_full")
"""Profiles that are looked at before others."""


@dataclass(frozen=True, slots=True, eq=False)
class AtHand:
    """One profile of a study, whose every trial is done."""

    results: Path
    study: StudyResults
    cells: pd.DataFrame

    @property
    def place(self) -> str:
        return f"{self.study.study} ({self.study.profile}) in {self.results}"

    def sample(self, arm: str, column: str = "ap") -> Sample:
        rows = self.cells[self.cells["label"] == arm]
        return sample_of(rows, self.results, Ledger(self.results), column)

    def contrast(self, arm: str, against: str, column: str = "ap") -> Contrast:
        """By the test that reports use, at the seeds that the study has."""
        return contrast_of(self.sample(arm, column), self.sample(against, column), arm, against)


def places(results: Path, study: str) -> Iterator[Path]:
    """Where results of a study may lie: in the folder, or among those that are shipped in it."""
    yield from (results, results / "shipped", results / "shipped" / study)


def at_hand(results: Path, study: str, arms: tuple[str, ...]) -> AtHand | str:
    """The first results that have every trial of these arms; else why there are none."""
    lacking = ""
    for place in places(results, study):
        for profile in _profiles(place, study):
            found = read_study(place, study, profile)
            one = AtHand(place, found, study_table(found, Ledger(place)))
            lacks = _lacks(one, arms)
            if not lacks:
                return one
            lacking = lacking or f"{one.place}: {lacks}"
    return lacking or f"no results of the study {study!r} in {results}"


def _profiles(results: Path, study: str) -> list[str]:
    there = profiles_of(results, study)
    return sorted(there, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))


def _lacks(one: AtHand, arms: tuple[str, ...]) -> str:
    """Which of the arms lacks trials; empty where none does."""
    for arm in arms:
        rows = one.cells[one.cells["label"] == arm]
        measured = one.sample(arm).n
        if not len(rows):
            return f"it has no arm {arm!r}"
        if measured < len(rows):
            return f"{measured} of {len(rows)} trials of {arm!r} are done"
    return ""
