"""A graph for people: `to_text` is a table of its nodes, `to_svg` a picture.

Standard library only, and the same graph always gives the same characters.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from harness.graph.layout import input_key
from harness.graph.picture import to_svg
from harness.graph.spec import Graph, Node
from harness.graph.wording import count, habit, short_label

__all__ = ["to_svg", "to_text"]

HEAD = ("node", "level", "inputs", "fuse", "block", "C x H x W", "params", "multiply-adds", "share")
RIGHT = {1, 5, 6, 7, 8}


def to_text(
    graph: Graph, inferred: Any = None, reach: Mapping[int, int | None] | None = None
) -> str:
    """A table of the nodes with shapes and closed-form cost, then totals and receptive fields.

    inferred: what `infer` returned, or None for the structure alone.
    reach: receptive field of each output level in input pixels; None is the whole image.
    """
    edges = sum(len(node.inputs) for node in graph.nodes)
    bound = ", ".join(input_key(level) for level in graph.inputs)
    repeats = max((node.repeat for node in graph.nodes), default=0)
    lines = [
        f"{graph.name}: {count(len(graph.nodes), 'node')}, {count(edges, 'edge')}, "
        f"{count(repeats, 'repeat')}; reads {bound}",
        habit(graph),
        "",
    ]
    rows = [_row(node, inferred) for node in graph.nodes]
    head = HEAD if inferred is not None else HEAD[:5]
    if inferred is not None:
        rows.append(("total", "", "", "", "", "", f"{inferred.params:,}", f"{inferred.macs:,}", ""))
    lines += _align(head, rows, total=inferred is not None)
    lines += ["", *_outputs(graph, reach)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _row(node: Node, inferred: Any) -> tuple[str, ...]:
    inputs = ", ".join(
        edge.source + (f" ({edge.role})" if edge.role else "") for edge in node.inputs
    )
    row = (node.key, f"p{node.level}", inputs, short_label(node.fuse), short_label(node.block))
    if inferred is None:
        return row
    facts = inferred.node(node.key)
    share = 100 * facts.macs / inferred.macs if inferred.macs else 0.0
    shape = f"{facts.channels} x {facts.height} x {facts.width}"
    return (*row, shape, f"{facts.params:,}", f"{facts.macs:,}", f"{share:.1f}%")


def _align(head: tuple[str, ...], rows: list[tuple[str, ...]], *, total: bool) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(row: Iterable[str]) -> str:
        cells = enumerate(zip(row, widths, strict=True))
        return "  ".join(
            text.rjust(width) if i in RIGHT else text.ljust(width) for i, (text, width) in cells
        )

    rule = "  ".join("-" * width for width in widths)
    body = [line(row) for row in rows]
    if total:
        body.insert(-1, rule)
    return [line(head), rule, *body]


def _outputs(graph: Graph, reach: Mapping[int, int | None] | None) -> list[str]:
    lines = []
    for level, key in graph.outputs:
        seen = ""
        if reach is not None:
            pixels = reach.get(level)
            extent = "the whole image" if pixels is None else f"{pixels} x {pixels} px"
            seen = f"   sees {extent}"
        lines.append(f"output p{level} = {key}{seen}")
    width = max((line.index("   sees") for line in lines if "   sees" in line), default=0)
    return [
        line.split("   sees")[0].ljust(width) + "   sees" + line.split("   sees")[1]
        if "   sees" in line
        else line
        for line in lines
    ]
