"""Random feature networks, for properties: plain trees, trees by rows, and changes of both.

Everything is drawn from `dice`, a `random.Random`: Hypothesis' own shrinks, a seeded one is fast.
"""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from harness.errors import SpecError
from harness.graph import Graph, expand, infer, parse
from harness.graph.ops import BLOCKS as BLOCK_FACTS
from harness.graph.ops import FUSES as FUSE_FACTS
from harness.graph.ops import RESAMPLES
from harness.graph.spec import Edge, Node, Op

Tree = dict[str, Any]

dice = st.randoms(use_true_random=False)

CHANNELS = {2: 6, 3: 8, 4: 12, 5: 20, 6: 8, 7: 8}
WIDTH = 8

KEEPING = ["none", "se", {"dilated": {"rate": 2, "hidden": 0.5}}]
"""Blocks that have as many channels as they are given."""
MAKING: list[Any] = [
    {"conv": 1},
    {"conv": 3},
    {"conv": {"kernel": 3, "act": "relu", "order": "conv_norm_act"}},
    {"conv": {"kernel": 1, "act": "none", "bias": False}},
    {"conv": {"kernel": 1, "norm": False}},
    {"sepconv": 3},
    {"sepconv": {"kernel": 5, "norm": False}},
    {"csp": {"n": 1, "act": "relu"}},
    {"rep": {"n": 1}},
    {"residual": 1},
]
GLOBAL = ["se", "attention", "nonlocal", "aspp", "es", "dyrelu"]
UPS: list[Any] = [
    "nearest",
    "bilinear",
    {"deconv": "stride"},
    {"deconv": {"kernel": "twice_stride", "norm": False}},
    {"pixel_shuffle": 1},
    {"carafe": {"kernel": 3, "compressed": 4}},
    [{"conv": 1}, "nearest"],
    ["nearest", {"conv": 3}],
]
DOWNS: list[Any] = [
    "max_pool",
    {"max_pool": "stride"},
    {"avg_pool": "stride_plus_1"},
    {"adaptive_pool": "avg"},
    "subsample",
    "bilinear",
    "strided_conv",
    {"strided_conv": {"kernel": 3, "pad": "centre", "norm": False}},
    {"strided_conv": {"patches": True, "act": "none"}},
    {"strided_conv": {"separable": True}},
    [{"conv": 1}, "max_pool"],
    ["max_pool", {"conv": 3}],
]
FAR_UPS: list[Any] = [["nearest", {"conv": 1}, "bilinear"], ["nearest", "nearest"]]
FAR_DOWNS: list[Any] = [["max_pool", "strided_conv"], ["avg_pool", {"conv": 3}, "subsample"]]
PROJECTIONS: list[Any] = [
    "auto",
    "always",
    {"when": "auto", "per": "input"},
    {"when": "always", "per": "input", "norm": False},
    {"when": "auto", "norm": False, "bias": False},
]
WEIGHTED: list[Any] = [
    {"weighted": "fast"},
    {"weighted": "softmax"},
    {"weighted": {"norm": "none", "eps": 0.5}},
    {"weighted": {"norm": "fast", "eps": 0.01}},
    {"weighted": {"norm": "softmax", "per": "channel"}},
    {"weighted": {"norm": "fast", "per": "pixel", "grid": 3}},
    {"weighted": {"norm": "fast", "frozen": True}},
]
SPATIAL: list[Any] = [
    {"spatial": {"squeeze": 4}},
    {"spatial": {"norm": "sigmoid", "squeeze": 4, "together": True, "kernel": 3}},
    {"spatial": {"squeeze": 4, "batch_norm": False}},
]
PLAIN_FUSES: list[Any] = ["sum", "sum", "mean", "mul", *WEIGHTED]


# Plain trees.


def random_tree(dice: Random, *, local: bool = False, most: int = 7) -> Tree:
    """Plain nodes, every one of them wanted. local: no op in it sees a whole map."""
    return _Grower(dice, local, most).tree()


class _Grower:
    def __init__(self, dice: Random, local: bool, most: int) -> None:
        self.dice, self.local = dice, local
        self.finest = dice.randint(2, 4)
        self.levels = range(self.finest, self.finest + dice.randint(1, 3))
        self.bound = min(self.levels[-1], 5)
        self.maps = {f"p{level}": level for level in self.levels}
        self.nodes: dict[str, Tree] = {}
        self.at: dict[str, int] = dict(self.maps)
        self.repeats = dice.choice([1, 1, 2, 3])
        self.count = dice.randint(0, most)

    def tree(self) -> Tree:
        for i in range(self.count):
            self._node(f"n{i}", self.dice.choice(self.levels))
            if self.dice.random() < 0.25:
                self._twin(f"t{i}", f"n{i}")
        read = {source_of(one) for node in self.nodes.values() for one in node["from"]}
        loose = [name for name in self.nodes if name not in read]
        taps = [name for name in loose if self.dice.random() < 0.1]
        ends: dict[int, list[str]] = {level: [f"p{level}"] for level in self.levels}
        for name in loose:
            if name not in taps:
                ends[self.dice.choice(self.levels)].append(name)
        for level, sources in ends.items():
            self.nodes[f"o{level}"] = self._written(level, sources, last=True)
        if self.dice.random() < 0.15:
            taps.append(self.dice.choice(list(self.nodes)))
        tree: Tree = {
            "levels": f"p{self.finest}..p{self.levels[-1]}",
            "nodes": self.nodes,
            "outputs": {f"p{level}": f"o{level}" for level in self.levels},
            "repeats": self.repeats,
        }
        if taps:
            tree["taps"] = {f"tap{i}": name for i, name in enumerate(dict.fromkeys(taps))}
        if self.dice.random() < 0.2:
            tree["conventions"] = self.dice.choice(["nas_fpn", "torchvision", "retinanet"])
        if self.repeats > 1 and self.dice.random() < 0.3:
            tree["repeats"] = {"n": self.repeats, "weights": "shared"}
        return tree

    def _node(self, name: str, level: int) -> None:
        known = list(self.at)
        sources = self.dice.sample(known, self.dice.randint(1, min(4, len(known))))
        if self.repeats > 1 and self.nodes and self.dice.random() < 0.15:
            back = self.dice.choice(["@-1", "@first", "@all", "@log2"])
            sources.append(self.dice.choice([*self.nodes, *self.maps]) + back)
        self.nodes[name] = self._written(level, sources)
        self.at[name] = level

    def _twin(self, name: str, of: str) -> None:
        self.nodes[name] = dict(self.nodes[of])
        self.at[name] = self.at[of]

    def _written(self, level: int, sources: list[str], last: bool = False) -> Tree:
        node: Tree = {"level": level}
        fuse, roles = self._fuse(sources)
        joined = fuse == "concat"
        if fuse != "sum" or self.dice.random() < 0.3:
            node["fuse"] = fuse
        keeping = [one for one in KEEPING if not (self.local and _name(one) in GLOBAL)]
        blocks = [*MAKING, *MAKING, *keeping] if not last else MAKING
        if self.dice.random() < 0.7 or (last and joined):
            node["block"] = self.dice.choice(blocks)
        bare = joined and _name(node.get("block", "conv")) in ("none", "se", "dilated")
        if not bare and not last and self.dice.random() < 0.2:
            node["channels"] = self.dice.choice([0.5, 1, "2x"])
        if self.dice.random() < 0.15:
            node["share"] = self.dice.choice(["s", "t"])
        if self.dice.random() < 0.1:
            node["norm"] = {"eps": self.dice.choice([1e-3, 1e-5])}
        entries = [
            self._entry(source, role, level, joined)
            for source, role in zip(sources, roles, strict=True)
        ]
        if self.dice.random() < 0.05 and fuse != "inject":
            entries.append(self._again(sources[0], roles, level))
        node["from"] = entries
        return node

    def _again(self, source: str, roles: list[str | None], level: int) -> Any:
        """The same source once more, by an op of its own."""
        role = "add" if "gate" in roles else None
        entry = {"from": source, "op": {"conv": 1}}
        return {**entry, "role": role} if role else entry

    def _fuse(self, sources: list[str]) -> tuple[Any, list[str | None]]:
        count = len(sources)
        several = any("@" in one for one in sources)
        none: list[str | None] = [None] * count
        kinds = ["plain"] * 4 + ["concat"] * 2
        if count == 1 or several:
            kinds = ["plain", "concat"]
        elif count > 1:
            kinds += ["spatial"] + ([] if self.local else ["gate", "gate"])
            kinds += ["inject"] if count == 3 else []
        match self.dice.choice(kinds):
            case "concat":
                return "concat", none
            case "gate":
                rest: list[str | None] = ["add"] * (count - 2)
                roles: list[str | None] = ["gate", "gated", *rest]
                self.dice.shuffle(roles)
                return {"gate": {"pool": self.dice.choice(["max", "avg"])}}, roles
            case "inject":
                return "inject", self.dice.sample(["local", "gate", "global"], 3)
            case "spatial":
                return self.dice.choice(SPATIAL), none
            case _:
                return self.dice.choice(PLAIN_FUSES), none

    def _entry(self, source: str, role: str | None, level: int, joined: bool) -> Any:
        entry: Tree = {"from": source}
        if role is not None:
            entry["role"] = role
        name = source.partition("@")[0]
        if self.dice.random() < 0.15:
            entry["tap"] = self.dice.choice(["before", "after"])
        if self.dice.random() < 0.12:
            entry["op"] = self.dice.choice(MAKING)
            if self.dice.random() < 0.3:
                entry["op"] = [entry["op"], entry["op"]]
        if self.dice.random() < 0.15:
            entry["projection"] = self.dice.choice(PROJECTIONS)
        far = abs(self.at[name] - level)
        if self.at[name] > level and self.dice.random() < 0.4:
            entry["up"] = self.dice.choice(UPS + (FAR_UPS if far > 1 else []))
        if self.at[name] < level and self.dice.random() < 0.4:
            entry["down"] = self.dice.choice(DOWNS + (FAR_DOWNS if far > 1 else []))
        if joined and self.dice.random() < 0.2:
            entry["channels"] = self.dice.choice([0.5, "1x"])
        if self.dice.random() < 0.15:
            entry["share"] = self.dice.choice(["k", "l"])
        return entry if len(entry) > 1 else source


def source_of(one: Any) -> str:
    """What an entry of `from` reads, without its repeats."""
    return str(one["from"] if isinstance(one, dict) else one).partition("@")[0]


def _name(op: Any) -> str:
    return next(iter(op)) if isinstance(op, dict) else op


# Trees by rows.

REFS = ["in", "in.coarser", "in.finer", "in@-1", "in.all", "backbone", "in@first"]


def random_rows(dice: Random) -> Tree:
    """Rows in one or two stages; some are wrong."""
    tree: Tree = {"levels": dice.choice(["p3..p5", "p3..p7", "p2..p4", "p3..p3"])}
    stages = [_stage(dice, s) for s in range(dice.choice([1, 1, 2]))]
    if dice.random() < 0.15:
        stages[-1]["nodes"] = {f"p4_r{len(stages) - 1}0": {"block": {"conv": 1}}}
    if len(stages) == 1:
        tree.update(stages[0])
        if dice.random() < 0.3:
            tree["rewrites"] = dice.sample(["drop_single_input", "add_input_skip"], 2)
    else:
        tree["stages"] = stages
        if dice.random() < 0.2:
            tree["stages"].append({"extra": {"from": "in", "down": "subsample"}})
    if dice.random() < 0.3:
        tree["fuse"] = dice.choice([*WEIGHTED, "concat", "mean"])
    if dice.random() < 0.3:
        tree["block"] = {"p3..p4": {"conv": 1}, "p5": "sepconv"} if False else dice.choice(MAKING)
    if dice.random() < 0.2:
        tree["down"] = {"x2": "strided_conv", "x4": ["max_pool", "strided_conv"], "x8": "avg_pool"}
    return tree


def _stage(dice: Random, number: int) -> Tree:
    rows: dict[str, Tree] = {}
    for i in range(dice.randint(1, 3)):
        name, order = f"r{number}{i}", dice.choice(["down", "up", "none"])
        refs = dice.sample(REFS, dice.randint(0, 2))
        refs += dice.sample(list(rows), min(len(rows), dice.randint(0, 2)))
        own = {"down": f"{name}.coarser", "up": f"{name}.finer"}.get(order)
        if own:
            refs.append(dice.choice([own, f"{own} | in"]))
        if rows and dice.random() < 0.5:
            refs.append(next(reversed(rows)))
        refs = list(dict.fromkeys(refs)) or ["in"]
        row: Tree = {
            "from": [{"from": r, "op": {"conv": 1}} if dice.random() < 0.1 else r for r in refs]
        }
        if order != "none":
            row["order"] = order
            row["skip_first"] = dice.random() < 0.3
        if dice.random() < 0.2:
            row["block"] = {"p2..p4": "none", "p5..p7": {"conv": 1}}
        if dice.random() < 0.1:
            row["share"] = "w"
        rows[name] = row
    stage: Tree = {"rows": rows}
    if dice.random() < 0.5:
        stage["repeats"] = dice.randint(1, 4)
        if dice.random() < 0.4:
            stage["repeats"] = {
                "n": dice.randint(1, 4),
                "each": {f"rows.r{number}0.block": ["none", {"conv": 1}]},
                "weights": dice.choice(["own", "shared"]),
            }
    return stage


def drawn(dice: Random, make: Any, **options: Any) -> tuple[Tree, Graph]:
    """A tree that is right, and its graph; of the first few that `make` gives."""
    for _ in range(20):
        tree = make(dice, **options)
        try:
            graph = expand(parse(tree))
            cost(graph)
        except SpecError:
            continue
        return tree, graph
    tree = {"levels": "p3..p3", "rows": {"out": {"from": "in"}}}
    return tree, expand(parse(tree))


def cost(graph: Graph, size: Any = 64) -> Any:
    return infer(graph, channels=CHANNELS, width=WIDTH, image_size=size)


# Trees with one thing wrong.

WORDS: list[Any] = [
    *(None, True, 0, -1, 3, 0.5, 1e9, float("nan"), float("inf"), 10**400, 1e308, "", " "),
    *("p4", "p99", "p13", "c4", "in", "n0", "o3", "r00", "r00.finer", "a | b", "n0@-1", "@", "|"),
    *("n0@all", "n0@frist", "sum", "none", "conv", "weighted", "nearest", "class", "1", "é"),
    *([], {}, [[]], [None], (), {"sum": 1}, {"conv": None}, {"from": "p3"}, {1: 2}, {None: 1}),
    *({"p3": "conv"}, {"p3..p4": "conv"}, {"x2": "max_pool"}, {(1, 2): 3}, {"n": 2}, {"n0": {}}),
]


def spots(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a tree."""
    yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from spots(value, (*path, key))
    elif isinstance(tree, list):
        for i, value in enumerate(tree):
            yield from spots(value, (*path, i))


def corrupted(tree: Any, path: tuple[Any, ...], dice: Random) -> Any:
    """The tree with one field of it taken out, misspelt, or of another value."""
    if not path:
        return dice.choice(WORDS)
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    key, rest = path[0], path[1:]
    if rest:
        copy[key] = corrupted(copy[key], rest, dice)
        return copy
    match dice.choice(["delete", "misspell", "replace", "replace", "add", "name"]):
        case "delete":
            del copy[key]
        case "misspell" if isinstance(copy, dict):
            copy[_misspelt(key, dice)] = copy.pop(key)
        case "misspell" if isinstance(copy[key], str):
            copy[key] = _misspelt(copy[key], dice)
        case "name" if isinstance(copy, dict) and isinstance(copy[key], str):
            copy[key] = _misspelt(copy[key], dice)
        case "add" if isinstance(copy, dict):
            copy[dice.choice([1, None, "y", "p3", "in", "from", "levels", "taps", "share"])] = (
                dice.choice([copy[key], dice.choice(WORDS)])
            )
        case _:
            copy[key] = dice.choice(WORDS)
    return copy


def _misspelt(word: Any, dice: Random) -> Any:
    if not isinstance(word, str) or not word:
        return "x"
    i = dice.randrange(len(word))
    return dice.choice([word[:i] + word[i + 1 :], word[:i] + "x" + word[i:], word + word[i]])


# The same graph in other words.


def reworded(graph: Graph, dice: Random) -> tuple[Graph, dict[str, str]]:
    """Nodes, share keys and taps renamed; nodes, and inputs of fuses that commute, reordered.

    And the new key of each old one.
    """
    numbers = dice.sample(range(1000), len(graph.nodes))
    keys = {f"p{level}": f"p{level}" for level in graph.inputs}
    fresh = {}
    for node, number in zip(graph.nodes, numbers, strict=True):
        fresh[node.key] = (f"x{number}", dice.randint(0, 3))
        keys[node.key] = f"x{number}@{fresh[node.key][1]}"
    words: dict[str, str] = {}

    def word(share: str | None) -> str | None:
        if share is None:
            return None
        return words.setdefault(share, f"z{dice.randint(0, 10**6)}_{len(words)}@1")

    orders: dict[object, list[int]] = {}
    nodes = {}
    for node in graph.nodes:
        edges = [replace(e, source=keys[e.source], share=word(e.share)) for e in node.inputs]
        if FUSE_FACTS.get(node.fuse.name).commutes:
            order = dice.sample(range(len(edges)), len(edges))
            if node.share is not None:  # weights that are shared are of one place in all users
                order = orders.setdefault((node.share, len(edges)), order)
            edges = [edges[i] for i in order]
        name, repeat = fresh[node.key]
        new = replace(node, name=name, repeat=repeat, inputs=tuple(edges), share=word(node.share))
        nodes[new.key] = new
    ordered = tuple(_shuffled(nodes, dice))
    outputs = tuple((level, keys[key]) for level, key in graph.outputs)
    taps = tuple(sorted((f"q{dice.randint(0, 10**6)}_{t}", keys[k]) for t, k in graph.taps))
    return Graph("other", graph.inputs, ordered, outputs, taps), keys


def _shuffled(nodes: dict[str, Node], dice: Random) -> Iterator[Node]:
    """In any order in which each node follows what it reads."""
    left = dict(nodes)
    while left:
        free = [n for n in left.values() if not any(e.source in left for e in n.inputs)]
        one = dice.choice(free)
        del left[one.key]
        yield one


# Changes of one thing.


def changed_op(op: Op, table: Any, dice: Random) -> Op:
    """The op with one argument of another value; itself where it has none."""
    facts = table.get(op.name)
    if not facts.args:
        return op
    arg = dice.choice(facts.args)
    old = op[arg.name]
    match arg.kind:
        case "choice":
            new: Any = dice.choice([one for one in arg.choices if one != old])
        case "flag":
            new = not old
        case "whole":
            new = int(old or 0) + 2
        case _:
            new = float(old or 0) * 1.25
    return Op(op.name, tuple((k, new if k == arg.name else v) for k, v in op.args))


def with_node(graph: Graph, place: int, node: Node) -> Graph:
    nodes = list(graph.nodes)
    nodes[place] = node
    return replace(graph, nodes=tuple(nodes))


def with_edge(graph: Graph, place: int, at: int, edge: Edge) -> Graph:
    node = graph.nodes[place]
    edges = list(node.inputs)
    edges[at] = edge
    return with_node(graph, place, replace(node, inputs=tuple(edges)))


def a_change(graph: Graph, dice: Random) -> tuple[str, Graph]:
    """One change of any kind, with its name; many change the function, some do not."""
    place = dice.randrange(len(graph.nodes))
    node = graph.nodes[place]
    at = dice.randrange(len(node.inputs))
    edge = node.inputs[at]
    kinds = {
        "move": _moved,
        "fuse": lambda: with_node(
            graph, place, replace(node, fuse=changed_op(node.fuse, FUSE_FACTS, dice))
        ),
        "block": lambda: with_node(
            graph, place, replace(node, block=changed_op(node.block, BLOCK_FACTS, dice))
        ),
        "norm": lambda: with_node(graph, place, replace(node, norm=replace(node.norm, eps=0.25))),
        "channels": lambda: with_node(graph, place, replace(node, channels=3.0)),
        "share": lambda: with_node(
            graph, place, replace(node, share=dice.choice([None, "s@1", "t@1", "u@1"]))
        ),
        "path": lambda: with_edge(graph, place, at, _repathed(edge, dice)),
        "tap": lambda: with_edge(
            graph,
            place,
            at,
            replace(edge, tap="after" if edge.tap == "before" else "before"),
        ),
        "edge channels": lambda: with_edge(graph, place, at, replace(edge, channels=1.0)),
        "edge share": lambda: with_edge(
            graph, place, at, replace(edge, share=dice.choice([None, "k@1", "l@1", "m@1"]))
        ),
        "projection": lambda: with_edge(
            graph, place, at, replace(edge, projection=_projected(edge, dice))
        ),
        "order": lambda: with_node(graph, place, _swapped(node, dice)),
        "roles": lambda: with_node(graph, place, _roles_swapped(node, dice)),
        "output": lambda: _output_moved(graph, dice),
        "tapped": lambda: replace(graph, taps=(*graph.taps, ("zz", dice.choice(graph.nodes).key))),
    }
    kind = dice.choice(list(kinds))
    if kind == "move":
        known = [f"p{level}" for level in graph.inputs] + [n.key for n in graph.nodes[:place]]
        return kind, with_edge(graph, place, at, _moved(graph, node, edge, dice.choice(known)))
    return kind, kinds[kind]()  # type: ignore[operator]


def _moved(graph: Graph, node: Node, edge: Edge, source: str) -> Edge:
    """The edge from another source; its resamples fit the way it goes now."""
    levels = {f"p{level}": level for level in graph.inputs}
    levels.update((one.key, one.level) for one in graph.nodes)
    blocks = tuple(op for op in edge.path if op.name in BLOCK_FACTS)
    way: tuple[Op, ...] = ()
    if levels[source] > node.level:
        way = (Op("nearest"),)
    elif levels[source] < node.level:
        way = (Op("max_pool", (("kernel", "stride_plus_1"),)),)
    return replace(edge, source=source, path=(*blocks, *way))


def _repathed(edge: Edge, dice: Random) -> Edge:
    if not edge.path:
        conv = (("kernel", 1), ("act", "relu"), ("order", "act_conv_norm"))
        return replace(edge, path=(Op("conv", (*conv, ("bias", True), ("norm", True))),))
    path = list(edge.path)
    i = dice.randrange(len(path))
    table = RESAMPLES if path[i].name in RESAMPLES else BLOCK_FACTS
    path[i] = changed_op(path[i], table, dice)
    return replace(edge, path=tuple(path))


def _projected(edge: Edge, dice: Random) -> Any:
    form = edge.projection
    return dice.choice(
        [
            replace(form, norm=not form.norm),
            replace(form, bias=not form.bias),
            replace(form, when=dice.choice(["none", "auto", "always"])),
            replace(form, per="edge" if form.per == "input" else "input"),
        ]
    )


def _swapped(node: Node, dice: Random) -> Node:
    edges = list(node.inputs)
    dice.shuffle(edges)
    return replace(node, inputs=tuple(edges))


def _roles_swapped(node: Node, dice: Random) -> Node:
    roles = [edge.role for edge in node.inputs]
    dice.shuffle(roles)
    edges = [replace(e, role=r) for e, r in zip(node.inputs, roles, strict=True)]
    return replace(node, inputs=tuple(edges))


def _output_moved(graph: Graph, dice: Random) -> Graph:
    i = dice.randrange(len(graph.outputs))
    level = graph.outputs[i][0]
    there = [node.key for node in graph.nodes if node.level == level]
    outputs = list(graph.outputs)
    outputs[i] = (level, dice.choice(there))
    return replace(graph, outputs=tuple(outputs))
