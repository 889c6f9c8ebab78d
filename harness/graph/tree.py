"""Graph <-> plain tree (JSON): how a graph travels in a trial and stands in a record."""

from collections.abc import Mapping
from typing import Any

from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, OpSpec
from harness.graph.spec import Edge, Graph, Node, Norm, Op, Projection
from harness.registry import Table


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
    return Graph(
        name=tree["name"],
        inputs=tuple(tree["inputs"]),
        nodes=tuple([_node(one, levels) for one in tree["nodes"]]),
        outputs=tuple(sorted((int(level[1:]), key) for level, key in tree["outputs"].items())),
        taps=tuple(sorted(tree.get("taps", {}).items())),
    )


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


def _node(tree: Mapping[str, Any], levels: Mapping[str, int]) -> Node:
    return Node(
        name=tree["name"],
        repeat=tree["repeat"],
        level=tree["level"],
        inputs=tuple([_edge(one, tree["level"], levels) for one in tree["inputs"]]),
        fuse=_op(tree["fuse"], FUSES),
        block=_op(tree["block"], BLOCKS),
        norm=Norm(**tree["norm"]),
        channels=tree["channels"],
        share=tree.get("share"),
    )


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


def _edge(tree: Mapping[str, Any], level: int, levels: Mapping[str, int]) -> Edge:
    return Edge(
        source=tree["source"],
        projection=Projection(**tree["projection"]),
        path=_path(tree, levels[tree["source"]], level),
        role=tree["role"],
        tap=tree.get("tap", "after"),
        channels=tree.get("channels"),
        share=tree.get("share"),
    )


def _path(tree: Mapping[str, Any], source: int, level: int) -> tuple[Op, ...]:
    """The path; records of version 0.1 have an op for either direction instead."""
    if "path" in tree:
        return tuple([_path_op(one) for one in tree["path"]])
    if source == level:
        return ()
    return (_path_op(tree["up" if source > level else "down"]),)


def _path_op(tree: Mapping[str, Any]) -> Op:
    return _op(tree, RESAMPLES if next(iter(tree)) in RESAMPLES else BLOCKS)
