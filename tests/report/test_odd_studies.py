"""Studies at the edge: no AP, one seed an arm, very many arms, aliases among the declared pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.ledger import Ledger
from harness.report.answer import answer
from harness.report.asked import Asked
from harness.report.gather import gather
from harness.report.methods import IMAGES_ALONE, MIXED, TWO_LEVEL, method_words
from harness.report.methods import test_words as wording_of
from harness.report.page import write_files
from harness.report.summary import summarise
from harness.report.unchanged import made_of
from harness.statistics.best import best_set
from harness.statistics.contrasts import TESTS, contrast
from harness.statistics.estimates import METHOD, Estimate
from harness.statistics.fronts import ap_draws, front_probability
from harness.statistics.power import MOST, seeds_floor
from harness.statistics.ranks import correlations, half_correlations
from harness.statistics.samples import Sample
from harness.studies import Cell, StudyResults, write_study


def odd(
    make: SimpleNamespace, aps: Mapping[str, Sequence[float | None]], **more: Any
) -> tuple[StudyResults, list[Any]]:
    """A study of named arms with these APs, one a seed."""
    cells, records = [], []
    for arm, values in aps.items():
        for seed, ap in enumerate(values):
            records.append(make.record(f"{arm}{seed}", seed, ap))
            cells.append(Cell(arm, {}, seed, f"{arm}{seed}", "done", None, 10, 10**9))
    study = StudyResults("odd", "laptop", "What?", tuple(cells), arms=tuple(aps), **more)
    return study, records


def test_a_study_whose_records_have_no_ap_is_a_page(make: Any, keep: Any, tmp_path: Any) -> None:
    study, records = odd(make, {"a": [None, None], "b": [None]}, baseline="a")
    data = gather(keep(study, records), "odd", "laptop")
    assert data.answer == "No trial has finished with an AP, so there is no answer yet."
    page = write_files(data, tmp_path / "page")[0].read_text()
    assert "No arm has both an AP and a cost yet." in page


@pytest.mark.parametrize(
    ("aps", "said"),
    [
        (
            {"a": [0.3], "b": [0.4]},
            "is b's, 0.400 (n=1, no interval); one seed an arm cannot rank them; no fewer than 4 "
            "could.",
        ),
        ({"a": [0.3, 0.31], "b": [0.4]}, "One arm has more than one seed: a, AP 0.305"),
        ({"a": [0.3, 0.31], "b": [0.4, 0.41], "c": [0.6]}, "Not judged, having one seed: c."),
        (
            {"a": [0.3 + 0.01 * i for i in range(6)], "b": [0.6 + 0.01 * i for i in range(6)]},
            "separated from every other arm.",
        ),
        (
            {"a": [0.3, 0.31, 0.32], "b": [0.301, 0.311, 0.321], "c": [0.302, 0.312, 0.322]},
            "no arm is separated from it; to part a, the lowest of them, from it takes more than "
            "200 seeds.",
        ),
        (
            {
                "a": [0.3 + 0.01 * i for i in range(6)],
                "b": [0.6 + 0.01 * i for i in range(6)],
                "c": [0.61 + 0.01 * i for i in range(6)],
            },
            "; not separated from it: b (needs about ",
        ),
    ],
)
def test_without_a_baseline_no_more_is_said_than_seeds_carry(
    make: Any, keep: Any, aps: dict[str, list[float | None]], said: str
) -> None:
    study, records = odd(make, aps)
    data = gather(keep(study, records), "odd", "laptop")
    assert said in data.answer
    if min(map(len, aps.values())) == 1:
        assert "separated from every other" not in data.answer


def test_an_answer_is_not_held_to_arms_of_one_seed(make: Any, keep: Any, tmp_path: Any) -> None:
    """An arm of one seed may lie above the best of the others, so it is not said to be beaten."""
    low, high = [0.3 + 0.01 * i for i in range(6)], [0.6 + 0.01 * i for i in range(6)]
    study, records = odd(make, {"base": low, "good": high, "lucky": [0.9]}, baseline="base")
    data = gather(keep(study, records), "odd", "laptop")
    assert (
        "is separated from that of every other with more than one seed. Not judged" in data.answer
    )
    assert "having one seed: lucky. Against base, good is higher" in data.answer
    assert "with 95% confidence the best arm of several seeds is among these" in data.marked
    as_good = [value - 0.001 for value in high]
    arms = {"base": low, "good": high, "twin": as_good, "lucky": [0.9]}
    more, others = odd(make, arms, baseline="base")
    said = gather(keep(more, others), "odd", "laptop").answer
    assert "none is separated from the highest mean AP of arms with more than one seed" in said


def test_a_baseline_without_a_result_is_told(make: Any, keep: Any) -> None:
    aps = {"base": [None] * 6, "a": [0.3 + 0.01 * i for i in range(6)], "b": [0.9, 0.91, 0.92]}
    said = gather(keep(*odd(make, aps, baseline="base")), "odd", "laptop").answer
    assert said.endswith(" The baseline, base, has no AP, so nothing is held to it.")
    few = {"first": [0.3], "other": [0.31, 0.32]}
    said = gather(keep(*odd(make, few, baseline="first")), "odd", "laptop").answer
    assert said.startswith("No arm is separated from first (1 to 2 seeds an arm cannot rank them;")


def test_an_alias_of_what_tuning_left_out_stands_for_itself(make: Any, keep: Any) -> None:
    """`b` repeats the networks of `a` over fewer seeds, by which another rate is the best."""
    aps = {1: [0.40, 0.40, 0.10], 2: [0.35, 0.35, 0.35]}
    cells, records = [], []
    for rate, values in aps.items():
        for seed, ap in enumerate(values):
            records.append(make.record(f"r{rate}{seed}", seed, ap))
            for arm in ("a", "b") if seed < 2 else ("a",):
                state: Any = "done" if arm == "a" else "alias"
                choice = {"recipe.rate": rate}
                cells.append(Cell(arm, choice, seed, f"r{rate}{seed}", state, None, 10, 10**9))
    study = StudyResults(
        "odd", "laptop", "What?", tuple(cells), arms=("a", "b"),
        axes={"recipe.rate": [1, 2]}, report={"tuned": "recipe.rate"},
    )  # fmt: skip
    found = {arm.label: arm for arm in gather(keep(study, records), "odd", "laptop").arms}
    assert {label: arm.alias_of for label, arm in found.items()} == {
        "a, rate 2": None,
        "b, rate 1": None,
    }
    one = found["b, rate 1"].ap
    assert one is not None
    assert one.mean == pytest.approx(0.4)


def test_so_many_arms_that_no_test_can_part_them() -> None:
    assert seeds_floor("permutation", 1225) == MOST + 1
    draw = np.random.default_rng(0)
    arms = {
        f"arm {i}": Sample(tuple(map(float, draw.normal(0.3, 0.01, 2))), (0, 1)) for i in range(50)
    }
    assert len(best_set(arms).names) == 50


@pytest.mark.parametrize("test", ["permutation", "paired_t"])
def test_the_best_set_holds_each_arm_to_all_others(test: Any) -> None:
    draw = np.random.default_rng(1)
    means = {"a": 0.3, "b": 0.33, "c": 0.331, "d": 0.31}
    arms = {
        name: Sample(tuple(map(float, draw.normal(mean, 0.004, 7))), tuple(range(7)))
        for name, mean in means.items()
    }
    found = best_set(arms, test=test)
    others = set(arms) - {found.top}
    alone = {
        name: contrast(arms[found.top], arms[name], arm="top", against=name, test=test)
        for name in others
    }
    beaten = {name for name, one in alone.items() if one.separated and one.p * 3 <= 0.05}
    assert beaten
    assert set(found.names) == set(arms) - beaten


def test_six_seeds_can_leave_out_one_of_twelve_arms() -> None:
    seeds = tuple(range(6))
    arms = {f"arm {i}": Sample(tuple(0.3 + 0.001 * s for s in seeds), seeds) for i in range(11)}
    arms["top"] = Sample(tuple(0.4 + 0.001 * s for s in seeds), seeds)
    assert best_set(arms).names == ("top",)  # 11 comparisons at .0022


def estimates(*found: tuple[float | None, float | None]) -> list[Any]:
    """Stand-ins for arms: whether seeds give a spread, and whether images are drawn."""
    return [
        SimpleNamespace(ap=Estimate(0.3, sd, 2 if sd else 1, low, low, sd, image))
        for sd, image in found
        for low in [0.1 if sd or image else None]
    ]


def test_the_page_says_what_intervals_are_over() -> None:
    assert method_words(estimates((0.1, None), (None, None))) == METHOD
    assert method_words(estimates((0.1, 0.1))) == TWO_LEVEL
    assert method_words(estimates((None, 0.1))) == IMAGES_ALONE
    assert method_words(estimates((0.1, None), (0.1, 0.1))) == MIXED
    both = method_words(estimates((0.1, 0.1), (None, 0.1)))
    assert both == f"{TWO_LEVEL}; of one seed over test images alone"


def test_the_page_says_what_is_compared_by_seed(make: Any, keep: Any) -> None:
    """Families, arms at equal cost and winners of searches are, whatever the primary test is."""
    said = gather(keep(*make.grid(2)), "width", "laptop").test
    assert said.endswith(f"; families are held to a {TESTS['paired_t']}")
    assert "are held to" not in wording_of(Asked(), [])
    assert "are held to" not in wording_of(Asked(test="paired_t"), ["families"])


def test_an_alias_among_the_declared_pairs_stands_for_its_network(make: Any, keep: Any) -> None:
    aps = {"a": [0.3, 0.31], "b": [0.4, 0.41]}
    pairs = [["twin", "b"], ["twin", "a"]]
    study, records = odd(make, aps, report={"contrasts": pairs})
    twins = [replace(cell, arm="twin", status="alias") for cell in study.cells if cell.arm == "a"]
    study = replace(study, cells=(*study.cells, *twins), arms=("a", "b", "twin"))
    (one,) = gather(keep(study, records), "odd", "laptop").declared
    assert (one.arm, one.against, round(one.difference, 6)) == ("twin", "b", -0.1)


def test_a_report_is_drawn_again_where_another_profile_has_new_results(
    make: Any, keep: Any
) -> None:
    study, records = odd(make, {"a": [0.3, 0.31]})
    results = keep(study, records)
    seen = {made_of(results, "odd", "laptop", False)}
    write_study(results, replace(study, profile="scratch"))
    seen.add(made_of(results, "odd", "laptop", False))
    later = replace(study.cells[0], id="later", seed=5)
    write_study(results, replace(study, profile="scratch", cells=(later,)))
    seen.add(made_of(results, "odd", "laptop", False))
    Ledger(results).write(make.record("later", 5, 0.2))
    seen.add(made_of(results, "odd", "laptop", False))
    assert len(seen) == 4


def samples_with_an_empty_draw() -> dict[str, Sample]:
    """Four arms; on one draw of the images there is no object, so no AP."""
    draw = np.random.default_rng(2)
    made = {}
    for i in range(4):
        draws = draw.normal(0.3 + 0.02 * i, 0.01, (3, 50))
        draws[:, 7] = np.nan
        made[f"arm {i}"] = Sample(tuple(map(float, draws[:, 0])), (0, 1, 2), draws)
    return made


def test_a_draw_without_objects_spoils_no_front_and_no_correlation() -> None:
    held = samples_with_an_empty_draw()
    aps = ap_draws(held)
    assert aps is not None
    assert np.isfinite(aps).all()
    assert aps.std(axis=0).max() < 0.1
    assert 0 < sum(front_probability([1, 1, 1, 1], aps)) < 1.5
    tau, _ = correlations(list(held.values()), list(held.values()))
    assert tau.low is not None
    assert np.isfinite(tau.low)


def test_halves_of_seeds_that_are_all_level_agree_on_nothing() -> None:
    level = [Sample((0.0,) * 4, (0, 1, 2, 3))] * 3
    assert half_correlations(level) is None


def test_no_cells_have_no_summary(make: Any, keep: Any) -> None:
    study, records = odd(make, {"a": [0.3]})
    cells = gather(keep(study, records), "odd", "laptop").cells
    assert summarise(cells[:0]) == ()
    assert answer(()) == "No trial has finished with an AP, so there is no answer yet."
