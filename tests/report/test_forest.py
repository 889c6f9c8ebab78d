"""Contrasts as a forest, cost by part, networks with what differs: the data, then that it draws."""

from pathlib import Path
from typing import Any

import pytest

from harness.report.forest import draw_forest, forest, name_of
from harness.report.gather import gather
from harness.report.networks import networks_info
from harness.report.page import write_files
from harness.report.paper import draw_column, to_pdf
from harness.report.parts import draw_parts, parts_info
from harness.statistics.contrasts import Contrast


def contrast(arm: str, difference: float, half: float, separated: bool = False) -> Contrast:
    ends = difference - half, difference + half
    return Contrast(arm, "base", difference, *ends, (6, 6), 0.01, 0.02, 0.002, separated)


def test_a_forest_spans_what_matters() -> None:
    info = forest((), [contrast("a", 0.02, 0.01, True), contrast("b", -0.01, 0.5)])
    assert info is not None
    assert info.cut
    assert round(info.reach, 4) == round(0.02 * 2.5 * 1.06, 4)
    assert info.place(0.0) == 50.0
    assert info.place(-1.0) == 0.0
    assert info.place(1.0) == 100.0
    assert [round(mark, 3) for mark in info.marks] == [-0.04, -0.02, 0.0, 0.02, 0.04]
    (group,) = info.groups
    assert group.title == "Pairs the study names"
    assert name_of(group.rows[0], group) == "a"
    assert draw_forest(info).axes


def test_a_forest_of_no_difference_still_shows_an_interval() -> None:
    info = forest((), [contrast("a", 0.0002, 0.01), contrast("b", 0.0001, 0.03)])
    assert info is not None
    assert info.reach == pytest.approx(0.0102 * 1.06)
    assert 0 < info.place(-0.0098) < info.place(0.0102) < 100


def test_a_forest_names_both_where_a_group_has_several_bases() -> None:
    rows = [contrast("a", 0.02, 0.01), Contrast("a", "b", 0, 0, 0, (1, 1), None, None, 1, False)]
    info = forest((), rows, spine=("base", "a", "b"))
    assert info is not None
    assert [name_of(row, info.groups[0]) for row in rows] == ["a − base", "a − b"]
    assert info.groups[0].title == "Each of base → a → b minus the one before it"


def test_no_contrast_no_forest() -> None:
    assert forest(()) is None


def test_parts_add_up_to_the_whole(make: Any, keep: Any) -> None:
    study, records = make.grid(1, (1.2,))
    data = gather(keep(study, records), study.study, study.profile)
    info = parts_info(data.arms)
    assert info is not None
    assert len(info.rows) == 3  # the alias is left out
    row = info.rows[0]
    assert set(row.costs["macs"]) == {"backbone", "feature network", "heads"}
    assert abs(row.total("macs") - data.arms[0].costs["macs"]) < 5
    shares = [info.share(info.rows[-1], "macs", part) for part in row.costs["macs"]]
    assert abs(sum(shares) - 100) < 0.01
    assert draw_parts(info).axes


def test_networks_are_told_apart_and_marked(make: Any, keep: Any) -> None:
    records = {
        "plain": [make.record("a", 0, 0.5)],
        "same": [make.record("b", 0, 0.5)],
        "soft": [make.record("c", 0, 0.5, graph=make.network("softmax"))],
        "proposal 3": [make.record("d", 0, 0.5, graph=make.network("none"))],
    }
    info = networks_info(records, "soft")
    assert [one.name for one in info.networks] == ["soft", "plain"]
    assert info.baseline == "soft"
    assert info.of == {"soft": 0, "plain": 1, "same": 1}
    assert info.networks[0].marks == {}
    assert info.networks[1].marks == {"p3_out@1": "changed"}
    assert info.networks[1].words == "1 changed"


def test_plots_for_paper_are_a_column_wide_and_equal(make: Any, keep: Any) -> None:
    study, records = make.grid(1, (1.2, 1.3))
    data = gather(keep(study, records), study.study, study.profile)
    fig = draw_column(data.pareto)
    assert fig.get_size_inches()[0] == 3.3
    assert to_pdf(draw_column(data.pareto)) == to_pdf(draw_column(data.pareto))


def test_a_chance_that_would_matter_is_called_meaningful(
    make: Any, keep: Any, tmp_path: Path
) -> None:
    study, records = make.fusion(6)
    data = gather(keep(study, records), "fusion", "laptop")
    page = write_files(data, tmp_path / "page")[0].read_text()
    info = forest(data.arms, data.declared, data.families, data.asked.spine)
    assert info is not None
    chances = [row.superiority for group in info.groups for row in group.rows]
    meaningful = sum(one is not None and one.is_meaningful for one in chances)
    assert page.count("] meaningful</span>") == meaningful > 0
    assert "meaningful: above a half, and possibly as much as three in four" in page
