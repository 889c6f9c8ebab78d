"""A graph as one SVG: levels as rows, coarse on top; time to the right; repeats side by side."""

import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from harness.graph.about import About, about_graph
from harness.graph.boxes import MARKS, Boxes, is_extra, notes, sets_of_weights
from harness.graph.canvas import Canvas
from harness.graph.layout import input_key, lay_out
from harness.graph.spec import Graph, Node
from harness.graph.strokes import KINDS, MANY, Projected, Strokes, has_weights, markers
from harness.graph.wording import count, habit, human, usual_ways

STYLE = """
.fn{--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--paper:#fff;--band:#f4f6f8;--map:#e7ebef;\
--same:#59636e;--skip:#009e73;--skip-b:#7d9a00;--skip-c:#2c6e54;--up:#0072b2;--down:#d55e00;\
--out:#1f2328;--mark:#9a3d94;\
font-family:-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif}
@media (prefers-color-scheme:dark){.fn{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--paper:#0d1117;\
--band:#151b23;--map:#2a313c;--same:#9198a1;--skip:#2cc79b;--skip-b:#a9c23f;--skip-c:#86b8a2;\
--up:#56b4e9;--down:#f0883e;\
--out:#e6edf3;--mark:#d8a0d3}}
.fn text{fill:var(--ink);font-size:11.5px}.fn .title{font-size:17px;font-weight:650}
.fn .soft{fill:var(--soft);font-size:11px}.fn .tiny{fill:var(--soft);font-size:8.5px}
.fn .mid{text-anchor:middle}.fn .end{text-anchor:end}
.fn .paper{fill:var(--paper)}.fn .band{fill:var(--band)}.fn .rail{stroke:var(--line)}
.fn .box{fill:var(--paper);stroke:var(--soft);stroke-width:1.1}
.fn .map{fill:var(--map);stroke:none}.fn .extra{fill:var(--map);stroke:var(--soft);\
stroke-dasharray:3 2.5}.fn .out{stroke:var(--out);stroke-width:2.2}
.fn .mark{stroke-width:2.4}.fn .added{stroke:var(--mark)}.fn .changed{stroke:var(--mark);\
stroke-dasharray:6 3}.fn .sign{fill:var(--mark);font-weight:700}
.fn .edge{fill:none;stroke-width:1.5}.fn.many .edge{stroke-width:1.15}
.fn .same{stroke:var(--same)}.fn .skip{stroke:var(--skip)}
.fn .skip-b{stroke:var(--skip-b)}.fn .skip-c{stroke:var(--skip-c)}
.fn .up{stroke:var(--up)}.fn .down{stroke:var(--down)}.fn .before{stroke-dasharray:5 3}
.fn .tap{fill:none;stroke:var(--out);stroke-width:1.6}
.fn .tip-same{fill:var(--same)}.fn .tip-skip{fill:var(--skip)}
.fn .tip-skip-b{fill:var(--skip-b)}.fn .tip-skip-c{fill:var(--skip-c)}
.fn .tip-up{fill:var(--up)}.fn .tip-down{fill:var(--down)}
.fn .edge:hover{stroke-width:3}
""".strip()


def to_svg(
    graph: Graph,
    inferred: Any = None,
    reach: Mapping[int, int | None] | None = None,
    about: About | None = None,
    sizes: str = "",
    marks: Mapping[str, str] | None = None,
) -> str:
    """One self-contained SVG, light and dark. The other arguments are those of `to_text`.

    marks: `added` or `changed`, by the keys of nodes that another graph has not, or not so.

    In a browser, a box under the pointer leaves only its own edges standing.
    """
    return _Picture(graph, inferred, reach, about or About(), sizes, marks or {}).drawn()


class _Picture:
    """One graph being drawn."""

    def __init__(
        self,
        graph: Graph,
        inferred: Any,
        reach: Mapping[int, int | None] | None,
        about: About,
        sizes: str,
        marks: Mapping[str, str],
    ) -> None:
        self.graph, self.inferred, self.reach = graph, inferred, reach
        self.about = about if about.sections else about_graph(graph)
        layout = lay_out(graph)
        self.notes = [sizes] if sizes else []
        if about.approximates:
            letters = max(110, layout.width * 16)
            self.notes += textwrap.wrap(f"an approximation: {about.approximates}", letters)
        canvas = Canvas(
            layout,
            letters=max(map(_letters, graph.nodes, notes(graph, inferred).values()), default=6),
            notes=len(self.notes),
            right=112.0 if reach is not None else 78.0,
        )
        projected = inferred.projected if inferred is not None else ()
        self.legend = _legend(graph, canvas, projected, set(marks.values()))
        self.canvas = replace(canvas, legend=len(self.legend))
        keys = [*map(input_key, graph.inputs), *(node.key for node in graph.nodes)]
        self.numbers = {key: number for number, key in enumerate(keys)}
        self.boxes = Boxes(graph, self.canvas, inferred, self.numbers, marks)
        ways = tuple(usual_ways(graph).values())
        self.strokes = Strokes(self.canvas, self.numbers, ways, projected)

    def drawn(self) -> str:
        name, width, height = escape(self.graph.name), self.canvas.width, self.canvas.height
        many = " many" if len(self.canvas.layout.links) >= MANY else ""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" role="img" class="fn{many}" '
            f'aria-label="{name}: {escape(self._summary())}">',
            f"<title>{name}</title>",
            f"<style>{STYLE}\n{self._hovering()}</style>",
            markers(),
            f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
            *self._heading(),
            *self._bands(),
            *self._levels(),
            *self.strokes.drawn(),
            *self.boxes.drawn(),
            *self._outputs(),
            *self._legend(),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _hovering(self) -> str:
        """One rule a box: while the pointer is on it, edges of others fade."""
        rules = [f".fn:has(g.n{i}:hover) .edge:not(.n{i})" for i in self.numbers.values()]
        return ",".join(rules) + "{opacity:.07}"

    def _summary(self) -> str:
        edges = sum(len(node.inputs) for node in self.graph.nodes)
        text = f"{count(len(self.graph.nodes), 'node')}, {count(edges, 'edge')}"
        if self.inferred is not None:
            params, macs = human(self.inferred.params), human(self.inferred.macs)
            text += f", {params} params, {macs} multiply-adds"
        return text

    def _heading(self) -> list[str]:
        lines = [line for line in (self._summary(), habit(self.graph), *self.notes) if line]
        return [
            f'<text class="title" x="20" y="32">{escape(self.graph.name)}</text>',
            *(
                f'<text class="soft" x="20" y="{51 + 15.5 * i:.1f}">{escape(line)}</text>'
                for i, line in enumerate(lines)
            ),
        ]

    def _bands(self) -> list[str]:
        """The ground of each repeat, and what it is called."""
        canvas, parts = self.canvas, []
        if len(canvas.layout.repeats) < 2:
            return []
        for repeat, first, last in canvas.layout.repeats:
            left = canvas.x(first) - canvas.box_w / 2 - 14
            right = canvas.x(last) - canvas.box_w / 2 + canvas.cell_w + 14
            section = self.about.section(repeat)
            title = section.title if section is not None else f"repeat {repeat}"
            fits = 5.6 * len(title) < right - left + 16
            shown = title if fits or section is None else section.short
            middle = f'x="{(left + right) / 2:.1f}" y="{canvas.top - 26:.1f}"'
            parts.append(
                f'<rect class="band" x="{left:.1f}" y="{canvas.top - 20:.1f}" '
                f'width="{right - left:.1f}" height="{canvas.floor - canvas.top + 28:.1f}" '
                f'rx="8"><title>{escape(title)}</title></rect>'
                f'<text class="soft mid" {middle}>{escape(shown)}</text>'
            )
        return parts

    def _levels(self) -> list[str]:
        places = [(level, self.canvas.y(level)) for level in self.canvas.layout.rows]
        return [
            f'<text x="20" y="{y - 2:.1f}">p{level}</text>'
            f'<text class="tiny" x="20" y="{y + 11:.1f}">{self._size(level)}</text>'
            for level, y in places
        ]

    def _size(self, level: int) -> str:
        """Map size of a level where it is known, else its stride."""
        if self.inferred is not None:
            for node in self.graph.nodes:
                if node.level == level:
                    facts = self.inferred.node(node.key)
                    return f"{facts.height} x {facts.width}"
        return f"stride {2**level}"

    def _outputs(self) -> list[str]:
        """At the end of each row, that it is an output and how much of the image it sees."""
        parts, x = [], self.canvas.end + 22
        for level, _ in self.graph.outputs:
            y = self.canvas.y(level)
            low = y + 4 if self.reach is None else y - 2
            parts.append(f'<text x="{x:.1f}" y="{low:.1f}">p{level} out</text>')
            if self.reach is not None:
                pixels = self.reach.get(level)
                sees = "the whole image" if pixels is None else f"{pixels} px a side"
                parts.append(f'<text class="tiny" x="{x:.1f}" y="{y + 11:.1f}">sees {sees}</text>')
        return parts

    def _legend(self) -> list[str]:
        parts = []
        for i, line in enumerate(self.legend):
            x, y = 20.0, self.canvas.height - 16 - 22 * (len(self.legend) - 1 - i)
            for entry in line:
                parts.append(entry.drawn(x, y))
                x += entry.width
        return parts


def _letters(node: Node, note: str) -> int:
    """Of a node's name, or as many as its note in smaller letters takes."""
    return max(len(node.name), round(0.7 * len(note)))


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the legend: an edge or a box (or neither), and what it means."""

    words: str
    edge: str = ""
    box: str = ""
    tip: str = ""

    @property
    def width(self) -> float:
        return 5.5 * len(self.words) + (45 if self.edge or self.box else 16)

    def drawn(self, x: float, y: float) -> str:
        mark = ""
        if self.edge:
            mark = (
                f'<path class="edge {self.edge}" marker-end="url(#fn-{self.tip})" '
                f'd="M{x:.1f} {y - 4:.1f}h22"/>'
            )
        elif self.box:
            mark = (
                f'<rect class="{self.box}" x="{x:.1f}" y="{y - 9.5:.1f}" width="22" height="12" '
                f'rx="3.5"/>'
            )
        x += 29 * bool(mark)
        return f'{mark}<text class="soft" x="{x:.1f}" y="{y:.1f}">{self.words}</text>'


def _legend(
    graph: Graph, canvas: Canvas, projected: Projected, marks: Collection[str]
) -> list[list[_Entry]]:
    """What occurs in a picture: edges first, boxes on a line of their own."""
    lines: list[list[_Entry]] = []
    of_marks = [
        _Entry(f"{MARKS[one]} {one}", box=f"box mark {one}") for one in MARKS if one in marks
    ]
    for entries in (_legend_of_edges(canvas, projected), [*_legend_of_boxes(graph), *of_marks]):
        lines.append([])
        for entry in entries:
            if 20 + sum(one.width for one in [*lines[-1], entry]) > canvas.width and lines[-1]:
                lines.append([])
            lines[-1].append(entry)
    return [line for line in lines if line]


def _legend_of_edges(canvas: Canvas, projected: Projected) -> list[_Entry]:
    links = canvas.layout.links
    found = [
        _Entry(words, kind, tip=f"tip-{kind}")
        for kind, words in KINDS.items()
        if any(link.kind == kind for link in links)
    ]
    learned = [link.kind for link in links if has_weights(link, projected)]
    if learned:
        found.append(_Entry("with learned weights", learned[0], tip=f"dot-{learned[0]}"))
    if any(link.edge.tap == "before" for link in links):
        found.append(_Entry("read before the block", "same before", tip="tip-same"))
    return found


def _legend_of_boxes(graph: Graph) -> list[_Entry]:
    outputs = {key for _, key in graph.outputs}
    extra = any(is_extra(node) and node.key not in outputs for node in graph.nodes)
    found = [_Entry("backbone map", box="map")] if graph.inputs else []
    found += [_Entry("extra level", box="extra")] if extra else []
    found += [_Entry("node", box="box"), _Entry("output", box="box out")]
    found += [_Entry("flag: a tap")] if graph.taps else []
    shared = sets_of_weights(graph)
    return [*found, *([_Entry("same number: one set of weights")] if shared else [])]
