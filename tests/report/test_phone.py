"""Plots drawn as wide as a phone: nothing is shrunk, and their keys lie beneath."""

from typing import Any

import pytest
from matplotlib.figure import Figure

from harness.report.gather import ReportData, gather
from harness.report.page import draw
from harness.report.plots import draw_curves, draw_families, draw_needs
from harness.report.share_above import ShareAbove, draw_share_above
from harness.report.style import PHONE, figure, key_beneath, styled


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    from report.conftest import grid

    from harness.ledger import Ledger
    from harness.studies import write_study

    study, records = grid(2, (1.2, 1.3))
    folder = tmp_path_factory.mktemp("phone")
    for record in records:
        Ledger(folder).write(record)
    write_study(folder, study)
    return gather(folder, study.study, study.profile)


def has_key_beneath(fig: Figure) -> bool:
    return len(fig.legends) == 1 and all(axes.get_legend() is None for axes in fig.axes)


def test_keys_lie_beneath(data: ReportData) -> None:
    above = ShareAbove((("a", (0.1, 0.2)), ("b", (0.3, 0.4))), "an arm's", 0)
    with styled():
        made = [
            draw_curves(data.losses, phone=True),
            draw_families(data.families[0], phone=True),
            draw_share_above(above, phone=True),
        ]
    assert [fig.get_figwidth() for fig in made] == [PHONE] * 3
    assert all(map(has_key_beneath, made))
    assert not has_key_beneath(draw_curves(data.losses))


def test_panels_stand_under_each_other_each_with_its_names(data: ReportData) -> None:
    with styled():
        fig = draw_needs(data.arms, data.needs, phone=True)
    assert fig.get_figwidth() == PHONE
    assert len(fig.axes) == len(data.needs) == 3
    names = [label.get_text() for label in fig.axes[2].get_yticklabels()]
    assert len(names) == len([arm for arm in data.arms if not arm.alias_of])
    assert max(len(line) for name in names for line in name.splitlines()) <= 18


def test_a_key_makes_its_figure_taller_and_has_columns_where_names_are_short() -> None:
    heights: dict[str, Any] = {}
    for word in ("a", "a name that is as long as a line"):
        fig, axes = figure(PHONE, 2.0)
        for i in range(6):
            axes.plot([], [], label=f"{word} {i}")
        key_beneath(fig, axes)
        heights[word] = fig.get_figheight(), fig.legends[0]._ncols
    (short, many), (long, one) = heights.values()
    assert 2.0 < short < long
    assert many > 3
    assert one == 1


def test_the_page_has_both_drawings(data: ReportData) -> None:
    drawn, _, _ = draw(data)
    assert {name for name in drawn if "phone" in name} == {
        "paretophone", "curvesphone", "needsphone", "familiesphone",
    }  # fmt: skip
