"""AP against the baseline: the test over seeds, or, for one network each, the images alone."""

from collections.abc import Sequence
from typing import Any

from harness.comparing.comparison import Test, Verdict
from harness.comparing.interval import Interval, gap_interval
from harness.comparing.measured import Measured
from harness.statistics.contrasts import Contrast, contrasts

NOTHING = "none: one network each, and no match records"
IMAGES_ALONE = "none over seeds; 95% normal interval over the test images, paired"
UNPAIRED = "none: the test is by seed, and the two share none"


def verdicts(base: Measured, others: Sequence[Measured], test: Test) -> tuple[Verdict, ...]:
    """Each other arm minus the baseline; those with seeds are one family under Holm."""
    several = [arm for arm in others if max(arm.n, base.n) > 1]
    samples = {arm.name: arm.sample() for arm in [base, *several]}
    tested: dict[str, Contrast] = {}
    if several and samples[base.name].values:
        tested = {one.arm: one for one in contrasts(samples, base.name, test=test)}
    found = [
        _tested(tested[arm.name]) if arm.name in tested else _untested(arm, base) for arm in others
    ]
    return tuple(one for one in found if one is not None)


def _tested(one: Contrast) -> Verdict:
    return Verdict(
        arm=one.arm,
        against=one.against,
        difference=one.difference,
        low=one.low,
        high=one.high,
        seed_se=one.seed_se,
        image_se=one.image_se,
        n=one.n,
        superiority=_triple(one.superiority),
        p=one.p,
        p_holm=one.p_holm,
        floor=one.floor,
        sign_p=one.sign_p,
        sign_floor=one.sign_floor,
        test=one.test,
        words=one.verdict,
    )


def _triple(found: Any) -> tuple[float, float | None, float | None] | None:
    return None if found is None else (found.value, found.low, found.high)


def _untested(arm: Measured, base: Measured) -> Verdict | None:
    """One network each: what the test images say of these two, and of nothing else; or arms of
    several that cannot be paired. None where a side has no AP."""
    found = gap_interval(arm.values("ap"), base.values("ap"), arm.draws("ap"), base.draws("ap"))
    if found is None:
        return None
    if max(arm.n, base.n) > 1:
        words, test = "not tested: no seed is on both sides", UNPAIRED
    else:
        words, test = _of_two(found), NOTHING if found.image_se is None else IMAGES_ALONE
    return Verdict(
        arm=arm.name,
        against=base.name,
        difference=found.value,
        low=found.low,
        high=found.high,
        seed_se=found.seed_se,
        image_se=found.image_se,
        n=(arm.n, base.n),
        superiority=None,
        p=None,
        p_holm=None,
        floor=None,
        sign_p=None,
        sign_floor=None,
        test=test,
        words=words,
    )


def _of_two(found: Interval) -> str:
    """What may be said of one network each."""
    if found.excludes_zero:
        way = "higher" if found.value > 0 else "lower"
        return f"{way} on images like these; of these two networks, not of their methods"
    if found.image_se is None:
        return "one network each: how sure this is cannot be said"
    return "not told apart on images like these"
