"""Fidelity of the proxy: whether two profiles of a study put its arms in one order."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.ledger import Ledger
from harness.report.costed import networks
from harness.report.table import study_table
from harness.statistics.ranks import FEWEST, Correlation, correlations, half_correlations
from harness.statistics.samples import Sample
from harness.studies import StudyResults, profiles_of, read_study

OF_SEARCH = re.compile(r"(proposal|random) \d+\b")
"""Labels that mean another network in each profile."""
LOW = 0.8
"""A ceiling below this is far below 1."""
SamplesOf = Callable[[str], Mapping[str, Sample]]


@dataclass(frozen=True, slots=True)
class Side:
    """One profile as it stands in the comparison."""

    profile: str
    reading: str
    """`shared frozen backbone`, `from scratch`, ..."""
    seeds: str
    """How many an arm has: `6`, or `2 to 6`."""
    ceiling: tuple[float, float] | None
    """Tau-b and rho of two halves of its own seeds; None where an arm has one seed."""

    def __str__(self) -> str:
        return f"{self.profile} ({self.reading})"


@dataclass(frozen=True, slots=True)
class ProxyRow:
    """The profile of the report against another, over the arms that both have."""

    own: Side
    other: Side
    arms: tuple[str, ...]
    """In the order of the study."""
    tau: Correlation
    rho: Correlation
    images: bool
    """Whether the interval holds the draws of the test images too."""

    @property
    def words(self) -> str:
        """The finding in sentences that claim no more than it carries."""
        pair = f"{self.own} and {self.other}"
        if self.tau.value != self.tau.value:
            return f"{pair} cannot be compared: all arms of one have the same mean AP."
        said = (
            f"Order of {len(self.arms)} arms under {pair}: Kendall's tau-b {_said(self.tau)}, "
            f"Spearman's rho {_said(self.rho)}."
        )
        if len(self.arms) < FEWEST:
            return f"{said} So few arms carry no interval: two or three agree by luck often."
        if self.tau.low is None:
            return f"{said} One seed an arm carries no interval."
        return f"{said} {self._sure()}{self._ceiling()}"

    def _sure(self) -> str:
        low, high = self.tau.low or 0.0, self.tau.high or 0.0
        if low > 0:
            return "The two orders agree better than by chance."
        if high < 0:
            return "The two orders are turned round."
        return "The seeds at hand do not say whether the two orders agree."

    def _ceiling(self) -> str:
        low = [one for one in (self.own, self.other) if one.ceiling and one.ceiling[0] < LOW]
        if not low:
            return ""
        said = " and ".join(f"{one.profile} {one.ceiling[0]:.2f}" for one in low if one.ceiling)
        return (
            f" Noise of the seeds alone keeps tau-b far below 1: two halves of one profile's own "
            f"seeds agree with tau-b {said}."
        )


@dataclass(frozen=True, slots=True)
class ProxyInfo:
    """A row for each other profile with results."""

    reading: str
    """Of the profile that the report is of."""
    rows: tuple[ProxyRow, ...]


def proxy_info(
    results: Path, study: str, profile: str, samples_of: SamplesOf | None = None
) -> ProxyInfo | None:
    """The profile against every other that has results and two arms in common; None without any.

    samples_of: a profile's samples by label, where draws of the test images are known.
    """
    ledger = Ledger(results)
    reading, own = _profile(read_study(results, study, profile), ledger, samples_of)
    rows = []
    for name in profiles_of(results, study):
        if name == profile:
            continue
        theirs, other = _profile(read_study(results, study, name), ledger, samples_of)
        arms = tuple(label for label in own if label in other)
        if len(arms) < 2:
            continue
        a, b = [own[label] for label in arms], [other[label] for label in arms]
        images = all(one.draws is not None for one in (*a, *b))
        sides = (
            Side(profile, reading, _seeds(a), half_correlations(a)),
            Side(name, theirs, _seeds(b), half_correlations(b)),
        )
        rows.append(ProxyRow(*sides, arms, *correlations(a, b), images))
    return ProxyInfo(reading, tuple(rows)) if rows else None


def _profile(
    study: StudyResults, ledger: Ledger, samples_of: SamplesOf | None
) -> tuple[str, dict[str, Sample]]:
    """How a profile is to be read, and the samples of its own networks by label."""
    rows = study_table(study, ledger)
    rows = rows[rows["status"] != "alias"]
    samples = samples_of(study.profile) if samples_of else None
    held = {
        one.label: one.sample for one in networks(rows, samples) if not OF_SEARCH.match(one.label)
    }
    return reading_of(study, ledger), held


def reading_of(study: StudyResults, ledger: Ledger) -> str:
    """What was trained, by the records: the backbone frozen and shared, or all from scratch."""
    records = filter(None, (ledger.get(cell.id) for cell in study.cells if cell.status == "done"))
    said = {_reading(record.spec["model"]["backbone"]) for record in records}
    return " or ".join(sorted(said)) or "nothing trained yet"


def _reading(backbone: Mapping[str, object]) -> str:
    frozen = backbone.get("frozen", "none")
    if frozen == "all":
        return "shared frozen backbone"
    starts = any(backbone.get(name) for name in ("pretrained", "checkpoint", "source"))
    start = "from a trained backbone" if starts else "from scratch"
    return start if frozen == "none" else f"{start}, {frozen} stages frozen"


def _seeds(side: list[Sample]) -> str:
    counts = sorted({one.n for one in side})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _said(one: Correlation) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:.2f}"
    return f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"
