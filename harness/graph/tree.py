"""Graph <-> plain tree (JSON): how a graph travels in a trial and stands in a record."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, OpSpec
from harness.graph.spec import Edge, Graph, Node, Norm, Op, Projection
from harness.registry import Table

T = TypeVar("T")
V = TypeVar("V")


def to_tree(graph: Graph) -> dict[str, Any]:
    """The graph as lists, mappings and scalars; `from_tree` gives it back, equal."""
    return {
        "name": graph.name,
        "inputs": list(graph.inputs),
        "nodes": [_node_tree(node) for node in graph.nodes],
        "outputs": {f"p{level}": key for level, key in graph.outputs},
        "taps": dict(graph.taps),
    }


def from_tree(tree: Mapping[str, Any]) -> Graph:
    """The graph that `to_tree` wrote, now or in an earlier version."""
    levels = {f"p{level}": level for level in tree["inputs"]}
    levels.update((f"{one['name']}@{one['repeat']}", one["level"]) for one in tree["nodes"])
    read = _Reader(levels)
    return Graph(
        name=tree["name"],
        inputs=tuple(tree["inputs"]),
        nodes=tuple([read.node(one) for one in tree["nodes"]]),
        outputs=tuple(sorted((int(level[1:]), key) for level, key in tree["outputs"].items())),
        taps=tuple(sorted(tree.get("taps", {}).items())),
    )


class _Reader:
    """Reads nodes. What stands there in the same words is one value, so that whoever walks over the
    graph can know it again: most nodes have the fuse, block and ways of others."""

    def __init__(self, levels: Mapping[str, int]) -> None:
        self.levels = levels
        self.known: dict[tuple[str, str], Any] = {}

    def node(self, tree: Mapping[str, Any]) -> Node:
        return Node(
            name=tree["name"],
            repeat=tree["repeat"],
            level=tree["level"],
            inputs=tuple([self.edge(one, tree["level"]) for one in tree["inputs"]]),
            fuse=self.once("fuse", tree["fuse"], lambda one: _op(one, FUSES)),
            block=self.once("block", tree["block"], lambda one: _op(one, BLOCKS)),
            norm=self.once("norm", tree["norm"], lambda one: Norm(**one)),
            channels=tree["channels"],
            share=tree.get("share"),
        )

    def edge(self, tree: Mapping[str, Any], level: int) -> Edge:
        source = tree["source"]
        path = tree["path"] if "path" in tree else _old_path(tree, self.levels[source], level)
        return Edge(
            source=source,
            projection=self.once("projection", tree["projection"], lambda one: Projection(**one)),
            path=self.once("path", path, lambda ops: tuple([_path_op(one) for one in ops])),
            role=tree["role"],
            tap=tree.get("tap", "after"),
            channels=tree.get("channels"),
            share=tree.get("share"),
        )

    def once(self, kind: str, tree: T, read: Callable[[T], V]) -> V:
        """What a tree says, read the first time that it says so."""
        key = (kind, repr(tree))
        if key not in self.known:
            self.known[key] = read(tree)
        found: V = self.known[key]
        return found


def _op_tree(op: Op) -> dict[str, Any]:
    return {op.name: dict(op.args)}


def _op(tree: Mapping[str, Any], table: Table[OpSpec]) -> Op:
    """The op; arguments that are younger than the record have their defaults."""
    ((name, args),) = tree.items()
    said = {arg.name: arg.default for arg in table.get(name).args} | args
    return Op(name, tuple(said.items()))


def _node_tree(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "repeat": node.repeat,
        "level": node.level,
        "inputs": [_edge_tree(edge) for edge in node.inputs],
        "fuse": _op_tree(node.fuse),
        "block": _op_tree(node.block),
        "norm": {"eps": node.norm.eps, "momentum": node.norm.momentum},
        "channels": node.channels,
        "share": node.share,
    }


def _edge_tree(edge: Edge) -> dict[str, Any]:
    form = edge.projection
    return {
        "source": edge.source,
        "projection": {
            "when": form.when,
            "per": form.per,
            "norm": form.norm,
            "bias": form.bias,
        },
        "path": [_op_tree(op) for op in edge.path],
        "role": edge.role,
        "tap": edge.tap,
        "channels": edge.channels,
        "share": edge.share,
    }


def _old_path(tree: Mapping[str, Any], source: int, level: int) -> list[Any]:
    """The path of a record of version 0.1, which has an op for either direction instead."""
    return [] if source == level else [tree["up" if source > level else "down"]]


def _path_op(tree: Mapping[str, Any]) -> Op:
    return _op(tree, RESAMPLES if next(iter(tree)) in RESAMPLES else BLOCKS)
