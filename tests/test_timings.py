"""Ratios with their spread, and the file that keeps them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import LedgerError
from harness.records import Environment
from harness.timings import Comparison, Setting, Timings, all_timings, read_timings, write_timings

HERE = Environment("host", "cpu: X", 1, {"torch": "2.15"}, None, "2026-11-27T00:00:00+00:00")
SETTING = Setting("feature_network", "eager", ("softmax", "fast"), ("D0", "D0"), 1, "float32",
                  "channels_last", "cpu: X", 1)  # fmt: skip


def compared(**times):
    setting = replace(SETTING, arms=tuple(times))
    return Comparison(setting, HERE, {arm: tuple(found) for arm, found in times.items()}, 3)


def test_the_ratio_is_the_first_arms_time_over_the_others_in_the_same_round():
    """Rounds of a loaded machine: times of one round belong together."""
    load = np.array([1.0, 3.0, 1.0, 2.0, 1.5, 1.0, 4.0, 1.0])
    (found,) = compared(softmax=12.8 * load, fast=10.0 * load).speedups()
    assert (found.arm, found.against, found.rounds) == ("fast", "softmax", 8)
    assert found.median == pytest.approx(1.28)
    assert found.quartiles == pytest.approx((1.28, 1.28))
    assert found.interval == pytest.approx((1.28, 1.28))
    assert found.separated


def test_the_interval_is_of_order_statistics():
    """Of 20 rounds the 6th and the 15th: 95.9% by the binomial (Conover, table A3)."""
    ratios = [1 + i / 100 for i in range(20)]
    (found,) = compared(a=[10 * r for r in ratios], b=[10.0] * 20).speedups()
    assert found.median == pytest.approx(1.095)
    assert found.interval == pytest.approx((1.05, 1.14))
    assert found.quartiles == pytest.approx((1.0475, 1.1425))


def test_the_interval_holds_the_median_as_often_as_it_says():
    draw = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        ratios = np.exp(draw.standard_t(2, 15) * 0.1)
        (found,) = compared(a=ratios, b=np.ones(15)).speedups()
        inside += found.interval[0] <= 1 <= found.interval[1]
    assert inside >= 185  # 96.5% expected, 92.5% is over three deviations off


def test_few_rounds_have_no_interval_and_say_nothing():
    (found,) = compared(a=[2.0] * 5, b=[1.0] * 5).speedups()
    assert found.interval is None
    assert not found.separated
    (one,) = compared(a=[2.0], b=[1.0]).speedups()
    assert (one.median, one.quartiles, one.interval) == (2.0, (2.0, 2.0), None)


def test_each_other_arm_is_measured_by_the_first():
    found = compared(a=[6.0] * 6, b=[3.0] * 6, c=[12.0] * 6).speedups()
    assert [(s.arm, s.against, s.median) for s in found] == [("b", "a", 2.0), ("c", "a", 0.5)]


def test_what_could_not_be_measured_has_no_ratio():
    assert Comparison(SETTING, HERE, reason="no compiler").speedups() == ()


def test_the_file_round_trips_and_keeps_other_devices(tmp_path):
    first = compared(softmax=[2.0, 2.5], fast=[1.0, 1.0])
    gpu = replace(first, setting=replace(SETTING, device="cuda: Y"))
    again = replace(first, milliseconds={"softmax": (3.0,), "fast": (1.5,)})
    none = Comparison(replace(SETTING, mode="compiled"), HERE, reason="no compiler")
    timings = Timings("fusion", "coco")
    for one in (first, gpu, none, again):
        timings = timings.having(one)
        path = write_timings(tmp_path, timings)
    assert path == tmp_path / "latency" / "fusion" / "coco.json"
    assert list(path.parent.iterdir()) == [path]
    assert read_timings(tmp_path, "fusion", "coco") == timings
    assert timings.comparisons == (again, gpu, none)
    write_timings(tmp_path, Timings("fusion", "a", (gpu,)))
    assert [one.profile for one in all_timings(tmp_path, "fusion")] == ["a", "coco"]
    assert read_timings(tmp_path, "other", "coco").comparisons == ()
    assert all_timings(tmp_path, "other") == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, r"coco\.json: version 99; this harness reads 1"),
        ({"study": "other"}, r"coco\.json: is of study 'other', profile 'coco'"),
        ({"profile": "voc"}, r"coco\.json: is of study 'fusion', profile 'voc'"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, changes, message):
    path = write_timings(tmp_path, Timings("fusion", "coco"))
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(LedgerError, match=message):
        read_timings(tmp_path, "fusion", "coco")


def test_a_damaged_file_is_named(tmp_path):
    path = write_timings(tmp_path, Timings("fusion", "coco", (compared(a=[1.0], b=[1.0]),)))
    path.write_text(path.read_text().replace('"calls": 3', '"calls": "three"'))
    with pytest.raises(LedgerError, match=r"coco\.json: comparisons\.0\.calls: .*integer"):
        read_timings(tmp_path, "fusion", "coco")
    with pytest.raises(LedgerError, match=r"study '\.\./x'"):
        read_timings(tmp_path, "../x", "coco")
