"""Identity of a graph: a digest of what it computes, whatever its file looks like.

Nodes are coloured by what they are, what they read and what reads them, until no colour splits.
Where two nodes still share a colour (twins), one of them is singled out and colouring goes on; of
all ways to do that the smallest description counts. The description is complete, so two graphs
have one digest just when one is the other with nodes renamed and reordered.
"""

import hashlib
from collections import Counter

from harness.graph.ops import BLOCKS, FUSES, Shape
from harness.graph.path import changes_channels, spec_of
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
        tapped = {key for _, key in graph.taps}
        self.local = [f"map p{level}" for level in maps]
        label = _NodeLabels()
        for node in graph.nodes:
            text = label(node, outputs.get(node.key, []))
            self.local.append(f"{text} tapped" if node.key in tapped else text)
        self.sets: dict[tuple[object, ...], int] = {}
        self.reads: list[list[tuple[str, int]]] = [[] for _ in levels]
        self.readers: list[list[tuple[str, int]]] = [[] for _ in levels]
        self._connect()

    def _connect(self) -> None:
        label = _EdgeLabels(self.graph)
        groups = _share_groups(self.graph, label)
        for i, node in enumerate(self.graph.nodes):
            target = i + self.offset
            ordered = not FUSES.get(node.fuse.name).commutes
            for place, edge in enumerate(node.inputs):
                source = self.index[edge.source]
                text = label(edge, node)
                text = f"{place} {text}" if ordered else text
                if (node.key, place) in groups:
                    source = self._between(source, groups[node.key, place])
                self._link(target, text, source)
            if (node.key, None) in groups:
                self._link(self._share(groups[node.key, None]), "shares", target)

    def _link(self, target: int, text: str, source: int) -> None:
        self.reads[target].append((text, source))
        self.readers[source].append((text, target))

    def _share(self, group: tuple[object, ...]) -> int:
        """The vertex of a set of weights."""
        if group not in self.sets:
            self.sets[group] = self._vertex("one set of weights")
        return self.sets[group]

    def _between(self, source: int, group: tuple[object, ...]) -> int:
        """A vertex on an edge, for the set of weights it shares."""
        middle = self._vertex("edge")
        self._link(middle, "of", source)
        self._link(self._share(group), "shares", middle)
        return middle

    def _vertex(self, local: str) -> int:
        self.local.append(local)
        self.reads.append([])
        self.readers.append([])
        return len(self.local) - 1

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
        fuses = FUSES.get(node.fuse.name).normalises(node.fuse)
        normed = fuses or block.normalises(node.block)
        norm = (node.norm.eps, node.norm.momentum) if normed else None
        return f"node {(node.level, node.channels, fuse, block.meaning(node.block, 1), norm)}"


class _EdgeLabels:
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


_Member = tuple[str, int | None]
"""A node (place None) or one of its edges that shares its weights with others."""


def _share_groups(graph: Graph, label: _EdgeLabels) -> dict[_Member, tuple[object, ...]]:
    """Who shares what: by member its group, of a key and what the weights are like.

    A member without weights, or the only one of its group, shares nothing.
    """
    groups: dict[tuple[object, ...], list[_Member]] = {}
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
