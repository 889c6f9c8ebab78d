"""How a report's intervals and tests are made, in the words that stand under every table."""

from collections.abc import Sequence

from harness.draws import SEED
from harness.report.asked import Asked
from harness.report.summary import ArmSummary
from harness.statistics.contrasts import TESTS
from harness.statistics.estimates import METHOD
from harness.statistics.images import DRAWS

TWO_LEVEL = (
    f"95% Student t intervals over seeds and test images ({DRAWS:,} weighted draws of the images, "
    f"seed {SEED}, the same for every arm)"
)
"""Where every arm's match records are known."""
MIXED = (
    "95% Student t intervals, over seeds and test images where match records are kept, else over "
    "seeds alone"
)


def method_words(arms: Sequence[ArmSummary]) -> str:
    """What the intervals of arms with an AP are over."""
    known = [arm.ap.image_se is not None for arm in arms if arm.ap is not None]
    if known and all(known):
        return TWO_LEVEL
    return MIXED if any(known) else METHOD


def test_words(asked: Asked) -> str:
    """The primary test, and what else it takes to be called higher or lower."""
    return f"{TESTS[asked.test]}, Holm-adjusted; besides, the interval must leave out zero"
