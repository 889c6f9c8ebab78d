"""Receptive field of each output level, in pixels of the image.

Walks back from one cell of an output: a k x k block widens the span of cells by k - 1, a pool of
stride s and kernel k maps cells `lo..hi` to `lo * s - pad .. hi * s - pad + k - 1`, and nearest
upsampling maps them to `lo // s .. hi // s`. Where coarse levels are read, what a cell sees depends
on where it lies among them, so every position in the coarsest cell is tried and the widest counts.
SAME padding on sizes that strides divide; far from the border.
"""

from collections.abc import Mapping

from harness.errors import Fault, SpecError
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES
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
    spans: dict[str, Span] = {key: (cell, cell)}
    for node in reversed(graph.nodes):
        if node.key in spans:
            if FUSES.get(node.fuse.name).global_:
                return None
            wide = _before_block(node, spans[node.key])
            for edge in node.inputs:
                span = _before_resample(edge, wide, levels[edge.source], node.level)
                spans[edge.source] = _joined(spans.get(edge.source), span)
    ends = []
    for level in graph.inputs:
        if f"p{level}" in spans:
            own = base[level]
            if own is None:
                return None
            ends.append(_pixels(spans[f"p{level}"], level, own))
    twice = max(high for _, high in ends) - min(low for low, _ in ends)
    return -(-twice // 2)


def _before_block(node: Node, span: Span) -> Span:
    half = BLOCKS.get(node.block.name).kernel(node.block, 1) // 2
    return span[0] - half, span[1] + half


def _before_resample(edge: Edge, span: Span, source: int, level: int) -> Span:
    low, high = span
    if source > level:
        return low >> (source - level), high >> (source - level)
    stride = 2 ** (level - source)
    kernel = RESAMPLES.get(edge.down.name).kernel(edge.down, stride) if stride > 1 else 1
    first = (kernel - stride) // 2
    return low * stride - first, high * stride - first + kernel - 1


def _joined(one: Span | None, other: Span) -> Span:
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))


def _pixels(span: Span, level: int, own: int) -> Span:
    """Twice the pixel where the span's field begins, and twice the one where it ends."""
    stride = 2**level
    return 2 * span[0] * stride - (own - stride), 2 * (span[1] + 1) * stride + (own - stride)
