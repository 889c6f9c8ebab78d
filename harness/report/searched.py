"""What a search was worth: its winner against random networks of equal cost, by fresh seeds."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from harness.plurals import many
from harness.records import TrialRecord
from harness.report.course import Course, course_of
from harness.report.rungs import RungCorrelation, rung_correlations
from harness.search.words import search_words
from harness.statistics.contrasts import Contrast, pairs_of
from harness.statistics.estimates import Estimate
from harness.statistics.power import Narrowness, narrowness
from harness.statistics.samples import Sample, combined, sample
from harness.statistics.two_level import estimate_of
from harness.studies import StudyResults

FOUND, RANDOM = "found", "random"


@dataclass(frozen=True, slots=True)
class SearchInfo:
    """AP as fractions of 1; estimates are over seeds that the search did not use, and over test
    images where their draws are known."""

    found: Estimate | None
    """The winner; None where nothing was compared."""
    in_search: float | None
    """Its AP in the search, by which it was chosen: the highest of many, so too high."""
    random: Mapping[str, Estimate]
    """Networks drawn from the same space, of the winner's cost, by name."""
    gap: Contrast | None
    """The winner minus the mean of the random networks, by seed."""
    narrow: Narrowness | None
    """How far the random networks lie apart beside seeds of one."""
    rungs: tuple[RungCorrelation, ...]
    words: tuple[str, ...] = ()
    """What was asked and how far it is."""
    course: Course = field(default_factory=Course)
    """The proposals and what became of them."""
    file: str | None = None
    """The topology file of what a search over graphs found."""
    name: str | None = None
    """Its name."""

    @property
    def mean(self) -> float | None:
        """Of the random networks' means."""
        return statistics.fmean(one.mean for one in self.random.values()) if self.random else None

    @property
    def beaten(self) -> int:
        """Random networks with a lower mean than the winner."""
        return sum(self.found is not None and one.mean < self.found.mean
                   for one in self.random.values())  # fmt: skip

    @property
    def _share(self) -> str:
        """Of the random networks, how many have a lower mean."""
        words = {0: "none", len(self.random): "all"}
        return words.get(self.beaten, str(self.beaten))

    @property
    def verdict(self) -> str:
        """Whether searching beat drawing at random, in one sentence."""
        gap = self.gap
        if self.found is None or self.mean is None or gap is None:
            return "Nothing was compared with random networks."
        says = {
            "higher": "beats random networks of equal cost",
            "lower": "falls behind random networks of equal cost",
        }.get(gap.verdict, f"and random networks of equal cost are {gap.verdict}")
        relative = f" ({gap.difference / self.mean:+.1%})" if self.mean else ""
        text = f"{gap.difference:+.3f} AP{_ends(gap)}{relative} over the mean of these "
        text += str(len(self.random))
        seeds = f"{many(gap.n[0], 'fresh seed')} each"
        above = f"above {self._share} of them"
        named = f"The network found, {self.name}," if self.name else "What was found"
        return f"{named} {says}: {text}, {seeds}; it is {above}.".replace("-", "−")


def _ends(gap: Contrast) -> str:
    """The interval of a difference, where there is one."""
    if gap.low is None or gap.high is None:
        return " [no interval]"
    return f" [{gap.low:+.3f}, {gap.high:+.3f}]"


def search_info(
    study: StudyResults,
    cells: pd.DataFrame,
    records: Iterable[TrialRecord],
    held: Mapping[str, Sample],
) -> SearchInfo | None:
    """None where the study searches nothing. held: samples by label, which of these is the arm."""
    if study.search is None:
        return None
    aps, found = _aps(cells), held.get(FOUND)
    random = {name: one for name, one in held.items() if name.partition(" ")[0] == RANDOM}
    return SearchInfo(
        found=estimate_of(found) if found else None,
        in_search=_in_search(study, aps),
        random={name: made for name, one in random.items() if (made := estimate_of(one))},
        gap=_gap(found, list(random.values())) if found else None,
        narrow=narrowness([one.values for one in random.values()], "random networks"),
        rungs=rung_correlations(records),
        words=tuple(search_words(study.search)),
        course=course_of(study, aps),
        file=(study.search.get("found") or {}).get("text"),
        name=(study.search.get("found") or {}).get("name"),
    )


def _aps(cells: pd.DataFrame) -> dict[str, dict[int, float]]:
    """AP by arm and seed, of trials that are done."""
    found: dict[str, dict[int, float]] = {}
    if "ap" not in cells:
        return found
    for row in cells[cells["status"] == "done"].dropna(subset=["ap"]).to_dict("records"):
        found.setdefault(str(row["arm"]), {})[int(row["seed"])] = float(row["ap"])
    return found


def _in_search(study: StudyResults, aps: Mapping[str, Mapping[int, float]]) -> float | None:
    """Of the proposal that has the winner's choice."""
    chosen = next((cell.choice for cell in study.cells if cell.arm == FOUND), None)
    arms = {cell.arm for cell in study.cells if cell.choice == chosen and cell.arm != FOUND}
    held = [ap for arm in arms for ap in aps.get(arm, {}).values()]
    return statistics.fmean(held) if chosen is not None and held else None


def _gap(found: Sample, random: Sequence[Sample]) -> Contrast | None:
    """By the seeds that the winner and all random networks have."""
    mean = combined(random, [1 / len(random)] * len(random)) if random else sample({})
    tests = pairs_of({FOUND: found, RANDOM: mean}, [(FOUND, RANDOM)], test="paired_t")
    return tests[0] if tests else None
