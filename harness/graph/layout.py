"""Where each node of a graph is drawn: levels are rows (coarse on top), time runs to the right.

A node stands in the first column in which all its inputs have been made. An edge between
neighbouring levels may stay in its column (drawn straight up or down); any other edge moves on
by a column. The last node of each level is then moved right to the end of its repeat, so that
the outputs of a repeat stand under each other. In a large graph a node whose one input is read by
nothing else stands beside it, half a column on.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from harness.graph.spec import Edge, Graph, Node

PAIRED = 60
"""Nodes of a graph from which on some stand in pairs, where that makes it narrower."""
PAIR = 1.7
"""How much wider a column of pairs is."""

EdgeKind = Literal["same", "up", "down", "skip"]


@dataclass(frozen=True, slots=True)
class Link:
    """An edge as drawn: on the `same` level, `up` (to finer), `down`, or a `skip` over nodes.

    place: among the inputs of its node.
    """

    source: str
    target: str
    kind: EdgeKind
    edge: Edge
    place: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows by level, columns by key (inputs included), and the columns each repeat takes.

    A column and a half is the second place in that column.
    """

    rows: dict[int, int]
    levels: dict[str, int]
    columns: dict[str, float]
    repeats: tuple[tuple[int, int, int], ...]
    """(repeat, first column, last column), repeat 1 first."""
    links: tuple[Link, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return math.floor(max(self.columns.values(), default=0)) + 1

    def column(self, key: str) -> int:
        """The whole column a box stands in."""
        return math.floor(self.columns[key])

    @property
    def pairs(self) -> bool:
        """Whether some boxes stand in pairs."""
        return any(column % 1 for column in self.columns.values())


def input_key(level: int) -> str:
    """The key of a backbone map."""
    return f"p{level}"


def lay_out(graph: Graph) -> Layout:
    """Place every input and node of a graph; the same graph is always placed the same way."""
    single = _placed(graph, {})
    if len(graph.nodes) < PAIRED:
        return single
    paired = _placed(graph, _leaders(graph))
    return paired if paired.width * PAIR < single.width else single


def _placed(graph: Graph, leaders: dict[str, str]) -> Layout:
    levels = {input_key(level): level for level in graph.inputs}
    levels |= {node.key: node.level for node in graph.nodes}
    order = sorted(set(levels.values()), reverse=True)
    rows = {level: row for row, level in enumerate(order)}
    columns = _earliest(graph, levels, rows, leaders)
    _align_ends(graph, levels, rows, columns, {*leaders, *leaders.values()})
    return Layout(rows, levels, columns, _spans(graph, columns), _links(graph, levels, columns))


def _step(rows: dict[int, int], source: int, target: int) -> int:
    """Columns an edge must move on: 0 between neighbouring levels, else 1."""
    return 0 if abs(rows[source] - rows[target]) == 1 else 1


def _leaders(graph: Graph) -> dict[str, str]:
    """Of each node that stands beside its only input, that input."""
    uses = Counter(edge.source for node in graph.nodes for edge in node.inputs)
    uses.update(key for _, key in (*graph.outputs, *graph.taps))
    nodes = {node.key: node for node in graph.nodes}
    leaders: dict[str, str] = {}
    for node in graph.nodes:
        before = nodes.get(node.inputs[0].source) if len(node.inputs) == 1 else None
        if before is None or before.key in leaders or uses[before.key] > 1:
            continue
        if (before.level, before.repeat) == (node.level, node.repeat):
            leaders[node.key] = before.key
    return leaders


def _earliest(
    graph: Graph, levels: dict[str, int], rows: dict[int, int], leaders: dict[str, str]
) -> dict[str, float]:
    columns: dict[str, float] = {input_key(level): 0 for level in graph.inputs}
    taken = {(level, 0) for level in graph.inputs}
    starts = {0: 0}
    for node in graph.nodes:
        if node.repeat not in starts:
            starts[node.repeat] = math.floor(max(columns.values(), default=-1)) + 1
        if node.key in leaders:
            columns[node.key] = columns[leaders[node.key]] + 0.5
            continue
        column = starts[node.repeat]
        for edge in node.inputs:
            step = _step(rows, levels[edge.source], node.level)
            column = max(column, math.floor(columns[edge.source]) + step)
        while (node.level, column) in taken:
            column += 1
        taken.add((node.level, column))
        columns[node.key] = column
    return columns


def _align_ends(
    graph: Graph,
    levels: dict[str, int],
    rows: dict[int, int],
    columns: dict[str, float],
    paired: set[str],
) -> None:
    """Move the last node of each level to the end of its repeat where its readers allow it."""
    ends: dict[int, int] = {}
    last: dict[tuple[int, int], Node] = {}
    for node in graph.nodes:
        ends[node.repeat] = max(ends.get(node.repeat, 0), math.floor(columns[node.key]))
        held = last.get((node.repeat, node.level))
        if held is None or columns[held.key] < columns[node.key]:
            last[node.repeat, node.level] = node
    readers: dict[str, list[Node]] = {key: [] for key in levels}
    for node in graph.nodes:
        for edge in node.inputs:
            readers[edge.source].append(node)
    taken = {(levels[key], column) for key, column in columns.items()}
    for node in reversed(graph.nodes):
        if node.repeat == 0 or last[node.repeat, node.level] is not node or node.key in paired:
            continue
        limits = [
            math.floor(columns[reader.key]) - _step(rows, node.level, reader.level)
            for reader in readers[node.key]
        ]
        column = min([ends[node.repeat], *limits])
        if column > columns[node.key] and (node.level, column) not in taken:
            columns[node.key] = column
            taken.add((node.level, column))


def _spans(graph: Graph, columns: dict[str, float]) -> tuple[tuple[int, int, int], ...]:
    spans: dict[int, list[int]] = {}
    for node in graph.nodes:
        if node.repeat > 0:
            spans.setdefault(node.repeat, []).append(math.floor(columns[node.key]))
    return tuple((repeat, min(found), max(found)) for repeat, found in sorted(spans.items()))


def _links(graph: Graph, levels: dict[str, int], columns: dict[str, float]) -> tuple[Link, ...]:
    by_level: dict[int, list[int]] = {}
    for key, column in columns.items():
        by_level.setdefault(levels[key], []).append(math.floor(column))
    links = []
    for node in graph.nodes:
        for place, edge in enumerate(node.inputs):
            source, target = levels[edge.source], node.level
            span = range(math.floor(columns[edge.source]) + 1, math.floor(columns[node.key]))
            kind: EdgeKind
            if source != target:
                kind = "up" if source > target else "down"
            else:
                kind = "skip" if any(column in span for column in by_level[target]) else "same"
            links.append(Link(edge.source, node.key, kind, edge, place))
    return tuple(links)
