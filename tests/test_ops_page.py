"""`docs/ops.md` tells of every op what its tables and docstrings say.

To write it anew: `python tests/test_ops_page.py`.
"""

import inspect
from pathlib import Path

import pytest

from harness import ops as modules
from harness.graph import ops as facts

PAGE = Path(__file__).parents[1] / "docs" / "ops.md"
HEAD = """# Ops

Every fuse, resample and block of [the language](language.md), from the tables and docstrings of
the code. The first argument may be said alone (`{conv: 1}`); `act`, `order` and `bias` are the
topology's own (`act`, `conv_order`, `bias`) where an op does not say them. Defaults come first.
Written by `python tests/test_ops_page.py`.
"""
KINDS = {
    "Fuses": (facts.FUSES, modules.FUSES, "How the inputs of a node become one map."),
    "Resamples": (
        facts.RESAMPLES,
        modules.RESAMPLES,
        "How a map gets to another level: `up` to a finer one, `down` to a coarser.",
    ),
    "Blocks": (
        facts.BLOCKS,
        modules.BLOCKS,
        "What follows the fuse, or stands on an edge. `identity` is another word for `none`.",
    ),
}


def argument(arg: facts.OpSpec) -> str:
    """`norm: fast | softmax | none`, `kernel: 3`, the default first."""
    if arg.inherits:
        return f"`{arg.name}`"
    default = str(arg.default).lower() if isinstance(arg.default, bool) else str(arg.default)
    words = [default, *(word for word in arg.choices if word != default)]
    return f"`{arg.name}: {' / '.join(words)}`"


def told(module: object) -> str:
    """The first paragraph of a docstring, on one line."""
    paragraph = (inspect.getdoc(module) or "").split("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")


def page() -> str:
    parts = [HEAD]
    for title, (table, made, about) in KINDS.items():
        parts.append(f"\n## {title}\n\n{about}\n\n| op | arguments | |\n| --- | --- | --- |")
        for name in sorted(table.names()):
            spec = table.get(name)
            said = ", ".join(argument(arg) for arg in spec.args)
            roles = f" Roles: {', '.join(spec.roles)}." if spec.roles else ""
            ways = f" ({', '.join(spec.directions)})" if spec.directions else ""
            parts.append(f"| `{name}`{ways} | {said} | {told(made.get(name))}{roles} |")
    return "\n".join(parts) + "\n"


def test_the_page_tells_the_same():
    assert PAGE.read_text() == page()


@pytest.mark.parametrize("title", KINDS)
def test_every_op_says_what_it_does(title):
    table, made, _ = KINDS[title]
    assert not [name for name in table.names() if not told(made.get(name))]


if __name__ == "__main__":
    PAGE.write_text(page())
    print(PAGE)
