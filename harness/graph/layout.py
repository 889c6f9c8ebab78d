"""Where each node of a graph is drawn: levels are rows (coarse on top), time runs to the right.

A node stands in the first column in which all its inputs have been made. An edge between
neighbouring levels may stay in its column (drawn straight up or down); any other edge moves on
by a column. The last node of each level is then moved right to the end of its repeat, so that
the outputs of a repeat stand under each other.
"""

from dataclasses import dataclass
from typing import Literal

from harness.graph.spec import Edge, Graph, Node

EdgeKind = Literal["same", "up", "down", "skip"]


@dataclass(frozen=True, slots=True)
class Link:
    """An edge as drawn: on the `same` level, `up` (to finer), `down`, or a `skip` over nodes."""

    source: str
    target: str
    kind: EdgeKind
    edge: Edge


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows by level, columns by key (inputs included), and the columns each repeat takes."""

    rows: dict[int, int]
    levels: dict[str, int]
    columns: dict[str, int]
    repeats: tuple[tuple[int, int, int], ...]
    """(repeat, first column, last column), repeat 1 first."""
    links: tuple[Link, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return max(self.columns.values(), default=0) + 1


def input_key(level: int) -> str:
    """The key of a backbone map."""
    return f"p{level}"


def lay_out(graph: Graph) -> Layout:
    """Place every input and node of a graph; the same graph is always placed the same way."""
    levels = {input_key(level): level for level in graph.inputs}
    levels |= {node.key: node.level for node in graph.nodes}
    order = sorted(set(levels.values()), reverse=True)
    rows = {level: row for row, level in enumerate(order)}
    columns = _earliest(graph, levels, rows)
    _align_ends(graph, levels, rows, columns)
    return Layout(rows, levels, columns, _spans(graph, columns), _links(graph, levels, columns))


def _step(rows: dict[int, int], source: int, target: int) -> int:
    """Columns an edge must move on: 0 between neighbouring levels, else 1."""
    return 0 if abs(rows[source] - rows[target]) == 1 else 1


def _earliest(graph: Graph, levels: dict[str, int], rows: dict[int, int]) -> dict[str, int]:
    columns = {input_key(level): 0 for level in graph.inputs}
    taken = {(level, 0) for level in graph.inputs}
    starts = {0: 0}
    for node in graph.nodes:
        if node.repeat not in starts:
            starts[node.repeat] = max(columns.values(), default=-1) + 1
        column = starts[node.repeat]
        for edge in node.inputs:
            step = _step(rows, levels[edge.source], node.level)
            column = max(column, columns[edge.source] + step)
        while (node.level, column) in taken:
            column += 1
        taken.add((node.level, column))
        columns[node.key] = column
    return columns


def _align_ends(
    graph: Graph, levels: dict[str, int], rows: dict[int, int], columns: dict[str, int]
) -> None:
    """Move the last node of each level to the end of its repeat where its readers allow it."""
    ends: dict[int, int] = {}
    last: dict[tuple[int, int], Node] = {}
    for node in graph.nodes:
        ends[node.repeat] = max(ends.get(node.repeat, 0), columns[node.key])
        held = last.get((node.repeat, node.level))
        if held is None or columns[held.key] < columns[node.key]:
            last[node.repeat, node.level] = node
    readers: dict[str, list[Node]] = {key: [] for key in levels}
    for node in graph.nodes:
        for edge in node.inputs:
            readers[edge.source].append(node)
    taken = {(levels[key], column) for key, column in columns.items()}
    for node in reversed(graph.nodes):
        if node.repeat == 0 or last[node.repeat, node.level] is not node:
            continue
        limits = [
            columns[reader.key] - _step(rows, node.level, reader.level)
            for reader in readers[node.key]
        ]
        column = min([ends[node.repeat], *limits])
        if column > columns[node.key] and (node.level, column) not in taken:
            columns[node.key] = column
            taken.add((node.level, column))


def _spans(graph: Graph, columns: dict[str, int]) -> tuple[tuple[int, int, int], ...]:
    spans: dict[int, list[int]] = {}
    for node in graph.nodes:
        if node.repeat > 0:
            spans.setdefault(node.repeat, []).append(columns[node.key])
    return tuple((repeat, min(found), max(found)) for repeat, found in sorted(spans.items()))


def _links(graph: Graph, levels: dict[str, int], columns: dict[str, int]) -> tuple[Link, ...]:
    by_level: dict[int, list[int]] = {}
    for key, column in columns.items():
        by_level.setdefault(levels[key], []).append(column)
    links = []
    for node in graph.nodes:
        for edge in node.inputs:
            source, target = levels[edge.source], node.level
            span = range(columns[edge.source] + 1, columns[node.key])
            kind: EdgeKind
            if source != target:
                kind = "up" if source > target else "down"
            else:
                kind = "skip" if any(column in span for column in by_level[target]) else "same"
            links.append(Link(edge.source, node.key, kind, edge))
    return tuple(links)
