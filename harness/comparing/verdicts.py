"""AP against the baseline: the test over seeds, or, for one network each, the images alone."""

from collections.abc import Sequence
from typing import Any

from harness.comparing.comparison import Test, Verdict
from harness.comparing.interval import Interval, gap_interval
from harness.comparing.measured import Measured
from harness.statistics.contrasts import Contrast, contrasts
from harness.statistics.estimates import LEVEL
from harness.statistics.swaps import can_exchange, swap_floor, swap_p
from harness.statistics.tests import holm

NOTHING = "none: one network each, and no match records"
IMAGES_ALONE = "none over seeds; 95% normal interval over the test images, paired"
UNPAIRED = "none: the test is by seed, and the two share none"
EXCHANGED = (
    "none over seeds; what two networks found is exchanged image by image at random "
    "({swaps:,} times), two-sided, Holm-adjusted; and the 95% normal interval over the test images "
    "must leave out zero"
)


def verdicts(
    base: Measured, others: Sequence[Measured], test: Test, swaps: int, seed: int
) -> tuple[Verdict, ...]:
    """Each other arm minus the baseline: those with seeds are one family under Holm, those of one
    network each another.

    swaps, seed: random exchanges of images between two networks.
    """
    several = [arm for arm in others if max(arm.n, base.n) > 1]
    samples = {arm.name: arm.sample() for arm in [base, *several]}
    tested: dict[str, Contrast] = {}
    if several and samples[base.name].values:
        tested = {one.arm: one for one in contrasts(samples, base.name, test=test)}
    alone = [arm for arm in others if max(arm.n, base.n) == 1]
    ps = [_exchanged(arm, base, swaps, seed) for arm in alone]
    tests = zip(alone, ps, holm(ps), strict=True)
    adjusted = {arm.name: (p, p_holm) for arm, p, p_holm in tests}
    found = [
        verdict_of(tested[arm.name])
        if arm.name in tested
        else _untested(arm, base, *adjusted.get(arm.name, (None, None)), swaps)
        for arm in others
    ]
    return tuple(one for one in found if one is not None)


def _exchanged(arm: Measured, base: Measured, swaps: int, seed: int) -> float | None:
    """P of AP under exchange of images between two networks; None where it cannot be had."""
    readers = [one.networks[0].matches if one.n == 1 else None for one in (arm, base)]
    held = [matches for read in readers if read and (matches := read()) is not None]
    if len(held) < 2 or not can_exchange(*held):
        return None
    return swap_p(*held, swaps=swaps, seed=seed)


def verdict_of(one: Contrast) -> Verdict:
    """A contrast of the report's statistics, as a comparison holds it."""
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


def _untested(
    arm: Measured, base: Measured, p: float | None, p_holm: float | None, swaps: int
) -> Verdict | None:
    """One network each: what the test images say of these two, and of nothing else; or arms of
    several that cannot be paired. None where a side has no AP."""
    found = gap_interval(arm.values("ap"), base.values("ap"), arm.draws("ap"), base.draws("ap"))
    if found is None:
        return None
    if max(arm.n, base.n) > 1:
        words, test = "not tested: no seed is on both sides", UNPAIRED
    else:
        words, test = _of_two(found, p_holm), NOTHING if found.image_se is None else IMAGES_ALONE
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
        p=p,
        p_holm=p_holm,
        floor=None if p is None else swap_floor(swaps),
        sign_p=None,
        sign_floor=None,
        test=test if p is None else EXCHANGED.format(swaps=swaps),
        words=words,
    )


def _of_two(found: Interval, p_holm: float | None) -> str:
    """What may be said of one network each."""
    if found.excludes_zero and (p_holm is None or p_holm <= LEVEL):
        way = "higher" if found.value > 0 else "lower"
        return f"{way} on images like these; of these two networks, not of their methods"
    if found.image_se is None:
        return "one network each: how sure this is cannot be said"
    return "not told apart on images like these"
