"""A graph for people: `to_text` is a table of its nodes, `to_svg` a picture.

Standard library only, and the same graph always gives the same characters.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from harness.graph.about import About, about_graph
from harness.graph.boxes import sets_of_weights
from harness.graph.layout import input_key
from harness.graph.picture import to_svg
from harness.graph.spec import Graph, Node
from harness.graph.wording import count, cut, edge_words, habit, short_label, usual_ways

__all__ = ["to_svg", "to_text"]

HEAD = ("node", "level", "inputs", "fuse", "block", "C x H x W", "params", "multiply-adds", "share")
RIGHT = {1, 5, 6, 7, 8}
WIDE = 64
"""Characters of the widest column of inputs; what is more goes on the next line."""
OPS = 40
"""Characters of the widest column of ops; what is more is cut."""

Cells = tuple[str, ...]


def to_text(
    graph: Graph,
    inferred: Any = None,
    reach: Mapping[int, int | None] | None = None,
    about: About | None = None,
    sizes: str = "",
) -> str:
    """A table of the nodes with shapes and closed-form cost, then totals and receptive fields.

    inferred: what `infer` returned, or None for the structure alone.
    reach: receptive field of each output level in input pixels; None is the whole image.
    about: the stages, and what the graph leaves out of its source.
    sizes: a line on what the facts were inferred for.
    """
    about = about if about is not None and about.sections else about_graph(graph)
    head = HEAD if inferred is not None else HEAD[:5]
    table = _Table(graph, inferred, about)
    lines = [*_summary(graph, about, sizes), "", *table.lines(head), ""]
    lines += [*_outputs(graph, reach), *(f"tap {name} = {key}" for name, key in graph.taps)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _summary(graph: Graph, about: About, sizes: str) -> list[str]:
    edges = sum(len(node.inputs) for node in graph.nodes)
    bound = ", ".join(input_key(level) for level in graph.inputs)
    stages = max((one.stages for one in about.sections), default=1)
    parts = [count(len(graph.nodes), "node"), count(edges, "edge")]
    parts += [count(stages, "stage")] if stages > 1 else []
    if stages == 1 or any(one.turns > 1 for one in about.sections):
        parts.append(count(max((one.turns for one in about.sections), default=0), "repeat"))
    first = f"{graph.name}: {', '.join(parts)}; reads {bound}"
    lines = [line for line in (first, habit(graph), sizes) if line]
    if about.approximates:
        text = f"an approximation: {about.approximates}"
        lines += textwrap.wrap(text, 100, subsequent_indent="  ", break_long_words=False)
    return lines


class _Table:
    """Rows by sections: extra levels, then every repeat of every stage."""

    def __init__(self, graph: Graph, inferred: Any, about: About) -> None:
        self.graph, self.inferred, self.about = graph, inferred, about
        self.ways = tuple(usual_ways(graph).values())
        self.sets = sets_of_weights(graph)
        self.holders: dict[int, str] = {}
        for key, number in self.sets.items():
            self.holders.setdefault(number, key)
        self.edges = Counter(
            (edge.share, edge.path) for node in graph.nodes for edge in node.inputs if edge.share
        )

    def lines(self, head: Cells) -> list[str]:
        sections: list[tuple[str, list[Cells]]] = []
        for repeat, nodes in groupby(self.graph.nodes, key=lambda node: node.repeat):
            here = list(nodes)
            section = self.about.section(repeat)
            title = "extra levels" if section is None else section.title
            sections.append(
                (self._titled(title, here), [row for node in here for row in self._rows(node)])
            )
        rows = [row for _, found in sections for row in found]
        total = self._total()
        widths = [max(len(row[i]) for row in [head, *rows, *total]) for i in range(len(head))]
        rule = "  ".join("-" * width for width in widths)
        lines = [_line(head, widths), rule]
        for i, (title, found) in enumerate(sections):
            if len(self.about.sections) > 1:
                lines += ["", title] if i else [title]
            lines += [_line(row, widths) for row in found]
        return [*lines, *([rule] if total else []), *(_line(row, widths) for row in total)]

    def _titled(self, title: str, nodes: list[Node]) -> str:
        """The title of a section, and what it costs."""
        if self.inferred is None:
            return f"[{title}]"
        facts = [self.inferred.node(node.key) for node in nodes]
        params, macs = sum(one.params for one in facts), sum(one.macs for one in facts)
        return f"[{title}: {params:,} params, {macs:,} multiply-adds, {self._share(macs)}]"

    def _rows(self, node: Node) -> list[Cells]:
        """A node as one line, or as several where its inputs are many."""
        inputs = textwrap.wrap(self._inputs(node), WIDE, break_on_hyphens=False) or [""]
        fuse, block = cut(short_label(node.fuse), OPS), cut(short_label(node.block), OPS)
        holder = self.holders.get(self.sets.get(node.key, 0), node.key)
        if holder != node.key:
            block += f", weights of {holder}"
        cells: Cells = (node.key, f"p{node.level}", inputs[0], fuse, block)
        if self.inferred is not None:
            facts = self.inferred.node(node.key)
            shape = f"{facts.channels} x {facts.height} x {facts.width}"
            costs = (f"{facts.params:,}", f"{facts.macs:,}", self._share(facts.macs))
            cells = (*cells, shape, *costs)
        more = [("", "", line, *[""] * (len(cells) - 3)) for line in inputs[1:]]
        return [cells, *more]

    def _inputs(self, node: Node) -> str:
        found = []
        projected = self.inferred.projected if self.inferred is not None else ()
        for place, edge in enumerate(node.inputs):
            words = edge_words(
                edge,
                self.ways,
                projected=(node.key, place) in projected,
                shared=self.edges[edge.share or "", edge.path] > 1,
            )
            found.append(f"{edge.source} ({words})".replace(" ", "\xa0") if words else edge.source)
        return ", ".join(found)

    def _share(self, macs: int) -> str:
        return f"{100 * macs / self.inferred.macs if self.inferred.macs else 0.0:.1f}%"

    def _total(self) -> list[Cells]:
        if self.inferred is None:
            return []
        costs = (f"{self.inferred.params:,}", f"{self.inferred.macs:,}")
        return [("total", "", "", "", "", "", *costs, "")]


def _line(row: Iterable[str], widths: list[int]) -> str:
    cells = enumerate(zip(row, widths, strict=True))
    return "  ".join(
        (text.rjust(width) if i in RIGHT else text.ljust(width)).replace("\xa0", " ")
        for i, (text, width) in cells
    )


def _outputs(graph: Graph, reach: Mapping[int, int | None] | None) -> list[str]:
    named = [(level, f"output p{level} = {key}") for level, key in graph.outputs]
    width = max((len(text) for _, text in named), default=0)
    if reach is None:
        return [text for _, text in named]
    return [f"{text.ljust(width)}   sees {_extent(reach.get(level))}" for level, text in named]


def _extent(pixels: int | None) -> str:
    return "the whole image" if pixels is None else f"{pixels} x {pixels} px"
