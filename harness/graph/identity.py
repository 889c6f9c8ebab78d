"""Identity of a graph: a digest of what it computes, whatever its file looks like.

Nodes are coloured by what they are, what they read and what reads them, until no colour splits.
Where two nodes still share a colour (twins), one of them is singled out and colouring goes on; of
all ways to do that the smallest description counts. The description is complete, so two graphs
have one digest just when one is the other with nodes renamed and reordered.
"""

import hashlib
from collections import Counter

from harness.graph.labels import EdgeLabels, NodeLabels, share_groups
from harness.graph.ops import FUSES
from harness.graph.spec import Graph

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
        label = NodeLabels()
        for node in graph.nodes:
            text = label(node, outputs.get(node.key, []))
            self.local.append(f"{text} tapped" if node.key in tapped else text)
        self.sets: dict[tuple[object, ...], int] = {}
        self.reads: list[list[tuple[str, int]]] = [[] for _ in levels]
        self.readers: list[list[tuple[str, int]]] = [[] for _ in levels]
        self._connect()

    def _connect(self) -> None:
        label = EdgeLabels(self.graph)
        groups = share_groups(self.graph, label)
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
