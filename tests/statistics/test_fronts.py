"""Fronts with their noise: probabilities against simulated truth, areas by hand, disagreements."""

import math

import numpy as np
import pytest

from harness.statistics.fronts import (
    ap_draws,
    area_under,
    cost_draws,
    disagreements,
    front_probability,
    hypervolume,
    on_front,
)
from harness.statistics.samples import Sample, sample

COSTS = [1.0, 2.0, 4.0, 8.0]


def test_front_by_hand() -> None:
    aps = np.array([[0.3, 0.2, 0.4, 0.4], [0.1, 0.1, 0.1, 0.2]])
    assert on_front(COSTS, aps).tolist() == [
        [True, False, True, False],
        [True, False, False, True],
    ]


def test_equal_networks_are_on_the_front_together() -> None:
    assert on_front([1.0, 1.0, 2.0], np.array([[0.3, 0.3, 0.3]])).tolist() == [[True, True, False]]


def test_a_hypervolume_is_ap_times_doublings_up_to_its_reference() -> None:
    found = hypervolume([1.0, 2.0], [0.3, 0.4], None)
    assert found is not None
    assert found.reference == pytest.approx(2.2)
    assert found.value == pytest.approx(0.3 * 1 + 0.4 * math.log2(1.1))
    assert (found.low, found.high) == (None, None)
    assert hypervolume([], [], None) is None
    assert area_under([2.0, 1.0], np.array([[0.4, 0.5]]), 4.0)[0] == pytest.approx(1.0)


def test_one_seed_an_arm_says_nothing_of_the_front() -> None:
    assert ap_draws({"a": sample([0.3]), "b": sample([0.4])}) is None
    assert front_probability([1, 2], None) == ()


def test_an_arm_of_one_seed_has_the_others_spread() -> None:
    found = ap_draws({"a": sample([0.30, 0.31, 0.32]), "b": sample([0.4])}, draws=20000)
    assert found is not None
    quartiles = np.quantile(found[:, 1], [0.25, 0.75])
    assert np.diff(quartiles)[0] == pytest.approx(2 * 0.8165 * 0.01, rel=0.05)


def test_draws_are_the_same_whenever_they_are_drawn() -> None:
    arms = {"a": sample([0.30, 0.31]), "b": sample([0.30, 0.32])}
    assert np.array_equal(ap_draws(arms), ap_draws(arms))  # type: ignore[arg-type]


def test_images_move_arms_together() -> None:
    """What images do to all arms alike leaves the front as it is."""
    rng = np.random.default_rng(0)
    images, seeds = rng.normal(0, 0.05, 300), (0, 1, 2)
    arms = {
        name: Sample(values, seeds, np.asarray(values)[:, None] + images)
        for name, values in {"a": (0.30, 0.301, 0.302), "b": (0.32, 0.321, 0.322)}.items()
    }
    found = ap_draws(arms)
    assert found is not None
    assert np.corrcoef(found.T)[0, 1] > 0.95
    assert front_probability([1, 2], found)[1] > 0.95


def test_probabilities_come_true_as_often_as_they_say() -> None:
    """Six arms, six seeds, images and seeds both noisy; true APs as far apart as their noise."""
    rng = np.random.default_rng(3)
    costs, said, true, held = [2.0**i for i in range(6)], [], [], 0
    for run in range(300):
        truth = 0.4 + rng.normal(0, 0.006, 6)
        common, drawn = rng.normal(0, 0.01), rng.normal(0, 0.01, 300)
        arms = {}
        for i, one in enumerate(truth):
            values = one + common + rng.normal(0, 0.003) + rng.normal(0, 0.007, 6)
            noise = drawn + rng.normal(0, 0.003, 300)
            arms[str(i)] = Sample(tuple(values), tuple(range(6)), values[:, None] + noise)
        draws = ap_draws(arms, 2000, run)
        assert draws is not None
        said += front_probability(costs, draws)
        true += list(on_front(costs, truth[None])[0])
        area = hypervolume(costs, [one.mean for one in arms.values()], draws)
        assert area is not None
        right = area_under(costs, truth[None], area.reference)[0]
        held += bool(area.low <= right <= area.high)  # type: ignore[operator]
    p, t = np.array(said), np.array(true)
    for low, high in ((0.0, 0.1), (0.1, 0.35), (0.35, 0.65), (0.65, 0.9), (0.9, 1.01)):
        some = (p >= low) & (p < high)
        assert t[some].mean() == pytest.approx(p[some].mean(), abs=0.1)
    assert held / 300 == pytest.approx(0.95, abs=0.035)


def test_a_cost_that_is_measured_is_drawn_too() -> None:
    found = cost_draws({"a": [1.0, 1.1, 1.2], "b": [2.0]}, draws=1000)
    assert found[:, 0].std() > 0
    assert set(found[:, 1]) == {2.0}


def test_what_costs_less_and_takes_longer_is_pointed_out() -> None:
    times = {"lean": [10.0, 10.1, 10.2], "wide": [5.0, 5.1, 5.2], "odd": [9.0, 5.0, 14.0]}
    (one,) = disagreements({"lean": 1e9, "wide": 2e9, "odd": 3e9, "never": 4e9}, times)
    assert (one.cheaper, one.dearer, one.cost_ratio) == ("lean", "wide", 0.5)
    assert one.low < one.latency_ratio < one.high
    assert one.latency_ratio == pytest.approx(1.98, abs=0.01)


def test_one_measurement_contradicts_nothing() -> None:
    assert disagreements({"a": 1.0, "b": 2.0}, {"a": [9.0], "b": [5.0]}) == ()
