"""A/A: on studies of known truth every test and interval holds what it states."""

import numpy as np
import pytest

from harness.statistics import simulate
from harness.statistics.simulate import Level, Setting, calibration

NAMES = [
    "interval of a mean",
    "interval of a difference",
    "interval of a paired difference",
    "interval of superiority",
    "permutation of seeds",
    "sign test",
    "paired t",
    "Holm over a family",
    "the best left out of the marked set",
    "verdict where arms differ by image alone",
]


def off(levels: tuple[Level, ...]) -> list[str]:
    return [f"{one.name}: {one.measured} of {one.stated}" for one in levels if not one.holds]


def test_every_test_and_interval_holds_its_level_within_a_point_and_a_half():
    levels = calibration(2000, seed=0)
    assert [one.name for one in levels] == NAMES
    assert off(levels) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("setting", [Setting(), Setting(images=60), Setting(seeds=10)])
def test_it_holds_with_other_seeds_and_sizes(seed, setting):
    assert off(calibration(8000, seed, setting)) == []


def test_exact_tests_state_the_level_they_can_attain():
    stated = {one.name: one.stated for one in calibration(10)}
    assert stated["permutation of seeds"] == pytest.approx(46 / 924)
    assert stated["sign test"] == 2 / 64
    few = {one.name: one.stated for one in calibration(10, setting=Setting(seeds=3))}
    assert few["permutation of seeds"] == 0
    assert few["sign test"] == 0


def test_seeds_alone_would_not_cover_what_images_do(monkeypatch):
    """The simulation can fail: intervals that forget the images are too short."""
    whole = simulate.spread_of_difference
    monkeypatch.setattr(simulate, "ARM_IMAGE_SD", 0.2)
    monkeypatch.setattr(simulate, "spread_of_difference", lambda a, b, draws: whole(a, b))
    levels = {one.name: one for one in calibration(500)}
    assert levels["interval of a difference"].measured < 0.9
    assert not levels["interval of a difference"].holds


def test_one_seed_of_the_simulation_is_one_result():
    assert calibration(20, seed=3) == calibration(20, seed=3)
    assert calibration(20, seed=3) != calibration(20, seed=4)
    assert np.isfinite([one.measured for one in calibration(20)]).all()
