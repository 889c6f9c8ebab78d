"""The study's answer in one sentence that claims no more than its seeds carry."""

from collections.abc import Sequence

from harness.plurals import many
from harness.report.families import FamiliesInfo
from harness.report.family_answer import family_answer
from harness.report.summary import ArmSummary
from harness.report.wordings import either
from harness.statistics.contrasts import Contrast
from harness.statistics.estimates import LEVEL
from harness.statistics.power import MOST as MOST_SEEDS
from harness.statistics.power import seeds_floor
from harness.statistics.tests import Test

MOST = 2
"""Separated arms of which an answer gives the size, the largest differences first."""
SHOWN = 0.0005
"""A smaller difference in AP is printed as none, and of what would part it nothing is said."""


def answer(
    arms: Sequence[ArmSummary],
    families: Sequence[FamiliesInfo] = (),
    untested: Sequence[str] = (),
    test: Test = "permutation",
) -> str:
    """By families where the study has them, else against the baseline, else by the best.

    untested: labels of arms whose fusion weights hardly moved; they are named. test: the study's.
    """
    said = _answer(arms, families, test)
    shown = [arm.label for arm in arms if arm.label in untested]
    return (
        f"{said} Not tested, as their fusion weights hardly moved: {_names(shown)}."
        if shown
        else said
    )


def _answer(arms: Sequence[ArmSummary], families: Sequence[FamiliesInfo], test: Test) -> str:
    measured = [arm for arm in arms if arm.ap is not None and not arm.alias_of]
    if not measured:
        return "No trial has finished with an AP, so there is no answer yet."
    if families:
        return " ".join(
            f"With {info.stratum}: {family_answer(info)}" if info.stratum else family_answer(info)
            for info in families
        )
    if len(measured) == 1:
        return f"One arm has results: {measured[0].label}, AP {measured[0].ap}."
    tests = [arm.contrast for arm in measured if arm.contrast is not None]
    if not tests:
        lost = next((arm.label for arm in arms if arm.is_baseline and arm.ap is None), None)
        none = f" The baseline, {lost}, has no AP, so nothing is held to it." if lost else ""
        return f"{_best(measured, test)}{none}"
    return " ".join(part for part in (_use(measured), _against_baseline(tests, test)) if part)


def _use(measured: Sequence[ArmSummary]) -> str:
    """Which arms may be the best, by rising cost where their costs are known and differ, else by
    falling mean AP; empty where that leaves none out."""
    judged = [arm for arm in measured if arm.is_judged]
    marked = [arm for arm in judged if arm.in_best_set]
    costs = {arm.costs.get("macs") for arm in marked}
    costed = None not in costs and len(costs) > 1
    best = sorted(marked, key=lambda arm: arm.costs["macs"] if costed else -_mean(arm))
    if not best or len(best) == len(judged):
        return ""
    named, rest = either([arm.label for arm in best]), _unjudged(measured)
    if len(best) == 1:
        every = "that of every other with more than one seed" if rest else "every other arm's"
        return f"Use {named}: its mean AP, {best[0].ap}, is separated from {every}.{rest}"
    top, of = max(best, key=_mean), " of arms with more than one seed" if rest else ""
    order = "by rising cost" if costed else "by falling mean AP"
    return (
        f"Use {named} ({order}): none is separated from the highest mean AP{of}, "
        f"{top.label}'s {top.ap}{_parting(best, top)}.{rest}"
    )


def _parting(best: Sequence[ArmSummary], top: ArmSummary) -> str:
    """What would part the lowest of these from the highest mean."""
    others = [arm for arm in best if arm is not top]
    lowest = min(others, key=_mean, default=top)
    if not lowest.parts:
        return ""
    which = f"{lowest.label}, the lowest of them," if len(others) > 1 else lowest.label
    return f"; to part {which} from it takes {lowest.parts}"


def _against_baseline(tests: Sequence[Contrast], test: Test) -> str:
    base = tests[0].against
    parted = [one for one in tests if one.separated]
    rest = [one for one in tests if not one.separated]
    if not parted:
        return f"No arm is separated from {base} {_open(tests, test)}."
    parted.sort(key=lambda one: -abs(one.difference))
    said = [f"{one.arm} is {one.verdict} by {_size(one)}" for one in parted[:MOST]]
    if more := len(parted) - len(said):
        said.append(f"{more} more {'is' if more == 1 else 'are'} separated from it")
    tail = f"; not separated: {_names([_waiting(one) for one in rest])}" if rest else ""
    return f"Against {base}, {'; '.join(said)}{tail}."


def _open(tests: Sequence[Contrast], test: Test) -> str:
    """What is left open, and what would settle it."""
    sizes = sorted({n for one in tests for n in one.n})
    n = many(sizes[-1], "seed")
    span = n if len(sizes) == 1 else f"{sizes[0]} to {n}"
    ends = [abs(end) for one in tests for end in (one.low, one.high) if end is not None]
    furthest = max(tests, key=lambda one: abs(one.difference))
    said = f"(n={span.partition(' seed')[0]} an arm)"
    if all(one.floor > LEVEL for one in tests):
        said = f"({span} an arm cannot rank them{_fewest(len(tests), test)})"
    elif ends:
        said += f": differences up to {max(ends):.3f} AP are not excluded"
    if furthest.needs_words and abs(furthest.difference) >= SHOWN:
        shown = f"{abs(furthest.difference):.3f}"
        said += f"; to part “{furthest.arm}” by the {shown} it shows takes {furthest.needs_words}"
    return said


def _fewest(comparisons: int, test: Test) -> str:
    """What a ranking takes at the very least: where so few are at hand, spread is hardly known."""
    floor = seeds_floor(test, comparisons)
    return f"; no fewer than {floor} could" if floor <= MOST_SEEDS else ""


def _best(arms: Sequence[ArmSummary], test: Test) -> str:
    """Without a baseline: the highest mean of the arms that have seeds enough to be judged."""
    judged = [arm for arm in arms if arm.is_judged]
    top = max(judged or arms, key=_mean)
    head = f"The highest mean AP is {top.label}'s, {top.ap}"
    if not judged:
        return f"{head}; one seed an arm cannot rank them{_fewest(len(arms) - 1, test)}."
    if tail := _unjudged(arms):
        head = f"Of arms with more than one seed, the highest mean AP is {top.label}'s, {top.ap}"
    others = [arm for arm in judged if arm.in_best_set and arm is not top]
    if len(judged) == 1:
        return f"One arm has more than one seed: {top.label}, AP {top.ap}.{tail}"
    if not others:
        return f"{head}, separated from every other{' of these' if tail else ' arm'}.{tail}"
    if len(others) == len(judged) - 1:
        none = "none of these" if tail else "no arm"
        return f"{head}; {none} is separated from it{_parting(others, top)}.{tail}"
    waiting = [f"{arm.label} (needs {arm.parts})" if arm.parts else arm.label for arm in others]
    return f"{head}; not separated from it: {_names(waiting)}.{tail}"


def _unjudged(arms: Sequence[ArmSummary]) -> str:
    """A sentence on arms of one seed, which stand outside of what is said; empty without any."""
    single = [arm.label for arm in arms if not arm.is_judged]
    return f" Not judged, having one seed: {_names(single)}." if single else ""


def _mean(arm: ArmSummary) -> float:
    return arm.ap.mean if arm.ap else 0.0


def _waiting(test: Contrast) -> str:
    """An arm with what would settle it."""
    return f"{test.arm} (needs {test.needs_words})" if test.needs_words else test.arm


def _size(test: Contrast) -> str:
    return f"{abs(test.difference):.3f} AP (95% interval {test.low:+.3f} to {test.high:+.3f})"


def _names(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
