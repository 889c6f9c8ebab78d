"""Short words for ops and quantities, as tables and pictures print them."""

from collections import Counter
from collections.abc import Iterable

from harness.graph.spec import Graph, Op


def op_label(op: Op) -> str:
    """An op whole: its name, its kernel, and the words among its arguments."""
    words = ", ".join(value for _, value in op.args if isinstance(value, str))
    return _sized(op) + (f" ({words})" if words else "")


def short_label(op: Op) -> str:
    """An op in two words: its name, its kernel, and the first word among its arguments."""
    words = [value for _, value in op.args if isinstance(value, str)]
    return " ".join([_sized(op), *words[:1]])


def habit(graph: Graph) -> str:
    """What most nodes of a graph do: fuse and block, whole."""
    fuse = usual(op_label(node.fuse) for node in graph.nodes if len(node.inputs) > 1)
    block = usual(op_label(node.block) for node in graph.nodes if node.repeat > 0)
    return f"fuse: {fuse or 'none'}, then {block or 'nothing'}"


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


def _sized(op: Op) -> str:
    kernel = dict(op.args).get("kernel")
    return f"{op.name} {kernel}x{kernel}" if isinstance(kernel, int) else op.name
