"""effdet's name of every tensor of a detector, derived from its graph.

effdet numbers: cells, the nodes of a cell, and what a cell can read (its own inputs by level, then
its nodes by age). A node's fusion weights stand there in that order of its inputs, here in
canonical order (`compiler/state.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.compiler.plan import make_plan
from harness.detector import Detector
from harness.graph import Graph

PARTS = {"depthwise": "conv_dw", "pointwise": "conv_pw", "norm": "bn"}
"""Of a separable convolution."""


@dataclass(frozen=True, slots=True)
class Theirs:
    """A tensor of effdet's. order: the places in it of our fusion weights; None: it is as ours."""

    name: str
    order: tuple[int, ...] | None = None

    def taken(self, value: Tensor) -> Tensor:
        """Its value as our tensor has it."""
        if self.order is None or value.shape != (len(self.order),):
            return value
        return value[torch.tensor(self.order, device=value.device)]


def effdet_names(detector: Detector, right: Graph | None = None) -> dict[str, Theirs]:
    """By our names, all of the detector's state. right: the graph that effdet's numbers are of."""
    places = dict(_places(detector, right or detector.feature_network.graph))
    return {name: _translated(name, places) for name in detector.state_dict()}


def _translated(name: str, places: Mapping[str, Theirs]) -> Theirs:
    part, rest = name.split(".", 1)
    if part == "backbone":
        return Theirs(f"backbone.{rest.removeprefix('net.')}")
    if part == "feature_network":
        return _of_network(rest, places)
    return Theirs(f"{part.removesuffix('_head')}_net.{_of_head(rest)}")


def _of_network(name: str, places: Mapping[str, Theirs]) -> Theirs:
    place = next(place for place in places if name.startswith(f"{place}."))
    leaf, at = name.removeprefix(f"{place}."), places[place]
    if leaf == "weights":
        return at
    first, _, last = leaf.rpartition(".")
    return Theirs(f"{at.name}.{PARTS.get(first, first)}.{last}")


def _of_head(name: str) -> str:
    kind, _, rest = name.partition(".")
    if kind == "norms":
        depth, level, leaf = rest.split(".")
        return f"bn_rep.{depth}.{level}.bn.{leaf}"
    for ours, theirs in (PARTS | {"convs": "conv_rep"}).items():
        name = name.replace(ours, theirs)
    return name


def _places(detector: Detector, right: Graph) -> Iterator[tuple[str, Theirs]]:
    """Where our modules with tensors may be, and what effdet calls them."""
    network, numbers = detector.feature_network, _Numbers(right)
    for step in make_plan(network.graph, network.channels, network.width).steps:
        node = numbers.node(step.key)
        inputs = numbers.inputs(step.key)
        for term in step.terms:
            if term.project is not None:
                resample = (
                    f".combine.resample.{inputs[term.position]}"
                    if node.startswith("fpn.cell")
                    else ""
                )
                yield term.project, Theirs(f"{node}{resample}.conv")
        order = tuple(sorted(inputs).index(inputs[term.position]) for term in step.terms)
        yield step.fuse_at, Theirs(f"{node}.combine.edge_weights", order)
        yield step.block_at, Theirs(f"{node}.after_combine.conv")


class _Numbers:
    """effdet's numbers of what is in a graph."""

    def __init__(self, graph: Graph) -> None:
        self._nodes = {node.key: node for node in graph.nodes}
        levels = [level for level, _ in graph.outputs]
        self._first, self._levels = min(levels), len(levels)
        cells: dict[int, list[str]] = {}
        for node in graph.nodes:
            cells.setdefault(node.repeat, []).append(node.key)
        self._places = {key: place for cell in cells.values() for place, key in enumerate(cell)}

    def node(self, key: str) -> str:
        """The module of a node: of a cell, or of an extra level that is made before them."""
        node = self._nodes[key]
        if node.repeat == 0:
            return f"fpn.resample.{node.level - self._first}"
        return f"fpn.cell.{node.repeat - 1}.fnode.{self._places[key]}"

    def inputs(self, key: str) -> list[int]:
        """The numbers, within a cell, of a node's inputs in the node's own order."""
        node = self._nodes[key]
        return [self._input(edge.source, node.repeat) for edge in node.inputs]

    def _input(self, source: str, repeat: int) -> int:
        node = self._nodes.get(source)
        if node is not None and node.repeat == repeat:
            return self._levels + self._places[source]
        level = node.level if node is not None else int(source.removeprefix("p"))
        return level - self._first
