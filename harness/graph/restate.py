"""Graph -> the plain tree of a topology file in which every node, edge and op is said outright.

One cell of single nodes: repeats, stages, rows and extra levels are written out, and no argument is
left to a convention. What most nodes or edges say stands once, on top.
`expand(parse(restated(graph)))` is the same graph under other node names.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from harness.graph.names import is_free
from harness.graph.ops import FUSES, RESAMPLES
from harness.graph.spec import Edge, Graph, Node, Norm, Op, Projection

Tree = dict[str, Any]
_OF_NODES, _OF_EDGES = ("fuse", "block", "norm"), ("projection", "up", "down")


def restated(graph: Graph, **about: str) -> Tree:
    """The tree. about: `source`, `published`, `inferred`, ... as they shall stand in the file."""
    levels = {f"p{level}": level for level in graph.inputs}
    levels |= {node.key: node.level for node in graph.nodes}
    words = _Words(graph)
    outputs = [level for level, _ in graph.outputs]
    nodes = {words.node[node.key]: _node(node, levels, words) for node in graph.nodes}
    tree: Tree = {
        "name": graph.name,
        **about,
        "levels": _span(outputs),
        "inputs": _span(graph.inputs),
        "inner_levels": _span(levels.values()),
        **_taken_up(nodes),
        "nodes": {name: _shortened(node) for name, node in nodes.items()},
        "outputs": {f"p{level}": words.node[key] for level, key in graph.outputs},
    }
    if graph.taps:
        tree["taps"] = {name: words.node[key] for name, key in graph.taps}
    return tree


def _span(levels: Iterable[int]) -> str:
    found = list(levels)
    return f"p{min(found)}..p{max(found)}"


def _taken_up(nodes: dict[str, Tree]) -> Tree:
    """What nodes and edges say most often, taken out of them, as the settings of the whole file."""
    edges = [edge for node in nodes.values() for edge in node["from"]]
    settings = {}
    for kind, sayers in ((_OF_NODES, list(nodes.values())), (_OF_EDGES, edges)):
        for key in kind:
            said = Counter([repr(one[key]) for one in sayers if key in one])
            if not said:
                continue
            common = said.most_common(1)[0][0]
            for one in sayers:
                if key in one and repr(one[key]) == common:
                    settings[key] = one.pop(key)
    return settings


def _shortened(node: Tree) -> Tree:
    """The node with edges that say no more than their source as words."""
    edges = [edge["from"] if edge.keys() == {"from"} else edge for edge in node["from"]]
    return {**node, "from": edges}


class _Words:
    """What nodes and shares are called in a file, where `@` is no part of a name."""

    def __init__(self, graph: Graph) -> None:
        self.node = _named(node.key for node in graph.nodes)
        shares = [word for node in graph.nodes for word in _shares(node) if word is not None]
        self.share = _named(shares)
        self.source = {f"p{level}": f"p{level}" for level in graph.inputs} | self.node


def _shares(node: Node) -> list[str | None]:
    return [node.share, *(edge.share for edge in node.inputs)]


def _named(keys: Iterable[str]) -> dict[str, str]:
    """A free word for every key, no word twice: `p4_td_2` for `p4_td@2`."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for key in dict.fromkeys(keys):
        stem = re.sub(r"\W+", "_", key, flags=re.ASCII).strip("_")
        stem = stem if is_free(stem) else f"n_{stem}"
        word, number = stem, 1
        while word in taken:
            number += 1
            word = f"{stem}_{number}"
        found[key] = word
        taken.add(word)
    return found


def _node(node: Node, levels: dict[str, int], words: _Words) -> Tree:
    found: Tree = {
        "level": f"p{node.level}",
        "from": [_edge(edge, levels[edge.source], node, words) for edge in node.inputs],
        "fuse": op_tree(node.fuse),
        "block": op_tree(node.block),
        "norm": norm_tree(node.norm),
    }
    if node.channels is not None and not _is_default(node):
        found["channels"] = node.channels
    if node.share is not None:
        found["share"] = words.share[node.share]
    return found


def _is_default(node: Node) -> bool:
    return node.channels == 1.0 and FUSES.get(node.fuse.name).equal_channels


def _edge(edge: Edge, source: int, node: Node, words: _Words) -> Tree:
    """source: the level of what the edge reads. Blocks before any resampling are the edge's `op`,
    the rest is its way `up` or `down`."""
    found: Tree = {
        "from": words.source[edge.source],
        "projection": projection_tree(edge.projection),
    }
    ahead = next((i for i, op in enumerate(edge.path) if op.name in RESAMPLES), len(edge.path))
    if ahead:
        found["op"] = [op_tree(op) for op in edge.path[:ahead]]
    if ahead < len(edge.path):
        kind = "up" if source > node.level else "down"
        found[kind] = [op_tree(op) for op in edge.path[ahead:]]
    if edge.tap != "after":
        found["tap"] = edge.tap
    if edge.role is not None:
        found["role"] = edge.role
    if edge.channels is not None:
        found["channels"] = edge.channels
    if edge.share is not None:
        found["share"] = words.share[edge.share]
    return found


def op_tree(op: Op) -> Any:
    """An op with all its arguments, as `read_op` reads it."""
    return {op.name: dict(op.args)} if op.args else op.name


def projection_tree(form: Projection) -> Tree:
    return {"when": form.when, "per": form.per, "norm": form.norm, "bias": form.bias}


def norm_tree(norm: Norm) -> dict[str, float]:
    return {"eps": norm.eps, "momentum": norm.momentum}
