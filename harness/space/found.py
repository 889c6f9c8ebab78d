"""A network that was found: written as a topology file, and whether the zoo has it already."""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from harness.errors import SpecError
from harness.graph import Graph, digest, expand
from harness.graph.restate import restated
from harness.graph.spec import Topology
from harness.space.load import yaml_text
from harness.space.zoo import load_topology, topology_names


def topology_file(network: Graph | Mapping[str, Any], note: str, **about: str) -> str:
    """The text of a topology file: of a tree as it stands, of a graph node by node.

    note: where it comes from, as a comment on top. about: `name`, `source`, `inferred`, ...
    """
    tree = {**(restated(network) if isinstance(network, Graph) else network), **about}
    first = {key: tree[key] for key in ("name", *about) if key in tree}
    comment = "".join(f"# {line}".rstrip() + "\n" for line in note.splitlines())
    return comment + yaml_text({**first, **tree})


def known_as(graph: Graph, *, beside: Path | None = None) -> str | None:
    """The topology of the zoo (or of the folders of a study) that is this network, if any is.

    At the levels of the graph, in whatever number of repeats makes as many nodes.
    """
    levels, wanted = (graph.outputs[0][0], graph.outputs[-1][0]), digest(graph)
    for name in topology_names(beside):
        known = _shipped if name in topology_names() else partial(_Known.of, beside=beside)
        one = known(name, levels)
        if any(one.digest(n) == wanted for n in one.repeats(len(graph.nodes))):
            return name
    return None


def zoo_digests(levels: tuple[int, int], repeats: int | None = None) -> dict[str, str]:
    """The digest of every shipped topology at some levels, by name; None is its own repeats.

    One that does not repeat is there as it is, one that has no such levels is not there.
    """
    known = {name: _shipped(name, levels) for name in topology_names()}
    digests = {name: one.digest(repeats if one.repeated else None) for name, one in known.items()}
    return {name: found for name, found in digests.items() if found is not None}


class _Known:
    """A topology at some levels, in any number of repeats; each is worked out once."""

    def __init__(self, topology: Topology, levels: tuple[int, int]) -> None:
        self.topology, self.levels = topology, levels
        self.repeated = topology.blueprint.repeated is not None
        self.made: dict[int | None, tuple[int, str] | None] = {}

    @classmethod
    def of(cls, name: str, levels: tuple[int, int], beside: Path | None = None) -> "_Known":
        return cls(load_topology(name, beside=beside), levels)

    def digest(self, repeats: int | None) -> str | None:
        """None where there is no such network."""
        made = self._made(repeats)
        return made[1] if made is not None else None

    def repeats(self, nodes: int) -> Sequence[int | None]:
        """The numbers of repeats that may make so many nodes: up to the file's own or three by
        trying, beyond them by what each makes more."""
        if not self.repeated:
            return [None]
        last = max(3, self.topology.repeats)
        counts = {n: made[0] if (made := self._made(n)) else 0 for n in range(1, last + 1)}
        each, lacking = counts[last] - counts[last - 1], nodes - counts[last]
        far = [last + lacking // each] if each > 0 < lacking and lacking % each == 0 else []
        return [*(n for n, count in counts.items() if count == nodes), *far]

    def _made(self, repeats: int | None) -> tuple[int, str] | None:
        """How many nodes, and the digest."""
        if repeats not in self.made:
            try:
                graph = expand(self.topology, repeats=repeats, levels=self.levels)
                self.made[repeats] = len(graph.nodes), digest(graph)
            except SpecError:
                self.made[repeats] = None
        return self.made[repeats]


@lru_cache(maxsize=256)
def _shipped(name: str, levels: tuple[int, int]) -> _Known:
    return _Known.of(name, levels)
