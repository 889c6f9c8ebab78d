"""Where each network stands to a Pareto front, by the study's own test.

The same words as in the verdicts. A network is off the front only where one that costs no more is
separated above it, and on it only where it is separated above every one that costs no more (or
where there is none). All else is open. Each difference is tested at .05 / (k - 1), k the networks
that are judged, and its interval must leave out zero, as in subset selection (`from_the_top`): a
network on the true front of means is then called off it with a probability of at most .05.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from scipy.special import stdtr

from harness.statistics.contrasts import spread_between
from harness.statistics.estimates import LEVEL
from harness.statistics.samples import Sample, shared_seeds
from harness.statistics.tests import Test, floor_of, paired_t_p, permutation_p
from harness.statistics.two_level import spread_of_difference

Standing = Literal["on", "perhaps", "off"]


def standings(
    costs: Mapping[str, float],
    arms: Mapping[str, Sample],
    *,
    test: Test = "permutation",
    times: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Standing]:
    """Of every arm of costs. One of fewer than two seeds is not judged: `perhaps`.

    costs: in any one unit. One that is not judged puts no other off the front, yet none that may
    cost as much is on it: the other was not seen to be below.
    times: repeated measurements where the cost is one. Then an arm costs more than another only
    where that is beyond the noise of measuring; where it is not, either may be the cheaper.
    """
    judged = {name: arms[name] for name in costs if name in arms and arms[name].n > 1}
    found: dict[str, Standing] = dict.fromkeys(costs, "perhaps")
    order = sorted(judged, key=lambda name: -judged[name].mean)
    order += [name for name in costs if name not in judged]
    most = len(judged) - 1
    for name, arm in judged.items():
        within, beneath = _rivals(name, [one for one in order if one != name], costs, times)
        if any(one in judged and _is_above(judged[one], arm, most, test) for one in beneath):
            found[name] = "off"
        elif all(one in judged and _is_above(arm, judged[one], most, test) for one in within):
            found[name] = "on"
    return found


def _rivals(
    name: str,
    others: Sequence[str],
    costs: Mapping[str, float],
    times: Mapping[str, Sequence[float]] | None,
) -> tuple[list[str], list[str]]:
    """Those that may cost no more than an arm, and those that are known to."""
    if times is None:
        known = [one for one in others if costs[one] <= costs[name]]
        return known, known
    within = [one for one in others if not is_slower(times[one], times[name], len(others))]
    return within, [one for one in within if is_slower(times[name], times[one], len(others))]


def is_slower(a: Sequence[float], b: Sequence[float], comparisons: int = 1) -> bool:
    """Whether a takes longer than b, beyond the noise of measuring: Welch's t on logarithms.

    Measured once, an arm is never said to be slower, nor faster.
    """
    if min(len(a), len(b)) < 2:
        return False
    one, other = (np.log(np.asarray(values, dtype=np.float64)) for values in (a, b))
    spread, gap = spread_of_difference(one, other), float(one.mean() - other.mean())
    error = math.sqrt(float(spread.variance))
    if gap <= 0 or not error:
        return gap > 0
    return 2 * float(stdtr(float(spread.df), -gap / error)) * comparisons <= LEVEL


def _is_above(a: Sample, b: Sample, comparisons: int, test: Test) -> bool:
    """Whether a is separated above b, as `contrasts` separates, at one of so many comparisons."""
    paired = test == "paired_t"
    if paired:
        shared = shared_seeds(a, b)
        a, b = a.at(shared), b.at(shared)
    floor = floor_of(test, a.n, b.n)
    if min(a.n, b.n) < 2 or floor > LEVEL or (not paired and floor * comparisons > LEVEL):
        return False
    gap = a.mean - b.mean
    if gap <= 0 or not 0 < float(spread_between(a, b, paired=paired).half) < gap:
        return False  # before the test, which takes far longer where seeds are many
    p = float(paired_t_p(a.array - b.array) if paired else permutation_p(a.array, b.array))
    return p * comparisons <= LEVEL
