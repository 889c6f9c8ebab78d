"""Short words for ops and quantities, as tables and pictures print them."""

from collections import Counter
from collections.abc import Iterable

from harness.graph.args import Arg
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, Shape
from harness.graph.path import spec_of
from harness.graph.spec import Edge, Graph, Op


def op_label(op: Op) -> str:
    """An op whole: its name, its kernel, and the words among its arguments."""
    words = ", ".join([*_words(op), *_said(op)])
    return _sized(op) + (f" ({words})" if words else "")


def short_label(op: Op) -> str:
    """An op in a few words: its name, its kernel, what is unusual, its first word."""
    return " ".join([_sized(op), *_said(op), *_words(op)[:1]])


def brief_label(op: Op) -> str:
    """An op in as few words as there are: what only its own kind has."""
    usual = {name: arg.default for name, arg in _arguments(op).items()}
    own = [
        v
        for k, v in op.args
        if isinstance(v, str) and k not in ("act", "order", *_SILENT) and v != usual.get(k)
    ]
    return " ".join([_sized(op), *_said(op)[:1], *own[:1]])


def path_label(path: Iterable[Op]) -> str:
    """How an edge gets to another level, in few words: `conv 1x1 > nearest`."""
    return " > ".join(_sized(op) for op in path)


def learns(op: Op) -> bool:
    """Whether an op on an edge has parameters."""
    return spec_of(op).params(op, Shape(8, 8, 1, 1, 1, 2)) > 0


def edge_words(
    edge: Edge, ways: Iterable[str], *, projected: bool = False, shared: bool = False
) -> str:
    """What is worth knowing of an edge: role, tap, ops that learn or are unusual, channels.

    ways: how edges usually get to other levels. projected: it has a 1x1 convolution of its own.
    """
    way = path_label(edge.path)
    said = way if any(map(learns, edge.path)) or (way and way not in ways) else ""
    words = [
        edge.role or "",
        "before" if edge.tap == "before" else "",
        "1x1" if projected else "",
        said,
        f"{edge.channels:g}x wide" if edge.channels is not None else "",
        "shared" if shared else "",
    ]
    return ", ".join(word for word in words if word)


def usual_ways(graph: Graph) -> dict[str, str]:
    """How most edges go `up` and `down`; empty where none does."""
    levels = {node.key: node.level for node in graph.nodes}
    levels.update((f"p{level}", level) for level in graph.inputs)
    ways: dict[str, list[str]] = {"up": [], "down": []}
    for node in graph.nodes:
        for edge in node.inputs:
            if levels[edge.source] != node.level:
                kind = "up" if levels[edge.source] > node.level else "down"
                ways[kind].append(path_label(edge.path))
    return {kind: usual(found) for kind, found in ways.items()}


def usual_ops(graph: Graph) -> tuple[str, str]:
    """Fuse and block that most often stand together where inputs meet, whole.

    Where none meet, no fuse, and the commonest block.
    """
    nodes = [node for node in graph.nodes if node.repeat > 0]
    pairs = Counter(
        (op_label(node.fuse), op_label(node.block)) for node in nodes if len(node.inputs) > 1
    )
    if pairs:
        return pairs.most_common(1)[0][0]
    return "", usual(op_label(node.block) for node in nodes)


def habit(graph: Graph) -> str:
    """What most nodes and edges of a graph do: fuse and block, whole; ways up and down."""
    fuse, block = usual_ops(graph)
    block = "" if block == "none" else block
    ops = f"fuse: {fuse}, then {block or 'nothing'}" if fuse else block and f"block: {block}"
    ways = [f"{kind}: {way}" for kind, way in usual_ways(graph).items() if way]
    return "; ".join(filter(None, [ops, *ways]))


def usual(labels: Iterable[str]) -> str:
    """The commonest label (the first of equals); empty where there is none."""
    common = Counter(labels).most_common(1)
    return common[0][0] if common else ""


def human(value: float) -> str:
    """A count to three digits with its SI letter: 196281 is `196k`."""
    for letter, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def cut(text: str, most: int) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _sized(op: Op) -> str:
    """The name of an op with its kernel: `conv 3x3`, `max_pool stride`."""
    kernel = dict(op.args).get("kernel")
    if isinstance(kernel, str):
        return f"{op.name} {kernel.replace('_', ' ').replace('plus ', '+')}"
    return f"{op.name} {kernel}x{kernel}" if isinstance(kernel, int) else op.name


_SILENT = ("kernel", "from")
"""Words that are said elsewhere: with the op's name, and as the roles of its inputs."""


def _words(op: Op) -> list[str]:
    """The words among an op's arguments, but for those that say nothing."""
    return [v for k, v in op.args if isinstance(v, str) and k not in _SILENT and v != "none"]


def _said(op: Op) -> list[str]:
    """The number an op is told by, and what else is not as it mostly is: `rate 3`, `no norm`."""
    arguments = _arguments(op)
    first = next((name for name in arguments if name != "kernel"), None)
    found = []
    for name, value in op.args:
        arg = arguments.get(name)
        if arg is None or arg.inherits or isinstance(value, str | None) or name == "kernel":
            continue
        if isinstance(value, bool):
            if value != arg.default:
                found.append(name if value else f"no {name.replace('_', ' ')}")
        elif value != arg.default or name == first:
            found.append(f"{name} {value:g}")
    return found


def _arguments(op: Op) -> dict[str, Arg]:
    """What is known of an op's arguments, by name."""
    table = next((t for t in (BLOCKS, FUSES, RESAMPLES) if op.name in t), None)
    return {arg.name: arg for arg in table.get(op.name).args} if table is not None else {}
