"""How a report's intervals and tests are made, in the words that stand under every table."""

from collections.abc import Sequence

from harness.draws import SEED
from harness.report.asked import Asked
from harness.report.summary import ArmSummary
from harness.statistics.best import MARKED
from harness.statistics.contrasts import TESTS
from harness.statistics.estimates import METHOD
from harness.statistics.images import DRAWS

DRAWN = f"({DRAWS:,} weighted draws of the images, seed {SEED}, the same for every arm)"
TWO_LEVEL = f"95% Student t intervals over seeds and test images {DRAWN}"
"""Where every arm's match records are known."""
IMAGES_ALONE = f"95% normal intervals over test images alone {DRAWN}: no arm has two seeds"
MIXED = (
    "95% Student t intervals, over seeds and test images where match records are kept, else over "
    "seeds alone"
)


def method_words(arms: Sequence[ArmSummary]) -> str:
    """What the intervals of arms with an AP are over."""
    over = {arm.ap.sources for arm in arms if arm.ap is not None and arm.ap.low is not None}
    single = "test images alone"
    if over == {single}:
        return IMAGES_ALONE
    if over and over <= {"seeds and test images", single}:
        return f"{TWO_LEVEL}; of one seed over {single}" if single in over else TWO_LEVEL
    return METHOD if over <= {"seeds alone"} else MIXED


def test_words(asked: Asked, by_seed: Sequence[str]) -> str:
    """The primary test, and what else it takes to be called higher or lower.

    by_seed: what is compared seed by seed, whatever the primary test is.
    """
    said = f"{TESTS[asked.test]}, Holm-adjusted; besides, the interval must leave out zero"
    if not by_seed or asked.test == "paired_t":
        return said
    return f"{said}; {' and '.join(by_seed)} are held to a {TESTS['paired_t']}"


def mark_words(arms: Sequence[ArmSummary]) -> str:
    """What the mark says, and of which arms it says nothing."""
    single = any(not arm.is_judged for arm in arms)
    return MARKED.replace("the best arm", "the best arm of several seeds") if single else MARKED
