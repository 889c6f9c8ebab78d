"""What a node and an edge are to the digest, without what changes nothing."""

from collections import Counter

from harness.graph.ops import BLOCKS, FUSES
from harness.graph.opspec import OpSpec
from harness.graph.path import changes_channels, spec_of
from harness.graph.spec import Edge, Graph, Node, Op


class NodeLabels:
    """Says what a node is: level, channels, fuse, block, output. Same ops are read once."""

    def __init__(self) -> None:
        self.known: dict[tuple[object, ...], str] = {}
        self.meanings: dict[tuple[int, int], str] = {}

    def __call__(self, node: Node, outputs: list[int]) -> str:
        ops = (id(node.fuse), id(node.block), id(node.norm))
        same = (node.level, node.channels, len(node.inputs), *ops)
        if same not in self.known:
            self.known[same] = self._label(node)
        return f"{self.known[same]} out {outputs}" if outputs else f"{self.known[same]} out []"

    def _label(self, node: Node) -> str:
        fuse, block = FUSES.get(node.fuse.name), BLOCKS.get(node.block.name)
        normed = fuse.normalises(node.fuse) or block.normalises(node.block)
        norm = (node.norm.eps, node.norm.momentum) if normed else None
        fuses = self._meant(fuse, node.fuse, len(node.inputs))
        does = self._meant(block, node.block, 1)
        return f"node ({node.level}, {node.channels}, {fuses}, {does}, {norm})"

    def _meant(self, spec: OpSpec, op: Op, inputs: int) -> str:
        same = (id(op), inputs)
        if same not in self.meanings:
            self.meanings[same] = str(spec.meaning(op, inputs))
        return self.meanings[same]


def input_group(edge: Edge, node: Node) -> tuple[object, ...]:
    """What all uses of one projection of a backbone map (`per: input`) have in common."""
    channels = edge.channels
    if channels is None and FUSES.get(node.fuse.name).equal_channels:
        channels = node.channels
    return (edge.source, edge.projection, node.norm, channels)


class EdgeLabels:
    """Says what an edge is: role, projection, path. Same ops are read once.

    Channels are told as far as a graph tells them: a multiple of the width, a backbone map by its
    name, or what a fuse that joins channels makes of those.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.channels = {node.key: node.channels for node in graph.nodes}
        self.known: dict[tuple[object, ...], str] = {}
        self.ways: dict[int, tuple[str, bool]] = {}
        self.fused: dict[str, object] = {}
        edges = [(edge, node) for node in graph.nodes for edge in node.inputs]
        if "before" in [edge.tap for edge, _ in edges]:
            self._fuse_channels()
        by_input = [(edge, node) for edge, node in edges if edge.projection.per == "input"]
        self.uses = Counter([input_group(*one) for one in by_input if self._is_projected(*one)])

    def __call__(self, edge: Edge, node: Node) -> str:
        return self._known(edge, node, self._end(node))

    def of(self, node: Node) -> list[str]:
        """Of all edges into a node, in its own order."""
        end = self._end(node)
        return [self._known(edge, node, end) for edge in node.inputs]

    def _end(self, node: Node) -> tuple[object, ...]:
        return (node.channels, id(node.norm), FUSES.get(node.fuse.name).equal_channels)

    def _known(self, edge: Edge, node: Node, end: tuple[object, ...]) -> str:
        """The label; edges that are alike are read once."""
        source, tap = edge.source, edge.tap
        start = self.channels.get(source, source) if tap == "after" else source
        ways = (id(edge.projection), id(edge.path))
        same = (start, end, ways, edge.role, tap, edge.channels)
        label = self.known.get(same)
        if label is None:
            label = self.known[same] = self._label(edge, node)
        return label

    def _label(self, edge: Edge, node: Node) -> str:
        way, normed = self._way(edge.path)
        words: list[object] = [edge.role, self.projection(edge, node), way]
        words += ["before"] if self.reads_fused(edge) else []
        words += [("norm", node.norm.eps, node.norm.momentum)] if normed else []
        words += (
            [("channels", self._arriving(edge, node))] if self._says_channels(edge, node) else []
        )
        return " ".join(map(str, words))

    def _way(self, path: tuple[Op, ...]) -> tuple[str, bool]:
        """What a path means, and whether it has a norm."""
        if id(path) not in self.ways:
            meant = tuple([spec_of(op).meaning(op, 1) for op in path])
            normed = any(spec_of(op).normalises(op) for op in path)
            text = str(meant[0] if len(meant) == 1 else meant or None)
            self.ways[id(path)] = text, normed
        return self.ways[id(path)]

    def reads_fused(self, edge: Edge) -> bool:
        """Whether it matters that an edge taps its source before the block."""
        return edge.tap == "before" and edge.source in self.fused

    def is_shared_input(self, edge: Edge, node: Node) -> bool:
        """Whether the projection of an edge is that of other uses of its backbone map, too."""
        inner = edge.source in self.channels
        return (
            edge.projection.per == "input" and not inner and self.uses[input_group(edge, node)] > 1
        )

    def projection(self, edge: Edge, node: Node) -> tuple[object, ...]:
        """What the projection of an edge is, `("none",)` where it has none whatever the sizes."""
        if not self._is_projected(edge, node):
            return ("none",)
        form = edge.projection
        norm = (node.norm.eps, node.norm.momentum) if form.norm else None
        if edge.source in self.channels:
            return ("edge", form.bias, norm)
        shared = self.is_shared_input(edge, node)
        return (form.when, "input" if shared else "edge", form.bias, norm)

    def _is_projected(self, edge: Edge, node: Node) -> bool:
        when = edge.projection.when
        if when == "always" and edge.source not in self.channels:
            return True
        differ = self._arriving(edge, node) != self._source(edge)
        return when != "none" and differ and not changes_channels(edge.path)

    def _says_channels(self, edge: Edge, node: Node) -> bool:
        return edge.channels is not None and edge.channels != self._unsaid(edge, node)

    def _unsaid(self, edge: Edge, node: Node) -> object:
        """Channels of an edge that does not say how many."""
        equal = FUSES.get(node.fuse.name).equal_channels
        return node.channels if equal else self._source(edge)

    def _arriving(self, edge: Edge, node: Node) -> object:
        return edge.channels if edge.channels is not None else self._unsaid(edge, node)

    def _source(self, edge: Edge) -> object:
        """Channels of what an edge reads."""
        if self.reads_fused(edge):
            return self.fused[edge.source]
        return self.channels.get(edge.source, edge.source)

    def _fuse_channels(self) -> None:
        """Channels of nodes before their blocks, for nodes that have a block."""
        for node in self.graph.nodes:
            if node.block.name != "none":
                brought = [self._brought(edge, node) for edge in node.inputs]
                equal = FUSES.get(node.fuse.name).equal_channels
                self.fused[node.key] = brought[0] if equal else (node.fuse, *brought)

    def _brought(self, edge: Edge, node: Node) -> object:
        made = self._is_projected(edge, node) or changes_channels(edge.path)
        return self._arriving(edge, node) if made else self._source(edge)
