"""What a node, an edge and a set of weights are to the digest, without what changes nothing."""

from collections import Counter

from harness.graph.ops import BLOCKS, FUSES, Shape
from harness.graph.path import changes_channels, spec_of
from harness.graph.spec import Edge, Graph, Node


class NodeLabels:
    """Says what a node is: level, channels, fuse, block, output. Same ops are read once."""

    def __init__(self) -> None:
        self.known: dict[tuple[object, ...], str] = {}

    def __call__(self, node: Node, outputs: list[int]) -> str:
        ops = (id(node.fuse), id(node.block), id(node.norm))
        same = (node.level, node.channels, len(node.inputs), *ops)
        if same not in self.known:
            self.known[same] = self._label(node)
        return f"{self.known[same]} out {outputs}"

    def _label(self, node: Node) -> str:
        fuse = FUSES.get(node.fuse.name).meaning(node.fuse, len(node.inputs))
        block = BLOCKS.get(node.block.name)
        fuses = FUSES.get(node.fuse.name).normalises(node.fuse)
        normed = fuses or block.normalises(node.block)
        norm = (node.norm.eps, node.norm.momentum) if normed else None
        return f"node {(node.level, node.channels, fuse, block.meaning(node.block, 1), norm)}"


class EdgeLabels:
    """Says what an edge is: role, projection, path. Same ops are read once."""

    def __init__(self, graph: Graph) -> None:
        self.channels = {node.key: node.channels for node in graph.nodes}
        self.known: dict[tuple[object, ...], str] = {}
        self.uses = Counter(
            self._shared(edge, node)
            for node in graph.nodes
            for edge in node.inputs
            if edge.projection.per == "input" and edge.source not in self.channels
        )

    def __call__(self, edge: Edge, node: Node) -> str:
        inner = edge.source in self.channels
        ops = (id(edge.projection), id(edge.path), id(node.norm), edge.role, edge.tap)
        where = self.channels[edge.source] if inner else edge.source
        same = (*ops, where, node.channels, edge.channels, FUSES.get(node.fuse.name).equal_channels)
        if same not in self.known:
            self.known[same] = self._label(edge, node)
        return self.known[same]

    def _label(self, edge: Edge, node: Node) -> str:
        path = tuple(spec_of(op).meaning(op, 1) for op in edge.path)
        normed = any(spec_of(op).normalises(op) for op in edge.path)
        words: list[object] = [edge.role, self._projection(edge, node)]
        words.append(path[0] if len(path) == 1 else path or None)
        words += [edge.tap] if edge.tap != "after" else []
        words += [("norm", node.norm.eps, node.norm.momentum)] if normed else []
        words += (
            [("channels", self._arriving(edge, node))] if self._says_channels(edge, node) else []
        )
        return " ".join(map(str, words))

    def weights(self, edge: Edge, node: Node) -> tuple[object, ...] | None:
        """What the weights of an edge are like; None where it has none."""
        projection = self._projection(edge, node)
        shape = Shape(8, 8, 1, 1, 1, 2)
        if projection == ("none",) and not any(spec_of(op).params(op, shape) for op in edge.path):
            return None
        path = tuple(spec_of(op).meaning(op, 1) for op in edge.path)
        source = self.channels.get(edge.source, edge.source)
        return (projection, path, source, self._arriving(edge, node), node.norm)

    def _says_channels(self, edge: Edge, node: Node) -> bool:
        return edge.channels is not None and edge.channels != self._unsaid(edge, node)

    def _unsaid(self, edge: Edge, node: Node) -> object:
        """Channels of an edge that does not say how many."""
        equal = FUSES.get(node.fuse.name).equal_channels
        return node.channels if equal else self.channels.get(edge.source, edge.source)

    def _arriving(self, edge: Edge, node: Node) -> object:
        return edge.channels if edge.channels is not None else self._unsaid(edge, node)

    def _projection(self, edge: Edge, node: Node) -> tuple[object, ...]:
        form = edge.projection
        inner = edge.source in self.channels
        if form.when == "none" or (
            inner and self.channels[edge.source] == self._arriving(edge, node)
        ):
            return ("none",)
        always = form.when == "always" and not inner
        if not always and (
            changes_channels(edge.path) or self._arriving(edge, node) == edge.source
        ):
            return ("none",)
        norm = (node.norm.eps, node.norm.momentum) if form.norm else None
        if inner:
            return ("edge", form.bias, norm)
        shared = form.per == "input" and self.uses[self._shared(edge, node)] > 1
        return (form.when, "input" if shared else "edge", form.bias, norm)

    def _shared(self, edge: Edge, node: Node) -> tuple[object, ...]:
        return (edge.source, edge.projection, node.norm, self._arriving(edge, node))


Member = tuple[str, int | None]
"""A node (place None) or one of its edges that shares its weights with others."""


def share_groups(graph: Graph, label: EdgeLabels) -> dict[Member, tuple[object, ...]]:
    """Who shares what: by member its group, of a key and what the weights are like.

    A member without weights, or the only one of its group, shares nothing.
    """
    groups: dict[tuple[object, ...], list[Member]] = {}
    for node in graph.nodes:
        if node.share is not None and _has_weights(node):
            groups.setdefault(("node", node.share, _weights(node)), []).append((node.key, None))
        for place, edge in enumerate(node.inputs):
            like = label.weights(edge, node) if edge.share is not None else None
            if like is not None:
                groups.setdefault(("edge", edge.share, like), []).append((node.key, place))
    return {one: key for key, members in groups.items() if len(members) > 1 for one in members}


def _has_weights(node: Node) -> bool:
    shape = Shape(8, 8, len(node.inputs))
    fuse, block = FUSES.get(node.fuse.name), BLOCKS.get(node.block.name)
    return fuse.params(node.fuse, shape) + block.params(node.block, shape) > 0


def _weights(node: Node) -> tuple[object, ...]:
    fuse = FUSES.get(node.fuse.name).meaning(node.fuse, len(node.inputs))
    block = BLOCKS.get(node.block.name).meaning(node.block, 1)
    return (fuse, block, len(node.inputs), node.channels, node.norm)
