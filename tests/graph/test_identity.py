"""One digest for all spellings of a graph, another for any other graph."""

import copy
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.graph import (
    digest,
    expand,
    from_tree,
    infer,
    node_digests,
    parse,
    to_tree,
    with_fields,
)

PANET = {
    "td": {"order": "down", "from": ["in", "td.coarser"]},
    "out": {"order": "up", "from": ["td", "out.finer"]},
}
BIFPN = {
    "rows": {
        "td": {"order": "down", "skip_first": True, "from": ["in", "td.coarser | in.coarser"]},
        "out": {"order": "up", "skip_first": True, "from": ["in", "td", "out.finer | td.finer"]},
    },
    "fuse": {"weighted": "fast"},
    "repeats": 3,
}
PLAIN_BIFPN = {
    "nodes": {
        "out7": {"level": 7, "from": ["out6", "p7"]},
        "out6": {"level": 6, "from": ["out5", "p6", "m6"]},
        "out5": {"level": 5, "from": ["m5", "out4", "p5"]},
        "out4": {"level": 4, "from": ["p4", "out3", "m4"]},
        "out3": {"level": 3, "from": ["m4", "p3"]},
        "m4": {"level": 4, "from": ["p4", "m5"]},
        "m5": {"level": 5, "from": ["m6", "p5"]},
        "m6": {"level": 6, "from": ["p7", "p6"]},
    },
    "outputs": {f"p{level}": f"out{level}" for level in range(3, 8)},
    "fuse": {"weighted": {"norm": "fast", "per": "scalar", "eps": 1e-4, "frozen": False}},
    "block": {"sepconv": {"kernel": 3, "act": "silu", "order": "act_conv_norm"}},
    "conventions": "efficientdet",
    "projection": {"when": "auto", "per": "edge", "norm": True, "bias": True},
    "repeats": 3,
}


def name_of(tree, **options):
    return digest(expand(parse(tree), **options))


def test_bifpn_derived_by_rows_and_by_plain_nodes():
    rewrites = ["drop_single_input", "add_input_skip"]
    derived = {"derive": {"from": "panet", "rewrites": rewrites}, "fuse": {"weighted": "fast"}}
    panet = {"rows": PANET, "repeats": 7}
    topology = parse({**derived, "repeats": 3}, lookup={"panet": panet}.__getitem__)
    assert digest(expand(topology)) == name_of(BIFPN) == name_of(PLAIN_BIFPN)
    assert len(name_of(BIFPN)) == 64


def test_the_digest_is_the_same_everywhere_and_always():
    tree = {"rows": {"out": {"from": "in"}}, "levels": [3, 3]}
    golden = "2689530692962515cc2926f95984cbf45e0eb638c16908b3a7ab408853fa1832"
    assert name_of(tree) == golden


@pytest.mark.parametrize(
    "fields",
    [
        {"fuse": "sum"},
        {"fuse": "mean"},
        {"fuse.weighted.norm": "softmax"},
        {"fuse.weighted.per": "channel"},
        {"fuse.weighted.eps": 1e-3},
        {"fuse.weighted.frozen": True},
        {"block": {"sepconv": 5}},
        {"block": {"conv": 3}},
        {"block": "none"},
        {"block": {"sepconv": {"norm": False}}},
        {"act": "relu"},
        {"conv_order": "conv_norm_act"},
        {"bias": False},
        {"norm.eps": 1e-4},
        {"norm.momentum": 0.1},
        {"projection": "none"},
        {"projection": "always"},
        {"projection.per": "input"},
        {"projection.norm": False},
        {"projection.bias": False},
        {"down": {"max_pool": "stride"}},
        {"extra.down": {"max_pool": "stride"}},
        {"extra.block": {"conv": 1}},
        {"extra.projection": "always"},
        {"repeats": 2},
        {"levels": "p3..p6"},
        {"levels": "p2..p7"},
        {"last_backbone_level": 4},
        {"rows.out.channels": 2},
        {"rows.out.fuse": "sum"},
        {"rows.td.skip_first": False},
        {"nodes.p4_out.fuse": "sum"},
        {"nodes.p4_out.from": ["p4", "p3_td"]},
        {"outputs": {"p4": "p4_td"}},
        {"conventions": "nas_fpn"},
    ],
    ids=str,
)
def test_every_change_of_function_changes_the_digest(fields):
    changed = with_fields(BIFPN, fields)
    assert name_of(changed) != name_of(BIFPN)


def test_rewiring_any_one_edge_changes_the_digest():
    graph = expand(parse(PLAIN_BIFPN), repeats=1)
    tree = to_tree(graph)
    seen = {digest(graph)}
    count = 1
    levels = {f"p{level}": level for level in graph.inputs}
    for place, node in enumerate(tree["nodes"]):
        for i, edge in enumerate(node["inputs"]):
            for source in levels:
                if source in [one["source"] for one in node["inputs"]]:
                    continue
                changed = copy.deepcopy(tree)
                changed["nodes"][place]["inputs"][i] = {**edge, "source": source}
                seen.add(digest(from_tree(changed)))
                count += 1
        levels[f"{node['name']}@{node['repeat']}"] = node["level"]
    assert count > 100
    assert len(seen) == count


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"fuse": "sum"}, {"fuse": "mean"}),  # of one input
        ({"projection": "none", "bias": True}, {"projection": {"when": "none", "per": "input"}}),
        ({"projection.per": "input"}, {"projection.per": "edge"}),  # each map used once
        ({"up": "nearest", "down": {"max_pool": "stride"}}, {}),  # nothing is resampled
        ({"act": "none", "conv_order": "conv_norm_act"}, {"act": "none"}),
        (
            {"fuse": {"weighted": {"norm": "softmax", "eps": 0.5}}},
            {"fuse": {"weighted": "softmax"}},
        ),
        (
            {"block": "none", "norm.eps": 0.5, "projection": "none"},
            {"block": None, "projection": "none"},
        ),
        ({"repeats": 1, "name": "a", "source": "b", "levels": "p3..p5"}, {"name": "c"}),
    ],
    ids=str,
)
def test_what_changes_nothing_changes_no_digest(one, other):
    tree = {"rows": {"out": {"from": "in"}}, "levels": [3, 5]}
    assert name_of(with_fields(tree, one)) == name_of(with_fields(tree, other))


def test_order_of_inputs_means_nothing_where_roles_say_who_is_who():
    def gated(*sources, **args):
        node = {"level": 4, "from": list(sources), "fuse": {"gate": args}}
        rows = {"out": {"from": ["in", "mix"]}}
        return {"rows": rows, "nodes": {"mix": node}, "levels": [3, 5]}

    first = name_of(gated("p4", "p5"))
    assert name_of(gated("p5", "p4")) == first
    assert name_of(gated({"from": "p4", "role": "gated"}, {"from": "p5", "role": "gate"})) == first
    swapped = name_of(gated({"from": "p4", "role": "gate"}, {"from": "p5", "role": "gated"}))
    assert swapped != first
    assert name_of(gated("p4", "p5", **{"from": "finer"})) == swapped
    assert name_of(gated("p4", "p5", pool="avg")) != first


# Graphs that colouring alone cannot tell apart.


def ring(*sizes):
    """Rings of nodes in two layers: `b` reads two neighbours of `a`; one output reads all `b`."""
    nodes, last = {}, []
    for r, size in enumerate(sizes):
        for i in range(size):
            nodes[f"a{r}_{i}"] = {"level": 3, "from": ["p3"]}
            after = f"a{r}_{(i + 1) % size}"
            nodes[f"b{r}_{i}"] = {"level": 3, "from": [f"a{r}_{i}", after]}
            last.append(f"b{r}_{i}")
    nodes["out"] = {"level": 3, "from": last}
    return {"nodes": nodes, "outputs": {"p3": "out"}, "levels": [3, 3]}


def test_one_ring_of_six_is_not_two_of_three():
    assert name_of(ring(6)) != name_of(ring(3, 3))
    assert name_of(renamed(ring(3, 3), random.Random(1))) == name_of(ring(3, 3))
    assert name_of(renamed(ring(6), random.Random(2))) == name_of(ring(6))


def test_twins_are_numbered_and_others_are_not():
    graph = expand(parse(ring(3)))
    names = node_digests(graph)
    assert len(set(names.values())) == len(names) == 7
    assert sorted(one.rpartition("#")[2] for key, one in names.items() if key[0] == "a") == [
        "0",
        "1",
        "2",
    ]
    assert "#" not in names["out@1"]
    assert all("#" not in one for one in node_digests(expand(parse(BIFPN))).values())


def test_node_digests_follow_the_nodes_through_a_renaming():
    first = node_digests(expand(parse(BIFPN)))
    other = node_digests(expand(parse(PLAIN_BIFPN)))
    assert first["p4_td@2"] == other["m4@2"]
    assert first["p7_out@3"] == other["out7@3"]
    assert first["p6@0"] == other["p6@0"]
    assert sorted(first.values()) == sorted(other.values())


# Random graphs.

FUSES = ["sum", "mean", {"weighted": "fast"}, {"weighted": {"norm": "softmax", "per": "channel"}}]
BLOCKS = ["sepconv", {"conv": 1}, {"conv": 3}, "none"]


def random_tree(dice):
    """Plain nodes at p3..p5, each read by something."""
    nodes, levels = {}, {"p3": 3, "p4": 4, "p5": 5}
    for i in range(dice.randint(0, 8)):
        sources = dice.sample(list(levels), dice.randint(1, min(3, len(levels))))
        level = dice.randint(3, 5)
        nodes[f"n{i}"] = random_node(dice, level, sources)
        levels[f"n{i}"] = level
    used = {
        one if isinstance(one, str) else one["from"] for n in nodes.values() for one in n["from"]
    }
    loose = [name for name in nodes if name not in used]
    for level in (3, 4, 5):
        nodes[f"o{level}"] = {"level": level, "from": [f"p{level}"]}
    for name in loose:
        nodes[f"o{dice.randint(3, 5)}"]["from"].append(name)
    outputs = {f"p{level}": f"o{level}" for level in (3, 4, 5)}
    repeats = dice.randint(1, 3)
    return {"nodes": nodes, "outputs": outputs, "levels": [3, 5], "repeats": repeats}


def random_node(dice, level, sources):
    node = {"level": level, "from": sources, "block": dice.choice(BLOCKS)}
    if len(sources) == 2 and dice.random() < 0.3:
        roles = ["gate", "gated"]
        given = [{"from": s, "role": r} for s, r in zip(sources, roles, strict=True)]
        return {**node, "from": given, "fuse": "gate"}
    return {**node, "fuse": dice.choice(FUSES)}


def renamed(tree, dice):
    """The same graph with nodes renamed, and nodes and inputs in another order."""
    names = list(tree["nodes"])
    fresh = dict(zip(names, dice.sample(range(1000), len(names)), strict=True))

    def new(one):
        if isinstance(one, dict):
            return {**one, "from": new(one["from"])}
        return f"x{fresh[one]}" if one in fresh else one

    nodes = {}
    for name in dice.sample(names, len(names)):
        node = tree["nodes"][name]
        inputs = [new(one) for one in node["from"]]
        nodes[new(name)] = {**node, "from": dice.sample(inputs, len(inputs))}
    outputs = {level: new(name) for level, name in tree["outputs"].items()}
    return {**tree, "nodes": nodes, "outputs": outputs}


def changed(tree, dice):
    """The tree with one thing in it that was nowhere before."""
    name = dice.choice(list(tree["nodes"]))
    node = tree["nodes"][name]
    choices = [
        {f"nodes.{name}.block": {"conv": 7}},
        {f"nodes.{name}.channels": 3},
        {"repeats": tree["repeats"] + 1},
    ]
    spare = [one for one in ("p3", "p4", "p5") if one not in map(source_of, node["from"])]
    if len(spare) < 3:
        choices.append({f"nodes.{name}.projection": {"when": "always", "bias": False}})
    if spare:
        extra = {"from": spare[0], "role": "add"} if node.get("fuse") == "gate" else spare[0]
        choices.append({f"nodes.{name}.from": [*node["from"], extra]})
    if node.get("fuse") != "gate":
        choices.append({f"nodes.{name}.fuse": {"weighted": {"eps": 0.25}}})
    else:
        choices.append({f"nodes.{name}.fuse": {"gate": {"pool": "avg"}}})
        flip = {"gate": "gated", "gated": "gate"}
        turned = [{**one, "role": flip[one["role"]]} for one in node["from"]]
        choices.append({f"nodes.{name}.from": turned})
    return with_fields(tree, dice.choice(choices))


def source_of(one):
    return one if isinstance(one, str) else one["from"]


def facts(tree):
    found = infer(expand(parse(tree)), channels={3: 8, 4: 12, 5: 20}, width=16, image_size=100)
    return found.params, found.macs, sorted((n.level, n.params, n.macs) for n in found.nodes)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**32))
def test_random_graphs(seed):
    dice = random.Random(seed)
    tree = random_tree(dice)
    other = renamed(tree, dice)
    graph, twin = expand(parse(tree)), expand(parse(other))
    assert digest(graph) == digest(twin)
    assert facts(tree) == facts(other)
    assert sorted(node_digests(graph).values()) == sorted(node_digests(twin).values())
    assert len(set(node_digests(graph).values())) == len(graph.nodes)
    assert digest(expand(parse(changed(tree, dice)))) != digest(graph)
