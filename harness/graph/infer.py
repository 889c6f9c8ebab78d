"""Channels, sizes and closed-form cost of every node. No torch.

Maps follow the SAME rule: level L of an image of S pixels has `ceil(S / 2**L)` cells a side.
A projection works at its source's resolution, before resampling. `macs` counts one for each
multiply-add of convolutions, for one image.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import Fault, SpecError
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, OpSpec, Shape
from harness.graph.spec import Edge, Graph, Node, Op


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node: its map `(channels, height, width)` and its cost, projections included."""

    key: str
    level: int
    channels: int
    height: int
    width: int
    params: int
    macs: int


@dataclass(frozen=True, slots=True)
class Inferred:
    """Facts of all nodes in the graph's order, and their sums."""

    nodes: tuple[NodeFacts, ...]
    params: int
    macs: int
    _by_key: dict[str, NodeFacts] = field(default_factory=dict, repr=False, compare=False)

    def node(self, key: str) -> NodeFacts:
        if not self._by_key:
            self._by_key.update((one.key, one) for one in self.nodes)
        return self._by_key[key]


def side_of(image_size: int, level: int) -> int:
    """Cells a side of a level's map."""
    return -(-image_size // (1 << level))


def node_channels(node: Node, width: int) -> int:
    return max(1, round(node.channels * width))


def projects(edge: Edge, channels: int, wanted: int, *, from_backbone: bool) -> bool:
    """Whether an edge has its 1x1 convolution."""
    when = edge.projection.when
    return when != "none" and (channels != wanted or (when == "always" and from_backbone))


def infer(graph: Graph, *, channels: Mapping[int, int], width: int, image_size: int) -> Inferred:
    """Facts of a graph: `channels` of backbone maps by level, a square image of so many pixels."""
    _check_numbers(graph, channels, width, image_size)
    return _Inference(graph, channels, width, image_size).run()


def _check_numbers(graph: Graph, channels: Mapping[int, int], width: int, size: int) -> None:
    faults = [
        Fault(f"channels.p{level}", f"no channels given for backbone level p{level}")
        for level in graph.inputs
        if level not in channels
    ]
    numbers = {"width": width, "image_size": size}
    numbers.update((f"channels.p{level}", count) for level, count in channels.items())
    faults += [
        Fault(name, f"expected a whole number of at least 1, got {number!r}")
        for name, number in numbers.items()
        if number < 1
    ]
    if faults:
        raise SpecError(faults)


class _Inference:
    """One walk over a graph."""

    def __init__(
        self, graph: Graph, channels: Mapping[int, int], width: int, image_size: int
    ) -> None:
        self.graph, self.width = graph, width
        last = max([node.level for node in graph.nodes] + list(graph.inputs))
        self.cells = [side_of(image_size, level) ** 2 for level in range(last + 1)]
        self.sides = [side_of(image_size, level) for level in range(last + 1)]
        self.maps = {f"p{level}": (level, channels[level]) for level in graph.inputs}
        self.shared: set[tuple[object, ...]] = set()
        self.costs: dict[tuple[int, ...], tuple[int, int]] = {}
        self.faults: list[Fault] = []

    def run(self) -> Inferred:
        facts = tuple([self._node(node) for node in self.graph.nodes])
        if self.faults:
            raise SpecError(self.faults)
        params, macs = sum([one.params for one in facts]), sum([one.macs for one in facts])
        return Inferred(facts, params, macs)

    def _node(self, node: Node) -> NodeFacts:
        key, wanted = node.key, node_channels(node, self.width)
        params = macs = 0
        arriving = []
        for edge in node.inputs:
            level, channels = self.maps[edge.source]
            if edge.projection.when != "none":
                own, work = self._projection(edge, node, level, channels, wanted)
                params, macs = params + own, macs + work
                channels = wanted
            if level != node.level:
                own, work = self._resample(edge, node, level, channels)
                params, macs = params + own, macs + work
            arriving.append(channels)
        fuse, block = FUSES.get(node.fuse.name), BLOCKS.get(node.block.name)
        if fuse.equal_channels and len(set(arriving)) > 1:
            self._clash(node, f"inputs of {arriving} channels cannot meet without a projection")
        fused = fuse.channels(node.fuse, tuple(arriving))
        made = fused if node.block.name == "none" else wanted
        if made != wanted:
            self._clash(
                node,
                f"has {made} channels where {wanted} are wanted: it needs a projection or a block",
            )
        cells = self.cells[node.level]
        for op, spec, shape in (
            (node.fuse, fuse, Shape(fused, fused, len(arriving), cells)),
            (node.block, block, Shape(fused, wanted, 1, cells)),
        ):
            own, work = self._cost(op, spec, shape)
            params, macs = params + own, macs + work
        self.maps[key] = (node.level, wanted)
        side = self.sides[node.level]
        return NodeFacts(key, node.level, wanted, side, side, params, macs)

    def _projection(
        self, edge: Edge, node: Node, level: int, channels: int, wanted: int
    ) -> tuple[int, int]:
        """Parameters and multiply-adds; those of a shared one are its first user's."""
        from_backbone = "@" not in edge.source
        if not projects(edge, channels, wanted, from_backbone=from_backbone):
            return 0, 0
        form = edge.projection
        if form.per == "input" and from_backbone:
            same = (edge.source, form, node.norm, wanted)
            if same in self.shared:
                return 0, 0
            self.shared.add(same)
        per_channel = int(form.bias) + 2 * int(form.norm)
        weights = channels * wanted
        return weights + per_channel * wanted, weights * self.cells[level]

    def _resample(self, edge: Edge, node: Node, level: int, channels: int) -> tuple[int, int]:
        op: Op = edge.down if level < node.level else edge.up
        shape = Shape(channels, channels, 1, self.cells[node.level])
        return self._cost(op, RESAMPLES.get(op.name), shape)

    def _cost(self, op: Op, spec: OpSpec, shape: Shape) -> tuple[int, int]:
        """Parameters and multiply-adds of an op; the same op on the same shape is asked once."""
        same = (id(op), shape.channels_in, shape.channels_out, shape.inputs, shape.cells)
        if same not in self.costs:
            self.costs[same] = spec.params(op, shape), spec.macs(op, shape)
        return self.costs[same]

    def _clash(self, node: Node, reason: str) -> None:
        self.faults.append(Fault(f"nodes.{node.name}", reason))
