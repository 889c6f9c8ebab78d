"""Marks of a front obey the test of the verdicts, and one seed is never judged."""

import numpy as np
import pytest

from harness.statistics.contrasts import from_the_top
from harness.statistics.samples import Sample, sample
from harness.statistics.standings import is_slower, standings
from harness.statistics.tests import Test

NOISE = np.array([0.0, 0.004, -0.004, 0.002, -0.002, 0.001])


def arm(ap: float, seeds: int = 6) -> Sample:
    return sample(list(ap + NOISE[:seeds]))


def test_on_off_and_open() -> None:
    arms = {"cheap": arm(0.30), "level": arm(0.3005), "worse": arm(0.25), "best": arm(0.40)}
    costs = {"cheap": 1.0, "level": 2.0, "worse": 3.0, "best": 4.0}
    assert standings(costs, arms) == {
        "cheap": "on",
        "level": "perhaps",
        "worse": "off",
        "best": "on",
    }


def test_at_one_cost_the_marks_are_the_set_not_separated_from_the_top() -> None:
    arms = {"a": arm(0.30), "b": arm(0.3005), "c": arm(0.25)}
    assert standings(dict.fromkeys(arms, 1.0), arms) == {"a": "perhaps", "b": "perhaps", "c": "off"}
    alone = {"a": arm(0.30), "c": arm(0.25)}
    assert standings(dict.fromkeys(alone, 1.0), alone) == {"a": "on", "c": "off"}


def test_one_seed_is_not_judged_and_leaves_dearer_ones_open() -> None:
    arms = {"a": arm(0.3), "one": arm(0.9, 1), "b": arm(0.4), "c": arm(0.2)}
    costs = {"a": 1.0, "one": 2.0, "b": 3.0, "c": 4.0}
    assert standings(costs, arms) == {"a": "on", "one": "perhaps", "b": "perhaps", "c": "off"}
    assert standings({"none": 1.0}, {}) == {"none": "perhaps"}


def test_a_low_p_is_no_mark_where_the_comparisons_are_many() -> None:
    """Six seeds against six reach p = .0022: enough for 23 comparisons, not for 24."""
    for others, expected in ((23, "off"), (24, "perhaps")):
        arms = {"top": arm(0.9)} | {f"{i}": arm(0.3) for i in range(others)}
        assert standings(dict.fromkeys(arms, 1.0), arms)["0"] == expected


@pytest.mark.parametrize("test", ["permutation", "paired_t"])
def test_the_same_pairs_are_parted_as_from_the_top(test: Test) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        means = 0.3 + rng.normal(0, 0.01, 5)
        arms = {
            f"{i}": Sample(
                tuple(map(float, mean + rng.normal(0, 0.005, 6))),
                tuple(range(6)),
                mean + rng.normal(0, 0.004, (6, 50)),
            )
            for i, mean in enumerate(means)
        }
        top = max(arms, key=lambda name: arms[name].mean)
        found = standings(dict.fromkeys(arms, 1.0), arms, test=test)
        for one in from_the_top(top, arms, test=test):
            if one.separated:
                assert found[one.against] == "off"
        assert found[top] == (
            "on" if all(o.separated for o in from_the_top(top, arms, test=test)) else "perhaps"
        )


def test_the_interval_over_images_must_leave_out_zero_too() -> None:
    """Seeds part the two for certain; the test images do not."""
    wide = np.linspace(-0.2, 0.2, 41)
    a = Sample(arm(0.30).values, tuple(range(6)), 0.30 + np.tile(wide, (6, 1)))
    b = Sample(arm(0.35).values, tuple(range(6)), 0.35 - np.tile(wide, (6, 1)))
    assert standings({"a": 1.0, "b": 1.0}, {"a": a, "b": b}) == {"a": "perhaps", "b": "perhaps"}
    held = {"a": arm(0.30), "b": arm(0.35)}
    assert standings({"a": 1.0, "b": 1.0}, held) == {"a": "off", "b": "on"}


def test_paired_means_are_of_the_seeds_that_both_have() -> None:
    """As in the verdicts: another seed of one arm, however lucky, is no part of it."""
    wave = np.array([0.0, 0.001, 0.0, 0.001, 0.0, 0.001])
    steady = sample(list(0.30 + NOISE + wave))
    lucky = sample([*(0.28 + NOISE), 0.99])
    assert lucky.mean > steady.mean
    found = standings({"a": 1.0, "b": 1.0}, {"a": steady, "b": lucky}, test="paired_t")
    assert found == {"a": "on", "b": "off"}


def test_of_measured_costs_only_what_noise_leaves_no_doubt_of_counts() -> None:
    arms = {"low": arm(0.30), "high": arm(0.40)}
    costs = {"low": 5.0, "high": 5.1}
    apart = {"low": [5.0, 5.001, 4.999], "high": [5.1, 5.101, 5.099]}
    level = {"low": [5.0, 5.4, 4.6], "high": [5.1, 5.5, 4.7]}
    assert standings(costs, arms, times=apart) == {"low": "on", "high": "on"}
    assert standings(costs, arms, times=level) == {"low": "perhaps", "high": "on"}
    swapped = {"low": apart["high"], "high": apart["low"]}
    assert standings(costs, arms, times=swapped) == {"low": "off", "high": "on"}
    once = {"low": [5.0], "high": [9.0]}
    assert standings(costs, arms, times=once) == {"low": "perhaps", "high": "on"}


def test_slower_is_beyond_noise_and_over_the_comparisons() -> None:
    a, b = [1.00, 1.01, 1.02], [1.03, 1.04, 1.05]
    assert is_slower(b, a)
    assert not is_slower(a, b)
    assert not is_slower(b, a, 5)
    assert is_slower([2.0, 2.0], [1.0, 1.0])
    assert not is_slower([1.0, 1.0], [1.0, 1.0])


def test_equal_arms_are_called_off_or_on_no_oftener_than_stated() -> None:
    """At one cost, where all are the best: each is called off in at most .05 of studies."""
    rng = np.random.default_rng(7)
    rounds, off, on = 400, 0, 0
    for _ in range(rounds):
        arms = {f"{i}": sample(list(rng.normal(0.3, 0.01, 6))) for i in range(4)}
        found = standings(dict.fromkeys(arms, 1.0), arms)
        off += found["0"] == "off"
        on += "on" in found.values()
    bound = 0.05 + 2.6 * (0.05 * 0.95 / rounds) ** 0.5
    assert off / rounds <= bound
    assert on / rounds <= bound
