"""What a report compares of a study: declared pairs, families, arms at equal cost, and how much so
many seeds could tell."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from harness.report.asked import Asked, Tuning
from harness.report.costed import networks
from harness.report.families import FamiliesInfo, families
from harness.report.matched_cost import MatchedRow, matched_costs
from harness.report.summary import ArmSummary, aliases, label_of
from harness.report.table import CHOICE
from harness.report.telling import TellingInfo, telling_info
from harness.statistics.contrasts import Contrast, pairs_of
from harness.statistics.samples import Sample
from harness.studies import StudyResults


def declared_of(
    cells: pd.DataFrame, held: Mapping[str, Sample], wanted: Asked, tuning: Tuning
) -> tuple[Contrast, ...]:
    """The pairs the study names, and each step of its spine, as one family of tests.

    An alias stands for the network that it repeats; one network is not compared with itself.
    """
    pairs = [(later, earlier) for earlier, later in pairwise(wanted.spine)]
    pairs += list(wanted.contrasts)
    same = aliases(cells)
    own: dict[str, str] = {}
    for name in dict.fromkeys(name for pair in pairs for name in pair):
        label = label_of(cells, name) or ""
        best = tuning.best.get(label, label)
        own[name] = same.get(best, best)
    named = {name: held[label] for name, label in own.items() if label in held}
    apart = [(a, b) for a, b in pairs if own[a] != own[b]]
    return pairs_of(named, apart, test=wanted.test)


def families_of(
    cells: pd.DataFrame, held: Mapping[str, Sample], wanted: Asked, study: StudyResults
) -> tuple[FamiliesInfo, ...]:
    """One comparison of the families for each combination of the other axes' values."""
    if wanted.family is None:
        return ()
    columns = [CHOICE + path for path in wanted.strata if CHOICE + path in cells]
    split: Any = cells.groupby(columns, sort=False) if columns else [("", cells)]
    found = []
    for _, group in split:
        choice = {name[len(CHOICE) :]: group[name].iloc[0] for name in columns}
        words = wanted.stratum(choice)
        found.append(families(group, wanted.family, words, samples=held, axes=study.axes))
    return tuple(info for info in found if info is not None)


def matched_of(
    study: StudyResults,
    cells: pd.DataFrame,
    held: Mapping[str, Sample],
    arms: Sequence[ArmSummary],
    wanted: Asked,
) -> tuple[MatchedRow, ...]:
    """Without families: each arm against the baseline at equal cost, at its best tuned value."""
    base = next((arm.label for arm in arms if arm.is_baseline), None)
    shown = {arm.label for arm in arms if not arm.alias_of}
    rows = cells[cells["label"].isin(list(shown))]
    return () if wanted.family else matched_costs(study, networks(rows, held), base)


def telling_of(
    arms: Sequence[ArmSummary],
    held: Mapping[str, Sample],
    by_family: Sequence[FamiliesInfo],
    wanted: Asked,
) -> TellingInfo | None:
    """Of the arms as the table shows them, each network once."""
    base = next((arm.label for arm in arms if arm.is_baseline), None)
    shown = {arm.label: held[arm.label] for arm in arms if arm.label in held}
    return telling_info(shown, base, by_family, wanted.test)
