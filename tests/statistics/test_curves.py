"""Readings of AP against cost curves are linear in the networks' APs, and their intervals hold."""

import math

import numpy as np
import pytest

from harness.statistics.curves import (
    common_costs,
    gap_contrasts,
    height_at,
    height_over,
    slope,
)
from harness.statistics.samples import Sample, combined, sample
from harness.statistics.two_level import estimate_of

COSTS = [4.0, 1.0, 2.0]


def test_a_height_is_read_on_the_straight_line_in_log_cost() -> None:
    aps = np.array([0.5, 0.3, 0.4])
    weights = height_at(COSTS, math.sqrt(2))
    assert weights is not None
    assert weights @ aps == pytest.approx(0.35)
    assert height_at(COSTS, 5.0) is None
    assert height_at(COSTS, 4.0) @ aps == pytest.approx(0.5)  # type: ignore[operator]


def test_the_mean_height_is_the_integral_over_log_cost() -> None:
    aps = np.array([0.5, 0.3, 0.4])
    x = np.linspace(math.log2(1.5), math.log2(3.5), 200001)
    line = np.interp(x, [0, 1, 2], [0.3, 0.4, 0.5])
    assert height_over(COSTS, (1.5, 3.5)) @ aps == pytest.approx(line.mean(), abs=1e-9)


def test_networks_of_one_cost_are_one_point() -> None:
    weights = height_at([1.0, 2.0, 2.0], 2.0)
    assert weights is not None
    assert list(weights) == pytest.approx([0, 0.5, 0.5])


def test_a_slope_is_polyfits_and_within_groups_each_has_its_own_height() -> None:
    costs, aps = np.array([1.0, 2.0, 3.0, 8.0]), np.array([0.3, 0.33, 0.38, 0.4])
    weights = slope(costs)
    assert weights is not None
    assert weights @ aps == pytest.approx(np.polyfit(np.log2(costs), aps, 1)[0])
    apart = np.array([0.1, 0.11, 0.5, 0.51])
    within = slope([1.0, 2.0, 4.0, 8.0], ["a", "a", "b", "b"])
    assert within is not None
    assert within @ apart == pytest.approx(0.01)
    assert slope([2.0, 2.0]) is None


def test_common_costs_are_what_all_curves_reach() -> None:
    assert common_costs([[1, 4], [2, 8]]) == (2, 4)
    assert common_costs([[1, 2], [2, 8]]) is None
    assert common_costs([]) is None


def test_seeds_that_one_network_lacks_give_no_reading() -> None:
    a, b = Sample((0.1, 0.2, 0.3), (0, 1, 2)), Sample((0.5, 0.7), (2, 0))
    both = combined([a, b], [1.0, 2.0])
    assert both.seeds == (0, 2)
    assert both.values == pytest.approx((0.1 + 1.4, 0.3 + 1.0))
    assert combined([a, b], [1.0, 0.0]).seeds == (0, 1, 2)


def test_draws_are_combined_as_values_are() -> None:
    rng = np.random.default_rng(0)
    a, b = (Sample((0.1, 0.2), (0, 1), rng.random((2, 5))) for _ in range(2))
    both = combined([a, b], [0.5, -1.0])
    assert both.draws is not None
    assert a.draws is not None
    assert b.draws is not None
    assert np.allclose(both.draws, 0.5 * a.draws - b.draws)
    assert combined([a, sample([0.1, 0.2])], [0.5, -1.0]).draws is None


def test_a_network_that_two_families_share_leaves_their_gap() -> None:
    rng = np.random.default_rng(1)
    shared, rest = rng.normal(0.4, 0.05, 6), rng.normal(0, 1e-3, 6)
    heights = {
        "a": sample(list(shared + 0.01 + rest)),
        "b": sample(list(shared)),
    }
    (gap,) = gap_contrasts(heights, [("a", "b")])
    assert gap.verdict == "higher"
    assert gap.n == (6, 6)
    few = {name: one.at(range(5)) for name, one in heights.items()}
    (fewer,) = gap_contrasts(few, [("a", "b")])
    assert fewer.verdict == "not separated (needs about 6 seeds)"


def test_an_interval_over_seeds_and_images_covers_the_mean_over_both() -> None:
    """A gap of two curves of known truth; 95% within 2.5 points over 1,500 draws."""
    rng = np.random.default_rng(2)
    n, b, held, runs = 6, 120, 0, 1500
    for _ in range(runs):
        images, both = rng.normal(0, 0.01), rng.normal(0, 0.005, n)
        values = 0.02 + images + rng.normal(0, 0.008, n) + both
        draws = values[:, None] + rng.normal(0, 0.01, b) + rng.normal(0, 0.005, (n, b))
        one = estimate_of(Sample(tuple(values), tuple(range(n)), draws))
        assert one is not None
        assert one.low is not None
        assert one.high is not None
        held += one.low <= 0.02 <= one.high
    assert held / runs == pytest.approx(0.95, abs=0.025)
