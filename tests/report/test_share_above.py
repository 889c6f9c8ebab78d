"""The share of runs above each AP, and the mean of their middle half."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats.mstats import trimmed_mean_ci

from harness.report.gather import gather
from harness.report.page import draw, write_files
from harness.report.pareto_marks import colour_of
from harness.report.share_above import draw_share_above, share_above
from harness.report.summary import summary_table
from harness.statistics.estimates import interquartile_mean


def arm(label: str, seeds: Any, **more: Any) -> Any:
    plain = {"label": label, "alias_of": None, "is_baseline": False}
    return SimpleNamespace(**plain | {"seeds": tuple(seeds)} | more)


def test_lines_are_of_arms_with_runs_enough_the_baseline_first() -> None:
    runs = [0.3, 0.1, 0.2, 0.4, 0.5, 0.6]
    arms = [
        arm("low", runs),
        arm("few", runs[:5]),
        arm("high", [one + 0.1 for one in runs]),
        arm("base", [one - 0.1 for one in runs], is_baseline=True),
        arm("again", runs, alias_of="low"),
    ]
    info = share_above(arms)
    assert info is not None
    assert [name for name, _ in info.lines] == ["base", "high", "low"]
    assert info.lines[2][1] == tuple(sorted(runs))
    assert info.words == "n=6, so one run is 17% of the height. Nothing is tested here."
    assert share_above(arms[:2]) is None
    many = share_above([arm(f"arm {i}", [one + i for one in runs]) for i in range(11)])
    assert many is not None
    assert [name for name, _ in many.lines] == [f"arm {i}" for i in range(10, 2, -1)]
    assert many.words.endswith(" Left out, of lower mean: 3 more.")


def test_each_step_is_where_a_run_falls_behind() -> None:
    runs = [0.3, 0.1, 0.2, 0.4, 0.5, 0.6]
    info = share_above([arm("a", runs), arm("b", runs)])
    assert info is not None
    line = draw_share_above(info).axes[0].get_lines()[0]
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    for ap in (0.09, 0.15, 0.35, 0.59, 0.605):
        held = y[np.searchsorted(x, ap, side="right") - 1]
        assert held == pytest.approx(np.mean(np.array(runs) > ap))


def test_families_stand_for_their_networks(make: Any, keep: Any) -> None:
    study, records = make.grid(6)
    data = gather(keep(study, records), "width", "laptop")
    info = share_above(data.arms, data.families)
    assert info is not None
    assert {name for name, _ in info.lines} == {one.name for one in data.families[0].held}
    assert "factor" in info.whose
    for one in data.families[0].held:
        assert one.height is not None
        assert np.mean(one.runs) == pytest.approx(one.height.mean)
    lines = draw_share_above(info).axes[0].get_lines()
    colour = colour_of(data.pareto)
    assert [line.get_color() for line in lines] == [colour[name] for name, _ in info.lines]


def test_the_page_and_the_table_have_them(make: Any, keep: Any, tmp_path: Any) -> None:
    study, records = make.fusion(8)
    data = gather(keep(study, records), "fusion", "laptop")
    assert "above" in draw(data)[0]
    page = write_files(data, tmp_path / "page")[0].read_text()
    assert "n=8, so one run is 12% of the height" in page
    assert "middle half [95% interval]" in page
    assert (tmp_path / "page" / "above.svg").is_file()
    assert {"ap_iqm", "ap_iqm_low", "ap_iqm_high"} <= set(summary_table(data.arms))
    without = replace(data, arms=tuple(replace(one, middle=None) for one in data.arms))
    write_files(without, tmp_path / "page")
    assert "middle half" not in (tmp_path / "page" / "index.html").read_text()


@pytest.mark.parametrize("n", [8, 12, 20])
def test_the_middle_half_is_the_trimmed_mean_of_scipy(n: int) -> None:
    """Its interval is a little wider: scipy's (Tukey and McLaughlin's) is too narrow at eight."""
    values = np.random.default_rng(n).normal(0.3, 0.02, n)
    found = interquartile_mean(list(values))
    assert found is not None
    low, high = trimmed_mean_ci(values, limits=(0.25, 0.25), alpha=0.05)
    middle = n - 2 * (n // 4)
    wider = math.sqrt((n - 1) * middle / (n * (middle - 1)))
    half = wider * (high - low) / 2
    assert (found.low, found.high) == pytest.approx((found.mean - half, found.mean + half))
    assert found.mean == pytest.approx((low + high) / 2)
    broken = interquartile_mean([*values[:-1], 0.0])
    assert broken is not None
    assert (
        abs(broken.mean - found.mean) < 0.02 < abs(np.mean([*values[:-1], 0.0]) - values.mean()) * 2
    )


@pytest.mark.parametrize("n", [8, 12, 20])
def test_its_interval_holds_its_level_within_a_point_and_a_half(n: int) -> None:
    draw = np.random.default_rng(n)
    found = [interquartile_mean(list(draw.normal(0, 1, n))) for _ in range(8000)]
    covered = [one is not None and (one.low or 0) <= 0 <= (one.high or 0) for one in found]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.0175)  # .015, and the noise of 8,000


def test_fewer_than_eight_seeds_have_no_middle_half() -> None:
    assert interquartile_mean([0.1] * 7 + [math.nan]) is None
