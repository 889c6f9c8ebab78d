"""Rank correlations against scipy's, their intervals against simulated truth, and ceilings."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.statistics.ranks import (
    correlations,
    half_correlations,
    kendall,
    mid_ranks,
    spearman,
    true_means,
)
from harness.statistics.samples import Sample, sample


def test_correlations_are_scipys_ties_and_all() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 5, 9).astype(float), rng.integers(0, 5, 9).astype(float)
        assert kendall(a, b) == pytest.approx(scipy_stats.kendalltau(a, b).statistic)
        assert spearman(a, b) == pytest.approx(scipy_stats.spearmanr(a, b).statistic)


def test_mid_ranks_are_scipys() -> None:
    values = np.random.default_rng(3).integers(0, 4, (5, 6, 7)).astype(float)
    values[2, 3, 4] = np.nan
    np.testing.assert_array_equal(mid_ranks(values), scipy_stats.rankdata(values, axis=-1))
    np.testing.assert_array_equal(mid_ranks(values[0, 0]), scipy_stats.rankdata(values[0, 0]))


def arms(means: np.ndarray, noise: float, n: int, rng: np.random.Generator) -> list[Sample]:
    return [sample(list(mean + rng.normal(0, noise, n))) for mean in means]


def test_intervals_cover_the_order_of_the_true_means() -> None:
    """Eight arms of four seeds that spread as much over seeds as over arms: a naive bootstrap of
    seeds is far off here."""
    rng = np.random.default_rng(1)
    held, runs = 0, 40
    for run in range(runs):
        one = rng.normal(0, 1, 8)
        other = 0.7 * one + np.sqrt(1 - 0.7**2) * rng.normal(0, 1, 8)
        a, b = arms(one, 1.0, 4, rng), arms(other, 1.0, 4, rng)
        tau, _ = correlations(a, b, 500, run)
        assert tau.low is not None
        assert tau.high is not None
        held += tau.low - 1e-9 <= float(kendall(one, other)) <= tau.high + 1e-9
    assert held / runs >= 0.875


def test_many_seeds_leave_the_measured_order_alone() -> None:
    rng = np.random.default_rng(2)
    means = np.arange(6.0)
    tau, rho = correlations(arms(means, 0.01, 6, rng), arms(-means, 0.01, 6, rng))
    assert (tau.value, tau.low, tau.high) == pytest.approx((-1, -1, -1))
    assert rho.value == pytest.approx(-1)


def test_images_widen_an_interval_where_they_do_not_move_all_alike() -> None:
    rng = np.random.default_rng(3)
    means = np.arange(6.0)

    def width(alone: float) -> float:
        sides = []
        for _ in range(2):
            common = rng.normal(0, 3, 200)
            side = []
            for mean in means:
                values = mean + rng.normal(0, 0.2, 4)
                drawn = values[:, None] + common + rng.normal(0, alone, 200)
                side.append(Sample(tuple(values), (0, 1, 2, 3), drawn))
            sides.append(side)
        tau, _ = correlations(*sides, 1000)
        assert tau.low is not None
        assert tau.high is not None
        return tau.high - tau.low

    assert width(0.0) < 0.2 < width(2.0)


def test_too_few_arms_or_seeds_carry_no_interval() -> None:
    three = [sample([0.1, 0.2]), sample([0.3, 0.4]), sample([0.5, 0.6])]
    assert correlations(three, three)[0].low is None
    single = [sample([x]) for x in (0.1, 0.2, 0.3, 0.4)]
    tau, _ = correlations(single, single)
    assert (tau.value, tau.low) == (1.0, None)
    assert true_means(single, single) is None
    assert half_correlations(single) is None


def test_a_ceiling_is_near_one_without_noise_and_low_with_it() -> None:
    rng = np.random.default_rng(4)
    means = np.arange(8.0)
    quiet = half_correlations(arms(means, 0.05, 6, rng))
    loud = half_correlations(arms(means, 20.0, 6, rng))
    assert quiet is not None
    assert loud is not None
    assert quiet[0] == pytest.approx(1)
    assert loud[0] < 0.6
