"""Membership over three costs side by side, and where multiply-adds and latency disagree."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.report.fronts import fronts_info, times_of
from harness.report.pareto import pareto
from harness.report.summary import ArmSummary
from harness.statistics.estimates import estimate

QUIET = (0.0, 0.001, -0.001, 0.0005, -0.0005, 0.0)


def arm(label: str, ap: float, **costs: float) -> ArmSummary:
    seeds = tuple(ap + shift for shift in QUIET)
    return ArmSummary(
        label, label, {}, len(seeds), estimate(seeds), seeds, {}, costs, None, {}, None, True,
        False,
    )  # fmt: skip


LEAN = arm("lean", 0.40, macs=1e9, params=2e6, latency_ms=9.0)
WIDE = arm("wide", 0.45, macs=2e9, params=1e6, latency_ms=5.0)
TIMES = {"lean": [9.0, 9.1, 8.9], "wide": [5.0, 5.1, 4.9]}


def test_membership_is_of_each_cost_on_its_own() -> None:
    drawn = [pareto([LEAN, WIDE], x) for x in ("macs", "params", "latency")]
    info = fronts_info(drawn, [LEAN, WIDE], TIMES)
    assert info is not None
    assert info.costs == ("multiply-adds", "parameters", "latency")
    standings = {row.label: [cell.standing for cell in row.cells if cell] for row in info.rows}
    assert standings == {"lean": ["on", "off", "off"], "wide": ["on", "on", "on"]}
    assert info.reference == "AP 0 and 1.1 times the largest cost, cost in doublings (log2)"
    assert info.volumes[0] is not None
    assert info.volumes[0].reference == pytest.approx(2.2)


def test_signs_that_disagree_are_pointed_out() -> None:
    info = fronts_info([pareto([LEAN, WIDE])], [LEAN, WIDE], TIMES)
    assert info is not None
    (one,) = info.disagreements
    assert (one.cheaper, one.dearer) == ("lean", "wide")
    assert one.latency_ratio == pytest.approx(1.8, abs=0.01)


def test_a_noisy_latency_leaves_probability_open() -> None:
    """Two medians that could as well stand the other way round."""
    times = {"lean": [9.0, 4.0, 6.0], "wide": [5.0, 9.0, 6.5]}
    info = pareto([LEAN, WIDE], "latency", times=times)
    chance = {point.label: point.front_probability for point in info.points}
    assert 0.05 < (chance["lean"] or 0) < 0.95


def test_one_seed_has_no_probability_and_the_table_says_why() -> None:
    lone = arm("lone", 0.6, macs=3e9)
    lone = replace(lone, seeds=lone.seeds[:1], ap=estimate(lone.seeds[:1]))
    arms = [LEAN, WIDE, lone]
    info = fronts_info([pareto(arms)], arms, {})
    assert info is not None
    cell = info.rows[2].cells[0]
    assert cell is not None
    assert (cell.probability, cell.words) == (None, "one seed: not judged")
    assert [row.cells[0].words for row in info.rows[:2] if row.cells[0]] == ["on", "on"]


def test_one_arm_has_no_front_to_be_sure_of() -> None:
    assert fronts_info([pareto([LEAN])], [LEAN], {}) is None


def test_latencies_are_of_one_device_and_aliases_do_not_count_twice() -> None:
    cells = pd.DataFrame(
        {
            "label": ["a", "a", "a", "b"],
            "status": ["done", "done", "done", "alias"],
            "latency_ms": [1.0, 2.0, 90.0, 1.0],
            "latency_device": ["gpu", "gpu", "cpu", "gpu"],
        }
    )
    assert times_of(cells) == {"a": [1.0, 2.0]}
    assert times_of(cells[["label", "status"]]) == {}
