"""Where each network stands to a Pareto front, by the study's own test.

The same words as in the verdicts. A network is off the front only where one that costs no more is
separated above it, and on it only where it is separated above every one that costs no more (or
where there is none). All else is open. Each difference is tested at .05 / (k - 1), k the networks
that are judged, and its interval must leave out zero, as in subset selection (`from_the_top`): a
network on the true front of means is then called off it with a probability of at most .05.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from harness.statistics.contrasts import spread_between
from harness.statistics.estimates import LEVEL
from harness.statistics.samples import Sample, shared_seeds
from harness.statistics.tests import Test, floor_of, paired_t_p, permutation_p

Standing = Literal["on", "perhaps", "off"]


def standings(
    costs: Mapping[str, float], arms: Mapping[str, Sample], *, test: Test = "permutation"
) -> dict[str, Standing]:
    """Of every arm of costs. One of fewer than two seeds is not judged: `perhaps`.

    costs: in any one unit. An arm that is not judged bars no other one from anything.
    """
    judged = {name: arms[name] for name in costs if name in arms and arms[name].n > 1}
    found: dict[str, Standing] = dict.fromkeys(costs, "perhaps")
    order = sorted(judged, key=lambda name: -judged[name].mean)
    for name in judged:
        rivals = [one for one in order if one != name and costs[one] <= costs[name]]
        found[name] = _standing(judged[name], [judged[one] for one in rivals], len(judged), test)
    return found


def _standing(arm: Sample, rivals: Sequence[Sample], judged: int, test: Test) -> Standing:
    """rivals: all that cost no more, the highest mean first; judged: how many arms there are."""
    higher = [one for one in rivals if one.mean > arm.mean]
    if higher:
        parted = any(_is_above(one, arm, judged - 1, test) for one in higher)
        return "off" if parted else "perhaps"
    return "on" if all(_is_above(arm, one, judged - 1, test) for one in rivals) else "perhaps"


def _is_above(a: Sample, b: Sample, comparisons: int, test: Test) -> bool:
    """Whether a is separated above b, as `contrasts` separates, at one of so many comparisons."""
    paired = test == "paired_t"
    if paired:
        shared = shared_seeds(a, b)
        a, b = a.at(shared), b.at(shared)
    floor = floor_of(test, a.n, b.n)
    if min(a.n, b.n) < 2 or floor > LEVEL or (not paired and floor * comparisons > LEVEL):
        return False
    p = float(paired_t_p(a.array - b.array) if paired else permutation_p(a.array, b.array))
    if not p * comparisons <= LEVEL:
        return False
    return 0 < float(spread_between(a, b, paired=paired).half) < a.mean - b.mean
