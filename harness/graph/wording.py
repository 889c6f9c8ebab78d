"""Short words for ops and quantities, as tables and pictures print them."""

from collections import Counter
from collections.abc import Iterable

from harness.graph.spec import Op


def op_label(op: Op) -> str:
    """An op in a few characters: its name, its kernel, and the words among its arguments."""
    args = dict(op.args)
    words = [str(value) for value in args.values() if isinstance(value, str)]
    kernel = args.get("kernel")
    size = f" {kernel}x{kernel}" if isinstance(kernel, int) else ""
    return op.name + size + (f" ({', '.join(words)})" if words else "")


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
