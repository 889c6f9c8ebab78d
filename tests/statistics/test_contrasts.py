"""Intervals and tests against scipy's own, and that few seeds never rank anything."""

import math
import random

import pytest
from scipy import stats as scipy_stats

from harness.statistics.contrasts import best_set, contrasts, paired_contrasts
from harness.statistics.estimates import estimate
from harness.statistics.tests import holm, permutation_floor, welch

A = [0.61, 0.63, 0.60, 0.62, 0.64, 0.61]
B = [0.51, 0.52, 0.50, 0.53, 0.51, 0.52]


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


def test_welch_equals_scipys() -> None:
    difference, low, high, p = welch(A, B)
    reference = scipy_stats.ttest_ind(A, B, equal_var=False)
    interval = reference.confidence_interval(0.95)
    assert p == pytest.approx(reference.pvalue)
    assert (low, high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert difference == pytest.approx(sum(A) / 6 - sum(B) / 6)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.02, None]) == [pytest.approx(0.04), None]


def test_permutation_floors() -> None:
    assert permutation_floor(2, 2) == pytest.approx(1 / 3)
    assert permutation_floor(3, 3) == pytest.approx(0.1)
    assert permutation_floor(6, 6) == pytest.approx(2 / 924)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_few_seeds_separate_nothing_however_large_the_gap(seeds: int) -> None:
    arms = {"a": [0.9, 0.9001, 0.9002][:seeds], "b": [0.1, 0.1001, 0.1002][:seeds]}
    (test,) = contrasts(arms, "b")
    assert not test.separated
    assert test.verdict == f"not separated (n={seeds})"
    assert best_set(arms) == ("a", "b")


def test_enough_seeds_separate_a_clear_gap_and_give_its_sign() -> None:
    up, down = contrasts({"base": B, "a": A, "z": [x - 0.2 for x in A]}, "base")
    assert (up.verdict, down.verdict) == ("higher", "lower")
    assert best_set({"a": A, "b": B, "twin": [x - 0.001 for x in A]}) == ("a", "twin")


def test_equal_arms_are_separated_no_oftener_than_the_level() -> None:
    draw = random.Random(0)
    found = 0
    for _ in range(400):
        arms = {name: [draw.gauss(0.5, 0.01) for _ in range(6)] for name in "abcd"}
        found += any(test.separated for test in contrasts(arms, "a"))
    assert found / 400 < 0.08


def test_no_spread_is_no_test() -> None:
    (test,) = contrasts({"a": [0.6] * 6, "b": [0.5] * 6}, "b")
    assert (test.p, test.separated) == (None, False)


def test_paired_by_seed() -> None:
    a = dict(enumerate(A))
    b = {seed: value - 0.01 - 0.001 * (seed % 2) for seed, value in a.items()} | {9: 0.9}
    (test,) = paired_contrasts({"a": a, "b": b}, [("a", "b")])
    reference = scipy_stats.ttest_rel(A, [b[seed] for seed in range(6)])
    assert test.n == (6, 6)
    assert test.p == pytest.approx(reference.pvalue)
    assert test.floor == pytest.approx(2 / 64)
    assert test.verdict == "higher"
    few = {seed: a[seed] for seed in range(5)}
    (fewer,) = paired_contrasts({"a": few, "b": b}, [("a", "b")])
    assert fewer.verdict == "not separated (n=5)"
    assert math.isclose(fewer.floor, 0.0625)
