"""What no output needs is no part of a graph: nodes and blocks that nothing reads."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from harness.graph.ops import FUSES
from harness.graph.spec import Node, Op


def needed(nodes: Sequence[Node], ends: Collection[str]) -> tuple[Node, ...]:
    """The nodes that some output needs."""
    found = set(ends)
    kept = []
    for node in reversed(nodes):
        if node.key in found:
            found.update([edge.source for edge in node.inputs])
            kept.append(node)
    return tuple(reversed(kept))


def without_idle_blocks(nodes: Sequence[Node], ends: Collection[str]) -> tuple[Node, ...]:
    """Nodes with the blocks that something reads. Before no block is after it."""
    if all(edge.tap == "after" for node in nodes for edge in node.inputs):
        return tuple(nodes)
    read = {edge.source for node in nodes for edge in node.inputs if edge.tap == "after"}
    found = [node if node.key in {*read, *ends} else _without_block(node) for node in nodes]
    bare = {node.key for node in found if node.block.name == "none"}
    return tuple(
        replace(
            node,
            inputs=tuple(
                replace(edge, tap="after") if edge.source in bare else edge for edge in node.inputs
            ),
        )
        for node in found
    )


def _without_block(node: Node) -> Node:
    """The node as its fuse leaves it: of the channels of its inputs, where these say theirs."""
    if not FUSES.get(node.fuse.name).equal_channels:
        return replace(node, block=Op("none"), channels=None)
    said = {edge.channels for edge in node.inputs}
    channels = said.pop() if len(said) == 1 else None
    return replace(node, block=Op("none"), channels=channels or node.channels)
