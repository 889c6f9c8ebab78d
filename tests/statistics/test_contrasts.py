"""Intervals and tests against scipy's own, and that few seeds never rank anything."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.statistics.best import best_set
from harness.statistics.contrasts import contrasts, pairs_of
from harness.statistics.estimates import estimate
from harness.statistics.power import narrowness, noether, seeds_needed
from harness.statistics.samples import Sample, sample
from harness.statistics.tests import holm, permutation_floor, permutation_p
from harness.statistics.two_level import estimate_of

A = [0.61, 0.63, 0.60, 0.62, 0.64, 0.61]
B = [0.51, 0.52, 0.50, 0.53, 0.51, 0.52]
NOISE = np.random.default_rng(1).normal(0, 0.05, (2, 1, 400))


def arms_of(**values: list[float]) -> dict[str, Sample]:
    return {name: sample(held) for name, held in values.items()}


def test_interval_is_students_t() -> None:
    found = estimate(A)
    assert found is not None
    low, high = scipy_stats.t.interval(
        0.95, len(A) - 1, loc=sum(A) / len(A), scale=scipy_stats.sem(A)
    )
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.n == 6


def test_one_seed_has_no_interval_and_none_has_no_estimate() -> None:
    one = estimate([0.5])
    assert one is not None
    assert (one.low, one.high, one.sd, one.n) == (None, None, None, 1)
    assert estimate([]) is None
    assert estimate([float("nan")]) is None


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.02, None]) == [pytest.approx(0.04), None]


def test_permutation_floors() -> None:
    assert permutation_floor(2, 2) == pytest.approx(1 / 3)
    assert permutation_floor(3, 3) == pytest.approx(0.1)
    assert permutation_floor(6, 6) == pytest.approx(2 / 924)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_few_seeds_separate_nothing_however_large_the_gap(seeds: int) -> None:
    arms = arms_of(a=[0.9, 0.9001, 0.9002][:seeds], b=[0.1, 0.1001, 0.1002][:seeds])
    (test,) = contrasts(arms, "b")
    assert not test.separated
    needs = "not separated (needs about 4 seeds)"
    assert test.verdict == ("not separated (n=1)" if seeds == 1 else needs)


def test_enough_seeds_separate_a_clear_gap_and_give_its_sign() -> None:
    arms = arms_of(base=B, a=A, z=[x - 0.2 for x in A])
    up, down = contrasts(arms, "base")
    assert (up.verdict, down.verdict) == ("higher", "lower")
    assert up.p == pytest.approx(2 / 924)
    assert up.p_holm == pytest.approx(4 / 924)


def test_the_permutation_test_is_scipys() -> None:
    near = [x - 0.09 for x in A]
    (test,) = contrasts(arms_of(a=near, b=B), "b")
    reference = scipy_stats.permutation_test(
        (near, B), lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis), n_resamples=np.inf
    )
    assert test.p == pytest.approx(reference.pvalue)
    assert test.sign_p == pytest.approx(
        scipy_stats.binomtest(
            sum(x > y for x, y in zip(near, B, strict=True)),
            sum(x != y for x, y in zip(near, B, strict=True)),
        ).pvalue
    )


def test_images_widen_an_interval_and_can_undo_a_separation() -> None:
    plain = arms_of(a=A, b=B)
    wide = {
        name: Sample(one.values, one.seeds, np.asarray(one.values)[:, None] + noise)
        for (name, one), noise in zip(plain.items(), NOISE, strict=True)
    }
    (alone,), (both,) = contrasts(plain, "b"), contrasts(wide, "b")
    assert (alone.image_se, alone.sources) == (None, "seeds alone")
    assert both.sources == "seeds and test images"
    assert both.image_se == pytest.approx((NOISE[0] - NOISE[1]).mean(axis=0).std(ddof=1))
    assert both.high - both.low > alone.high - alone.low
    assert (alone.verdict, both.verdict) == ("higher", "not separated (needs more test images)")


def test_what_images_do_to_both_arms_goes_out() -> None:
    shared = np.random.default_rng(0).normal(0, 0.2, (1, 400))
    arms = {
        name: Sample(one.values, one.seeds, np.asarray(one.values)[:, None] + shared)
        for name, one in arms_of(a=A, b=B).items()
    }
    (test,) = contrasts(arms, "b")
    assert test.image_se == pytest.approx(0, abs=1e-9)
    assert test.verdict == "higher"


def test_no_spread_is_no_test() -> None:
    (test,) = contrasts(arms_of(a=[0.6] * 6, b=[0.5] * 6), "b")
    assert (test.p, test.separated) == (None, False)
    assert test.superiority is None


def test_what_does_not_spread_has_no_interval() -> None:
    """An interval of no width would say that nothing is uncertain."""
    found = estimate([0.3, 0.3, 0.3])
    assert found is not None
    assert (found.mean, found.sd, found.low, found.high) == (0.3, 0, None, None)
    assert str(found) == "0.300 (n=3, no interval)"
    one_image = Sample((0.3,), (0,), np.full((1, 100), 0.3))
    other = Sample((0.4,), (0,), np.full((1, 100), 0.4))
    alone = estimate_of(one_image)
    assert alone is not None
    assert (alone.low, alone.high) == (None, None)
    (test,) = pairs_of({"a": one_image, "b": other}, [("a", "b")])
    assert (test.low, test.high) == (None, None)


def test_the_best_is_held_to_all_and_one_seed_is_not_judged() -> None:
    twin = [x - 0.001 for x in A]
    best = best_set(arms_of(a=A, b=B, twin=twin, lucky=[0.99]))
    assert (best.top, best.names, best.unjudged) == ("a", ("a", "twin"), ("lucky",))
    assert best_set(arms_of(a=[0.5], b=[0.6])).names == ()


def test_an_arm_that_is_above_the_highest_mean_seed_by_seed_stays_in_the_set() -> None:
    """The highest mean has a lucky seed that the other arm has not."""
    a, b = {i: x + 0.01 * (i % 2) for i, x in enumerate(A)}, dict(enumerate(A))
    b = {seed: x - 0.02 for seed, x in b.items()} | {6: 0.99}
    found = best_set({"a": sample(a), "b": sample(b)}, test="paired_t")
    assert (found.top, found.names) == ("b", ("a", "b"))


def test_seeds_needed_bring_the_power_they_promise() -> None:
    draw = np.random.default_rng(0)
    n = seeds_needed(0.01, 2 * 0.01**2, test="permutation")
    assert n is not None
    a, b = draw.normal(0.01, 0.01, (400, n)), draw.normal(0, 0.01, (400, n))
    found = (permutation_p(a, b) <= 0.05).mean()
    assert 0.74 < found < 0.88
    assert seeds_needed(0.01, 2 * 0.01**2, lasting=0.01**2, test="permutation") is None


def test_differences_that_are_equal_but_for_rounding_come_to_an_end() -> None:
    """scipy's noncentral t never comes back from a t of 1e14."""
    a = {seed: 0.1 * seed + 0.3 for seed in range(6)}
    b = {seed: 0.1 * seed for seed in range(6)}
    for arms, test in ((a, "paired_t"), ({s: 0.3 + 1e-15 * s for s in a}, "permutation")):
        (found,) = pairs_of({"a": sample(arms), "b": sample(b)}, [("a", "b")], test=test)
        assert found.superiority is None or 0 <= found.superiority.low <= 1
        assert not found.separated
    few = {seed: 0.3 + 1e-15 * seed for seed in range(3)}
    (found,) = contrasts({"a": sample(few), "b": sample([0.1, 0.1 + 1e-15, 0.1])}, "b")
    assert found.verdict == "not separated (n=3)"


def test_pairs_are_not_asked_for_beyond_what_their_verdict_needs() -> None:
    """Fifteen tests of pairs: 6 pairs of this spread have 85% power at .05 / 15."""
    assert seeds_needed(0.02, 0.007**2, test="paired_t", family=15) == 6
    assert seeds_needed(0.02, 0.009**2, test="paired_t", family=15) > 6


def test_noethers_numbers() -> None:
    assert [noether(gamma) for gamma in (0.75, 0.8, 0.9)] == [29, 20, 12]


def test_a_narrow_space_cannot_be_ranked() -> None:
    draw = np.random.default_rng(0)
    narrow = narrowness(list(draw.normal(0.4, 0.01, (8, 6))))
    assert narrow is not None
    assert not narrow.can_rank
    assert narrow.words.endswith(
        "less than 2 times as much, so a ranking of these networks is unreliable."
    )
    wide = narrowness(list(draw.normal(0.4, 0.01, (8, 6)) + np.arange(8)[:, None] * 0.05))
    assert wide is not None
    assert wide.can_rank


def test_paired_by_seed() -> None:
    a = dict(enumerate(A))
    b = {seed: value - 0.01 - 0.001 * (seed % 2) for seed, value in a.items()} | {9: 0.9}
    (test,) = pairs_of({"a": sample(a), "b": sample(b)}, [("a", "b")], test="paired_t")
    reference = scipy_stats.ttest_rel(A, [b[seed] for seed in range(6)])
    assert test.n == (6, 6)
    assert test.p == pytest.approx(reference.pvalue)
    assert test.floor == pytest.approx(2 / 64)
    assert test.verdict == "higher"
    few = {seed: a[seed] for seed in range(5)}
    (fewer,) = pairs_of({"a": sample(few), "b": sample(b)}, [("a", "b")], test="paired_t")
    assert not fewer.separated
    assert math.isclose(fewer.floor, 0.0625)
