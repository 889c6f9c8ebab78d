"""The data of the Pareto plot and of the families, and what may be said of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.report import table
from harness.report.answer import answer
from harness.report.asked import Asked, asked, tune
from harness.report.cards import cards
from harness.report.families import Beyond, FamiliesInfo, Family, families
from harness.report.family_answer import family_answer
from harness.report.fusion import MOVED, fusion_arms, movement
from harness.report.gather import gather
from harness.report.networks import NetworksInfo
from harness.report.pareto import pareto
from harness.report.pareto_drawing import draw_pareto, draw_phone
from harness.report.pareto_marks import caption, colour_of, markers_of, said_of
from harness.report.style import in_number_order, styled, to_svg
from harness.report.summary import ArmSummary, summarise
from harness.report.table import column_of
from harness.statistics.contrasts import Contrast
from harness.statistics.estimates import Estimate, estimate
from harness.statistics.samples import Sample

FACTOR = "feature_network.width.factor"


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


def test_families_are_read_over_their_common_cost(make: Any, keep: Any) -> None:
    study, records = make.grid(2)
    cells = table(keep(study, records), "width", "laptop")
    info = families(cells, FACTOR)
    assert info is not None
    low, high = info.common or (0, 0)
    assert low == pytest.approx(5e8 * 1.4**2, rel=1e-6)
    assert high == pytest.approx(5e8 * 1.2**6, rel=1e-6)
    assert "no factor is separated from another (n=2 seeds)" in family_answer(info)
    assert not any(gap.separated for gap in info.gaps)


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        (range(6), "The families by factor share no seed, and are compared seed by seed"),
        (range(1), "share no seed"),
    ],
)
def test_families_without_a_shared_seed_are_not_compared(seeds: range, said: str) -> None:
    rows = [
        {
            "arm": f"{factor} {size}", "label": f"{factor} {size}", "status": "done",
            "seed": seed + 10 * (factor > 1.2), "ap": 0.3 + 0.01 * size + 0.001 * seed,
            "macs": 1e9 * size, "choice." + FACTOR: factor,
        }
        for factor in (1.2, 1.3) for size in (1, 2) for seed in seeds
    ]  # fmt: skip
    info = families(pd.DataFrame(rows), FACTOR)
    assert info is not None
    assert said in family_answer(info)
    one = families(
        pd.DataFrame([row | {"seed": 0} for row in rows if row["seed"] % 10 == 0]), FACTOR
    )
    assert one is not None
    assert "(n=1 seed)" in family_answer(one)


def test_families_of_tuned_networks_are_read_at_the_best_value(make: Any, keep: Any) -> None:
    """Networks of one cost are one point; those of a worse learning rate are not in its mean."""
    study, records = make.grid(2, factors=(1.2, 1.3))
    bad = [replace(one, id=f"bad{one.id}", metrics=replace(one.metrics, ap=0.1)) for one in records]
    cells = [cell for cell in study.cells if cell.status == "done"]
    tuned = [
        replace(cell, id=f"{name}{cell.id}", choice=cell.choice | {"recipe.rate": rate})
        for rate, name in ((1, ""), (2, "bad"))
        for cell in cells
    ]
    whole = replace(
        study, cells=tuple(tuned), report={"family": FACTOR, "tuned": "recipe.rate"},
        axes=study.axes | {FACTOR: [1.2, 1.3], "recipe.rate": [1, 2]},
    )  # fmt: skip
    plain = families(table(keep(study, records), "width", "laptop"), FACTOR)
    assert plain is not None
    heights = [one.height.mean for one in plain.families if one.height]
    (info,) = gather(keep(whole, [*records, *bad]), "width", "laptop").families
    assert [one.height.mean for one in info.families if one.height] == pytest.approx(heights)


def test_height_is_exact_on_straight_lines(make: Any, keep: Any) -> None:
    """AP = log2(multiply-adds) / 100 for all families: equal heights, no gap, slope .01."""
    import math

    study, records = make.grid(1)
    straight = [
        make.record(r.id, r.spec["seeds"]["init"], math.log2(r.cost.macs) / 100, r.cost.macs)
        for r in records
    ]
    info = families(table(keep(study, straight), "width", "laptop"), FACTOR)
    assert info is not None
    assert info.common is not None
    assert info.trend is not None
    middle = sum(map(math.log2, info.common)) / 2 / 100
    heights = [family.height.mean for family in info.families if family.height]
    assert heights == pytest.approx([middle] * 3)
    assert info.trend.mean == pytest.approx(0.01)


def test_six_seeds_find_a_gap_that_is_there(make: Any, keep: Any) -> None:
    study, records = make.grid(6, gain=0.05)
    info = families(table(keep(study, records), "width", "laptop"), FACTOR)
    assert info is not None
    assert all(gap.verdict == "lower" for gap in info.gaps)
    said = family_answer(info)
    assert said.startswith("Use factor 1.4. At equal cost (AP averaged along each curve, over ")
    assert " GFLOPs; n=6 seeds) 1.4 is 0.0" in said
    assert said.endswith("] above 1.3, the next, and above 1.2 too.")


def test_what_the_highest_is_not_separated_from_is_named_with_what_would_settle_it() -> None:
    def gap(arm: str, against: str, difference: float, **more: Any) -> Contrast:
        low, high = difference - 0.001, difference + 0.001
        return Contrast(arm, against, difference, low, high, (6, 6), 0.001, 0.01, 0.03, **more)

    family = [
        Family(name, (), tuple(range(6)), Estimate(mean, 0.01, 6, mean - 0.01, mean + 0.01))
        for name, mean in (("1.2", 0.3), ("1.3", 0.34), ("1.4", 0.35), ("1.45", 0.35))
    ]
    gaps = [
        gap("1.4", "1.2", 0.05, separated=True),
        gap("1.4", "1.3", 0.01, separated=False, needs=9),
        replace(gap("1.4", "1.45", 0.0, separated=False), p=None),
        gap("1.3", "1.2", 0.04, separated=True),
    ]
    info = FamiliesInfo("x.factor", tuple(family), (1e9, 2e9), tuple(gaps), None)
    assert family_answer(info) == (
        "Use factor 1.4, 1.45 or 1.3. At equal cost (AP averaged along each curve, over 1.00 to "
        "2.00 GFLOPs; n=6 seeds) 1.4 is 0.050 AP [0.049, 0.051] above 1.2, the next. 1.45 has the "
        "same networks there. Not separated from 1.4: 1.3 (needs about 9 seeds)."
    )
    above = gap("1.45", "1.4", 0.009, separated=False, needs=22)
    apart = replace(info, beyond=(Beyond("coefficient 3", above),))
    assert (
        "1.45 has the same networks there; at coefficient 3, 1.45 minus 1.4 is +0.009 AP "
        "[+0.008, +0.010], not separated (needs about 22 seeds). Not"
    ) in family_answer(apart)
    none = replace(info, gaps=tuple(gaps[1:]))
    assert family_answer(none).startswith(
        "At equal cost (over 1.00 to 2.00 GFLOPs) factor 1.4 has the highest mean AP, 0.350 "
        "[0.340, 0.360] (n=6), and is separated from none. 1.45 has the same networks there. Not"
    )
    turned = replace(gaps[0], difference=-0.05, low=-0.051, high=-0.049)  # over shared seeds
    assert replace(info, gaps=(turned,)).level == ("1.4", "1.45", "1.3", "1.2")
    same = replace(
        info,
        families=(family[2], family[3]),
        gaps=(gaps[2],),
        beyond=(Beyond("coefficient 3", above),),
    )
    assert family_answer(same) == (
        "At equal cost no factor is separated from another (n=6 seeds): over 1.00 to 2.00 GFLOPs "
        "the families' mean APs lie within 0.000 of each other, and gaps up to 0.001 are not "
        "excluded. 1.4 and 1.45 have the same AP, seed by seed; at coefficient 3, 1.45 minus 1.4 "
        "is +0.009 AP [+0.008, +0.010], not separated (needs about 22 seeds)."
    )


def test_a_seed_with_a_hole_gives_its_family_no_curve(make: Any, keep: Any) -> None:
    study, records = make.grid(2)
    holed = [record for record in records if record.id != "t020"]
    info = families(table(keep(study, holed), "width", "laptop"), FACTOR)
    assert info is not None
    assert {family.name: len(family.curves) for family in info.families}["1.2"] == 1


def test_answer_claims_nothing_two_seeds_cannot_carry(make: Any, keep: Any) -> None:
    study, records = make.fusion(2)
    cells = table(keep(study, records), "fusion", "laptop")
    tuning = tune(study, cells, asked(study).tuned)
    said = answer(summarise(cells, "mean", tuning))
    assert said.startswith("No arm is separated from mean")
    assert "(2 seeds an arm cannot rank them; no fewer than 5 could)" in said


def test_answer_names_what_six_seeds_separate(make: Any, keep: Any) -> None:
    study, records = make.fusion(6)
    cells = table(keep(study, records), "fusion", "laptop")
    tuning = tune(study, cells, asked(study).tuned)
    arms = summarise(cells, "mean", tuning)
    assert [a.label for a in arms] == [
        f"{n}, learning_rate 0.1" for n in ("mean", "fast", "softmax")
    ]
    words = (
        "tuned: best of 2 values of learning_rate, chosen on the data it is shown on (optimistic)"
    )
    assert all(a.tuned == words for a in arms)
    said = answer(arms)
    assert "fast, learning_rate 0.1 is higher by" in said
    assert "not separated: softmax, learning_rate 0.1 (needs " in said
    assert said.startswith("Use fast, learning_rate 0.1: its mean AP, 0.")


def test_answer_says_which_arms_may_be_the_best_the_cheapest_first() -> None:
    noise = [0.001 * seed for seed in range(6)]
    held = {"base": (3e9, 0.3), "wide": (2e9, 0.4), "lean": (1e9, 0.399)}
    cells = pd.DataFrame(
        {"arm": name, "label": name, "seed": seed, "status": "done", "id": f"{name}{seed}",
         "ap": ap + noise[seed], "macs": macs, "alias_of": None}
        for name, (macs, ap) in held.items() for seed in range(6)
    )  # fmt: skip
    said = answer(summarise(cells, "base"))
    assert said.startswith(
        "Use lean or wide (by rising cost): none is separated from the highest mean AP, wide's 0.40"
    )
    assert "(n=6); to part lean from it takes about 68 seeds. Against base, " in said
    assert ". Against base, wide is higher by 0.100 AP (95% interval " in said
    uncosted = answer(summarise(cells.drop(columns="macs"), "base"))
    assert uncosted.startswith("Use wide or lean (by falling mean AP): none is separated from ")
    many = {f"arm {i}": (1e9, 0.4 + 0.05 * i) for i in range(6)}
    cells = pd.DataFrame(
        {"arm": name, "label": name, "seed": seed, "status": "done", "id": f"{name}{seed}",
         "ap": ap + noise[seed], "macs": macs, "alias_of": None}
        for name, (macs, ap) in many.items() for seed in range(6)
    )  # fmt: skip
    said = answer(summarise(cells, "arm 0"))
    assert said.index("arm 5 is higher") < said.index("arm 4 is higher")
    assert said.endswith("; 3 more are separated from it.")


def test_nothing_done_is_no_answer() -> None:
    assert "no answer yet" in answer([arm("a", 1e9)])


def test_other_axes_are_strata_and_numbers_run_along(make: Any) -> None:
    study, _ = make.grid()
    head = replace(study, axes=study.axes | {"head.width": ["tied", 64], "head.kind": ["one"]})
    wanted = asked(head)
    assert wanted.along == ("model.coefficient",)
    assert wanted.strata == ("head.width",)
    assert (
        wanted.stratum({"head.width": "tied"}) == "head.width tied"
        or wanted.stratum({"head.width": "tied"}) == "width tied"
    )


def test_movement_and_its_threshold(make: Any) -> None:
    assert movement({"n": [0.5, 0.5]}, {"n": [0.6, 0.4]}) == pytest.approx(0.1)
    _, records = make.fusion(2)
    trials: dict[str, list[Any]] = {}
    for record in records:
        trials.setdefault(record.id[:4], []).append(record)
    verdicts = {one.label: one.verdict for one in fusion_arms(trials)}
    assert verdicts["fast"] == "moved"
    assert verdicts["soft"] == f"not tested (moved less than {MOVED})"
    assert verdicts["mean"] == "frozen on purpose (control)"


def test_what_was_stopped_had_no_time_to_move_its_weights(make: Any) -> None:
    _, records = make.fusion(2)
    [first, *_] = fusion_arms({"both": [records[0], replace(records[1], status="stopped")]})
    assert first.moved.n == 1
    assert fusion_arms({"one": [replace(records[0], status="stopped")]}) == ()


def test_families_stand_in_the_order_of_their_numbers():
    assert sorted(["1.4", "wide", "1.25", "1.2"], key=in_number_order) == [
        "1.2", "1.25", "1.4", "wide",
    ]  # fmt: skip


def test_arms_are_families_where_the_study_says_so(make: Any, keep: Any) -> None:
    """The grid with its factors as arms: the same curves as by the axis."""
    study, records = make.grid(2)
    cells = tuple(replace(cell, arm=f"factor {cell.choice[FACTOR]}") for cell in study.cells)
    arms = tuple(dict.fromkeys(cell.arm for cell in cells))
    by_arm = replace(study, cells=cells, arms=arms, report={"family": "arm"})
    found = table(keep(by_arm, records), "width", "laptop")
    info, by_axis = families(found, "arm"), families(found, FACTOR)
    assert info is not None
    assert by_axis is not None
    assert [family.name for family in info.families] == list(arms)
    assert [family.points for family in info.families] == [
        family.points for family in by_axis.families
    ]
    assert asked(by_arm).family_of("factor 1.2", {FACTOR: 1.4}) == "factor 1.2"
    assert asked(study).family_of("factor 1.2", {FACTOR: 1.4}) == "1.4"


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


def test_families_say_what_is_left_open_and_what_would_settle_it(make: Any, keep: Any) -> None:
    study, records = make.grid(2)
    info = families(table(keep(study, records), "width", "laptop"), FACTOR, axes=study.axes)
    assert info is not None
    assert "of each other, and gaps up to " in family_answer(info)
    assert family_answer(info).endswith(
        "At least six seeds a network are needed before any two could be parted."
    )
    assert info.caution == ""
    assert [trend.axis for trend in info.trends] == [FACTOR, "model.coefficient"]
    assert not info.images


def test_a_slope_over_less_than_a_doubling_is_no_promise(make: Any, keep: Any) -> None:
    study, records = make.grid(2, factors=(1.01, 1.02))
    info = families(table(keep(study, records), "width", "laptop"), FACTOR)
    assert info is not None
    assert info.caution == (
        "All costs lie within 0.14 of a doubling, so this slope is no promise of what a whole one "
        "would bring."
    )


def test_draws_of_the_images_widen_what_families_say(make: Any, keep: Any) -> None:
    study, records = make.grid(6)
    cells = table(keep(study, records), "width", "laptop")
    rng = np.random.default_rng(0)
    samples = {}
    for label, group in cells[cells["status"] == "done"].groupby("label"):
        values = group["ap"].to_numpy()
        drawn = values[:, None] + rng.normal(0, 0.02, 200)
        samples[str(label)] = Sample(tuple(values), tuple(group["seed"]), drawn)
    alone = families(cells, FACTOR)
    both = families(cells, FACTOR, samples=samples)
    assert alone is not None
    assert both is not None
    assert both.images
    for one, other in zip(alone.gaps, both.gaps, strict=True):
        assert other.difference == pytest.approx(one.difference)
        assert other.high - other.low > one.high - one.low  # type: ignore[operator]


def test_families_of_the_same_networks_are_compared_where_they_are_not() -> None:
    """b is a up to coefficient 1, and has a dearer and better network at 2; c is another."""
    noise = [0.001 * seed for seed in range(6)]
    held = {
        "a": [(1e9, 0.30), (2e9, 0.40), (3e9, 0.45)],
        "b": [(1e9, 0.30), (2e9, 0.40), (4e9, 0.47)],
        "c": [(1e9, 0.20), (2e9, 0.30), (2e9, 0.30)],
    }
    cells = pd.DataFrame(
        {"arm": "default", "label": f"{name} {k}", "seed": seed, "status": "done",
         "id": f"{name}{k}{seed}",
         "ap": ap + noise[seed] * (1 + ((name, k) == ("b", 2)) - (name == "c")),
         "macs": macs, "alias_of": f"a {k}" if name == "b" and k < 2 else None,
         column_of("x.factor"): name, column_of("x.coefficient"): k, column_of("x.head"): "tied"}
        for name, networks in held.items() for k, (macs, ap) in enumerate(networks)
        for seed in range(6)
    )  # fmt: skip
    info = families(cells, "x.factor")
    assert info is not None
    assert info.common == (1e9, 2e9)
    (beyond,) = info.beyond
    assert beyond.place == "coefficient 2"
    assert (beyond.gap.arm, beyond.gap.against) == ("b", "a")
    assert beyond.gap.difference == pytest.approx(0.0225)
    assert "b has the same networks there; at coefficient 2, b minus a is +0.022 AP" in (
        family_answer(info)
    )
