"""How long a plan would take: by finished trials, by short runs, and by the clock."""

import re
from dataclasses import replace

import pytest
from rich.console import Console

from harness.calibrations import Calibration, Rates, between, group_key, spread, trial_seconds
from harness.door.plan import estimate_words, plan_document, reasons, say_plan
from harness.door.plan_table import short, span_words
from harness.ledger import Ledger
from harness.plan import estimate, make_plan, unmeasured
from harness.plan.schedule import makespan, waves_of
from harness.run import Orders, run_study
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.trainers import Named


@pytest.fixture
def where(tmp_path):
    return Workplace(tmp_path / "results")


@pytest.fixture
def planned(small_study, where, facts):
    def planned(**options):
        return make_plan(load_study(small_study, **options), Ledger(where.results), facts)

    return planned


@pytest.fixture
def finish(where, planned, small_study, facts, fake_trial):
    """Trains the first trials of the study, which then have taken so many seconds each."""

    def finish(*seconds: float) -> list[str]:
        orders = Orders(where, limit=len(seconds))
        ids = [spec.id for spec in planned().pending()[: len(seconds)]]
        run_study(load_study(small_study), orders, work=Named(fake_trial), facts=facts)
        ledger = Ledger(where.results)
        for trial, took in zip(ids, seconds, strict=True):
            record = ledger.get(trial)
            (ledger.folder(trial) / "record.json").unlink()
            ledger.write(replace(record, seconds=took))
        return ids

    return finish


RATES = Rates(step=(1.0, 2.0, 4.0), evaluation=0.5, save=0.25, fixed=3.0, features=0.1)


def calibration(rates: Rates | None = RATES, **more) -> Calibration:
    told = Calibration({}, "cpu: this", 1, "2", "now", 0.1, rates, 6)
    return replace(told, **more)


def test_nothing_is_known_of_a_new_study(planned, where):
    plan = planned()
    found = estimate(plan, Ledger(where.results), where, 2)
    assert (found["pending"], found["sources"], found["unknown"]) == (6, 1, 6)
    assert found["seconds"] is found["basis"] is found["device_hours"] is None
    assert [spec.id for spec in unmeasured(plan, Ledger(where.results), where)] == [
        spec.id for spec in (*plan.sources.values(), *plan.pending())
    ]


def test_another_seed_of_the_same_network_is_the_best_witness(planned, where, finish):
    finish(2.0, 3.0, 100.0)
    found = estimate(planned(), Ledger(where.results), where, 1)
    guesses = list(found["trials"].values())
    assert [guess["seconds"] for guess in guesses] == [2.0, 3.0, 100.0]
    assert {guess["basis"] for guess in guesses} == {"same"}
    assert (found["seconds"], found["low"], found["high"]) == (105.0, 105.0, 105.0)
    assert found["device_hours"] == pytest.approx(105 / 3600)
    assert found["basis"] == "finished trials of the same network on cpu"
    assert unmeasured(planned(), Ledger(where.results), where) == ()


def test_seeds_that_took_unlike_times_are_a_range(planned, where, finish):
    finish(2.0, 3.0, 100.0, 4.0)
    found = estimate(planned(seeds=3), Ledger(where.results), where, 1)
    first = next(spec.id for spec in planned(seeds=3).pending() if spec.seeds.init == 2)
    assert found["trials"][first] == {"seconds": 3.0, "low": 2.0, "high": 4.0, "basis": "same"}


def test_other_networks_are_laid_along_multiply_adds(planned, where, finish):
    plan = planned()
    macs = {one.spec.id: one.cell.macs for one in plan.cells}
    first, second = (macs[spec.id] for spec in plan.pending()[:2])
    finish(1e-6 * first, 1e-6 * second)
    found = estimate(planned(), Ledger(where.results), where, 1)
    lines = {t: g for t, g in found["trials"].items() if g["basis"] == "line"}
    assert len(lines) == 2
    for trial, guess in lines.items():
        assert guess["seconds"] == pytest.approx(1e-6 * macs[trial], rel=1e-6)
    assert "a line along multiply-adds through 3 finished trials on cpu" in found["basis"]


def test_one_finished_trial_stands_for_all(planned, where, finish):
    finish(7.0)
    found = estimate(planned(), Ledger(where.results), where, 2)
    assert found["seconds"] == 3 * 7.0  # five trials, two at once
    assert {guess["basis"] for guess in found["trials"].values()} == {"same", "median"}


def test_short_runs_tell_what_finished_trials_do_not(planned, where, finish):
    finish(2.0)
    plan, ledger = planned(), Ledger(where.results)
    new = unmeasured(plan, ledger, where)
    assert len(new) == 4  # not the other seed of the network that is known
    measured = {group_key(spec): calibration() for spec in new}
    found = estimate(plan, ledger, where, 1, measured)
    # epochs 2, 4 images in one batch, 2 validation images: 3 + 2 x (2 + 0.25) + 2 x 0.5
    mine = found["trials"][new[0].id]
    assert mine == {"seconds": 8.5, "low": 4.25, "high": 17.0, "basis": "measured"}
    # 4 images, their flips and 2 more, once for all
    assert found["feature_seconds"] == pytest.approx(1.0)
    assert found["seconds"] == pytest.approx(2.0 + 4 * 8.5 + 1.0)
    assert "6 steps of 1 network" not in found["basis"]
    assert "measured here: 12 steps of 2 networks alone on cpu: this, 1 thread" in found["basis"]
    assert found["busy"] is None


def test_what_could_not_be_timed_is_said_and_not_in_the_sum(planned, where):
    plan, ledger = planned(), Ledger(where.results)
    broken = calibration(None, reason="RuntimeError: no")
    measured = {group_key(spec): calibration(load=2.5) for spec in unmeasured(plan, ledger, where)}
    measured[group_key(plan.pending()[0])] = broken
    found = estimate(plan, ledger, where, 1, measured)
    assert found["unknown"] == 2
    assert set(found["not_measured"].values()) == {"RuntimeError: no"}
    assert found["busy"] == 2.5


def test_a_group_is_what_takes_time(planned):
    spec = planned().pending()[0]
    recipe, schedule = spec.recipe, spec.recipe.schedule
    rate = recipe.optimizer.model_copy(update={"learning_rate": 0.5})
    alike = [
        {"seeds": spec.seeds.all(7)},
        {"recipe": recipe.model_copy(update={"optimizer": rate})},
        {
            "recipe": recipe.model_copy(
                update={"schedule": schedule.model_copy(update={"epochs": 9})}
            )
        },
        {"facts": spec.facts.model_copy(update={"train_images": 99})},
    ]
    for change in alike:
        assert group_key(spec.model_copy(update=change)) == group_key(spec)
    size = spec.model.model_copy(update={"image_size": 96})
    network = spec.model.feature_network.model_copy(update={"width": 99})
    other = [
        {"recipe": recipe.model_copy(update={"batch_size": 2})},
        {"model": size},
        {"model": spec.model.model_copy(update={"feature_network": network})},
    ]
    for change in other:
        assert group_key(spec.model_copy(update=change)) != group_key(spec)


def test_between_measured_networks():
    other = Rates(step=(3.0, 3.0), evaluation=1.5, save=0.25, fixed=5.0, features=0.1)
    known = {100.0: RATES, 200.0: other}
    half = between(150.0, known)
    assert half == Rates((2.0, 2.5, 3.5), 1.0, 0.25, 4.0, 0.1)
    assert between(50.0, known).fixed == between(100.0, known).fixed == 3.0
    assert between(999.0, known).fixed == 5.0


def test_the_range_is_of_all_that_was_timed(planned):
    still = calibration(Rates((1.0, 1.0, 1.0), 0, 0, 0, 0))
    assert spread([still]) == (1.0, 1.0)
    assert spread([still, calibration()]) == (0.5, 2.0)
    assert spread([still, calibration(interpolated=True)]) == (1.0, 1.0)
    assert trial_seconds(RATES, planned().pending()[0]) == 8.5


def test_wall_time_is_of_trials_side_by_side(planned):
    assert makespan([3, 3, 3], 2) == 6
    assert makespan([4, 1, 1, 1], 2) == 4
    assert makespan([], 2) == 0
    [source] = planned().sources.values()
    trial = planned().pending()[0]
    assert waves_of([trial, source]) == [[source], [trial]]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_terminal_of_any_width_shows_all(small_study, where, facts, width):
    study = load_study(small_study, sets=["limits={feature_network.params: 40000}"])
    document = plan_document(study, where, facts, 2)
    console = Console(record=True, width=width, force_terminal=True)
    say_plan(document, console)
    text = console.export_text()
    table = text[: text.index("alias: ")]
    assert max(map(len, text.splitlines()[: len(table.splitlines())])) <= width
    assert "…" not in text
    assert (document["trials"][0]["id"] in table) == (width == 160)
    for trial in document["trials"]:
        assert trial["id"][:8] in table
        assert short(trial["macs"]) in table
        assert short(trial["parts"]["feature_network"]["macs"]) in table
    assert len(re.findall(r"(?m) \? ", table)) == 4
    assert "over the limit of 40,000: factor 2, coefficient 1 (seeds 0, 1)" in text
    assert "12 cells: 4 to train, 6 alias, 2 rejected" in text
    assert "time is not known yet: --calibrate" in text
    assert f"plan {document['digest'][:12]}, stored when the first run of it starts" in text


def test_the_plan_of_a_run_says_when_it_was_stored(small_study, where, facts, finish):
    finish(2.0)
    document = plan_document(load_study(small_study), where, facts, 2)
    assert document["stored"].endswith("+00:00")
    assert document["estimate"]["seconds"] == 6.0
    console = Console(record=True, width=100)
    say_plan(document, console)
    assert f"stored {document['stored']}" in console.export_text()


def test_a_reason_is_said_once_with_its_cells():
    trial = {"arm": "a", "choice": {}, "seed": 0, "status": "alias"}
    rows = [
        trial | {"reason": "the same trial as b, seed 0"},
        trial | {"seed": 1, "reason": "the same trial as b, seed 1"},
        trial | {"arm": "c", "reason": "the same trial as b, seed 0"},
        trial | {"arm": "d", "reason": None},
        trial | {"arm": "e", "reason": "the same trial as b, seed 0"},
    ]
    assert list(reasons(rows)) == ["alias: the same trial as b: a (seeds 0, 1); c; e (seed 0)"]
    many = [trial | {"arm": f"a{n}", "reason": "why"} for n in range(9)]
    [line] = reasons(many)
    assert line == "alias: why: a0; a1; a2; a3; a4; a5 and 3 more (seed 0)"


def test_figures_in_few_letters():
    assert [short(n) for n in (0, 950, 999, 1000, 12_345, 999_600, 2.4923e9, 130e9, None)] == [
        "0", "950", "999", "1.00k", "12.3k", "1.00M", "2.49G", "130G", "-"
    ]  # fmt: skip
    assert [span_words(s) for s in (0.42, 40, 700, 7500, 400_000)] == [
        "0.4 s", "40 s", "12 min", "2 h 05", "4.6 d"
    ]  # fmt: skip
    told = {"pending": 6, "sources": 1, "at_once": 2, "seconds": 700.0, "low": 600.0,
            "high": 900.0, "device_hours": 0.35}  # fmt: skip
    assert estimate_words(told) == (
        "6 trials to train after 1 of pretraining, 2 at once: about 12 min (10 min to 15 min), "
        "0.35 device-hours"
    )
