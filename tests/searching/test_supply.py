"""The supply of a search: what is trained, what is told, what survives."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from searching.conftest import LARGE, SIX, Runner, record_of

from harness.ledger import Ledger
from harness.records import TrialRecord
from harness.search import SEARCHERS
from harness.searching import finished, front, searched_cells, winner
from harness.space import complete
from harness.space.study import Trainer

ROOT = Path(__file__).parents[2]


def told(supply):
    return [one.told and one.told.note.get("status") for one in supply.searcher.history()]


def test_a_small_space_is_trained_once_and_ends(study, runner):
    supply = runner(study(trials=20))
    assert len(runner.ids) == len(set(runner.ids)) == 6
    assert supply.ended_because == "every point of the space was proposed"
    assert supply.is_over


def test_a_second_run_has_nothing_to_do(study, runner):
    runner(study(LARGE, trials=5))
    runner(study(LARGE, trials=5))
    assert len(runner.ids) == 5


def test_more_trials_go_on_where_the_search_was(study, runner, tmp_path, facts):
    runner(study(LARGE, kind="tpe", trials=4))
    runner(study(LARGE, kind="tpe", trials=9))
    assert len(set(runner.ids)) == len(runner.ids) == 9
    whole = Runner(tmp_path / "whole", facts)
    whole(study(LARGE, kind="random", trials=9))
    again = Runner(tmp_path / "parts", facts)
    again(study(LARGE, kind="random", trials=4))
    again(study(LARGE, kind="random", trials=9))
    assert again.ids == whole.ids


def test_what_the_ledger_has_costs_nothing_and_counts(study, runner):
    runner(study(LARGE, trials=6))
    (runner.results / "studies" / "searched" / "default.search.journal").unlink()
    supply = runner(study(LARGE, trials=6))
    assert len(runner.ids) == 6
    assert supply.counted == 6
    assert told(supply) == ["done"] * 6


def test_another_trainer_begins_anew_and_the_first_goes_on_where_it_was(study, runner):
    """What is told of a point is not said by the study's file alone."""
    searched = study(LARGE, kind="tpe", trials=4)
    runner(searched)
    first = runner.ids
    supply = runner(replace(searched, trainer=Trainer("somebody:train")))
    assert told(supply) == ["done"] * 4
    assert len(runner.ids) == 8
    assert {spec.trainer for spec in runner.trained[4:]} == {"somebody:train"}
    assert [one.told.note["ids"] for one in runner(searched).searcher.history()] == [
        [one] for one in first
    ]
    assert len(runner.ids) == 8


def test_other_images_and_another_topology_file_begin_anew(study, runner, monkeypatch):
    file = study().folder / "mine.yaml"
    file.write_text((ROOT / "harness/topologies/fpn.yaml").read_text())
    sets = ("model.feature_network.topology=mine.yaml",)
    space = "{recipe.optimizer.learning_rate: {choices: [0.01, 0.02]}}"
    runner(study(space, sets=sets))
    assert len(runner.ids) == 2
    file.write_text((ROOT / "harness/topologies/pafpn.yaml").read_text())
    monkeypatch.setattr(complete, "_GRAPHS", {})  # as in another process
    runner(study(space, sets=sets))
    assert len(set(runner.ids)) == 4
    known = runner.facts
    runner.facts = lambda *of: known(*of).model_copy(update={"fingerprint": "other images"})
    runner(study(space, sets=sets))
    assert len(set(runner.ids)) == len(runner.ids) == 6


def test_two_spellings_of_one_network_are_trained_once(study, runner):
    space = (
        "{model.feature_network.fuse: {choices: [sum, {sum: {}}]}, "
        "model.head.width: {choices: [tied, 16]}}"
    )
    supply = runner(study(space, trials=20))
    assert len(runner.ids) == 1
    assert told(supply) == ["done", "alias", "alias", "alias"]
    values = [one.told.values for one in supply.searcher.history()]
    assert len(set(values)) == 1  # the searcher is told the same of each
    reasons = [one.told.note.get("reason") for one in supply.searcher.history()]
    assert reasons[1:] == ["the same network as proposal 0"] * 3
    assert [one.number for one in finished(supply.searcher.history())] == [0]


def test_a_spelling_of_what_is_running_waits_for_it(study, runner):
    space = "{model.head.width: {choices: [tied, 16]}}"
    supply = runner(study(space, trials=20), at_once=2)
    assert len(runner.ids) == 1
    assert told(supply) == ["done", "alias"]


def test_what_breaks_a_limit_is_told_how_far_and_never_trained(study, runner):
    supply = runner(study(SIX, trials=20, limits="{feature_network.params: 25000}"))
    history = supply.searcher.history()
    rejected = [one for one in history if one.told.state == "rejected"]
    assert 0 < len(rejected) < 6
    assert len(runner.ids) == 6 - len(rejected)
    for one in rejected:
        [violation] = one.told.violations
        assert violation > 0
        assert "feature_network.params" in one.told.note["reason"]
    for one in finished(history):
        assert one.asked.told.violations[0] <= 0


def test_what_cannot_be_built_is_rejected_with_its_reason(study, runner):
    space = "{model.feature_network.fuse: {choices: [sum, nonsense, mean]}}"
    supply = runner(study(space, trials=20))
    assert len(runner.ids) == 2
    [reason] = [
        one.told.note["reason"] for one in supply.searcher.history() if one.told.state == "rejected"
    ]
    assert "nonsense" in reason


def test_objectives_are_means_over_the_seeds(study, runner):
    supply = runner(study(trials=3, seeds=3, objectives="[ap, feature_network.macs]"))
    assert len(runner.ids) == 9
    assert [spec.seeds.init for spec in runner.trained] == [0, 1, 2] * 3
    for one in finished(supply.searcher.history()):
        ids = one.asked.told.note["ids"]
        records = [Ledger(runner.results).get(trial_id) for trial_id in ids]
        assert one.values[0] == pytest.approx(sum(r.metrics.ap for r in records) / 3)
        assert one.values[1] == one.asked.told.note["parts"]["feature_network"][1]


def test_one_failed_seed_fails_its_proposal_and_saves_the_others(study, runner):
    runner.fails = {1: "diverged"}
    supply = runner(study(trials=2, seeds=3))
    assert len(runner.ids) == 2 + 3
    assert told(supply) == ["diverged", "done"]


@pytest.mark.parametrize("status", ["worker_died", "preempted", "timed_out", "cut", None])
def test_what_was_lost_on_the_way_is_not_told_and_comes_first_again(study, runner, status):
    runner.fails = {1: (lambda spec: status and record_of(spec, status))}
    supply = runner(study(LARGE, trials=4))
    assert told(supply) == ["done", None, "done", "done"]
    assert not supply.is_over
    lost, runner.fails = runner.ids[1], {}
    supply = runner(study(LARGE, trials=4))
    assert runner.ids[4:] == [lost]
    assert told(supply) == ["done"] * 4


def test_failures_stay_until_asked_for(study, runner):
    runner.fails = {1: "failed", 2: "diverged"}
    runner(study(LARGE, trials=4))
    assert len(runner.ids) == 4
    runner(study(LARGE, trials=4))
    assert len(runner.ids) == 4
    runner.fails = {}
    supply = runner(study(LARGE, trials=4), retry_failed=True)
    assert runner.ids[4:] == runner.ids[1:3]
    assert told(supply) == ["done"] * 4
    assert len(supply.searcher.history()) == 4


def test_no_ap_is_a_failure_to_the_sampler(study, runner):
    runner.fails = {0: lambda spec: replace(record_of(spec), metrics=None)}
    supply = runner(study(LARGE, trials=2))
    assert [one.told.state for one in supply.searcher.history()] == ["failed", "done"]


def test_what_was_trained_otherwise_does_not_lead_the_search(study, runner):
    """In micro-batches norms see a part of the batch: its AP is compared with no other."""
    runner.fails = {0: lambda spec: record_of(spec, ap=0.99, altered="in micro-batches of 4")}
    supply = runner(study(LARGE, kind="tpe", trials=3))
    history = supply.searcher.history()
    assert [one.told.state for one in history] == ["failed", "done", "done"]
    assert history[0].told.note["reason"] == "in micro-batches of 4"
    assert winner(history, ("ap",)).number != 0
    runner(study(LARGE, kind="tpe", trials=3))
    assert len(runner.ids) == 3, "it is trained once"


def test_a_limit_of_trials_leaves_the_rest(study, runner):
    runner(study(LARGE, trials=6), limit=2)
    assert len(runner.ids) == 2
    runner(study(LARGE, trials=6))
    assert len(set(runner.ids)) == len(runner.ids) == 6


@pytest.mark.parametrize("kind", SEARCHERS.names())
def test_a_run_killed_at_any_training_loses_and_repeats_nothing(study, tmp_path, facts, kind):
    options = {"kind": kind, "trials": 9, "objectives": "[ap, macs]", "seeds": 2}
    whole = Runner(tmp_path / "whole", facts)
    whole(study(LARGE, **options))
    assert len(whole.ids) == 18
    for stop in range(0, 18, 3):
        killed = Runner(tmp_path / f"killed{stop}", facts)
        killed(study(LARGE, **options), most=stop)
        finished_before = list(killed.ids)
        killed(study(LARGE, **options))
        assert sorted(killed.ids) == sorted(whole.ids)
        assert killed.ids[: len(finished_before)] == finished_before


@pytest.mark.parametrize("at_once", [2, 3])
def test_several_at_once_killed_and_started_again(study, tmp_path, facts, at_once):
    for stop in (1, 4, 7):
        runner = Runner(tmp_path / f"r{stop}", facts)
        runner(study(LARGE, kind="tpe", trials=8), at_once=at_once, most=stop)
        supply = runner(study(LARGE, kind="tpe", trials=8), at_once=at_once)
        assert supply.counted == 8
        done = {record.id for record in Ledger(runner.results).records()}
        assert len(done) == 8
        assert set(runner.ids) == done  # what was running at the kill is begun again, no more


def test_killed_between_telling_and_asking(study, tmp_path, facts):
    """Every cut of the journal is a moment at which a driver may die."""
    whole = Runner(tmp_path / "whole", facts)
    whole(study(LARGE, kind="tpe", trials=6))
    journal = (whole.results / "studies/searched/default.search.journal").read_bytes()
    lines = journal.splitlines(keepends=True)
    for cut in range(0, len(lines), 5):
        runner = Runner(tmp_path / f"cut{cut}", facts)
        path = runner.results / "studies/searched/default.search.journal"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(lines[:cut]) + b'{"torn')
        for trial_id in whole.ids[:3]:  # the ledger may be ahead of the journal or behind it
            Ledger(runner.results).write(Ledger(whole.results).get(trial_id))
        supply = runner(study(LARGE, kind="tpe", trials=6))
        numbers = [one.proposal.choice.values for one in supply.searcher.history()]
        wanted = [one.proposal.choice.values for one in open_history(whole, study)]
        assert numbers == wanted
        assert not set(runner.ids) & set(whole.ids[:3])


def open_history(runner, study):
    from harness.searching import open_searcher

    return open_searcher(
        study(LARGE, kind="tpe", trials=6), runner.results, runner.facts, is_reader=True
    ).history()


def test_the_front_and_the_winner(study, runner):
    supply = runner(study(LARGE, kind="nsga2", trials=12, objectives="[ap, macs]"))
    history = supply.searcher.history()
    best = winner(history, ("ap", "macs"))
    assert best in front(history, ("ap", "macs"))
    assert best.values[0] == max(one.values[0] for one in finished(history))
    costs = [one.values[1] for one in front(history, ("ap", "macs"))]
    assert len(set(costs)) == len(costs)


def test_stopped_trials_are_told_and_never_on_a_front(study, runner):
    def stopped(spec):
        record = record_of(spec, "stopped")
        return with_rungs(record, ((1, 0.99),))

    runner.fails = {0: stopped, 2: stopped}
    more = "  scheduler: {asha: {grace: 1}}"
    supply = runner(study(LARGE, kind="tpe", trials=5, more=more))
    history = supply.searcher.history()
    assert told(supply) == ["stopped", "done", "stopped", "done", "done"]
    assert history[0].told.values == (0.99,)
    assert history[0].told.epoch == 1
    assert {one.number for one in finished(history)} == {1, 3, 4}
    assert winner(history, ("ap",)).number in (1, 3, 4)
    runner(study(LARGE, kind="tpe", trials=5, more=more))
    assert len(runner.ids) == 5


def test_a_stopped_record_of_another_study_is_no_result(study, runner):
    runner.fails = {0: lambda spec: with_rungs(record_of(spec, "stopped"), ((1, 0.9),))}
    runner(study(LARGE, trials=1, more="  scheduler: {asha: {grace: 1}}"))
    runner.fails = {}
    runner(study(LARGE, trials=1))
    assert runner.ids == [runner.ids[0]] * 2


def with_rungs(record: TrialRecord, rungs) -> TrialRecord:
    from harness.records import Rung

    return replace(record, rungs=tuple(Rung(*rung) for rung in rungs), epochs_done=rungs[-1][0])


@pytest.mark.parametrize("left", ["backbone", "checkpoint"])
def test_a_backbone_is_asked_for_before_its_trials(study, runner, left):
    """It is there, too, while it lies in the checkpoint that nobody has taken it out of yet."""
    source = (
        "model.backbone.source={model: {feature_network: {topology: lateral, width: 8, "
        "repeats: 1}, head: {depth: 1}}, recipe: {schedule: {epochs: 1}}}"
    )
    supply = runner.supply(study(LARGE, trials=3, sets=[source]))
    assert supply.next() is None
    [wanted] = supply.missing_sources()
    runner.trained.append(wanted)
    runner.end(supply, wanted)
    if left == "checkpoint":
        kept = supply.where.checkpoint(wanted.id)
        kept.parent.mkdir(parents=True)
        supply.where.backbone(wanted.id).rename(kept)
    assert supply.missing_sources() == ()
    runner.run(supply)
    assert len(runner.ids) == 4
    assert supply.is_over


def test_another_search_in_the_same_study_file_starts_anew(study, runner):
    runner(study(LARGE, trials=3))
    supply = runner(study(LARGE, trials=3, sets=["recipe.schedule.epochs=3"]))
    assert supply.counted == 3
    assert len(set(runner.ids)) == 6


def test_cells_say_what_became_of_every_proposal(study, runner, facts):
    runner.fails = {0: "diverged"}
    supply = runner(study(SIX, trials=20, limits="{feature_network.params: 25000}"))
    cells = searched_cells(
        supply.study, supply.searcher.history(), supply.ledger, supply.gate, is_over=True
    )
    assert [cell.arm for cell in cells] == [f"proposal {n}" for n in range(6)]
    states = [cell.status for cell in cells]
    assert set(states) == {"diverged", "done", "rejected"}
    for cell in cells:
        assert cell.reason if cell.status != "done" else cell.reason is None
        assert cell.parts or cell.status == "rejected"
    assert json.dumps([cell.choice for cell in cells])
