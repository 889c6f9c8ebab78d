"""The rank correlation between evaluations on the way and the end."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from harness.records import Environment, Metrics, Rung, TrialRecord
from harness.report.rungs import rung_correlations


def record(final, rungs, status="done"):
    return TrialRecord(
        id="x", status=status, spec={}, seconds=1.0,
        environment=Environment("h", "cpu", 1, {}, None, "2026-01-01T00:00:00+00:00"),
        metrics=Metrics(final, None, None, None, None, None, {}) if final is not None else None,
        rungs=tuple(Rung(epoch, ap) for epoch, ap in rungs.items()),
    )  # fmt: skip


def made(n, noise, seed=0):
    stream = np.random.default_rng(seed)
    finals = stream.normal(size=n)
    rungs = {epoch: finals + stream.normal(size=n) * noise / epoch for epoch in (1, 3)}
    return [
        record(float(finals[i]), {epoch: float(aps[i]) for epoch, aps in rungs.items()})
        for i in range(n)
    ]


def test_it_is_spearmans_with_its_n_and_an_interval_around_it():
    records = made(40, 1.0)
    first, second = rung_correlations(records)
    for found, place in ((first, 0), (second, 1)):
        pairs = [(one.rungs[place].ap, one.metrics.ap) for one in records]
        assert found.rho == pytest.approx(spearmanr(pairs).statistic)
        assert found.n == 40
        assert found.low < found.rho < found.high
    assert (first.epoch, second.epoch) == (1, 3)
    assert second.rho > first.rho
    assert rung_correlations(records) == (first, second)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    found = [rung_correlations(made(25, 1.0, seed))[0] for seed in range(40)]
    truth = 6 / math.pi * math.asin(math.sqrt(0.5) / 2)  # of two normals with r = sqrt(1 / 2)
    covered = sum(one.low <= truth <= one.high for one in found)
    assert 34 <= covered <= 40


def test_stopped_trials_and_those_without_ap_do_not_count():
    records = made(5, 0.1)
    records += [record(None, {1: 0.9}, "stopped"), record(0.9, {1: 0.1}, "stopped")]
    records += [record(0.5, {1: None}), record(None, {1: 0.5})]
    assert rung_correlations(records) == rung_correlations(records[:5])


def test_the_last_evaluation_foretells_nothing():
    records = [replace(one, epochs_done=3) for one in made(5, 0.1)]
    assert [found.epoch for found in rung_correlations(records)] == [1]


def test_too_few_and_equal_ones_say_so():
    assert str(rung_correlations(made(9, 0.01))[0]) == "epoch 1: 1.00 (n=9, no interval)"
    equal = [record(0.5, {1: 0.1 * n}) for n in range(6)]
    assert str(rung_correlations(equal)[0]) == "epoch 1: no ranks (n=6)"
    assert rung_correlations([]) == ()
    some = [record(ap, {1: ap}) for ap in np.arange(0.1, 0.6, 0.05)]
    assert str(rung_correlations(some)[0]) == "epoch 1: 1.00 [1.00, 1.00] (n=10)"
