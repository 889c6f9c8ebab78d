"""Turns are fair, and times are those of the clock."""

from collections import Counter

import pytest

from harness.latency.interleaved import WARM_UP, Clock, interleave, turns, whole_cycles


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_everyone_is_equally_often_at_every_place(count):
    orders = list(turns(count, 4 * count))
    assert all(sorted(order) == list(range(count)) for order in orders)
    places = Counter((place, who) for order in orders for place, who in enumerate(order))
    assert set(places.values()) == {4}
    assert len(places) == count**2


@pytest.mark.parametrize("count", [2, 3, 4])
def test_each_pair_stands_both_ways_round_equally_often(count):
    orders = list(turns(count, 2 * count))
    for a in range(count):
        for b in range(a):
            before = sum(order.index(a) < order.index(b) for order in orders)
            assert before == count


def test_rounds_make_whole_cycles():
    assert [whole_cycles(3, rounds) for rounds in (1, 3, 4, 30)] == [3, 3, 6, 30]


class Machine:
    """A machine whose every call takes a stated time, longer while it is loaded.

    Work is done when the device is waited for, as on a GPU.
    """

    def __init__(self, load=lambda now: 1.0):
        self.now, self.pending, self.load, self.log = 0.0, 0.0, load, []

    def settle(self):
        self.now, self.pending = self.now + self.pending, 0.0

    def runner(self, name, seconds):
        def run():
            self.log.append(name)
            self.pending += seconds * self.load(self.now)

        return run

    def clock(self):
        return Clock(lambda: self.now, self.settle)


def test_times_are_milliseconds_of_one_call_after_a_warm_up():
    machine = Machine()
    runs = {"a": machine.runner("a", 0.030), "b": machine.runner("b", 0.010)}
    times, calls = interleave(runs, 5, machine.clock())
    assert calls == 2  # of the slowest, to last 50 ms
    assert times["a"] == pytest.approx([30.0] * 6)
    assert times["b"] == pytest.approx([10.0] * 6)
    assert machine.log[: 2 * WARM_UP] == ["a"] * WARM_UP + ["b"] * WARM_UP
    assert machine.log[2 * WARM_UP :][:8] == ["a", "a", "b", "b", "b", "b", "a", "a"]
    assert Counter(machine.log) == {"a": WARM_UP + 12, "b": WARM_UP + 12}


def test_a_load_that_comes_and_goes_leaves_the_ratio():
    """Half of the time everything takes three times as long, in spells of some rounds."""
    machine = Machine(load=lambda now: 3.0 if now % 2.0 < 1.0 else 1.0)
    runs = {"a": machine.runner("a", 0.026), "b": machine.runner("b", 0.020)}
    times, _ = interleave(runs, 40, machine.clock())
    assert max(times["a"]) == pytest.approx(3 * min(times["a"]))
    ratios = sorted(a / b for a, b in zip(times["a"], times["b"], strict=True))
    assert ratios[20] == pytest.approx(1.3)


def test_a_device_is_waited_for_before_the_clock_is_read():
    """Without settling, work given to a device would seem to take no time."""
    machine = Machine()
    assert machine.clock().seconds(machine.runner("a", 0.5), 4) == pytest.approx(0.5)
    assert machine.pending == 0
