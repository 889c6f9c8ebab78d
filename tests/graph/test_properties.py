"""What holds of every graph: one digest for all its spellings, faults and never a crash."""

import contextlib
import json
from dataclasses import replace

import pytest
from graph import strategies as some
from hypothesis import given, settings

from harness.errors import SpecError
from harness.graph import (
    Graph,
    check,
    digest,
    expand,
    from_tree,
    identity,
    infer,
    node_digests,
    parse,
    receptive_field,
    to_tree,
)
from harness.graph.ops import BLOCKS, FUSES
from harness.graph.restate import restated
from harness.graph.shares import share_groups
from harness.graph.spec import Op

FEW = settings(max_examples=40, deadline=None, derandomize=True, database=None)
MANY = settings(max_examples=500, deadline=None, database=None)

CONV = BLOCKS.get("conv")


def both(few, test):
    """The test with few examples always the same, and with many by `-m slow`."""
    return settings(few)(given(some.dice)(test)), pytest.mark.slow(MANY(given(some.dice)(test)))


# One digest for all spellings.


def all_spellings(dice):
    _, graph = some.drawn(dice, some.random_tree)
    spellings = [some.reworded(graph, dice)[0], expand(parse(restated(graph)))]
    spellings.append(from_tree(json.loads(json.dumps(to_tree(graph)))))
    assert {digest(one) for one in spellings} == {digest(graph)}
    names = sorted(node_digests(graph).values())
    assert len(set(names)) == len(graph.nodes)
    assert all(sorted(node_digests(one).values()) == names for one in spellings)
    assert {some.cost(one).params for one in spellings} == {some.cost(graph).params}
    assert {some.cost(one).macs for one in spellings} == {some.cost(graph).macs}


test_all_spellings, test_all_spellings_at_length = both(FEW, all_spellings)


def rows_and_plain_nodes(dice):
    _, graph = some.drawn(dice, some.random_rows)
    assert digest(expand(parse(restated(graph)))) == digest(graph)
    assert digest(some.reworded(graph, dice)[0]) == digest(graph)


test_rows_and_plain_nodes, test_rows_and_plain_nodes_at_length = both(FEW, rows_and_plain_nodes)


# Another digest for another graph.


def all_changes(dice):
    _, graph = some.drawn(dice, some.random_tree)
    place = dice.randrange(len(graph.nodes))
    changes = dict(_certain(graph, place, dice))
    digests = {kind: digest(changed) for kind, changed in changes.items()}
    assert digest(graph) not in digests.values(), digests
    assert len(set(digests.values())) == len(digests), digests


def _certain(graph: Graph, place: int, dice):
    """Changes at one node, each of which certainly changes what is computed."""
    node = graph.nodes[place]
    at = dice.randrange(len(node.inputs))
    edge = node.inputs[at]
    conv = Op("conv", tuple((arg.name, arg.default) for arg in CONV.args))
    wide = Op("conv", (("kernel", 9), *conv.args[1:]))
    yield "block", some.with_node(graph, place, replace(node, block=wide))
    yield "channels", some.with_node(graph, place, replace(node, channels=3.0))
    yield "op", some.with_edge(graph, place, at, replace(edge, path=(wide, *edge.path)))
    yield "tap", replace(graph, taps=(*graph.taps, ("another", node.key)))
    if node.block.name == "conv" and node.block["norm"]:
        norm = replace(node.norm, eps=0.125)
        yield "norm", some.with_node(graph, place, replace(node, norm=norm))
    if node.fuse.name in ("sum", "mean") and len(node.inputs) > 1:
        yield "fuse", some.with_node(graph, place, replace(node, fuse=Op("mul")))
    if edge.role == "add":
        pass
    elif node.fuse.name == "gate":
        other = next(i for i, e in enumerate(node.inputs) if e.role not in (edge.role, "add"))
        if node.inputs[other].source != edge.source:
            swapped = replace(edge, role=node.inputs[other].role)
            once = some.with_edge(graph, place, at, swapped)
            back = replace(node.inputs[other], role=edge.role)
            twice = some.with_edge(once, place, other, back)
            if not _are_twins(graph, edge.source, node.inputs[other].source):
                yield "roles", twice
    source = next((one for one in graph.nodes if one.key == edge.source), None)
    if source is not None and source.block.name != "none":
        turned = "after" if edge.tap == "before" else "before"
        yield "before", some.with_edge(graph, place, at, replace(edge, tap=turned))
    if edge.source not in [f"p{level}" for level in graph.inputs]:
        return
    form = edge.projection
    if form.when == "always":
        turned_form = replace(form, bias=not form.bias)
        yield "projection", some.with_edge(graph, place, at, replace(edge, projection=turned_form))


def _are_twins(graph: Graph, one: str, other: str) -> bool:
    names = node_digests(graph)
    return names.get(one, one).partition("#")[0] == names.get(other, other).partition("#")[0]


test_all_changes, test_all_changes_at_length = both(FEW, all_changes)


def what_changes_nothing(dice):
    _, graph = some.drawn(dice, some.random_tree)
    place = dice.randrange(len(graph.nodes))
    for kind, changed in _idle(graph, place, dice):
        assert digest(changed) == digest(graph), kind
        assert some.cost(changed).params == some.cost(graph).params, kind


def _idle(graph: Graph, place: int, dice):
    """Changes at one node that change nothing of what is computed."""
    node = graph.nodes[place]
    at = dice.randrange(len(node.inputs))
    edge = node.inputs[at]
    if node.share is None:
        yield "share", some.with_node(graph, place, replace(node, share="lonely@1"))
    if edge.share is None:
        yield "edge share", some.with_edge(graph, place, at, replace(edge, share="lonely@1"))
    source = next((one for one in graph.nodes if one.key == edge.source), None)
    form = edge.projection
    if source is not None:
        per = "edge" if form.per == "input" else "input"
        said = replace(form, per=per)
        yield "per", some.with_edge(graph, place, at, replace(edge, projection=said))
        equal = source.channels == node.channels is not None and edge.tap == "after"
        if equal and FUSES.get(node.fuse.name).equal_channels and edge.channels is None:
            none = replace(form, when="none", norm=not form.norm)
            yield "none", some.with_edge(graph, place, at, replace(edge, projection=none))
    if source is None or source.block.name == "none":
        turned = "after" if edge.tap == "before" else "before"
        yield "before", some.with_edge(graph, place, at, replace(edge, tap=turned))
    if FUSES.get(node.fuse.name).equal_channels and edge.channels is None:
        said_edge = replace(edge, channels=node.channels)
        yield "channels", some.with_edge(graph, place, at, said_edge)
    if node.block.name in ("conv", "sepconv", "csp", "rep") and node.block["act"] == "none":
        turned_order = {"act_conv_norm": "conv_norm_act", "conv_norm_act": "act_conv_norm"}
        args = [(k, turned_order.get(str(v), v)) for k, v in node.block.args]
        block = Op(node.block.name, tuple(args))
        yield "order", some.with_node(graph, place, replace(node, block=block))


test_what_changes_nothing, test_what_changes_nothing_at_length = both(FEW, what_changes_nothing)


# Sets of weights.


def diamond(*pairs: str, **fields) -> Graph:
    """Four nodes in a row of two and two; each pair of letters has one set of weights."""
    word = {one: pair for pair in pairs for one in pair}
    node = {"level": 3, "block": {"conv": 3}, **fields}
    nodes = {
        "a": {**node, "from": "p3"},
        "b": {**node, "from": ["p3", "a"]},
        "c": {**node, "from": "b"},
        "d": {**node, "from": ["b", "c"]},
    }
    for name, one in nodes.items():
        if name in word:
            one["share"] = word[name]
    return expand(parse({"levels": "p3..p3", "nodes": nodes, "outputs": {"p3": "d"}}))


def test_who_shares_with_whom_counts():
    splits = [(), ("ab",), ("cd",), ("ab", "cd"), ("ac", "bd"), ("ad", "bc"), ("abcd",)]
    assert len({digest(diamond(*split)) for split in splits}) == len(splits)
    assert digest(diamond("a", "b")) == digest(diamond())
    assert digest(diamond("ab", "cd", block="none")) == digest(diamond(block="none"))


def test_a_block_is_shared_also_where_the_numbers_of_inputs_differ():
    """Blocks of nodes of one and two inputs were one module, and the digest did not know."""
    assert digest(diamond("ab")) != digest(diamond())
    assert some.cost(diamond("ab")).params < some.cost(diamond()).params


def test_weights_of_a_shared_fuse_belong_to_places():
    def crossed(first, second):
        weighted = {"level": 3, "fuse": {"weighted": "fast"}, "share": "w"}
        nodes = {
            "a": {**weighted, "from": first},
            "b": {**weighted, "from": second},
            "c": {"level": 3, "from": ["a", {"from": "b", "op": {"conv": 3}}]},
        }
        d = {"level": 4, "from": "p4"}
        tree = {"levels": "p3..p4", "nodes": {**nodes, "d": d}, "outputs": {"p3": "c", "p4": "d"}}
        return digest(expand(parse(tree)))

    assert crossed(["p3", "p4"], ["p3", "p4"]) == crossed(["p4", "p3"], ["p4", "p3"])
    assert crossed(["p3", "p4"], ["p3", "p4"]) != crossed(["p3", "p4"], ["p4", "p3"])


def test_words_of_a_file_are_never_those_of_shared_repeats():
    """`share: p3_a` was what repeats with shared weights called node `p3_a` themselves."""
    rows = {"a": {"from": "in"}, "b": {"from": "a"}}
    tree = {"levels": "p3..p4", "rows": rows, "repeats": {"n": 2, "weights": "shared"}}

    def with_word(word):
        return digest(expand(parse({**tree, "nodes": {"p4_b": {"share": word}}})))

    assert with_word("p3_a") == with_word("anything")


def test_edges_of_shared_repeats_have_one_set_of_weights_from_the_first_on():
    """Where an input is lacking in the first repeat, the others had other places there."""
    refs = [{"from": "out@-1", "op": {"conv": 1}}, {"from": "in", "op": {"conv": 3}}]
    tree = {"levels": "p3..p3", "rows": {"out": {"from": refs}}}
    graph = expand(parse({**tree, "repeats": {"n": 4, "weights": "shared"}}))
    sets = share_groups(graph)
    whole = {sets["p3_out@4", place, 0] for place in (0, 1)}
    assert len(whole) == 2
    assert sets["p3_out@1", 0, 0] in whole


def test_a_fused_map_has_channels_of_its_own():
    """`tap: before` reads what the block has not yet made: its projection counts."""

    def tapped(form):
        edge = {"from": "a", "tap": "before", "projection": form}
        nodes = {
            "a": {"level": 3, "from": ["p3", "p4"], "fuse": "concat"},
            "b": {"level": 3, "from": ["a", edge]},
            "c": {"level": 4, "from": "p4"},
        }
        tree = {"levels": "p3..p4", "nodes": nodes, "outputs": {"p3": "b", "p4": "c"}}
        return expand(parse(tree))

    one, other = tapped({"norm": True}), tapped({"norm": False})
    assert some.cost(one).params != some.cost(other).params
    assert digest(one) != digest(other)


def test_two_taps_of_one_node_are_not_one():
    rows = {"levels": "p3..p3", "rows": {"a": {"from": "in"}, "b": {"from": "a"}}}
    taps = [{}, {"x": "p3_a"}, {"x": "p3_a", "y": "p3_a"}]
    assert len({digest(expand(parse({**rows, "taps": one}))) for one in taps}) == 3


# Twins.


def chains(*readers: str) -> Graph:
    """Twins `a` and `b`, each with a reader or two of some block."""
    nodes = {name: {"level": 3, "from": "p3"} for name in "ab"}
    for i, (source, block) in enumerate(zip("abab", readers, strict=False)):
        nodes[f"r{i}"] = {"level": 3, "from": source, "block": block}
    ends = [f"r{i}" for i in range(len(readers))]
    nodes["out"] = {"level": 3, "from": ends}
    return expand(parse({"levels": "p3..p3", "nodes": nodes, "outputs": {"p3": "out"}}))


def test_twins_are_told_apart_by_what_reads_them():
    mirrored = node_digests(chains("conv", "conv"))
    assert mirrored["a@1"].partition("#")[0] == mirrored["b@1"].partition("#")[0]
    assert "#" not in node_digests(chains("conv", "sepconv"))["a@1"]
    crossed = {digest(chains("conv", "conv", "sepconv", "sepconv"))}
    crossed.add(digest(chains("conv", "sepconv", "conv", "sepconv")))
    assert len(crossed) == 2


def test_many_twins_are_not_tried_in_every_order(monkeypatch):
    """48 twins have 48! orders; the work is counted, since seconds are the machine's."""
    nodes = {f"n{i}": {"level": 3, "from": "p3"} for i in range(40)}
    nodes |= {f"m{i}": {"level": 3, "from": f"n{i}"} for i in range(8)}
    nodes["out"] = {"level": 3, "from": list(nodes)}
    graph = expand(parse({"levels": "p3..p3", "nodes": nodes, "outputs": {"p3": "out"}}))
    refined, count = identity._Canon._refined, []
    monkeypatch.setattr(
        identity._Canon, "_refined", lambda self, colours: count.append(1) or refined(self, colours)
    )
    assert digest(graph)
    assert len(count) < 48**3


def test_the_numbers_of_twins_that_are_no_mirror_images_follow_them():
    """A ring of six and two of three in one graph: nothing but their rings tells nodes apart."""

    def rings(order):
        nodes, last = {}, []
        for ring, i, size in order:
            nodes[f"a{ring}{i}"] = {"level": 3, "from": "p3"}
            reads = [f"a{ring}{i}", f"a{ring}{(i + 1) % size}"]
            nodes[f"b{ring}{i}"] = {"level": 3, "from": reads}
            last.append(f"b{ring}{i}")
        nodes["out"] = {"level": 3, "from": last}
        return expand(parse({"levels": "p3..p3", "nodes": nodes, "outputs": {"p3": "out"}}))

    order = [(r, i, size) for r, size in enumerate((6, 3, 3)) for i in range(size)]
    one, other = rings(order), rings(order[::-1])
    assert digest(one) == digest(other)

    def links(graph):
        names = node_digests(graph)
        pairs = [
            (names[e.source], names[n.key])
            for n in graph.nodes
            for e in n.inputs
            if "@" in e.source
        ]
        return sorted(pairs)

    assert links(one) == links(other)


# Faults, and never a crash.


def _anything(dice):
    make = some.random_rows if dice.random() < 0.5 else some.random_tree
    tree = make(dice)
    if dice.random() < 0.15:
        tree = {**({} if dice.random() < 0.5 else tree), "derive": dice.choice(["base", "self", 3])}
    if dice.random() < 0.1 and "stages" in tree:
        tree["stages"].append({"topology": dice.choice(["base", "self"])})
    base = some.random_rows(dice)

    def lookup(name):
        if name not in ("base", "self"):
            raise SpecError(f"no topology {name!r}")
        return base if name == "base" else {"derive": "self"}

    return tree, lookup


def trees_end_in_a_graph_or_in_faults(dice):
    tree, lookup = _anything(dice)
    for _ in range(dice.choice([0, 1, 1, 1, 2])):
        if isinstance(tree, dict):
            tree = some.corrupted(tree, dice.choice(list(some.spots(tree))), dice)
    faults = check(tree, lookup=lookup)
    assert all(fault.message for fault in faults)
    if faults:
        with pytest.raises(SpecError) as caught:
            expand(parse(tree, lookup=lookup))
        assert set(caught.value.faults) <= set(faults)
        return
    graph = expand(parse(tree, lookup=lookup))
    assert digest(from_tree(to_tree(graph))) == digest(graph)
    assert {key for _, key in graph.taps} <= {node.key for node in graph.nodes}
    receptive_field(graph, dict.fromkeys(graph.inputs, 1))
    with contextlib.suppress(SpecError):
        infer(graph, channels=dict.fromkeys(graph.inputs, 8), width=8, image_size=64)


test_trees_end_in_a_graph_or_in_faults, test_trees_end_so_at_length = both(
    settings(FEW, max_examples=150), trees_end_in_a_graph_or_in_faults
)

ROW = {"rows": {"out": {"from": "in"}}, "levels": "p3..p3"}
INSIDE: dict = {"stages": []}
INSIDE["stages"].append({"topology": INSIDE})


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({**ROW, "norm": {"eps": 10**400}}, "norm.eps"),
        ({**ROW, "block": {"csp": {"n": 10**9}}}, "block.csp.n"),
        ({**ROW, "block": {"ratio_pool": 5e-324}}, "block.ratio_pool.ratio"),
        ({"rows": {"out": {"from": "in", "channels": 1e308}}}, "rows.out.channels"),
        ({"rows": {"out": {"from": "in", "channels": 10**400}}}, "rows.out.channels"),
        ({**ROW, "repeats": 10**9}, "repeats"),
        ({**ROW, "repeats": {"n": 2, "each": {1: ["a"]}}}, "repeats.each.1"),
        ({"stages": [{"rows": 3.0, "a": {"from": "in"}}]}, "stages.0.rows"),
        ({"stages": [{"extra": {"from": [1]}}]}, "stages.0.extra.from"),
        ({"stages": [{"extra": {"from": "in"}}]}, "stages"),
        ({**ROW, "taps": {"x": "c3"}}, "taps.x"),
        (
            {
                "rows": {"out": {"from": "backbone"}},
                "rewrites": ["drop_single_input"],
                "levels": "p3..p3",
            },
            "outputs.p3",
        ),
        ({"rows": {"out": {"from": "in", "share": "1"}}}, "rows.out.share"),
        (INSIDE, "stages.0.topology"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_faults_that_were_crashes(tree, path):
    assert any(fault.path.startswith(path) for fault in check(tree))


def test_topologies_that_derive_without_end_are_a_fault():
    def lookup(name):
        return {"derive": f"t{int(name[1:]) + 1}"}

    (fault, *_) = check({"derive": "t0"}, lookup=lookup)
    assert "more than 16 topologies" in fault.message


@pytest.mark.parametrize("step", [1, -1])
def test_a_chain_of_many_nodes(step):
    """Written from either end; the order was found by recursion."""
    names = [f"n{i}" for i in range(1500)][::step]
    nodes = {
        name: {"level": 3, "from": source}
        for name, source in zip(names, ["p3", *names], strict=False)
    }
    ordered = dict(sorted(nodes.items()))
    graph = expand(parse({"levels": "p3..p3", "nodes": ordered, "outputs": {"p3": names[-1]}}))
    assert [node.name for node in graph.nodes] == names


def test_before_the_block_of_a_backbone_map_is_the_map():
    tree = {
        "rows": {"out": {"from": ["in", {"from": "in.coarser", "tap": "before"}]}},
        "levels": "p3..p4",
    }
    graph = expand(parse({**tree, "repeats": 2}))
    assert some.cost(graph).params
    assert receptive_field(graph, {3: 8, 4: 16})[3]
