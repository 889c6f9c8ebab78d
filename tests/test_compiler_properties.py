"""What holds of every compiled network: it is what its digest and its closed form say it is."""

from dataclasses import replace

import pytest
import torch
from graph import strategies as some
from hypothesis import Phase, given, settings

import harness.compiler
from harness.cost import conv_macs
from harness.errors import SpecError
from harness.graph import (
    Graph,
    digest,
    expand,
    infer,
    node_digests,
    parse,
    receptive_field,
    with_fields,
)
from harness.graph.restate import restated
from harness.graph.sizes import side_of
from harness.graph.spec import Edge, Node, Norm, Op, Projection

PHASES = (Phase.explicit, Phase.generate)
"""Shrinking builds hundreds of networks: take it in where a failure is to be understood."""
FEW = settings(max_examples=10, deadline=None, derandomize=True, database=None, phases=PHASES)
MANY = settings(max_examples=400, deadline=None, database=None, phases=PHASES)


def both(few, test):
    """The test with few examples always the same, and with many by `-m slow`."""
    return settings(few)(given(some.dice)(test)), pytest.mark.slow(MANY(given(some.dice)(test)))


def build(graph, channels=some.CHANNELS, width=some.WIDTH, **more):
    named = {f"p{level}": channels[level] for level in graph.inputs}
    return harness.compiler.compile(graph, channels=named, width=width, **more).eval()


def maps(sizes, channels=some.CHANNELS, batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        f"p{level}": torch.randn((batch, channels[level], *size), generator=generator)
        for level, size in sizes.items()
    }


def sizes_of(graph, height=40, width=56):
    return {level: (side_of(height, level), side_of(width, level)) for level in graph.inputs}


def assert_one_network(one: Graph, other: Graph, keys: dict[str, str] | None = None, ordered=True):
    """First values and outputs are the same bits. keys: the other's nodes by those of the one."""
    ours, theirs = build(one), build(other)
    pairs = list(zip(ours.parameters(), theirs.parameters(), strict=True))
    if ordered:
        assert all(torch.equal(a, b) for a, b in pairs)
    else:
        assert _numbers(ours) == _numbers(theirs)
    x = maps(sizes_of(one))
    with torch.no_grad():
        a, b = ours(x), theirs(x)
    assert all(torch.equal(a[f"p{level}"], b[f"p{level}"]) for level in ours.levels)
    if keys:
        assert _reads(one, ours, {}) == _reads(
            other, theirs, {new: old for old, new in keys.items()}
        )


def _numbers(network):
    return sorted((tuple(p.shape), p.double().sum().item()) for p in network.parameters())


def _reads(graph, network, keys):
    """The inputs of each node in the module's order, twins by what they have in common."""
    names = node_digests(graph)
    order = network.input_order
    return sorted(
        [names[node.key], *(_bare(names, node.inputs[i].source) for i in order[node.key])]
        for node in graph.nodes
        if node.key in order
    )


def _bare(names, source):
    return names.get(source, source).partition("#")[0]


# One digest, one network.


def spellings_are_one_network(dice):
    _, graph = some.drawn(dice, some.random_tree)
    other, keys = some.reworded(graph, dice)
    assert_one_network(graph, other, keys)
    assert_one_network(graph, expand(parse(restated(graph))))


test_spellings_are_one_network, test_spellings_are_one_network_at_length = both(
    FEW, spellings_are_one_network
)


def what_has_one_digest_is_one_network(dice):
    """Whatever is changed: where the digest stays, so does every bit."""
    _, graph = some.drawn(dice, some.random_tree)
    name, compared = digest(graph), 0
    for _ in range(12):
        kind, changed = some.a_change(graph, dice)
        if changed == graph or digest(changed) != name or compared == 3:
            continue
        try:
            some.cost(changed)
        except SpecError:
            continue
        assert_one_network(graph, changed, ordered=kind != "projection")
        compared += 1


test_what_has_one_digest_is_one_network, test_what_has_one_digest_is_one_network_at_length = both(
    FEW, what_has_one_digest_is_one_network
)


def crossed_weights(*pairs: str) -> Graph:
    word = {one: pair for pair in pairs for one in pair}
    nodes = {name: {"level": 3, "block": {"conv": 3}} for name in "abcd"}
    for name, source in zip("abcd", ["p3", "a", "b", "c"], strict=True):
        nodes[name]["from"] = source
        if name in word:
            nodes[name]["share"] = word[name]
    return expand(parse({"levels": "p3..p3", "nodes": nodes, "outputs": {"p3": "d"}}))


def test_sets_of_weights_are_used_crosswise():
    channels = {3: some.WIDTH}
    networks = [build(crossed_weights(*split), channels) for split in (("ab", "cd"), ("ac", "bd"))]
    a, b = (
        [network.get_submodule(step.block_at) for step in network._plan.steps]
        for network in networks
    )
    assert (a[0] is a[1], a[2] is a[3], a[0] is a[2]) == (True, True, False)
    assert (b[0] is b[2], b[1] is b[3], b[0] is b[1]) == (True, True, False)


# Cost.


def cost_is_that_of_the_module(dice):
    _, graph = some.drawn(dice, some.random_tree)
    height, width = dice.randint(1, 100), dice.randint(1, 100)
    sizes = sizes_of(graph, height, width)
    if dice.random() < 0.5:  # a backbone that rounds down
        sizes = {n: (max(1, height >> n), max(1, width >> n)) for n in graph.inputs}
    _assert_cost(graph, sizes)


def _assert_cost(graph, sizes):
    closed = infer(graph, channels=some.CHANNELS, width=some.WIDTH, image_size=sizes)
    with torch.device("meta"):
        network = build(graph)
    shapes = {f"p{level}": (1, some.CHANNELS[level], *size) for level, size in sizes.items()}
    assert sum(p.numel() for p in network.parameters()) == closed.params
    assert conv_macs(network, shapes) == closed.macs


test_cost_is_that_of_the_module, test_cost_is_that_of_the_module_at_length = both(
    settings(FEW, max_examples=15), cost_is_that_of_the_module
)


def test_projections_of_a_map_are_one_only_where_the_graph_says_so():
    """p3 has the width's channels by chance: its own 1x1 convolution was counted as the others'."""
    tree = {
        "levels": "p3..p3",
        "projection": {"when": "always", "per": "input"},
        "nodes": {
            "a": {"level": 3, "from": "p3", "fuse": "concat"},
            "b": {"level": 3, "from": ["a", "p3"]},
            "c": {"level": 3, "from": ["b", "p3"]},
        },
        "outputs": {"p3": "c"},
    }
    graph = expand(parse(tree))
    _assert_cost(graph, {3: (8, 8)})
    changed = expand(parse(with_fields(tree, {"nodes.a.projection": {"per": "edge"}})))
    assert digest(changed) == digest(graph)
    assert_one_network(graph, changed, ordered=False)


def test_a_projection_of_one_use_starts_as_an_edges():
    """Digests were one, first values were not."""
    rows = {"levels": "p3..p4", "rows": {"out": {"from": "in"}}}
    each, once = (expand(parse({**rows, "projection": {"per": per}})) for per in ("edge", "input"))
    channels = {3: 12, 4: 20}
    x = maps({3: (8, 8), 4: (4, 4)}, channels)
    with torch.no_grad():
        a, b = build(each, channels)(x), build(once, channels)(x)
    assert digest(each) == digest(once)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_frozen_weights_per_pixel_are_frozen_weights():
    """They are all alike; resized from their grid they were so only nearly."""
    fuse = {"norm": "fast", "frozen": True}
    rows = {"levels": "p3..p4", "rows": {"out": {"from": "in.all"}}}
    one, other = (
        expand(parse({**rows, "fuse": {"weighted": {**fuse, "per": per}}}))
        for per in ("scalar", "pixel")
    )
    assert digest(one) == digest(other)
    assert_one_network(one, other)


def test_thirty_edges_from_one_map():
    """Their letters ran out."""
    edges = [{"from": "p3", "op": {"conv": 1}} for _ in range(30)]
    tree = {"nodes": {"a": {"level": 3, "from": edges}}, "outputs": {"p3": "a"}, "levels": "p3..p3"}
    graph = expand(parse(tree))
    with torch.no_grad():
        assert build(graph)(maps({3: (4, 4)}))["p3"].isfinite().all()


def test_a_backbone_map_is_read_before_its_block_too():
    row = {"from": ["in", {"from": "in.coarser", "tap": "before"}]}
    graph = expand(parse({"levels": "p3..p4", "rows": {"out": row}, "repeats": 2}))
    _assert_cost(graph, {3: (8, 8), 4: (4, 4)})
    with torch.no_grad():
        assert build(graph)(maps({3: (8, 8), 4: (4, 4)}))["p3"].isfinite().all()


# Checkpoints.


def a_new_node_renames_nothing(dice):
    _, graph = some.drawn(dice, some.random_tree)
    wider = with_another(graph, dice)
    before, after = build(graph).state_dict(), build(wider).state_dict()
    kept = {name: tuple(value.shape) for name, value in after.items()}
    assert {name: tuple(value.shape) for name, value in before.items()}.items() <= kept.items()


def with_another(graph: Graph, dice) -> Graph:
    """The graph and one more node, which reads a few of the others and is tapped."""
    level = dice.choice(graph.nodes).level
    there = [node.key for node in graph.nodes if node.level == level and node.channels == 1.0]
    form = Projection()
    edges = [Edge(key, form) for key in dice.sample(there, min(len(there), dice.randint(1, 3)))]
    if not edges:
        return graph
    conv = (("kernel", 3), ("act", "relu"), ("order", "act_conv_norm"), ("bias", True))
    block = Op("conv", (*conv, ("norm", True)))
    node = Node("another", 9, level, tuple(edges), Op("sum"), block, Norm())
    return replace(graph, nodes=(*graph.nodes, node), taps=(*graph.taps, ("more", node.key)))


test_a_new_node_renames_nothing, test_a_new_node_renames_nothing_at_length = both(
    FEW, a_new_node_renames_nothing
)


# Receptive fields.


def fields_are_no_smaller_than_measured(dice):
    _, graph = some.drawn(dice, some.random_tree, local=True, most=4)
    base = {level: 2**level for level in graph.inputs}
    said, seen = receptive_field(graph, base), measured(graph)
    assert all(said[level] is None or said[level] >= seen[level] for level in seen), (said, seen)


def measured(graph: Graph, cells=12) -> dict[int, int]:
    """Pixels that one row of cells of an output, far from the border, is seen to depend on."""
    coarsest = max([node.level for node in graph.nodes] + list(graph.inputs))
    high = cells << coarsest
    network = build(graph).double()
    sizes = {level: (high >> level, max(1, 1 << (coarsest - level))) for level in graph.inputs}
    x = {name: value.double() for name, value in maps(sizes).items()}
    with torch.no_grad():
        plain = network(x)
        spans: dict[int, dict[int, list[int]]] = {level: {} for level in network.levels}
        for level in graph.inputs:
            rows = sizes[level][0]
            many = {name: value.expand(rows, -1, -1, -1) for name, value in x.items()}
            eye = torch.eye(rows, dtype=torch.double)[:, None, :, None]
            many[f"p{level}"] = many[f"p{level}"] + 3 * eye
            changed = network(many)
            for out, found in spans.items():
                moved = (changed[f"p{out}"] - plain[f"p{out}"]).abs().amax((1, 3)) > 1e-10
                for row, cell in moved.nonzero().tolist():
                    found.setdefault(cell, []).extend([row << level, (row + 1) << level])
    widest = {}
    for level, found in spans.items():
        count = high >> level
        inner = [ends for cell, ends in found.items() if count // 3 <= cell < 2 * count // 3]
        widest[level] = max((max(ends) - min(ends) for ends in inner), default=0)
    return widest


DOWNS = ["bilinear", {"strided_conv": {"kernel": 5, "pad": "centre"}}, {"strided_conv": 5}]


@pytest.mark.parametrize(
    "down", [*DOWNS, "max_pool", "subsample", {"adaptive_pool": "avg"}], ids=str
)
@pytest.mark.parametrize("coarse", [3, 4, 5])
@pytest.mark.parametrize("other", ["subsample", {"strided_conv": {"kernel": 5}}], ids=str)
def test_where_on_a_way_down_a_cell_looks(down, other, coarse):
    """Two ways side by side see what lies between: bilinear ones looked at the wrong cells."""
    node = {"level": coarse, "from": "p2", "block": "none"}
    nodes = {"a": {**node, "down": down}, "b": {**node, "down": other}}
    nodes["out"] = {"level": coarse, "from": ["a", "b"], "block": "none"}
    levels = {"levels": f"p{coarse}..p{coarse}", "inputs": "p2..p2", "inner_levels": "p2..p5"}
    graph = expand(parse({**levels, "nodes": nodes, "outputs": {f"p{coarse}": "out"}}))
    assert receptive_field(graph, {2: 4})[coarse] >= measured(graph, cells=6)[coarse] > 0


test_fields_are_no_smaller_than_measured, test_fields_are_no_smaller_at_length = both(
    FEW, fields_are_no_smaller_than_measured
)
