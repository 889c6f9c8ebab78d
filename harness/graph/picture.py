"""A graph as one SVG: levels as rows, coarse on top; time to the right; repeats side by side."""

from collections.abc import Mapping
from html import escape
from typing import Any

from harness.graph.canvas import BOX_H, BOX_W, TOP, Canvas
from harness.graph.layout import Link, input_key, lay_out
from harness.graph.spec import Graph, Node
from harness.graph.wording import count, habit, human, op_label, short_label, usual

KINDS = {
    "same": "same level",
    "skip": "same level, over a node",
    "up": "upsampled (coarse to fine)",
    "down": "downsampled (fine to coarse)",
}

STYLE = """
.fn{--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--paper:#fff;--band:#f4f6f8;--map:#e7ebef;\
--same:#59636e;--skip:#009e73;--up:#0072b2;--down:#d55e00;--out:#1f2328;\
font-family:-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif}
@media (prefers-color-scheme:dark){.fn{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--paper:#0d1117;\
--band:#151b23;--map:#2a313c;--same:#9198a1;--skip:#2cc79b;--up:#56b4e9;--down:#f0883e;\
--out:#e6edf3}}
.fn text{fill:var(--ink);font-size:11.5px}.fn .title{font-size:17px;font-weight:650}
.fn .soft{fill:var(--soft);font-size:11px}.fn .tiny{fill:var(--soft);font-size:8.5px}
.fn .mid{text-anchor:middle}.fn .end{text-anchor:end}
.fn .paper{fill:var(--paper)}.fn .band{fill:var(--band)}.fn .rail{stroke:var(--line)}
.fn .box{fill:var(--paper);stroke:var(--soft);stroke-width:1.1}
.fn .map{fill:var(--map);stroke:none}.fn .extra{fill:var(--map);stroke:var(--soft);\
stroke-dasharray:3 2.5}.fn .out{stroke:var(--out);stroke-width:2.2}
.fn .edge{fill:none;stroke-width:1.5}.fn .same{stroke:var(--same)}.fn .skip{stroke:var(--skip)}
.fn .up{stroke:var(--up)}.fn .down{stroke:var(--down)}
.fn .tip-same{fill:var(--same)}.fn .tip-skip{fill:var(--skip)}
.fn .tip-up{fill:var(--up)}.fn .tip-down{fill:var(--down)}
""".strip()


def to_svg(
    graph: Graph, inferred: Any = None, reach: Mapping[int, int | None] | None = None
) -> str:
    """One self-contained SVG, light and dark. inferred and reach as for `to_text`."""
    canvas = Canvas(lay_out(graph))
    name = escape(graph.name)
    width, height = canvas.width, canvas.height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" class="fn" '
        f'aria-label="{name}: {escape(_summary(graph, inferred))}">',
        f"<title>{name}</title>",
        f"<style>{STYLE}</style>",
        _markers(),
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
        *_frame(graph, canvas, inferred, reach),
        *(_edge(link, canvas, offset) for link, offset in _ports(canvas)),
        *_nodes(graph, canvas, inferred),
        *_legend(graph, canvas),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _summary(graph: Graph, inferred: Any) -> str:
    edges = sum(len(node.inputs) for node in graph.nodes)
    text = f"{count(len(graph.nodes), 'node')}, {count(edges, 'edge')}"
    if inferred is not None:
        text += f", {human(inferred.params)} params, {human(inferred.macs)} multiply-adds"
    return text


def _markers() -> str:
    tips = "".join(
        f'<marker id="fn-tip-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="5.5" '
        f'markerHeight="5.5" orient="auto"><path class="tip-{kind}" d="M0 0.8L8 4L0 7.2z"/>'
        f"</marker>"
        for kind in KINDS
    )
    return f"<defs>{tips}</defs>"


def _frame(
    graph: Graph, canvas: Canvas, inferred: Any, reach: Mapping[int, int | None] | None
) -> list[str]:
    """Title, the band and number of each repeat, a rail and a label for each level."""
    layout = canvas.layout
    parts = [
        f'<text class="title" x="20" y="32">{escape(graph.name)}</text>',
        f'<text class="soft" x="20" y="51">{escape(_summary(graph, inferred))}</text>',
        f'<text class="soft" x="20" y="67">{escape(habit(graph))}</text>',
    ]
    for repeat, first, last in layout.repeats:
        left, right = canvas.x(first) - BOX_W / 2 - 14, canvas.x(last) + BOX_W / 2 + 14
        if len(layout.repeats) > 1:
            parts.append(
                f'<rect class="band" x="{left:.1f}" y="{TOP - 20:.1f}" '
                f'width="{right - left:.1f}" height="{canvas.floor - TOP + 28:.1f}" rx="8"/>'
                f'<text class="soft mid" x="{(left + right) / 2:.1f}" y="{TOP - 26:.1f}">'
                f"repeat {repeat}</text>"
            )
    for level in layout.rows:
        y = canvas.y(level)
        size = _size(graph, inferred, level)
        parts.append(
            f'<text x="20" y="{y - 2:.1f}">p{level}</text>'
            f'<text class="tiny" x="20" y="{y + 11:.1f}">{size}</text>'
        )
        if reach is not None and level in reach:
            seen = "whole image" if reach[level] is None else f"sees {reach[level]} px"
            parts.append(f'<text class="tiny" x="20" y="{y + 22:.1f}">{seen}</text>')
    return parts


def _size(graph: Graph, inferred: Any, level: int) -> str:
    """Map size of a level where it is known, else its stride."""
    if inferred is not None:
        for node in graph.nodes:
            if node.level == level:
                facts = inferred.node(node.key)
                return f"{facts.height} x {facts.width}"
    return f"stride {2**level}"


def _ports(canvas: Canvas) -> list[tuple[Link, tuple[float, float]]]:
    """Each link with where it leaves and enters the sides of its boxes, as offsets in y.

    Same-level links stay in the middle; the others keep clear of it, on the side they come from.
    """
    layout = canvas.layout
    drawn = sorted(layout.links, key=lambda link: list(KINDS).index(link.kind))
    return [(link, (_port(canvas, link, 1), _port(canvas, link, -1))) for link in drawn]


def _port(canvas: Canvas, link: Link, end: int) -> float:
    """Offset at the source (end = 1) or the target (end = -1): farther levels, farther out."""
    rows = canvas.layout.rows
    there = rows[canvas.layout.levels[link.target]] - rows[canvas.layout.levels[link.source]]
    if there == 0:
        return 0.0
    side = 1 if there * end > 0 else -1
    return side * min(4.0 + 3.0 * abs(there), BOX_H / 2 - 3)


def _edge(link: Link, canvas: Canvas, offset: tuple[float, float]) -> str:
    (x0, y0), (x1, y1) = canvas.at(link.source), canvas.at(link.target)
    if x0 == x1:
        side = 1 if y1 > y0 else -1
        path = f"M{x0:.1f} {y0 + side * BOX_H / 2:.1f}V{y1 - side * (BOX_H / 2 + 1.5):.1f}"
    elif link.kind == "skip":
        low = y0 + BOX_H / 2
        bow = low + canvas.arc(canvas.span(link))
        path = (
            f"M{x0 + BOX_W / 4:.1f} {low:.1f}C{x0 + BOX_W * 0.75:.1f} {bow:.1f} "
            f"{x1 - BOX_W * 0.75:.1f} {bow:.1f} {x1 - BOX_W / 4:.1f} {low + 1.5:.1f}"
        )
    else:
        start, end = (x0 + BOX_W / 2, y0 + offset[0]), (x1 - BOX_W / 2, y1 + offset[1])
        path = _across(link, canvas, start, end)
    return f'<path class="edge {link.kind}" marker-end="url(#fn-tip-{link.kind})" d="{path}"/>'


def _across(
    link: Link, canvas: Canvas, start: tuple[float, float], end: tuple[float, float]
) -> str:
    """A path to a later column that crosses no box: it changes level where the way is free.

    It runs along the target's row if no box stands there, else along its source's, else between.
    """
    (x0, y0), (x1, y1) = start, (end[0] - 1.5, end[1])
    gap = canvas.pitch_x - BOX_W
    if canvas.span(link) == 1:
        return f"M{x0:.1f} {y0:.1f}" + _bend(x0, y0, x1, y1)
    if _free(canvas, link, link.target):
        along = y1
    elif _free(canvas, link, link.source):
        along = y0
    else:
        half = canvas.pitch_y / 2
        along = canvas.at(link.target)[1] + (half if y0 > y1 else -half)
    first = _bend(x0, y0, x0 + gap, along) if along != y0 else ""
    last = _bend(x1 - gap, along, x1, y1) if along != y1 else ""
    return f"M{x0:.1f} {y0:.1f}{first}H{x1 - gap if last else x1:.1f}{last}"


def _bend(x0: float, y0: float, x1: float, y1: float) -> str:
    middle = (x0 + x1) / 2
    return f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"


def _free(canvas: Canvas, link: Link, key: str) -> bool:
    """Whether no box stands in a node's row between the link's columns."""
    layout = canvas.layout
    between = range(layout.columns[link.source] + 1, layout.columns[link.target])
    return not any(
        layout.levels[other] == layout.levels[key] and column in between
        for other, column in layout.columns.items()
    )


def _nodes(graph: Graph, canvas: Canvas, inferred: Any) -> list[str]:
    fuse = usual(op_label(node.fuse) for node in graph.nodes if len(node.inputs) > 1)
    outputs = {key for _, key in graph.outputs}
    parts = []
    for level in graph.inputs:
        key = input_key(level)
        parts.append(_box(canvas, key, key, "backbone", "map", f"{key}: backbone map"))
    for node in graph.nodes:
        other = op_label(node.fuse) != fuse and len(node.inputs) > 1
        second = short_label(node.fuse) if other else ""
        kind = "extra" if node.repeat == 0 and node.key not in outputs else "box"
        kind += " out" if node.key in outputs else ""
        parts.append(_box(canvas, node.key, node.name, second, kind, _hover(node, inferred)))
    return parts


def _box(canvas: Canvas, key: str, name: str, second: str, kind: str, hover: str) -> str:
    x, y = canvas.at(key)
    shown = name if len(name) <= 10 else name[:9] + "…"
    lift = -1.0 if second else 4.0
    small = f'<text class="tiny mid" x="{x:.1f}" y="{y + 11:.1f}">{escape(second[:14])}</text>'
    return (
        f"<g><title>{escape(hover)}</title>"
        f'<rect class="{kind}" x="{x - BOX_W / 2:.1f}" y="{y - BOX_H / 2:.1f}" '
        f'width="{BOX_W:.0f}" height="{BOX_H:.0f}" rx="7"/>'
        f'<text class="mid" x="{x:.1f}" y="{y + lift:.1f}">{escape(shown)}</text>'
        f"{small if second else ''}</g>"
    )


def _hover(node: Node, inferred: Any) -> str:
    lines = [
        f"{node.key} at p{node.level}",
        f"{op_label(node.fuse)} of " + ", ".join(edge.source for edge in node.inputs),
        f"then {op_label(node.block)}",
    ]
    if inferred is not None:
        facts = inferred.node(node.key)
        lines.append(f"{facts.channels} x {facts.height} x {facts.width}")
        lines.append(f"{facts.params:,} params, {facts.macs:,} multiply-adds")
    return "\n".join(lines)


def _legend(graph: Graph, canvas: Canvas) -> list[str]:
    """The kinds of edges and of boxes that occur."""
    present = {link.kind for link in canvas.layout.links}
    parts, x, y = [], 20.0, canvas.height - 38
    for kind, words in KINDS.items():
        if kind in present:
            parts.append(
                f'<path class="edge {kind}" marker-end="url(#fn-tip-{kind})" '
                f'd="M{x:.1f} {y - 4:.1f}h22"/>'
                f'<text class="soft" x="{x + 29:.1f}" y="{y:.1f}">{words}</text>'
            )
            x += 45 + 5.5 * len(words)
    outputs = {key for _, key in graph.outputs}
    extra = any(node.repeat == 0 and node.key not in outputs for node in graph.nodes)
    boxes = [("map", "backbone map")] if graph.inputs else []
    boxes += [("extra", "extra level")] if extra else []
    boxes += [("box", "node"), ("box out", "output")]
    x, y = 20.0, canvas.height - 16
    for kind, words in boxes:
        parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y - 9.5:.1f}" width="22" height="12" rx="3.5"/>'
            f'<text class="soft" x="{x + 29:.1f}" y="{y:.1f}">{words}</text>'
        )
        x += 49 + 5.7 * len(words)
    return parts
