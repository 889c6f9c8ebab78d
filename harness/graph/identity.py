"""Identity of a graph: a digest of what it computes, whatever its file looks like.

Nodes are coloured by what they are, what they read and what reads them, until no colour splits.
Where two nodes still share a colour (twins), one of them is singled out and colouring goes on; of
all ways to do that the smallest description counts. The description is complete, so two graphs
have one digest just when one is the other with nodes renamed and reordered.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

from harness.graph.ops import BLOCKS, FUSES, RESAMPLES
from harness.graph.spec import Edge, Graph, Node

_Colours = list[str]


def digest(graph: Graph) -> str:
    """64 hex digits: the same for two spellings of one graph, another for any other graph."""
    return _Canon(graph).digest()


def node_digests(graph: Graph) -> dict[str, str]:
    """A digest for every node key, unique in the graph and independent of names and order.

    Twins, which nothing tells apart but their names, are numbered: `#0`, `#1`, ...
    """
    return _Canon(graph).node_digests()


class _Canon:
    """The canonical form of one graph. Vertices: backbone maps that are read, then nodes."""

    def __init__(self, graph: Graph) -> None:
        read = {edge.source for node in graph.nodes for edge in node.inputs}
        maps = [level for level in graph.inputs if f"p{level}" in read]
        self.graph = graph
        self.offset = len(maps)
        self.index = {f"p{level}": i for i, level in enumerate(maps)}
        self.index.update((node.key, i + self.offset) for i, node in enumerate(graph.nodes))
        levels = maps + [node.level for node in graph.nodes]
        outputs: dict[str, list[int]] = {}
        for level, key in graph.outputs:
            outputs.setdefault(key, []).append(level)
        self.local = [f"map p{level}" for level in maps]
        label = _NodeLabels()
        self.local += [label(node, outputs.get(node.key, [])) for node in graph.nodes]
        self.reads: list[list[tuple[str, int]]] = [[] for _ in levels]
        self.readers: list[list[tuple[str, int]]] = [[] for _ in levels]
        self._connect(levels)

    def _connect(self, levels: Sequence[int]) -> None:
        label = _EdgeLabels(self.graph)
        for i, node in enumerate(self.graph.nodes):
            target = i + self.offset
            ordered = not FUSES.get(node.fuse.name).commutes
            for place, edge in enumerate(node.inputs):
                source = self.index[edge.source]
                text = label(edge, node, levels[source])
                text = f"{place} {text}" if ordered else text
                self.reads[target].append((text, source))
                self.readers[source].append((text, target))

    def digest(self) -> str:
        return _hash(self._best(self._start()))[:64]

    def node_digests(self) -> dict[str, str]:
        colours = self._start()
        counts = Counter(colours)
        named = {}
        numbers: Counter[str] = Counter()
        order = self._order(self._fully_split(colours)) if len(counts) < len(colours) else None
        for vertex in order if order is not None else range(len(colours)):
            colour = colours[vertex]
            suffix = f"#{numbers[colour]}" if counts[colour] > 1 else ""
            numbers[colour] += 1
            named[vertex] = colour + suffix
        return {node.key: named[i + self.offset] for i, node in enumerate(self.graph.nodes)}

    # Colouring.

    def _start(self) -> _Colours:
        """Colours by ancestors in one walk down, by readers in one walk up; then to the end."""
        above = self.local.copy()
        for vertex in range(self.offset, len(above)):
            above[vertex] = _mixed(self.local[vertex], self.reads[vertex], above)
        both = above.copy()
        for vertex in range(len(above) - 1, -1, -1):
            both[vertex] = _mixed(above[vertex], self.readers[vertex], both)
        return self._refined(both)

    def _refined(self, colours: _Colours) -> _Colours:
        """The coarsest split in which equal colours read, and are read by, equal colours."""
        count, total = len(set(colours)), len(colours)
        while count < total:
            reads = [_mixed(old, self.reads[v], colours) for v, old in enumerate(colours)]
            finer = [_mixed(old, self.readers[v], colours) for v, old in enumerate(reads)]
            if len(set(finer)) == count:
                break
            colours, count = finer, len(set(finer))
        return colours

    def _tied(self, colours: _Colours) -> list[int]:
        """The vertices of the smallest colour that several share; none if all differ."""
        counts = Counter(colours)
        shared = [colour for colour, count in counts.items() if count > 1]
        if not shared:
            return []
        colour = min(shared, key=lambda one: (counts[one], one))
        return [vertex for vertex, one in enumerate(colours) if one == colour]

    def _singled(self, colours: _Colours, vertex: int) -> _Colours:
        marked = colours.copy()
        marked[vertex] = _hash(f"one {colours[vertex]}")
        return self._refined(marked)

    def _fully_split(self, colours: _Colours) -> _Colours:
        """One way to tell all twins apart."""
        while tied := self._tied(colours):
            colours = self._singled(colours, tied[0])
        return colours

    def _best(self, colours: _Colours) -> str:
        """The smallest description over all ways to tell twins apart.

        Two choices that lead to one description are mirror images: the second is not followed.
        """
        tied = self._tied(colours)
        if not tied:
            return self._described(colours)
        first = self._singled(colours, tied[0])
        seen = self._described(self._fully_split(first))
        best = self._best(first)
        for vertex in tied[1:]:
            other = self._singled(colours, vertex)
            if self._described(self._fully_split(other)) != seen:
                best = min(best, self._best(other))
        return best

    def _order(self, colours: _Colours) -> list[int]:
        return sorted(range(len(colours)), key=colours.__getitem__)

    def _described(self, colours: _Colours) -> str:
        """Every vertex and edge, by places in the order of (all different) colours."""
        order = self._order(colours)
        place = {vertex: i for i, vertex in enumerate(order)}
        lines = []
        for vertex in order:
            reads = sorted([(label, place[source]) for label, source in self.reads[vertex]])
            lines.append(f"{self.local[vertex]}{reads}")
        return "\n".join(lines)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _mixed(own: str, links: list[tuple[str, int]], colours: _Colours) -> str:
    around = [label + colours[other] for label, other in links]
    around.sort()
    text = own + "\n" + "\n".join(around)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


# What a node and an edge are, without what changes nothing.


class _NodeLabels:
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
        norm = (node.norm.eps, node.norm.momentum) if block.normalises(node.block) else None
        return f"node {(node.level, node.channels, fuse, block.meaning(node.block, 1), norm)}"


class _EdgeLabels:
    """Says what an edge is: role, projection, resampling. Same ops are read once."""

    def __init__(self, graph: Graph) -> None:
        self.channels = {node.key: node.channels for node in graph.nodes}
        self.known: dict[tuple[object, ...], str] = {}
        self.uses = Counter(
            self._shared(edge, node)
            for node in graph.nodes
            for edge in node.inputs
            if edge.projection.per == "input" and edge.source not in self.channels
        )

    def __call__(self, edge: Edge, node: Node, source_level: int) -> str:
        """The label; `source_level` is what decides whether and how the edge resamples."""
        inner = self.channels.get(edge.source)
        ops = (id(edge.projection), id(edge.up), id(edge.down), id(node.norm), edge.role)
        where = edge.source if inner is None else None
        same = (*ops, source_level, node.level, inner, node.channels, where)
        if same not in self.known:
            self.known[same] = self._label(edge, node, source_level)
        return self.known[same]

    def _label(self, edge: Edge, node: Node, source_level: int) -> str:
        resample = None
        if source_level != node.level:
            op = edge.down if source_level < node.level else edge.up
            resample = RESAMPLES.get(op.name).meaning(op, 1)
        return f"{edge.role} {self._projection(edge, node)} {resample}"

    def _projection(self, edge: Edge, node: Node) -> tuple[object, ...]:
        form = edge.projection
        inner = self.channels.get(edge.source)
        if form.when == "none" or inner == node.channels:
            return ("none",)
        norm = (node.norm.eps, node.norm.momentum) if form.norm else None
        if inner is not None:
            return ("edge", form.bias, norm)
        shared = form.per == "input" and self.uses[self._shared(edge, node)] > 1
        return (form.when, "input" if shared else "edge", form.bias, norm)

    def _shared(self, edge: Edge, node: Node) -> tuple[object, ...]:
        return (edge.source, edge.projection, node.norm, node.channels)
