"""A graph -> the file that is taken home: heading, imports, copies, the class, a wrapper."""

import shlex
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.compiler.plan import make_plan
from harness.graph.spec import Graph
from harness.takehome.copies import Definition, Import
from harness.takehome.network import NetworkText
from harness.takehome.wrappers import wrapper


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands on top of the file. made_by: the command, word by word."""

    made_by: tuple[str, ...]
    digest: str
    version: str
    image_size: int
    params: int
    macs: int
    source: str = ""
    approximates: str = ""


def take_home(
    graph: Graph,
    heading: Heading,
    *,
    channels: Mapping[str, int],
    width: int,
    library: str | None = None,
) -> str:
    """The text of a Python file with the network of a graph, as one class.

    channels, width: as for `compile`; the file is for these alone. library: what to add a wrapper
    for. The class has the parameters of `FeatureNetwork` under the same names, so that
    either loads the other's `state_dict`.
    """
    network = NetworkText(make_plan(graph, channels, width), graph.name, channels)
    copies = network.copies
    parts = [
        "\n".join(_comments(network, graph.name, heading)),
        "\n".join(["", "from __future__ import annotations", *_imports(copies.imports.values())]),
        *_spaced(copies.ordered()),
        *(["", "", *network.aliases] if network.aliases else []),
        f"\n\n{network.text()}",
    ]
    if library is not None:
        parts.append(f"\n\n{wrapper(library, network.name)}".rstrip())
    return "\n".join([*parts, ""])


def _comments(network: NetworkText, name: str, heading: Heading) -> Iterator[str]:
    heads = {one.module.partition(".")[0] for one in network.copies.imports.values()}
    others = "".join(
        f", and {head}" for head in sorted(heads - set(sys.stdlib_module_names)) if head != "torch"
    )
    size = heading.image_size
    said = [
        f"{network.name}: a feature network between the backbone and the heads of a detector.",
        f"Topology: {name}, digest {heading.digest}.",
        heading.source and f"Source: {heading.source}",
        heading.approximates and f"Only approximates its source: {heading.approximates}",
        f"Made by feature-network-harness {heading.version}:",
        f"    {shlex.join(heading.made_by)}",
        f"Parameters: {heading.params:,}. Multiply-adds for one image of {size} x {size} pixels: "
        f"{heading.macs:,}.",
        f"Needs Python 3.10 and torch 2.4 or later{others}; tested with torch from 2.11 on.",
        "First values are drawn as the harness draws them (layers glorot-uniform, biases 0, norms "
        "1 and 0), but are other numbers. Names of parameters are the same: load_state_dict takes "
        "what a network of the harness has in its state_dict.",
        _licence(network),
    ]
    for paragraph in filter(None, said):
        indent = "#     " if paragraph.startswith(" ") else "# "
        yield from textwrap.wrap(
            " ".join(paragraph.split()),
            100,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _licence(network: NetworkText) -> str:
    """Whose what is: the harness's, and of whom a plug-in is."""
    modules = {one.module for one in network.copies.ordered()}
    others = sorted(one for one in modules if one.partition(".")[0] != "harness")
    theirs = f" What is copied from {', '.join(others)} is not: its own licence holds."
    return (
        "Licence: what is copied from feature-network-harness is under Apache-2.0, its licence. "
        f"Keep this notice.{theirs if others else ''}"
    )


def _imports(imports: Iterable[Import]) -> Iterator[str]:
    """Two blocks, the standard library's and the others; each as Ruff sorts it."""
    for standard in (True, False):
        found = [one for one in imports if _is_standard(one) == standard]
        if found:
            yield ""
        yield from sorted(str(one) for one in found if str(one).startswith("import"))
        by_module: dict[str, list[str]] = {}
        for one in found:
            start, comes, name = str(one).rpartition(" import ")
            by_module.setdefault(start, []).extend([name] if comes else [])
        for start, names in sorted(by_module.items()):
            if names:
                yield f"{start} import {', '.join(sorted(names, key=_rank))}"


def _is_standard(found: Import) -> bool:
    return found.module.partition(".")[0] in sys.stdlib_module_names


def _rank(name: str) -> tuple[bool, bool, str]:
    """Constants, classes, functions and modules."""
    return not name.isupper(), not name[0].isupper(), name


def _spaced(definitions: Iterable[Definition]) -> Iterator[str]:
    """Two blank lines round classes and functions."""
    before: Definition | None = None
    for one in definitions:
        if one.is_constant and (before is None or before.is_constant):
            apart = "" if before and before.module == one.module else "\n"
        else:
            apart = "\n\n"
        yield f"{apart}{one.text}"
        before = one
