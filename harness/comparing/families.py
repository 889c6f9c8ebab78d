"""`harness compare STUDY:VALUE STUDY:VALUE`: families of a study's networks, at equal cost.

What is said is the report's own: heights of AP against log cost over the costs that all families
of the study reach, paired by seed, p by Holm over all pairs of the study's families.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.comparing.comparison import ArmFigures, Comparison, Verdict
from harness.comparing.interval import Interval
from harness.comparing.measured import METRICS
from harness.comparing.verdicts import verdict_of
from harness.draws import SEED
from harness.errors import SpecError, did_you_mean
from harness.ledger import Ledger
from harness.report.asked import Asked, asked
from harness.report.compared import families_of
from harness.report.families import FamiliesInfo, Family
from harness.report.sampled import samples
from harness.report.table import study_table
from harness.report.wordings import range_of
from harness.search import is_passed_over
from harness.space.names import SAFE_NAME
from harness.statistics.contrasts import Contrast
from harness.statistics.images import DRAWS
from harness.statistics.superiority import Superiority
from harness.studies import (
    StudyResults,
    chosen_profile,
    profiles_of,
    read_study,
    study_name,
)


@dataclass(frozen=True, slots=True)
class Asking:
    """Families of one study that are asked for, the baseline first."""

    study: StudyResults
    wanted: Asked
    names: tuple[str, ...]


def families_asked(words: Sequence[str], results: Path) -> Asking | None:
    """What words ask for, where each is `STUDY:VALUE` of the axis whose values are families; None
    where one is not."""
    split = [word.partition(":") for word in words]
    places = {place for place, _, _ in split}
    if len(places) != 1 or len(words) < 2:
        return None
    name, _, profile = places.pop().partition("/")
    name = study_name(name)
    if not SAFE_NAME.fullmatch(name) or not profiles_of(results, name):
        return None
    study = read_study(results, name, chosen_profile(results, name, profile or None))
    wanted = asked(study)
    there = families_in(study, wanted)
    names = tuple(value.strip() for _, _, value in split)
    return Asking(study, wanted, names) if names and set(names) <= set(there) else None


def families_in(study: StudyResults, wanted: Asked) -> tuple[str, ...]:
    """Families that no arm is called like."""
    named = [wanted.family_of(cell.arm, cell.choice) for cell in study.cells]
    arms = {cell.arm for cell in study.cells}
    return tuple(dict.fromkeys(name for name in named if name is not None and name not in arms))


def compare_families(asking: Asking, results: Path, called: str | None = None) -> Comparison:
    """The first family's height is the baseline; called: names, comma-separated, for the page."""
    if len(set(asking.names)) < len(asking.names):
        raise SpecError(f"{asking.names[0]} is there twice; a comparison is of different things")
    if called is not None:
        raise SpecError("--names: families have their names")
    info = _info(asking, results)
    held = {one.name: one for one in info.held}
    for name in asking.names:
        if name not in held:
            raise SpecError(
                f"{info.short} {name} has no curve over the common costs{did_you_mean(name, held)}"
            )
    base, *others = asking.names
    low, high = info.common or (0.0, 0.0)
    place = f"{asking.study.study}/{asking.study.profile}"
    return Comparison(
        kind="families",
        title=f"{place}: {info.short} {', '.join(asking.names)} at equal cost",
        baseline=base,
        arms=tuple(_figures(held[name]) for name in asking.names),
        verdicts=tuple(_verdict(info, name, base) for name in others),
        gaps=(),
        classes=(),
        test="paired_t",
        draws=DRAWS if info.images else 0,
        seed=SEED,
        images=None,
        notes=(
            "AP here is the mean height of a family's curve, AP against log cost, over "
            f"{range_of(low / 1e9, high / 1e9)} GFLOPs, the costs that all families of {place} "
            "reach",
            "p is by Holm over all pairs of the study's families, as in its report",
        ),
    )


def _info(asking: Asking, results: Path) -> FamiliesInfo:
    """The report's comparison of the study's families; a `SpecError` where it has several."""
    ledger = Ledger(results)
    cells = study_table(asking.study, ledger)
    passed = [is_passed_over(*one) for one in zip(cells["arm"], cells["status"], strict=True)]
    held = samples(cells[[not one for one in passed]], results, ledger)
    found = families_of(cells, held, asking.wanted, asking.study)
    if len(found) == 1:
        return found[0]
    name = asking.study.study
    why = "have no results" if not found else f"are compared within {len(found)} groups of networks"
    raise SpecError(f"families of {name} {why}: see its report, harness report {name}")


def _figures(one: Family) -> ArmFigures:
    height = one.height
    assert height is not None
    ap = Interval(height.mean, height.low, height.high, height.seed_se, height.image_se)
    nothing: dict[str, Interval | None] = dict.fromkeys(METRICS)
    return ArmFigures(
        name=one.name,
        n=len(one.runs),
        sources=tuple(f"seed {seed}" for seed in one.curves),
        figures=nothing | {"ap": ap},
        by_network=tuple(dict.fromkeys(METRICS) | {"ap": run} for run in one.runs),
        drawn=height.image_se is not None,
    )


def _verdict(info: FamiliesInfo, arm: str, base: str) -> Verdict:
    for gap in info.gaps:
        if (gap.arm, gap.against) == (arm, base):
            return verdict_of(gap)
        if (gap.arm, gap.against) == (base, arm):
            return verdict_of(turned(gap))
    raise SpecError(
        f"{info.short} {arm} and {base} share no seed, and families are compared seed by seed"
    )


def turned(one: Contrast) -> Contrast:
    """The same difference, counted from the other side."""
    chance = one.superiority
    return replace(
        one,
        arm=one.against,
        against=one.arm,
        difference=-one.difference,
        low=None if one.high is None else -one.high,
        high=None if one.low is None else -one.low,
        n=one.n[::-1],
        superiority=None
        if chance is None
        else Superiority(1 - chance.value, 1 - chance.high, 1 - chance.low),
    )
