"""A sampler stands behind the picks: Optuna's take every space as it is."""

import json

import optuna
import pytest

from harness.graph import expand, infer, parse
from harness.search.topologies import space_of
from harness.space.topology_space import TopologySpaceStudy

SPACES = [
    {"merging_cells": {"cells": 8}},
    {"mutations": {"of": "bifpn", "steps": 3, "blocks": [{"conv": 3}, "none"]}},
]
SAMPLERS = [
    lambda: optuna.samplers.TPESampler(seed=0, n_startup_trials=5),
    lambda: optuna.samplers.NSGAIISampler(seed=0, population_size=8),
]


@pytest.mark.parametrize("said", SPACES, ids=["cells", "mutations"])
@pytest.mark.parametrize("sampler", SAMPLERS, ids=["tpe", "nsga2"])
def test_a_sampler_learns_to_draw_cheap_networks(said, sampler):
    space = space_of(TopologySpaceStudy.model_validate_json(json.dumps(said)))

    def macs(trial):
        tree = space.draw(lambda name, options: trial.suggest_categorical(name, list(options)))
        graph = expand(parse(tree))
        return infer(graph, channels={3: 8, 4: 8, 5: 8}, width=8, image_size=64).macs

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=sampler())
    study.optimize(macs, n_trials=80)
    values = [trial.value for trial in study.trials]
    assert sum(values[-20:]) < sum(values[:20])
