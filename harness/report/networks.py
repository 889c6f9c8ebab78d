"""The distinct feature networks of a study, and how each differs from the baseline's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.graph import Graph, digest, from_tree
from harness.graph.diff import Difference, compare
from harness.records import TrialRecord

OF_MANY = re.compile(r"(proposal|random) \d+\b")
"""Labels of a search's networks that are too many to be drawn."""


@dataclass(frozen=True, slots=True)
class Network:
    """A feature network under the first arm that has it."""

    name: str
    graph: Graph
    arms: tuple[str, ...]
    """Labels of the arms that have it."""
    difference: Difference | None = None
    """From the baseline's network; None for that itself."""

    @property
    def marks(self) -> dict[str, str]:
        """Keys of nodes that the baseline has not, or not so: `added` or `changed`."""
        if self.difference is None or self.difference.little_in_common:
            return {}
        found = dict.fromkeys(self.difference.added, "added")
        return found | {one.after: "changed" for one in self.difference.changed}

    @property
    def words(self) -> str:
        """What differs, counted; or that too little corresponds to say so node by node."""
        found = self.difference
        if found is None:
            return ""
        if found.little_in_common:
            of = f"of {found.nodes[1]} nodes {found.corresponding} correspond"
            return f"little in common: {of}"
        counts = [
            (len(found.added), "added"),
            (len(found.changed), "changed"),
            (len(found.removed), "removed"),
        ]
        said = [f"{n} {word}" for n, word in counts if n]
        said += [f"without {', '.join(found.removed)}"] if 0 < len(found.removed) <= 6 else []
        return ", ".join(said) or "outputs taken elsewhere"


@dataclass(frozen=True, slots=True)
class NetworksInfo:
    """Networks in the order of the plan, the baseline's first; the first one stands for it where
    a study declares none."""

    networks: tuple[Network, ...]
    baseline: str | None = None
    of: Mapping[str, int] = field(default_factory=dict)
    """Place among the networks, by the label of each arm that is drawn."""


def networks_info(
    trials: Mapping[str, Sequence[TrialRecord]], baseline: str | None = None
) -> NetworksInfo:
    """Graphs that differ by digest; of a search the one that was found. baseline: a label."""
    graphs: dict[str, Graph] = {}
    arms: dict[str, list[str]] = {}
    for label, records in trials.items():
        if OF_MANY.match(label):
            continue
        graph = from_tree(records[0].spec["model"]["feature_network"]["graph"])
        name = digest(graph)
        graphs.setdefault(name, graph)
        arms.setdefault(name, []).append(label)
    base = next((name for name, held in arms.items() if baseline in held), next(iter(arms), None))
    order = sorted(graphs, key=lambda name: name != base)
    found = tuple(
        Network(
            arms[name][0],
            graphs[name],
            tuple(arms[name]),
            compare(graphs[base], graphs[name]) if base is not None and name != base else None,
        )
        for name in order
    )
    of = {label: place for place, one in enumerate(found) for label in one.arms}
    return NetworksInfo(found, found[0].name if found else None, of)
