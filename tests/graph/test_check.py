"""Whatever a tree holds, checking it ends in faults, never in a crash."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SpecError
from harness.graph import check, digest, expand, infer, parse

TREE = {
    "name": "all",
    "source": "here",
    "rows": {
        "td": {"order": "down", "from": ["in", "td.coarser | in@-1"], "levels": "p3..p5"},
        "out": {"order": "up", "skip_first": True, "from": ["in", "td", {"from": "out.finer"}]},
    },
    "nodes": {
        "x": {"level": "p3", "from": ["p3", "p3_td"], "fuse": {"gate": {"pool": "avg"}}},
        "p4_out": {"block": {"conv": {"kernel": 1, "act": "relu"}}, "channels": "1x"},
    },
    "outputs": {"p3": "x"},
    "rewrites": ["drop_single_input", {"set_down": {"max_pool": "stride"}}],
    "fuse": {"weighted": {"norm": "fast", "eps": 1e-3}},
    "block": {"sepconv": 3},
    "projection": {"when": "always", "norm": True},
    "norm": {"eps": 1e-3, "momentum": 0.01},
    "extra": {"block": "none", "down": "max_pool"},
    "act": "silu",
    "bias": True,
    "repeats": 2,
    "levels": [3, 6],
    "last_backbone_level": 5,
}
ODD = [None, True, 0, -1, 3, 7, 1e9, float("nan"), "", "p4", "p99", "in", "x", "td.finer", "a | b"]
ODD += [
    "x@-1",
    "@",
    "sum",
    "none",
    [],
    {},
    [[]],
    [None],
    {"sum": 1},
    {"from": "x"},
    {1: 2},
    "p4_out",
]


def spots(tree, path=()):
    """Every place in a tree."""
    yield path
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in inner if isinstance(tree, dict | list) else ():
        yield from spots(value, (*path, key)) if isinstance(value, dict | list) else [(*path, key)]


def spoilt(tree, path, dice):
    """The tree with the value at `path` replaced, taken out, or joined by another."""
    if not path:
        return dice.choice(ODD)
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    key, rest = path[0], path[1:]
    kind = dice.randrange(4) if not rest else 0
    if kind == 1:
        del copy[key]
    elif kind == 2 and isinstance(copy, dict):
        copy[dice.choice([1, "y", "p3", "td", "from", "levels"])] = copy[key]
    else:
        copy[key] = spoilt(copy[key], rest, dice)
    return copy


def test_the_tree_itself_is_right():
    assert check(TREE) == ()


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**32))
def test_spoilt_trees_end_in_faults_or_in_a_graph(seed):
    dice = random.Random(seed)
    tree = TREE
    for _ in range(dice.randint(1, 3)):
        tree = (
            spoilt(tree, dice.choice(list(spots(tree))), dice) if isinstance(tree, dict) else tree
        )
    faults = check(tree)
    assert all(fault.message and fault.file is None for fault in faults)
    if faults:
        return
    graph = expand(parse(tree))
    assert digest(graph)
    try:
        infer(graph, channels=dict.fromkeys(graph.inputs, 8), width=8, image_size=64)
    except SpecError:
        return
