"""What holds of every space of topologies, whatever is drawn from it."""

import json
from collections import Counter

import pytest

from harness.graph import digest, expand, infer, parse
from harness.graph.check import check
from harness.search.topologies import random_pick, space_of
from harness.space.topology_space import TopologySpaceStudy

CHANNELS = {3: 40, 4: 112, 5: 320}
DRAWS = range(300)
WEIGHTED = [{"weighted": "fast"}, {"weighted": "softmax"}]
SPACES = {
    "cells": {"merging_cells": {}},
    "cells of much": {
        "merging_cells": {
            "levels": "p3..p6",
            "cells": 9,
            "fuses": ["sum", "gate", "concat", *WEIGHTED],
            "blocks": ["conv", {"sepconv": 5}],
            "inner_levels": "p3..p6",
            "conventions": "efficientdet",
            "repeats": 3,
        }
    },
    "bifpn": {
        "mutations": {
            "of": "bifpn",
            "steps": 3,
            "fuses": ["sum", "gate", *WEIGHTED],
            "blocks": [{"conv": 3}],
            "ups": ["bilinear"],
            "downs": ["avg_pool", "strided_conv"],
        }
    },
    "nas_fpn": {"mutations": {"of": "nas_fpn", "steps": 4, "fuses": ["sum", "gate", "concat"]}},
    "several stages": {"mutations": {"of": "pafpn", "steps": 3, "fuses": WEIGHTED}},
    "other levels": {"mutations": {"of": "panet", "steps": 2, "levels": "p2..p5"}},
}


def made(name):
    return space_of(TopologySpaceStudy.model_validate_json(json.dumps(SPACES[name])))


class Recorder:
    """A pick that remembers, and picks again what another has."""

    def __init__(self, seed=None, picked=None):
        self.options, self.picked = {}, {}
        self.inner = random_pick(seed) if picked is None else lambda name, _options: picked[name]

    def __call__(self, name, options):
        assert name not in self.options, f"{name} is picked twice"
        assert options
        assert len(set(options)) == len(options)
        self.options[name] = tuple(options)
        self.picked[name] = self.inner(name, options)
        return self.picked[name]


@pytest.fixture(scope="module", params=SPACES)
def space(request):
    return made(request.param)


@pytest.fixture(scope="module")
def draws(space):
    recorders = [Recorder(seed) for seed in DRAWS]
    return recorders, [space.draw(one) for one in recorders]


def test_nearly_all_draws_are_right_and_others_are_told_what_is_wrong(draws):
    faults = [check(tree) for tree in draws[1]]
    assert all(fault.path and fault.message for found in faults for fault in found)
    assert sum(map(bool, faults)) <= len(DRAWS) * 0.01


def test_a_draw_has_the_levels_asked_for_and_a_cost(space, draws):
    finest, coarsest = space.levels
    for tree in draws[1][:100]:
        graph = expand(parse(tree))
        assert [level for level, _ in graph.outputs] == list(range(finest, coarsest + 1))
        cost = infer(graph, channels={2: 24, **CHANNELS}, width=16, image_size=128)
        assert cost.macs > 0


def test_draws_are_different_networks_under_different_names(draws):
    digests = [digest(expand(parse(tree))) for tree in draws[1]]
    assert len(set(digests)) >= len(DRAWS) * 0.8
    names = {tree["name"]: json.dumps(tree, sort_keys=True) for tree in draws[1]}
    assert len(names) == len({*names.values()}) == len({json.dumps(tree) for tree in draws[1]})


def test_the_picks_make_the_tree_and_nothing_else_does(space, draws):
    for recorder, tree in zip(*draws, strict=True):
        assert space.draw(Recorder(picked=recorder.picked)) == tree


def test_one_seed_makes_one_tree(space, draws):
    for seed in DRAWS[:50]:
        assert space.draw(random_pick(seed)) == draws[1][seed]


def test_a_name_has_the_same_options_in_every_draw(draws):
    options = {}
    for recorder in draws[0]:
        for name, words in recorder.options.items():
            assert options.setdefault(name, words) == words


def test_every_option_is_drawn_about_as_often_as_any_other(draws):
    for name in ("cell1.first", "step1.kind"):
        counts = Counter(one.picked[name] for one in draws[0] if name in one.picked)
        options = draws[0][0].options.get(name, ())
        assert set(counts) == set(options)
        for count in counts.values():
            assert 0.4 < count * len(options) / len(DRAWS) < 1.8


def test_a_draw_leaves_the_space_as_it_was(space):
    before = json.dumps(space.draw(random_pick(7)))
    for seed in range(20):
        space.draw(random_pick(seed))["nodes"].clear()
    assert json.dumps(space.draw(random_pick(7))) == before
