"""The Pareto plot: its points, its marks and what they claim."""

from dataclasses import replace

import pytest

from harness.report.asked import Asked
from harness.report.cards import cards
from harness.report.networks import NetworksInfo
from harness.report.pareto import pareto
from harness.report.pareto_drawing import draw_pareto, draw_phone
from harness.report.pareto_marks import caption, colour_of, markers_of, said_of
from harness.report.style import styled, to_svg
from harness.report.summary import ArmSummary
from harness.statistics.estimates import estimate


def arm(label: str, macs: float, *seeds: float, alias: str | None = None) -> ArmSummary:
    return ArmSummary(
        label, label, {}, len(seeds), estimate(seeds), seeds, {}, {"macs": macs}, alias, {}, None,
        True, False,
    )  # fmt: skip


def test_front_is_of_the_means_and_aliases_share_a_point() -> None:
    info = pareto(
        [
            arm("dear", 3e9, 0.5, 0.6),
            arm("cheap", 1e9, 0.4, 0.42),
            arm("beaten", 2e9, 0.3, 0.5),
            arm("best", 2e9, 0.6, 0.62),
            arm("twin", 1e9, 0.4, 0.42, alias="cheap"),
            arm("none", 5e9),
        ]
    )
    assert [point.label for point in info.points] == ["cheap", "beaten", "best", "dear"]
    assert [point.label for point in info.front] == ["cheap", "best"]
    assert info.points[0].x == 1.0
    assert info.points[0].name == "cheap = twin"
    assert info.left_out == (("none", "no AP"),)


def test_axis_states_its_convention() -> None:
    info = pareto([arm("a", 1e9, 0.5)])
    with styled():
        svg = to_svg(draw_pareto(info))
    assert "multiply-adds, closed form, 1 per MAC" in svg


def test_drawing_twice_gives_the_same_svg_without_a_date() -> None:
    info = pareto([arm("a", 1e9, 0.5, 0.51), arm("b $x_1$", 2e9, 0.6, 0.62)])
    with styled():
        first, second = to_svg(draw_pareto(info)), to_svg(draw_pareto(info))
    assert first == second
    assert "dc:date" not in first
    assert "$x_1$" in first


SURE = [0.4, 0.401, 0.399, 0.4, 0.4, 0.402]


def shifted(by: float) -> list[float]:
    return [ap + by for ap in SURE]


def test_marks_obey_the_test_of_the_verdicts() -> None:
    info = pareto(
        [
            arm("cheap", 1e9, *SURE),
            arm("beaten", 2e9, *shifted(-0.05)),
            arm("level", 3e9, *shifted(0.0002)),
            arm("dear", 4e9, *shifted(0.1)),
        ]
    )
    assert [point.standing for point in info.points] == ["on", "off", "perhaps", "on"]
    assert said_of(info.points[2]) == "perhaps on the front: not separated"
    beaten = info.points[1].front_probability
    assert beaten is not None
    assert beaten < 0.001
    assert caption(info) == (
        "The dashed line is the Pareto front of the means. Marks follow the test of the verdicts. "
        "Filled: separated above every network that costs no more. Hollow: separated below one "
        "that costs no more. Half-filled: neither. A network meets 3 others, so each difference is "
        "tested at .05 / 3; besides, its interval must leave out zero. Nothing costs as little as "
        "cheap: on the front whatever its AP."
    )
    with styled():
        svg = to_svg(draw_pareto(info))
    assert "perhaps on the front: not" in svg
    assert [f'id="point-{i}"' in svg for i in range(5)] == [True] * 4 + [False]


def test_a_card_says_what_the_mark_says_and_how_often_it_is_drawn_so() -> None:
    arms = (arm("a", 1e9, *SURE), arm("one", 2e9, 0.9), arm("c", 3e9, *shifted(-0.1)))
    first, lone, last = cards(pareto(arms), arms, NetworksInfo(()))
    assert dict(first["lines"])["front"] == "on the front: separated above all that cost no more"
    assert dict(first["lines"])["on it in"] == "> .99 of draws"
    assert dict(lone["lines"])["front"] == "one seed: not judged"
    assert "on it in" not in dict(lone["lines"])
    assert dict(last["lines"])["front"] == "not on it: separated below one that costs no more"


def test_two_names_of_one_cost_that_are_not_separated_are_both_perhaps() -> None:
    """By the means alone, or a probability, one would be on the front and the other not."""
    info = pareto([arm("one", 1e9, *SURE), arm("same", 1e9, *shifted(0.0005))])
    assert [point.standing for point in info.points] == ["perhaps", "perhaps"]
    assert "dashed" not in caption(info)
    assert " neither. The difference is tested at .05; besides, its interval must" in caption(info)
    assert caption(info).endswith("so the front is the highest AP alone.")
    with styled():
        svg = to_svg(draw_pareto(info))
    assert "front of the means" not in svg
    assert "not on it" not in svg


def test_one_seed_is_never_judged() -> None:
    info = pareto([arm("a", 1e9, 0.5), arm("b", 2e9, 0.4)])
    assert [point.front_probability for point in info.points] == [None, None]
    assert [point.standing for point in info.points] == ["perhaps", "perhaps"]
    assert said_of(info.points[0]) == "one seed: not judged"
    assert caption(info) == (
        "Arms of one seed are not judged: all of these may be on the front or not."
    )
    mixed = pareto([arm("low", 1e9, 0.1), arm("a", 2e9, *SURE), arm("b", 3e9, *shifted(0.1))])
    assert mixed.points[0].front_probability is None
    assert [point.standing for point in mixed.points] == ["perhaps", "perhaps", "perhaps"]
    assert caption(mixed).endswith(
        "zero. Arms of one seed are not judged: they, and what else could only be on the front by "
        "being above them, are half-filled."
    )


def test_a_network_of_several_families_is_named_by_what_it_is() -> None:
    asks = Asked(family="w.factor", along=("m.coefficient",))

    def of(factor: float, at: int, macs: float, alias: str | None = None) -> ArmSummary:
        one = arm(f"factor {factor}, coefficient {at}", macs, *SURE, alias=alias)
        return replace(one, choice={"w.factor": factor, "m.coefficient": at})

    same = "factor 1.2, coefficient {}".format
    arms = [
        of(1.2, 0, 1e9), of(1.3, 0, 1e9, same(0)), of(1.35, 0, 1e9, same(0)),
        of(1.4, 0, 1e9, same(0)), of(1.2, 1, 2e9), of(1.3, 1, 2e9, same(1)),
        of(1.35, 1, 2e9, same(1)), of(1.4, 1, 2.1e9), of(1.2, 2, 3e9), of(1.4, 2, 3e9, same(2)),
    ]  # fmt: skip
    info = pareto(arms, asked=asks)
    assert [point.title for point in info.points] == [
        "coefficient 0, every factor",
        "coefficient 1, factor 1.2 to 1.35",
        "factor 1.4, coefficient 1",
        "coefficient 2, factor 1.2, 1.4",
    ]
    assert [point.name for point in info.points] == [
        "0 (every factor)", "1 (1.2 to 1.35)", "1", "2 (1.2, 1.4)",
    ]  # fmt: skip
    assert info.families == ("1.2", "1.3", "1.35", "1.4")
    colour, shape = colour_of(info), markers_of(info)
    assert len({shape[point.label] for point in info.points}) == 2
    assert colour["several"] not in {colour[name] for name in info.families}
    assert "Grey: one network of several families, in brackets." in caption(info)


def test_families_differ_by_shape_as_by_colour() -> None:
    asks = Asked(family="arm")
    info = pareto([arm(f"f{i}", 1e9 + i, *SURE) for i in range(7)], asked=asks)
    assert len(set(markers_of(info).values())) == 7


def test_on_a_phone_the_key_names_arms_and_marks() -> None:
    info = pareto([arm("lean", 1e9, *SURE), arm("wide", 2e9, *shifted(0.1))])
    with styled():
        drawn = draw_phone(info)
        svg = to_svg(drawn)
    assert drawn.get_figwidth() == 3.7
    assert svg.count(">lean<") == svg.count(">wide<") == 1
    assert "on the front: separated above all that cost" in svg
    crowd = pareto([arm(f"arm {i}", 1e9 + i, 0.9 - 0.01 * i) for i in range(20)])
    with styled():
        assert "arm 7" not in to_svg(draw_phone(crowd))


@pytest.mark.parametrize(("dearest", "scale"), [(3.9e9, "linear"), (9e9, "log")])
def test_costs_far_apart_stand_on_a_logarithmic_axis(dearest: float, scale: str) -> None:
    info = pareto([arm("a", 1e9, 0.5), arm("b", dearest, 0.6)])
    with styled():
        assert draw_pareto(info).axes[0].get_xscale() == scale
