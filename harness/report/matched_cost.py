"""Arms against the baseline at equal cost, or plainly why there is no such comparison.

Two networks that differ in cost are compared where the costs meet: one of them is read off its
curve (networks that differ from it in numbers alone, as widths) at the other's multiply-adds, or
a control arm was widened until it costs the same.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.report.costed import Network
from harness.statistics.contrasts import Contrast
from harness.statistics.curves import gap_contrasts, height_at
from harness.statistics.samples import Sample, combined
from harness.studies import StudyResults

EQUAL = 0.01
"""Costs count as equal within so much of each other."""
How = Literal["equal", "baseline's curve", "arm's curve", "control", "none"]


@dataclass(frozen=True, slots=True)
class MatchedRow:
    """An arm against the baseline, or its control, at equal cost."""

    arm: str
    against: str
    cost: float
    """Multiply-adds of the arm over those of what the study compares it with: 1.1 is 10% more."""
    how: How
    words: str
    """How the costs were brought together, or why not."""
    contrast: Contrast | None


def matched_costs(
    study: StudyResults, networks: Sequence[Network], baseline: str | None
) -> tuple[MatchedRow, ...]:
    """A row for each network that is not on the baseline's own curve; empty where all cost alike.

    baseline: its label. The contrasts are one Holm family.
    """
    base = next((one for one in networks if one.label == baseline), None)
    if base is None:
        return ()
    others = [one for one in networks if one not in _curve(base, networks, study)]
    if all(_is_equal(one, base) for one in others):
        return ()
    controls = _controls(study, networks)
    met = [_meeting(one, base, networks, study, controls.get(one.label)) for one in others]
    found = list(_once_a_curve(met, study))
    heights = {f"{i}{side}": one for i, it in enumerate(found) for side, one in it.sides}
    pairs = [(f"{i}a", f"{i}b") for i, it in enumerate(found) if it.pair]
    tests = {test.arm: test for test in gap_contrasts(heights, pairs)}
    return tuple(_row(it, base, tests.get(f"{i}a")) for i, it in enumerate(found))


def _once_a_curve(met: Sequence["_Meeting"], study: StudyResults) -> Iterator["_Meeting"]:
    """An arm's curve read at the baseline's cost is one contrast, whoever of its networks asks."""
    seen = set()
    for one in met:
        curve = _words(one.arm, study)
        if one.how != "arm's curve" or curve not in seen:
            yield one
        if one.how == "arm's curve":
            seen.add(curve)


@dataclass(frozen=True, slots=True)
class _Meeting:
    """Two sides of equal cost, or none."""

    arm: Network
    against: str
    how: How
    words: str
    pair: tuple[Sample, Sample] | None = None

    @property
    def sides(self) -> tuple[tuple[str, Sample], ...]:
        return tuple(zip("ab", self.pair, strict=True)) if self.pair else ()


def _meeting(
    arm: Network,
    base: Network,
    networks: Sequence[Network],
    study: StudyResults,
    control: Network | None,
) -> _Meeting:
    """Where an arm and the baseline cost the same, by the best that the study has."""
    if _is_equal(arm, base):
        words = f"costs are within {EQUAL:.0%} of each other"
        return _Meeting(arm, base.label, "equal", words, (arm.sample, base.sample))
    read = _read_off(_curve(base, networks, study), arm.macs)
    if read is not None:
        words = f"{base.label}'s curve, read at {arm.label}'s multiply-adds"
        return _Meeting(arm, base.label, "baseline's curve", words, (arm.sample, read))
    read = _read_off(_curve(arm, networks, study), base.macs)
    if read is not None:
        words = f"{arm.label}'s curve, read at {base.label}'s multiply-adds"
        return _Meeting(arm, base.label, "arm's curve", words, (read, base.sample))
    if control is not None:
        words = f"{control.label} was made to cost what {arm.label} does"
        if not _is_equal(control, arm):
            words += f", and misses it by {abs(control.macs / arm.macs - 1):.1%}"
        return _Meeting(arm, control.label, "control", words, (arm.sample, control.sample))
    apart = arm.macs / base.macs - 1
    words = (
        f"{arm.label} costs {abs(apart):.1%} {'more' if apart > 0 else 'less'} than {base.label}, "
        "and there is no curve to interpolate on and no control of equal cost"
    )
    return _Meeting(arm, base.label, "none", words)


def _row(it: _Meeting, base: Network, test: Contrast | None) -> MatchedRow:
    named = replace(test, arm=it.arm.label, against=it.against) if test else None
    return MatchedRow(it.arm.label, it.against, it.arm.macs / base.macs, it.how, it.words, named)


def _curve(of: Network, networks: Sequence[Network], study: StudyResults) -> tuple[Network, ...]:
    """Networks that differ from one in nothing but the numbers of axes; itself among them."""
    return tuple(one for one in networks if _words(one, study) == _words(of, study))


def _words(one: Network, study: StudyResults) -> tuple[object, ...]:
    """What a network is beside numbers: its named arm, and the values of axes that are words."""
    named = one.arm if one.arm in study.arms else ""
    said = (
        (path, str(value))
        for path, value in sorted(one.choice.items())
        if not all(_is_number(held) for held in study.axes.get(path, [value]))
    )
    return (named, *said)


def _read_off(curve: Sequence[Network], macs: float) -> Sample | None:
    """A curve's AP at a cost; None where it does not reach it or no seed has all of it."""
    if len({one.macs for one in curve}) < 2:
        return None
    weights = height_at([one.macs for one in curve], macs)
    if weights is None:
        return None
    read = combined([one.sample for one in curve], list(weights))
    return read if read.values else None


def _controls(study: StudyResults, networks: Sequence[Network]) -> dict[str, Network]:
    """The control of equal cost of each label that has one: the network of the control's arm by
    the same choice, else (where arms are tuned) by the nearest cost."""
    arms = (study.ablation or {}).get("arms", ())
    wanted = {one["against"]: one["name"] for one in arms if one["kind"] == "matched"}
    found = {}
    for one in networks:
        fits = [other for other in networks if other.arm == wanted.get(one.arm)]
        if fits:
            found[one.label] = min(
                fits, key=lambda it: (it.choice != one.choice, abs(math.log(it.macs / one.macs)))
            )
    return found


def _is_equal(a: Network, b: Network) -> bool:
    return abs(a.macs / b.macs - 1) <= EQUAL


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
