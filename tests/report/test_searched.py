"""What a search was worth: the winner against random networks of equal cost."""

import random
from dataclasses import replace

import pytest
from report.conftest import grid, record

from harness.ledger import Ledger
from harness.matches import Evidence
from harness.records import Rung
from harness.report import write_report
from harness.report.gather import gather
from harness.report.page import draw
from harness.studies import Cell, StudyResults

WIDTH = "model.feature_network.width"
SEARCH = {
    "kind": "tpe", "objectives": ["ap"], "trials": 4, "points": None, "drawn": 200,
    "trainable": 150, "networks": 140, "over_limit": 50, "unbuildable": 0, "known": 0, "left": 0,
    "reasons": {"macs over the limit of 5": 50},
    "progress": {"proposed": 6, "trained": 4, "rejected": 2, "open": 0},
}  # fmt: skip


def searched(gain=0.1, spread=0.03, seeds=6):
    """Four proposals, the winner with fresh seeds, eight random networks."""
    draw = random.Random(1)
    cells, records = [], []

    def add(arm, width, seed, ap, **more):
        trial = f"{arm.replace(' ', '')}s{seed}"
        one = replace(record(trial, seed, ap, **more), rungs=(Rung(1, ap / 2),))
        records.append(one)
        cells.append(Cell(arm, {WIDTH: width}, seed, trial, "done", None, 10, 10**9))

    for n in range(4):
        add(f"proposal {n}", 16 + n, 0, 0.5 + n / 100)
    cells.append(Cell("proposal 4", {WIDTH: 99}, 0, "big", "rejected", "macs 9 over", 1, 9))
    for seed in range(100, 100 + seeds):
        add("found", 19, seed, 0.4 + gain + draw.gauss(0, 0.004))
    for n in range(8):
        own = draw.gauss(0.4, spread)
        for seed in range(100, 100 + seeds):
            add(f"random {n}", 30 + n, seed, own + draw.gauss(0, 0.004))
    study = StudyResults("s", "laptop", "What is found?", tuple(cells), search=SEARCH)
    return study, records


def info_of(keep, tmp_path, made):
    return gather(keep(*made), made[0].study, "laptop").search


def test_the_winner_is_held_to_random_networks_by_fresh_seeds(keep, tmp_path):
    info = info_of(keep, tmp_path, searched())
    assert info.found.n == 6
    assert len(info.random) == 8
    assert info.beaten == 8
    assert info.gap.difference == pytest.approx(info.found.mean - info.mean)
    assert info.gap.verdict == "higher"
    assert info.in_search == pytest.approx(0.53)
    assert info.narrow.can_rank
    assert info.narrow.words.endswith("enough to rank random networks by.")
    assert info.gap.sources == "seeds alone"
    assert info.verdict.startswith("What was found beats random networks of equal cost: +0.09")
    assert " AP [+0.0" in info.verdict
    assert info.verdict.endswith(
        "the mean of these 8, 6 fresh seeds each; it is above all of them."
    )


def test_intervals_are_over_test_images_too_where_matches_are_kept(make, keep, tmp_path):
    study, records = searched()
    results = keep(study, records)
    ledger = Ledger(results)
    for one in records:
        again = replace(one, id=f"m{one.id}")
        ledger.write(again, Evidence({}, make.matches(one.metrics.ap, one.spec["seeds"]["init"])))
    cells = tuple(replace(cell, id=f"m{cell.id}") for cell in study.cells)
    info = info_of(keep, tmp_path, (replace(study, cells=cells), []))
    assert info.gap.sources == "seeds and test images"
    assert info.found.sources == "seeds and test images"
    page = write_report(results, "s", "laptop", tmp_path / "reports")[0].read_text()
    assert "interval is over seeds and test images, for these networks: other random" in page


def test_no_difference_is_said_so(keep, tmp_path):
    info = info_of(keep, tmp_path, searched(gain=0.0, spread=0.001))
    assert 0 < info.beaten < 8
    assert "not separated (needs more than 200 seeds)" in info.verdict or "lower" in info.verdict
    assert not info.narrow.can_rank


def test_few_seeds_decide_nothing(keep, tmp_path):
    info = info_of(keep, tmp_path, searched(seeds=3))
    assert (
        "and random networks of equal cost are not separated (needs about 6 seeds): +0."
        in info.verdict
    )


def test_it_may_fall_behind(keep, tmp_path):
    info = info_of(keep, tmp_path, searched(gain=-0.1))
    assert info.verdict.startswith("What was found falls behind random networks of equal cost: −0.")
    assert info.beaten == 0


def test_the_page_has_it_with_the_correlation_of_the_rungs(keep, tmp_path):
    results = keep(*searched())
    written = write_report(results, "s", "laptop", tmp_path / "reports")
    page = next(path for path in written if path.name == "index.html").read_text()
    assert "search (tpe) by ap: 4 networks out of a large space" in page
    assert "What was found beats random networks of equal cost" in page
    assert "epoch 1: 1.00 [1.00, 1.00] (n=58)" in page
    assert "ranking is unreliable" not in page
    assert "rejected: " not in page


def test_a_stopped_trial_is_in_no_table_of_ap(keep, tmp_path):
    study, records = searched()
    stopped = replace(
        record("cut", 0, None, status="stopped", reason="by the study's scheduler"),
        rungs=(Rung(1, 0.99),),
    )
    cell = Cell("proposal 5", {WIDTH: 24}, 0, "cut", "stopped", None, 10, 10**9)
    study = replace(study, cells=(*study.cells, cell))
    data = gather(keep(study, [*records, stopped]), "s", "laptop")
    assert 0.99 not in set(data.cells["ap"])
    assert "proposal 5" not in {point.label for point in data.pareto.points}
    assert data.search.rungs[0].n == 58


@pytest.mark.drawn
def test_the_course_has_all_proposals_and_the_best_so_far(keep, tmp_path):
    study, records = searched()
    stopped = replace(record("cut", 0, None, status="stopped", reason="by a rule"), epochs_done=1)
    more = (
        Cell("proposal 5", {WIDTH: 24}, 0, "cut", "stopped", "by a rule", 10, 10**9),
        Cell("proposal 6", {WIDTH: 17}, 0, "proposal1s0", "alias", "as proposal 1", 10, 10**9),
        Cell("proposal 7", {WIDTH: 99}, 0, "x", "rejected", "macs 7 is over the limit of 5", 1, 7),
        Cell("proposal 8", {WIDTH: 98}, 0, "y", "rejected", "macs 8 is over the limit of 5", 1, 8),
    )
    results = keep(replace(study, cells=(*study.cells, *more)), [*records, stopped])
    data = gather(results, "s", "laptop")
    summed_up = [arm.label for arm in data.arms]
    assert "proposal 5" in summed_up
    assert not {"proposal 4", "proposal 6", "proposal 7", "proposal 8"} & set(summed_up)
    assert len(data.cells) == len(study.cells) + 4  # and none is left out there
    course = data.search.course
    assert [one.best for one in course.steps] == pytest.approx([0.5, 0.51, 0.52, 0.53, 0.53])
    assert (course.steps[-1].status, course.steps[-1].ap) == ("stopped", None)
    assert course.rejected == (("macs over the limit of 5", 2), ("macs 9 over", 1))
    assert course.words == (
        "Of 9 proposals: 4 trained, 1 stopped, 1 a network proposed before, "
        "2 rejected (macs over the limit of 5), 1 rejected (macs 9 over)."
    )
    written = write_report(results, "s", "laptop", tmp_path / "reports")
    assert "course.svg" in {path.name for path in written}
    page = next(path for path in written if path.name == "index.html").read_text()
    assert course.words in page
    assert "stopped or failed" in page
    assert "after 1 epoch by a rule" in page


def test_no_best_before_the_first_is_done(keep, tmp_path):
    study, records = searched()
    cells = tuple(
        replace(cell, status="failed") if cell.arm == "proposal 0" else cell for cell in study.cells
    )
    failed = [replace(one, status="failed") if one.id == "proposal0s0" else one for one in records]
    course = gather(keep(replace(study, cells=cells), failed), "s", "laptop").search.course
    assert [one.best for one in course.steps] == [None, *map(pytest.approx, (0.51, 0.52, 0.53))]


def test_the_course_of_networks_that_all_detect_nothing_is_drawn(keep, tmp_path):
    """An AP of 0 is an AP."""
    study, records = searched()
    nothing = [replace(one, metrics=replace(one.metrics, ap=0.0)) for one in records]
    data = gather(keep(study, nothing), "s", "laptop")
    assert {one.best for one in data.search.course.steps} == {0.0}
    assert "course" in draw(data)[0]


def test_what_was_found_lies_beside_the_page(keep, tmp_path):
    study, records = searched()
    found = {"name": "mine", "digest": "d", "known_as": None, "proposal": 3, "trial": "t"}
    told = SEARCH | {"found": found | {"text": "# <here>\nname: mine\n"}}
    results = keep(replace(study, search=told), records)
    written = write_report(results, "s", "laptop", tmp_path / "reports")
    files = {path.name: path for path in written}
    assert files["found.yaml"].read_text() == "# <here>\nname: mine\n"
    page = files["index.html"].read_text()
    assert "found (proposal 3): mine, a network no zoo file holds" in page
    assert "# &lt;here&gt;" in page
    write_report(keep(study, records), "s", "laptop", tmp_path / "reports")
    assert not files["found.yaml"].exists()


def test_the_answer_of_the_page_is_that_of_the_fresh_seeds(keep, tmp_path):
    study, records = searched()
    data = gather(keep(study, records), "s", "laptop")
    assert data.answer == data.search.verdict


def test_other_studies_have_no_such_section(keep, tmp_path):
    study, records = grid()
    assert gather(keep(study, records), "width", "laptop").search is None
