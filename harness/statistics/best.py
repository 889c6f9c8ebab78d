"""Which arms are not separated from the best: marked instead of a bold maximum."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.statistics.contrasts import from_the_top
from harness.statistics.samples import Sample
from harness.statistics.tests import Test

UNJUDGED = "one seed: not judged"
MARKED = (
    "not separated from the highest mean: with 95% confidence the best arm is among these (an arm "
    "whose seeds spread widely is harder to leave out than a steady one)"
)
"""What a mark says."""


@dataclass(frozen=True, slots=True)
class BestSet:
    """top has the highest mean of the arms that are judged; names are it and all not separated."""

    top: str | None
    names: tuple[str, ...]
    unjudged: tuple[str, ...]
    """Arms of one seed, whatever their AP."""
    open: Mapping[str, str]
    """What would part each other arm of the set from the top (`about 9 seeds`), where known."""


def best_set(arms: Mapping[str, Sample], *, test: Test = "permutation") -> BestSet:
    """With 95% confidence the best of the judged arms is in the set: see `from_the_top`."""
    judged = {name: held for name, held in arms.items() if held.n > 1}
    unjudged = tuple(name for name, held in arms.items() if held.n == 1)
    if not judged:
        return BestSet(None, (), unjudged, {})
    top = max(judged, key=lambda name: judged[name].mean)
    against = {one.against: one for one in from_the_top(top, judged, test=test)}
    below = {name for name, one in against.items() if one.separated and one.difference > 0}
    names = [name for name in judged if name not in below]
    waiting = {name: against[name].needs_words for name in names if name in against}
    return BestSet(
        top, tuple(names), unjudged, {name: words for name, words in waiting.items() if words}
    )
