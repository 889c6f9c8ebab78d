"""Families of networks, read over the costs that all of them reach."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.report import table
from harness.report.asked import asked
from harness.report.families import families
from harness.report.family_answer import family_answer
from harness.report.gather import gather
from harness.report.style import in_number_order
from harness.report.table import column_of
from harness.statistics.samples import Sample

FACTOR = "feature_network.width.factor"


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


def test_a_seed_with_a_hole_gives_its_family_no_curve(make: Any, keep: Any) -> None:
    study, records = make.grid(2)
    holed = [record for record in records if record.id != "t020"]
    info = families(table(keep(study, holed), "width", "laptop"), FACTOR)
    assert info is not None
    assert {family.name: len(family.curves) for family in info.families}["1.2"] == 1


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
