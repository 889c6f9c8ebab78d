"""A study that searches, from its file to its results, by the engine that needs no Ray."""

import json
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from rich.console import Console
from searching.conftest import LARGE, SIX, record_of
from searching.test_compare import COMPARE, FINE
from searching.test_supply import with_rungs

from harness.cli import main
from harness.door.lookout import Lookout
from harness.door.plan import plan_document, say_plan
from harness.door.printing import say_outcome
from harness.engines import Early
from harness.errors import SpecError
from harness.ledger import Ledger
from harness.plan import make_plan
from harness.run import Orders, run_study
from harness.searching import Allowed, early_of, run_search, with_search
from harness.space.workplace import Workplace
from harness.studies import read_study
from harness.trainers import Named

SOURCE = (
    "model.backbone.source={model: {feature_network: {topology: lateral, width: 8, "
    "repeats: 1}, head: {depth: 1}}, recipe: {schedule: {epochs: 1}}}"
)


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def run(results, facts, fake_trial):
    def run(study, **orders):
        where = Workplace(results)
        return run_study(study, Orders(where, **orders), work=Named(fake_trial), facts=facts)

    return run


@pytest.fixture
def plan(results, facts):
    def plan(study):
        ledger = Ledger(results)
        return with_search(make_plan(study, ledger, facts), ledger, facts)

    return plan


def calls(results) -> list[str]:
    return sorted(path.name for path in (results / "calls").glob("*"))


def test_a_search_runs_to_its_end_and_a_second_time_not_at_all(run, study, results):
    outcome = run(study(LARGE, trials=5, sets=[SOURCE]))
    assert [cell.arm for cell in outcome.results.cells] == [f"proposal {n}" for n in range(5)]
    assert {cell.status for cell in outcome.results.cells} == {"done"}
    assert outcome.trained == 5
    assert len(calls(results)) == 6  # and the backbone they share
    assert read_study(results, "searched", "default") == outcome.results
    again = run(study(LARGE, trials=5, sets=[SOURCE]))
    assert again.trained == 0
    assert len(calls(results)) == 6


def test_arms_come_first_and_the_compare_stage_last(run, study, results):
    sets = ["arms={narrow: {model.feature_network.width: 8}}"]
    outcome = run(study(FINE, trials=3, more=COMPARE, sets=sets))
    arms = list(dict.fromkeys(cell.arm for cell in outcome.results.cells))
    assert arms == ["narrow", *(f"proposal {n}" for n in range(3)), "found",
                    *(f"random {n}" for n in range(4))]  # fmt: skip
    assert outcome.trained == 1 + 3 + 10
    assert outcome.results.search["progress"]["trained"] == 3
    assert outcome.results.search["left"] == 0


def test_a_limit_holds_over_arms_and_search(run, study, results):
    sets = ["arms={narrow: {model.feature_network.width: 8}}"]
    assert run(study(LARGE, trials=3, sets=sets), limit=2).trained == 2
    assert run(study(LARGE, trials=3, sets=sets)).trained == 2
    assert len(calls(results)) == 4


def test_an_interrupted_search_keeps_what_is_finished(run, study, results, facts):
    first = run(study(LARGE, trials=2)).results.cells
    searched = study(LARGE, trials=4)
    third = run(searched, limit=1).results.cells[2]
    (results / "ledger" / third.id / "record.json").unlink()
    (results / "orders").mkdir()
    whole = run(study(LARGE, trials=3))
    assert [cell.id for cell in whole.results.cells[:2]] == [cell.id for cell in first]


def test_ctrl_c_in_a_search(run, study, results, monkeypatch):
    import fake_trial

    real, count = fake_trial.work, []

    def work(spec, where, on_epoch):
        count.append(spec.id)
        if len(count) == 3:
            raise KeyboardInterrupt
        return real(spec, where, on_epoch)

    monkeypatch.setattr(fake_trial, "work", work)
    with pytest.raises(KeyboardInterrupt):
        run(study(LARGE, kind="tpe", trials=5))
    kept = read_study(results, "searched", "default").cells
    assert [cell.status for cell in kept] == ["done", "done", "pending"]
    outcome = run(study(LARGE, kind="tpe", trials=5))
    assert count[3] == count[2]
    assert len(set(count)) == 5
    assert [cell.status for cell in outcome.results.cells] == ["done"] * 5


@pytest.mark.parametrize(("space", "asked", "trained"), [(LARGE, 3, 3), (SIX, 20, 6)])
def test_a_search_under_way_can_be_watched(run, study, results, monkeypatch, space, asked, trained):
    """A space with an end is over when it has been gone through."""
    import fake_trial

    real, seen = fake_trial.work, []

    def work(spec, where, on_epoch):
        seen.append(Lookout(results, "searched", "default").look())
        return real(spec, where, on_epoch)

    monkeypatch.setattr(fake_trial, "work", work)
    run(study(space, trials=asked))
    assert [dict(one.counts) for one in seen] == [
        {
            name: n
            for name, n in zip(("done", "running", "pending"), (i, 1, trained - i - 1), strict=True)
            if n
        }
        for i in range(trained)
    ]
    assert not any(one.is_over for one in seen)
    after = Lookout(results, "searched", "default").look()
    assert (dict(after.counts), after.is_over) == ({"done": trained}, True)


def test_failures_are_told_and_stay(run, study, results, fake_trial):
    trial = run(study(LARGE, trials=1)).results.cells[0]
    sets = ["recipe.schedule.epochs=3"]  # another search: nothing is known of it
    ids = [cell.id for cell in run(study(LARGE, trials=3, sets=sets)).results.cells]
    assert trial.id not in ids
    for trial_id in ids:
        (results / "ledger" / trial_id / "record.json").unlink()
    (results / "studies" / "searched" / "default.search.journal").unlink()
    (results / "orders").mkdir()
    (results / "orders" / ids[1]).write_text("raise")
    outcome = run(study(LARGE, trials=3, sets=sets))
    assert [cell.status for cell in outcome.results.cells] == ["done", "failed", "done"]
    assert outcome.results.cells[1].reason == "ValueError: told to"
    assert outcome.failed == 1
    (results / "orders" / ids[1]).unlink()
    assert run(study(LARGE, trials=3, sets=sets)).trained == 0
    again = run(study(LARGE, trials=3, sets=sets), retry_failed=True)
    assert again.trained == 1
    assert [cell.status for cell in again.results.cells] == ["done"] * 3


def test_what_ran_out_of_memory_is_tried_alone_by_the_next_run(run, study, results, monkeypatch):
    import fake_trial

    real, seen = fake_trial.work, []

    def work(spec, where, on_epoch):
        seen.append((spec.id, where.alone, where.micro_batches))
        record = real(spec, where, on_epoch)
        fits = where.micro_batches >= 2 or len({one for one, *_ in seen}) != 2
        return record if fits else replace(record, status="out_of_memory", metrics=None)

    monkeypatch.setattr(fake_trial, "work", work)
    outcome = run(study(LARGE, trials=2))
    assert [cell.status for cell in outcome.results.cells] == ["done", "out_of_memory"]
    big = outcome.results.cells[1].id
    outcome = run(study(LARGE, trials=2))
    assert seen[2:] == [(big, True, 1), (big, True, 2)]
    assert [cell.status for cell in outcome.results.cells] == ["done", "done"]


def test_what_does_not_fit_even_alone_is_not_tried_beside_others_again(
    run, study, results, monkeypatch
):
    import fake_trial

    real, seen = fake_trial.work, []

    def work(spec, where, on_epoch):
        seen.append((spec.id, where.alone, where.micro_batches))
        record = real(spec, where, on_epoch)
        fits = len({one for one, *_ in seen}) != 2
        return record if fits else replace(record, status="out_of_memory", metrics=None)

    monkeypatch.setattr(fake_trial, "work", work)
    run(study(LARGE, trials=2))
    [_, (big, *_)] = seen
    assert run(study(LARGE, trials=2)).results.cells[1].status == "out_of_memory"
    assert seen[2:] == [(big, True, parts) for parts in (1, 2, 4, 8)]


def test_the_plan_says_what_is_known_before(plan, study, run):
    limits = "{feature_network.params: 25000}"
    search = plan(study(SIX, trials=20, limits=limits)).search.as_json()
    assert search["kind"] == "random"
    assert search["points"] == 6
    assert search["drawn"] == 200
    assert 0 < search["trainable"] < 200
    assert search["trainable"] + search["over_limit"] == 200
    assert search["reasons"] == {
        "feature_network.params over the limit of 25,000": search["over_limit"]
    }
    assert search["known"] == 0
    assert search["left"] == 6
    run(study(SIX, trials=20, limits=limits))
    after = plan(study(SIX, trials=20, limits=limits)).search.as_json()
    assert after["known"] == after["trainable"] == search["trainable"]
    assert after["progress"]["proposed"] == 6
    assert after["progress"]["trained"] + after["progress"]["rejected"] == 6


def test_planning_writes_nothing(plan, study, results):
    plan(study(LARGE, kind="tpe"))
    assert not results.exists()


def test_a_space_that_cannot_be_built_at_all_is_refused(plan, study):
    space = "{model.feature_network.fuse: {choices: [nonsense, rubbish]}}"
    with pytest.raises(SpecError, match=r"searched.yaml:\d+  model.feature_network.fuse: .*no fus"):
        plan(study(space))


def test_plan_and_outcome_in_words(study, run, results, facts):
    limits = "{feature_network.params: 25000}"
    searched = study(SIX, trials=20, limits=limits)
    console = Console(record=True, width=160)
    say_plan(plan_document(searched, Workplace(results), facts, 1), console)
    words = console.export_text()
    assert "search (random) by ap: 20 networks out of 6 points" in words
    assert re.search(r"of 200 random points \d+ can be trained \(\d networks\), \d+ over", words)
    assert "at most 6 trainings to come" in words
    console = Console(record=True, width=160)
    say_outcome(run(searched), results, [], console)
    words = console.export_text()
    assert "6 proposals so far" in words
    assert "is over the limit" not in words  # rejected proposals may be thousands
    assert re.search(r"6 cells: \d done, \d rejected", words)


def test_plan_json_and_schema_on_the_command_line(study, tmp_path):
    study(LARGE, kind="nsga2", objectives="[ap, macs]", trials=7)
    asked = ["plan", str(tmp_path / "searched.yaml"), "--results", str(tmp_path / "r"), "--json"]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    assert document["trials"] == []
    assert document["search"]["trials"] == 7
    assert document["search"]["trainable"] == 200


@pytest.mark.parametrize(
    ("scheduler", "epochs", "wanted"),
    [
        ("{asha: {grace: 2, reduction: 3}}", 27, Early(27, 2, 3)),
        ("{hyperband: {reduction: 3}}", 27, Early(27, 1, 3, brackets=3)),
    ],
)
def test_schedulers_as_engines_take_them(study, scheduler, epochs, wanted):
    more = f"  scheduler: {scheduler}"
    searched = study(LARGE, more=more, sets=[f"recipe.schedule.epochs={epochs}"])
    assert early_of(searched) == wanted
    assert early_of(study(LARGE)) is None


def test_trials_are_called_by_their_proposals(study, results, facts, fake_trial):
    called = []

    class Watcher:
        def __init__(self, titles, slots):
            self.titles = titles

        def __enter__(self):
            return lambda event: called.append((str(self.titles.get(event.id)), len(self.titles)))

        def __exit__(self, *_):
            pass

    run_study(
        study(LARGE, trials=2, seeds=2), Orders(Workplace(results)),
        work=Named(fake_trial), facts=facts, watching=Watcher,
    )  # fmt: skip
    assert list(dict.fromkeys(called)) == [
        (f"proposal {n}, seed {seed}", 4) for n in range(2) for seed in range(2)
    ]


MERGING = "{merging_cells: {levels: p3..p5, cells: 4, fuses: [sum]}}"


def test_graphs_are_searched_and_named(run, study, results):
    searched = study(
        "{model.feature_network.width: {choices: [16, 24]}}",
        more=f"  topology: {MERGING}", trials=4, kind="tpe",
        sets=["model.feature_network={topology: fpn, width: 16}"],
    )  # fmt: skip
    outcome = run(searched)
    done = [cell for cell in outcome.results.cells if cell.status == "done"]
    assert len(done) == 4
    names = [cell.choice["model.feature_network.topology"] for cell in done]
    assert all(
        re.fullmatch(r"nas_fpn_[0-9a-f]+|merging_cells_[0-9a-f]+|\w+", name) for name in names
    )
    graphs = {
        json.dumps(Ledger(results).get(cell.id).spec["model"]["feature_network"]["graph"])
        for cell in done
    }
    assert len(graphs) >= 2
    assert run(searched).trained == 0


def test_faults_of_a_space_over_graphs_have_their_line(study):
    with pytest.raises(SpecError, match=r"searched.yaml:\d+  search.topology.merging_cells"):
        study(LARGE, more="  topology: {merging_cells: {levels: p3..p7, cells: 2}}")
    with pytest.raises(SpecError, match=r"searched.yaml:\d+  search.topology"):
        study(LARGE, more="  topology: {}")


def test_the_topology_that_mutations_start_from_is_named(plan, study):
    with pytest.raises(
        SpecError, match=r"searched.yaml:\d+  search.topology.mutations.of: .*bifpm"
    ):
        plan(study(LARGE, more="  topology: {mutations: {of: bifpm}}"))


def test_check_sees_a_space_that_cannot_be_built(study, tmp_path):
    file = str(tmp_path / "searched.yaml")
    study(LARGE)
    done = CliRunner().invoke(main, ["check", file])
    assert done.exit_code == 0, done.output
    study("{model.feature_network.fuse: {choices: [nonsense, rubbish]}}")
    done = CliRunner().invoke(main, ["check", file])
    assert done.exit_code != 0
    assert re.search(r"searched.yaml:\d+  model.feature_network.fuse: .*fuse", done.output)


def test_early_stopping_is_of_the_search_and_not_of_what_is_compared(study, results, facts):
    searched = study(FINE, trials=3, more=COMPARE + "\n  scheduler: {asha: {grace: 1}}")
    stages, ledger = [], Ledger(results)

    def train(supply, where, what, titles, early=None):
        handed = []
        while (spec := supply.next()) is not None:
            handed.append(spec)
            record = with_rungs(record_of(spec, "stopped"), ((1, 0.5),))
            if len(handed) == 1 or early is None:
                record = record_of(spec)
            ledger.write(record)
            supply.ended(spec, record)
        stages.append((early, where.evaluate_at, len(handed)))

    run_search(searched, ledger, Workplace(results), facts, train, Allowed())
    early = Early(2, 1, 3)
    assert stages == [(early, early.rungs, 3), (None, (), 10)]
    cells = with_search(make_plan(searched, ledger, facts), ledger, facts).search.cells
    states = {cell.arm: cell.status for cell in cells}
    assert [states[f"proposal {n}"] for n in range(3)] == ["done", "stopped", "stopped"]
    assert states["found"] == "done"
    found = next(cell for cell in cells if cell.arm == "found")
    assert found.choice == cells[0].choice  # what was stopped cannot win
