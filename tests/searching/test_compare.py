"""After a search: the winner and random networks of equal cost, with fresh seeds."""

import pytest
from searching.conftest import LARGE, Runner

from harness.searching import Gate, is_over, searched_cells, winner
from harness.searching.compare import compared
from harness.space.limits import cost_of

FINE = (
    "{model.feature_network.width: {low: 8, high: 64, step: 4}, "
    "model.head.depth: {low: 1, high: 4}, "
    "recipe.optimizer.learning_rate: {low: 0.001, high: 0.1, log: true}}"
)
COMPARE = "  compare: {random: 4, seeds: [100, 101], band: 0.2}"


def test_winner_and_random_networks_are_trained_with_fresh_seeds(study, runner):
    supply = runner(study(FINE, trials=5, more=COMPARE))
    searched, after = runner.trained[:5], runner.trained[5:]
    assert {spec.seeds.init for spec in searched} == {0}
    assert [spec.seeds.init for spec in after] == [100, 101] * 5
    best = winner(supply.searcher.history(), ("ap",)).number
    assert after[0].model == searched[best].model
    assert after[0].recipe == searched[best].recipe
    assert len({spec.model.model_dump_json() for spec in after}) == 5
    assert {spec.recipe for spec in after} == {searched[best].recipe}  # networks are compared


def test_random_networks_cost_what_the_winner_costs(study, runner):
    supply = runner(study(FINE, trials=5, more=COMPARE))
    found, *random = compared(supply.study, supply.searcher.history(), supply.gate)
    target = found.screened.cost.macs
    assert [one.proposal.choice.arm for one in random] == [f"random {n}" for n in range(4)]
    assert all(abs(one.screened.cost.macs / target - 1) <= 0.2 for one in random)


def test_equal_cost_may_be_of_a_part(study, runner):
    more = "  compare: {random: 2, band: 0.1, cost: feature_network.macs}"
    supply = runner(study(FINE, trials=5, more=more))
    found, *random = compared(supply.study, supply.searcher.history(), supply.gate)
    costs = [cost_of("feature_network.macs", one.screened.cost) for one in (found, *random)]
    assert len(random) == 2
    assert all(abs(cost / costs[0] - 1) <= 0.1 for cost in costs)


def test_random_networks_keep_the_limits(study, runner):
    supply = runner(
        study(FINE, trials=4, more=COMPARE, limits="{feature_network.params: 60000}", kind="tpe")
    )
    arms = compared(supply.study, supply.searcher.history(), supply.gate)
    assert all(one.screened.reason is None for one in arms)


@pytest.mark.parametrize("stop", [4, 6, 9, 13])
def test_a_killed_compare_stage_goes_on(study, tmp_path, facts, stop):
    whole, killed = Runner(tmp_path / "whole", facts), Runner(tmp_path / "killed", facts)
    whole(study(FINE, trials=5, more=COMPARE))
    killed(study(FINE, trials=5, more=COMPARE), most=stop)
    killed(study(FINE, trials=5, more=COMPARE))
    assert killed.ids == whole.ids
    killed(study(FINE, trials=5, more=COMPARE))
    assert killed.ids == whole.ids


def test_it_waits_for_what_was_lost_on_the_way(study, runner):
    runner.fails = {2: lambda spec: None}
    supply = runner(study(FINE, trials=5, more=COMPARE))
    assert len(runner.ids) == 5
    assert not supply.is_over
    runner.fails = {}
    runner(study(FINE, trials=5, more=COMPARE))
    assert len(runner.ids) == 5 + 1 + 10


def test_a_space_with_too_few_networks_of_that_cost_gives_fewer(study, runner):
    supply = runner(study(LARGE, trials=5, more="  compare: {random: 3, band: 0.001}"))
    assert len(compared(supply.study, supply.searcher.history(), supply.gate)) == 1


def test_cells_of_the_compare_stage_follow_those_of_the_search(study, runner, facts):
    supply = runner(study(FINE, trials=3, more=COMPARE))
    history = supply.searcher.history()
    assert is_over(supply.study, history)
    gate = Gate(supply.study, facts)
    cells = searched_cells(supply.study, history, supply.ledger, gate, is_over=True)
    arms = [cell.arm for cell in cells]
    assert arms[:3] == ["proposal 0", "proposal 1", "proposal 2"]
    assert arms[3:5] == ["found", "found"]
    assert arms[5:7] == ["random 0", "random 0"]
    assert {cell.status for cell in cells} == {"done"}
    assert [cell.seed for cell in cells[3:7]] == [100, 101, 100, 101]


def test_nothing_is_compared_where_nothing_was_trained_to_its_end(study, runner):
    runner.fails = dict.fromkeys(range(3), "diverged")
    runner(study(FINE, trials=3, more=COMPARE))
    assert len(runner.ids) == 3
