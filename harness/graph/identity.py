"""Identity of a graph: a digest of what it computes, whatever its file looks like.

Nodes are coloured by what they are, what they read and what reads them, until no colour splits.
Where two nodes still share a colour (twins), one of them is singled out and colouring goes on; of
all ways to do that the smallest description counts. The description is complete, so two graphs
have one digest just when one is the other with nodes renamed and reordered.
"""

import hashlib
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from harness.graph.labels import EdgeLabels, NodeLabels
from harness.graph.ops import FUSES
from harness.graph.shares import Group, Member, share_groups, weighs_inputs
from harness.graph.spec import Graph, Node

_Colours = list[str]


def digest(graph: Graph) -> str:
    """64 hex digits: the same for two spellings of one graph, another for any other graph."""
    return _Canon(graph).digest()


def node_digests(graph: Graph) -> dict[str, str]:
    """A digest for every node key, unique in the graph and independent of names and order.

    Twins, which nothing tells apart but their names, are numbered: `#0`, `#1`, ...
    """
    return names(graph).nodes


class Names(NamedTuple):
    """nodes: their digests. edges: by node key and place, of those with a share in weights: the
    digest of the weight that a shared fuse has for the edge, if it has one, and the edge's own."""

    nodes: dict[str, str]
    edges: dict[tuple[str, int], list[str]]


def names(graph: Graph) -> Names:
    """What tells nodes apart, and edges where nothing else does."""
    return _Canon(graph).names()


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
        taps = Counter([key for _, key in graph.taps])
        self.local = [f"map p{level}" for level in maps]
        label = NodeLabels()
        for node in graph.nodes:
            text = label(node, outputs.get(node.key, []))
            if taps and (tapped := taps[node.key]):
                text += " tapped" if tapped == 1 else f" tapped {tapped} times"
            self.local.append(text)
        self.sets: dict[tuple[object, ...], int] = {}
        self.between: dict[tuple[str, int], list[int]] = {}
        self.reads: list[list[tuple[str, int]]] = [[] for _ in levels]
        self.readers: list[list[tuple[str, int]]] = [[] for _ in levels]
        self._connect()

    def _connect(self) -> None:
        label = EdgeLabels(self.graph)
        groups = share_groups(self.graph, label)
        for i, node in enumerate(self.graph.nodes):
            target = i + self.offset
            ordered = not FUSES.get(node.fuse.name).commutes
            for place, (edge, text) in enumerate(zip(node.inputs, label.of(node), strict=True)):
                source = self.index[edge.source]
                text = f"{place} {text}" if ordered else text
                if groups:
                    source = self._between(source, node, place, groups)
                self._link(target, text, source)
            for part in ("fuse", "block") if groups else ():
                group = groups.get((node.key, None, part))
                if group is not None:
                    self._link(self._set(group), "shares", target)

    def _link(self, target: int, text: str, source: int) -> None:
        self.reads[target].append((text, source))
        self.readers[source].append((text, target))

    def _set(self, group: tuple[object, ...]) -> int:
        """The vertex of a set of weights."""
        if group not in self.sets:
            self.sets[group] = self._vertex("one set of weights")
        return self.sets[group]

    def _between(self, source: int, node: Node, place: int, groups: dict[Member, Group]) -> int:
        """A vertex on an edge that shares weights, linked to all of them; else the source.

        A fuse that is shared and weighs its inputs has a set of its own for each place.
        """
        edge, fuse = node.inputs[place], groups.get((node.key, None, "fuse"))
        parts = ("projection", *range(len(edge.path))) if edge.share is not None else ()
        found = [(str(part), groups.get((node.key, place, part))) for part in parts]
        links = [(text, self._set(group)) for text, group in found if group is not None]
        weighs = fuse is not None and weighs_inputs(node.fuse, len(node.inputs))
        weighed = [self._set((place, *fuse))] if weighs and fuse is not None else []
        links += [("weighed", weight) for weight in weighed]
        if not links:
            return source
        middle = self._vertex("edge")
        self.between[node.key, place] = [*weighed, middle]
        self._link(middle, "of", source)
        for text, one in links:
            self._link(middle, text, one)
        return middle

    def _vertex(self, local: str) -> int:
        self.local.append(local)
        self.reads.append([])
        self.readers.append([])
        return len(self.local) - 1

    def digest(self) -> str:
        return _hash(self._best(self._start())[0])[:64]

    def names(self) -> Names:
        colours = self._start()
        counts = Counter(colours)
        named = {}
        numbers: Counter[str] = Counter()
        order = self._order(self._best(colours)[1]) if len(counts) < len(colours) else None
        for vertex in order if order is not None else range(len(colours)):
            colour = colours[vertex]
            suffix = f"#{numbers[colour]}" if counts[colour] > 1 else ""
            numbers[colour] += 1
            named[vertex] = colour + suffix
        return Names(
            {node.key: named[i + self.offset] for i, node in enumerate(self.graph.nodes)},
            {place: [named[v] for v in vertices] for place, vertices in self.between.items()},
        )

    # Colouring.

    def _start(self) -> _Colours:
        """Colours by ancestors in one walk down, by readers in one walk up; then to the end.

        The walks leave out what is no node: in what order those are made is a matter of spelling.
        """
        nodes = range(self.offset + len(self.graph.nodes))
        above = self.local.copy()
        for vertex in nodes[self.offset :]:
            above[vertex] = _mixed(self.local[vertex], self.reads[vertex], above)
        both = above.copy()
        for vertex in reversed(nodes):
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

    def _best(self, colours: _Colours) -> tuple[str, _Colours]:
        """The smallest description over all ways to tell twins apart, and its colours.

        Two choices that lead to one description are mirror images: the second is not followed.
        """
        while tied := self._tied(colours):
            first, *others = tied
            others = [vertex for vertex in others if not self._mirrored(first, vertex)]
            choices = [self._singled(colours, first)]
            seen = {self._described(self._fully_split(choices[0]))} if others else set()
            for vertex in others:
                other = self._singled(colours, vertex)
                leads_to = self._described(self._fully_split(other))
                if leads_to not in seen:
                    seen.add(leads_to)
                    choices.append(other)
            if len(choices) > 1:
                return min(map(self._best, choices), key=lambda best: best[0])
            colours = choices[0]
        return self._described(colours), colours

    def _mirrored(self, one: int, other: int) -> bool:
        """Whether two vertices that share a colour have all their neighbours in common."""
        reads, readers = self.reads, self.readers
        return sorted(reads[one]) == sorted(reads[other]) and sorted(readers[one]) == sorted(
            readers[other]
        )

    def _order(self, colours: _Colours) -> list[int]:
        return sorted(range(len(colours)), key=colours.__getitem__)

    def _described(self, colours: _Colours) -> str:
        """Every vertex and edge, by places in the order of (all different) colours."""
        order = self._order(colours)
        place = {vertex: i for i, vertex in enumerate(order)}
        lines = []
        for vertex in order:
            reads = sorted([(label, place[source]) for label, source in self.reads[vertex]])
            listed = ", ".join([f"({_quoted(label)}, {source})" for label, source in reads])
            lines.append(f"{self.local[vertex]}[{listed}]")
        return "\n".join(lines)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_quoted = lru_cache(maxsize=4096)(repr)


def _mixed(own: str, links: list[tuple[str, int]], colours: _Colours) -> str:
    around = sorted([label + colours[other] for label, other in links])
    text = "\n".join([own, *around]) if around else f"{own}\n"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
