"""The loop on a trial that trains nothing: what runs, what is skipped, what is kept."""

import pytest
from rich.console import Console

from harness.door.plan import say_plan
from harness.errors import SpecError
from harness.ledger import Ledger
from harness.plan import estimate, make_plan
from harness.run import Orders, run_study
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.studies import read_study
from harness.trainers import Named, resolve


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def run(results, facts, fake_trial):
    def run(file, *, sets=(), seeds=None, **orders):
        study = load_study(file, sets=sets, seeds=seeds)
        where = Workplace(results)
        return run_study(study, Orders(where, **orders), work=Named(fake_trial), facts=facts)

    return run


def calls(results) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in (results / "calls").glob("*-*"):
        trial_id = path.name.rpartition("-")[0]
        found[trial_id] = found.get(trial_id, 0) + 1
    return found


def tell(results, trial_id, what):
    (results / "orders").mkdir(parents=True, exist_ok=True)
    (results / "orders" / trial_id).write_text(what)


def statuses(outcome) -> list[str]:
    return [cell.status for cell in outcome.results.cells]


def test_every_trial_runs_once_and_every_cell_is_accounted_for(run, small_study, results):
    outcome = run(small_study)
    assert len(outcome.results.cells) == 12
    assert statuses(outcome).count("done") == 6
    assert statuses(outcome).count("alias") == 6
    assert set(calls(results).values()) == {1}
    assert len(calls(results)) == 7  # six trials and the backbone they share
    [source] = outcome.results.sources
    assert Ledger(results).get(source).status == "done"
    assert read_study(results, "small", "default") == outcome.results


def test_a_second_run_trains_nothing(run, small_study, results):
    run(small_study)
    again = run(small_study)
    assert again.trained == 0
    assert set(calls(results).values()) == {1}


def test_a_larger_grid_trains_the_missing_cells_alone(run, small_study, results):
    run(small_study)
    before = set(calls(results))
    run(small_study, seeds=3)
    assert set(calls(results).values()) == {1}
    assert len(set(calls(results)) - before) == 3


def test_the_limit_leaves_the_rest_pending(run, small_study, results):
    outcome = run(small_study, limit=2)
    assert statuses(outcome).count("done") == 2
    assert statuses(outcome).count("pending") == 4
    done = [cell.seed for cell in outcome.results.cells if cell.status == "done"]
    assert done == [0, 0]  # first seeds before second ones


def test_the_limit_pretrains_no_backbone_that_it_leaves_waiting(run, small_study, results):
    backbones = ["vary.model.backbone.name=[lcnet_035, lcnet_050]"]
    run(small_study, sets=backbones, limit=1)
    assert len(calls(results)) == 2  # a trial and its backbone
    outcome = run(small_study, sets=backbones)
    assert len(outcome.results.sources) == 2
    assert statuses(outcome).count("pending") == 0


def test_a_trial_that_another_driver_has_when_time_is_over_stays_pending(
    run, small_study, results, facts
):
    plan = make_plan(load_study(small_study), Ledger(results), facts)
    elsewhere = plan.pending()[0].id
    tell(results, elsewhere, "Elsewhere times 1")
    outcome = run(small_study)
    assert statuses(outcome).count("pending") == 1
    assert (outcome.failed, Ledger(results).get(elsewhere)) == (0, None)
    assert statuses(run(small_study)).count("pending") == 0


def test_a_failed_trial_is_a_record_and_stays_until_asked_for(run, small_study, results, facts):
    plan = make_plan(load_study(small_study), Ledger(results), facts)
    broken = plan.pending()[0].id
    tell(results, broken, "raise")
    outcome = run(small_study)
    assert outcome.failed == 1
    record = Ledger(results).get(broken)
    assert record.reason == "ValueError: told to"
    assert "told to" in record.traceback
    assert run(small_study).trained == 0
    (results / "orders" / broken).unlink()
    assert run(small_study, retry_failed=True).failed == 0
    assert calls(results)[broken] == 2


AGAIN = {
    "TimedOut": "timed_out",
    "Preempted": "preempted",
    "WorkerDied": "worker_died",
    "Cut": "cut",
}
ASKED = {"BuildError": "build_error", "DataFault": "data_fault", "TrialError": "failed"}


@pytest.mark.parametrize("error", [*AGAIN, *ASKED])
def test_a_failure_is_tried_again_as_its_name_says(run, small_study, results, facts, error):
    plan = make_plan(load_study(small_study), Ledger(results), facts)
    broken = plan.pending()[0].id
    tell(results, broken, f"{error} times 1")
    outcome = run(small_study)
    [cell] = [
        cell for cell in outcome.results.cells if cell.id == broken and cell.status != "alias"
    ]
    assert (cell.status, cell.reason) == ({**AGAIN, **ASKED}[error], "told to")
    assert outcome.failed == (0 if error == "Cut" else 1)
    assert run(small_study).trained == (1 if error in AGAIN else 0)
    assert run(small_study, retry_failed=True).failed == 0
    assert Ledger(results).get(broken).attempt == 2
    assert calls(results)[broken] == 2


def test_what_was_out_of_memory_is_tried_alone_and_then_in_parts(run, small_study, results, facts):
    plan = make_plan(load_study(small_study), Ledger(results), facts)
    first, second = (spec.id for spec in plan.pending()[:2])
    tell(results, first, "MemoryError times 1")
    tell(results, second, "MemoryError times 3")
    outcome = run(small_study)
    assert statuses(outcome).count("out_of_memory") == 2
    assert run(small_study).failed == 0

    def ways(trial_id):
        files = sorted((results / "calls").glob(f"{trial_id}-*"))
        return [" ".join(file.read_text().split()[2:]) for file in files]

    assert ways(first) == ["beside 1", "alone 1"]
    assert ways(second) == ["beside 1", "alone 1", "alone 2", "alone 4"]


def test_a_backbone_that_was_out_of_memory_is_tried_alone(run, small_study, results, facts):
    [source] = make_plan(load_study(small_study), Ledger(results), facts).sources
    tell(results, source, "MemoryError times 1")
    assert run(small_study).failed == 6
    assert run(small_study).failed == 0
    assert " alone 1" in (results / "calls" / f"{source}-2").read_text()


def test_a_budget_that_is_spent_leaves_the_rest_for_the_next_run(run, small_study, results):
    outcome = run(small_study, budget_s=0)
    assert calls(results) == {}
    assert statuses(outcome).count("pending") == 6
    assert statuses(run(small_study)).count("done") == 6


def test_a_backbone_that_fails_is_named_in_the_cells(run, small_study, results, facts):
    plan = make_plan(load_study(small_study), Ledger(results), facts)
    [source] = plan.sources
    tell(results, source, "raise")
    outcome = run(small_study)
    reason = f"its backbone's trial {source} failed: ValueError: told to"
    real = [cell for cell in outcome.results.cells if cell.status != "alias"]
    assert {(cell.status, cell.reason) for cell in real} == {("failed", reason)}
    assert list(calls(results)) == [source]
    (results / "orders" / source).unlink()
    assert run(small_study).failed == 0


def test_a_backbone_whose_weights_are_gone_is_made_again(run, small_study, results):
    [source] = run(small_study).results.sources
    Workplace(results).backbone(source).unlink()
    assert run(small_study).trained == 0
    assert calls(results)[source] == 1  # nothing needs it
    run(small_study, seeds=3)
    assert calls(results)[source] == 2


def test_an_interrupted_study_keeps_what_is_finished(run, small_study, results, facts):
    plan = make_plan(load_study(small_study), Ledger(results), facts)
    tell(results, plan.pending()[3].id, "interrupt")
    with pytest.raises(KeyboardInterrupt):
        run(small_study)
    kept = [cell.status for cell in read_study(results, "small", "default").cells]
    assert kept.count("done") == 3
    assert kept.count("pending") == 3
    (results / "orders" / plan.pending()[3].id).unlink()
    run(small_study)
    finished = calls(results)
    assert finished.pop(plan.pending()[3].id) == 2
    assert set(finished.values()) == {1}


def test_a_damaged_record_is_trained_again_and_told(run, small_study, results):
    first = run(small_study)
    trial_id = first.results.cells[0].id
    (Ledger(results).folder(trial_id) / "record.json").write_text("{")
    again = run(small_study)
    assert again.trained == 1
    assert any("damaged" in complaint for complaint in again.complaints)
    assert statuses(again) == statuses(first)


def test_limits_reject_with_a_reason(run, small_study, results):
    outcome = run(small_study, sets=["limits={feature_network.params: 15000}"])
    rejected = [cell for cell in outcome.results.cells if cell.status == "rejected"]
    assert rejected
    assert all("is over the limit of 15,000" in cell.reason for cell in rejected)
    assert not {cell.id for cell in rejected} & set(calls(results))


def test_parts_that_do_not_fit_are_told_at_their_line(small_study, results, facts):
    text = small_study.read_text()
    small_study.write_text(text.replace("\n  head: {depth: 1}", "\n  head: {kind: retina}"))
    study = load_study(small_study)
    with pytest.raises(SpecError) as caught:
        make_plan(study, Ledger(results), facts)
    reason = "model.head.kind: no head 'retina'; did you mean 'retinanet'?"
    assert str(caught.value) == f"{small_study}:13  {reason}"


def test_the_plan_says_what_would_run(small_study, results, facts, run):
    study = load_study(small_study)
    document = make_plan(study, Ledger(results), facts)
    told = document.as_json(estimate(document, Ledger(results), Workplace(results), 2))
    assert told["study"] == "small"
    assert told["estimate"]["pending"] == 6
    assert told["estimate"]["seconds"] is None
    trial = told["trials"][0]
    assert trial.keys() >= {"id", "arm", "choice", "seed", "status", "reason", "params", "macs"}
    assert trial["macs"] == sum(part["macs"] for part in trial["parts"].values())
    assert trial["acts"] == sum(part["acts"] for part in trial["parts"].values())
    alias = next(trial for trial in told["trials"] if trial["status"] == "alias")
    assert alias["reason"].startswith("the same trial as factor 1.2, coefficient 0, seed")
    run(small_study, limit=2)
    after = make_plan(study, Ledger(results), facts)
    assert estimate(after, Ledger(results), Workplace(results), 2)["seconds"] == 4.0


def test_names_and_reasons_are_printed_as_they_stand():
    """rich would take what is in brackets for markup, and fail on a closing tag."""
    trial = {"id": "a" * 16, "arm": "bold [b]", "choice": {}, "seed": 0, "status": "failed"}
    trial |= {"reason": "no [/such] file", "params": 1, "macs": 1, "acts": 1, "parts": {}}
    estimate = {"pending": 0, "at_once": 1, "sources": 0, "seconds": 0.0, "basis": None}
    console = Console(record=True, width=200)
    say_plan({"study": "s", "profile": "p", "trials": [trial], "estimate": estimate}, console)
    text = console.export_text()
    assert "bold [b]" in text
    assert "failed: no [/such] file" in text


@pytest.mark.parametrize("name", ["no_such_module:work", "fake_trial:nothing", "json", "os:sep"])
def test_a_trial_function_that_is_not_there(fake_trial, name):
    with pytest.raises(SpecError, match=f"--trial {name}"):
        resolve(name)
