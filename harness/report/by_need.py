"""The largest difference to the baseline, by what classes need to be told apart."""

from collections.abc import Mapping, Sequence

from harness.report.summary import ArmSummary
from harness.report.wordings import gap_words
from harness.statistics.contrasts import Contrast, pairs_of
from harness.statistics.samples import Sample
from harness.statistics.tests import Test

WHERE = {
    "context": "where distant context is needed",
    "extent": "where tight extents are needed",
    "none": "where neither is",
}


def need_words(
    arms: Sequence[ArmSummary], needs: Mapping[str, Mapping[str, Sample]], test: Test
) -> str:
    """One sentence; empty where no arm is compared with a baseline, or no need is known.

    needs: AP of a need's classes by label. The arm is the one that differs most from the baseline.
    It was picked by looking, so all arms by all needs are one family of tests.
    """
    compared = list(dict.fromkeys(arm.contrast for arm in arms if arm.contrast is not None))
    if not compared:
        return ""
    furthest = max(compared, key=lambda one: (one.separated, abs(one.difference)))
    sides = {f"{need} {name}": one for need, held in needs.items() for name, one in held.items()}
    pairs = [(f"{need} {one.arm}", f"{need} {one.against}") for need in needs for one in compared]
    own = {f"{need} {furthest.arm}" for need in needs}
    found = [one for one in pairs_of(sides, pairs, test=test) if one.arm in own]
    if not found:
        return ""
    said = [f"{_where(one)} {gap_words(one)}" for one in found]
    return f"{furthest.arm} minus {furthest.against}: {'; '.join(said)}."


def _where(one: Contrast) -> str:
    need = one.arm.partition(" ")[0]
    return WHERE.get(need, f"where {need} is needed")
