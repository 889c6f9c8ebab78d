"""Receptive field of each output level, in pixels of the image.

Walks back from one cell of an output: a k x k block widens the span of cells by k - 1, a pool of
stride s and kernel k maps cells `lo..hi` to `lo * s - pad .. hi * s - pad + k - 1`, and upsampling
maps them to `lo // s .. hi // s`, and those around them that it sees. Where coarse levels are read,
what a cell sees depends on where it lies among them, so every position in the coarsest cell is
tried and the widest counts. SAME padding on sizes that strides divide; far from the border.
"""

from collections.abc import Mapping

from harness.errors import Fault, SpecError
from harness.graph.ops import BLOCKS, FUSES
from harness.graph.path import legs
from harness.graph.spec import Edge, Graph, Node

Span = tuple[int, int]
"""First and last cell (inclusive)."""


def receptive_field(graph: Graph, base: Mapping[int, int | None]) -> dict[int, int | None]:
    """Side of what each output level sees; None is the whole image.

    base: what one cell of each backbone map sees, in pixels (None: the whole image).
    """
    missing = [level for level in graph.inputs if level not in base]
    if missing:
        raise SpecError([Fault(f"base.p{level}", "is not given") for level in missing])
    coarsest = max([node.level for node in graph.nodes] + list(graph.inputs))
    levels = {f"p{level}": level for level in graph.inputs}
    levels.update((node.key, node.level) for node in graph.nodes)
    found: dict[int, int | None] = {}
    for level, key in graph.outputs:
        sides = [_seen(graph, key, cell, levels, base) for cell in range(2 ** (coarsest - level))]
        found[level] = None if None in sides else max(side for side in sides if side is not None)
    return found


def _seen(
    graph: Graph, key: str, cell: int, levels: dict[str, int], base: Mapping[int, int | None]
) -> int | None:
    """Pixels that one cell of one output depends on."""
    spans: dict[tuple[str, str], Span] = {(key, "after"): (cell, cell)}
    for node in reversed(graph.nodes):
        fused = _fused(node, spans)
        if fused is None:
            continue
        if isinstance(fused, str) or FUSES.get(node.fuse.name).global_:
            return None
        wide = _widened(fused, FUSES.get(node.fuse.name).kernel(node.fuse, 1))
        for edge in node.inputs:
            span = _along(edge, wide, levels[edge.source], node.level)
            if span is None:
                return None
            place = (edge.source, edge.tap if "@" in edge.source else "after")
            spans[place] = _joined(spans.get(place), span)
    ends = []
    for level in graph.inputs:
        if (f"p{level}", "after") in spans:
            own = base[level]
            if own is None:
                return None
            ends.append(_pixels(spans[f"p{level}", "after"], level, own))
    twice = max(high for _, high in ends) - min(low for low, _ in ends)
    return -(-twice // 2)


def _fused(node: Node, spans: Mapping[tuple[str, str], Span]) -> Span | str | None:
    """What is asked of a node's fused map: cells, everything (a word), or nothing."""
    before, after = spans.get((node.key, "before")), spans.get((node.key, "after"))
    if after is None:
        return before
    block = BLOCKS.get(node.block.name)
    if block.global_:
        return "everything"
    return _joined(before, _widened(after, block.kernel(node.block, 1)))


def _widened(span: Span, kernel: int) -> Span:
    return span[0] - kernel // 2, span[1] + kernel // 2


def _along(edge: Edge, span: Span, source: int, level: int) -> Span | None:
    """What an edge asks of its source; None is everything."""
    for leg in reversed(legs(edge.path, (source, level), 1, 1)):
        if leg.spec.global_:
            return None
        stride, (low, high) = leg.stride, span
        kernel = leg.spec.kernel(leg.op, stride)
        if leg.level_in > leg.level_out:
            span = _widened((low // stride, high // stride), kernel)
        elif leg.level_in < leg.level_out:
            ahead = leg.spec.ahead
            first = ahead(leg.op, stride) if ahead else max(kernel - stride, 0) // 2
            span = low * stride - first, high * stride - first + kernel - 1
        else:
            span = _widened(span, kernel)
    return span


def _joined(one: Span | None, other: Span) -> Span:
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))


def _pixels(span: Span, level: int, own: int) -> Span:
    """Twice the pixel where the span's field begins, and twice the one where it ends."""
    stride = 2**level
    return 2 * span[0] * stride - (own - stride), 2 * (span[1] + 1) * stride + (own - stride)
