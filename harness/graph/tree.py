"""Graph <-> plain tree (JSON): how a graph travels in a trial and stands in a record."""

from collections.abc import Mapping
from typing import Any

from harness.graph.spec import Edge, Graph, Node, Norm, Op, Projection


def to_tree(graph: Graph) -> dict[str, Any]:
    """The graph as lists, mappings and scalars; `from_tree` gives it back, equal."""
    return {
        "name": graph.name,
        "inputs": list(graph.inputs),
        "nodes": [_node_tree(node) for node in graph.nodes],
        "outputs": {f"p{level}": key for level, key in graph.outputs},
    }


def from_tree(tree: Mapping[str, Any]) -> Graph:
    """The graph that `to_tree` wrote."""
    return Graph(
        name=tree["name"],
        inputs=tuple(tree["inputs"]),
        nodes=tuple([_node(one) for one in tree["nodes"]]),
        outputs=tuple(sorted((int(level[1:]), key) for level, key in tree["outputs"].items())),
    )


def _op_tree(op: Op) -> dict[str, Any]:
    return {op.name: dict(op.args)}


def _op(tree: Mapping[str, Any]) -> Op:
    ((name, args),) = tree.items()
    return Op(name, tuple(args.items()))


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
    }


def _node(tree: Mapping[str, Any]) -> Node:
    return Node(
        name=tree["name"],
        repeat=tree["repeat"],
        level=tree["level"],
        inputs=tuple([_edge(one) for one in tree["inputs"]]),
        fuse=_op(tree["fuse"]),
        block=_op(tree["block"]),
        norm=Norm(**tree["norm"]),
        channels=tree["channels"],
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
        "up": _op_tree(edge.up),
        "down": _op_tree(edge.down),
        "role": edge.role,
    }


def _edge(tree: Mapping[str, Any]) -> Edge:
    return Edge(
        source=tree["source"],
        projection=Projection(**tree["projection"]),
        up=_op(tree["up"]),
        down=_op(tree["down"]),
        role=tree["role"],
    )
