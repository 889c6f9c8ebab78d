"""Channels, sizes and closed-form cost of every node. No torch.

Sizes of the backbone's maps are the backbone's: by the SAME rule `ceil(S / 2**L)` cells a side,
unless they are given. A coarser level has half the cells a side, rounded up; a finer one twice as
many. A projection works at its source's resolution, before resampling. `macs` counts one for each
multiply-add of convolutions (transposed and deformable ones too), linear layers and attention
products, for one image; `acts` (activations) counts what convolutions and linear layers put out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.errors import Fault, SpecError
from harness.graph.labels import input_group
from harness.graph.ops import BLOCKS, FUSES, Shape
from harness.graph.path import changes_channels, legs, spec_of
from harness.graph.shares import Group, Member, share_groups
from harness.graph.sizes import Size, map_sizes, side_of
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
    acts: int = 0


@dataclass(frozen=True, slots=True)
class Inferred:
    """Facts of all nodes in the graph's order, and their sums.

    projected: the edges that have a 1x1 convolution (one of their own or one that they share), as
    the key of their node and their place among its inputs.
    """

    nodes: tuple[NodeFacts, ...]
    params: int
    macs: int
    acts: int = 0
    projected: frozenset[tuple[str, int]] = frozenset()
    _by_key: dict[str, NodeFacts] = field(default_factory=dict, repr=False, compare=False)

    def node(self, key: str) -> NodeFacts:
        if not self._by_key:
            self._by_key.update((one.key, one) for one in self.nodes)
        return self._by_key[key]


def node_channels(node: Node, width: int) -> int | None:
    """Channels of a node, where they are said; None where they are what its fuse gives."""
    return None if node.channels is None else max(1, round(node.channels * width))


def edge_channels(edge: Edge, width: int, source: int, meeting: int | None) -> int:
    """Channels that an edge brings. source: those it reads; meeting: those all of its node's bring,
    if they have to agree."""
    if edge.channels is not None:
        return max(1, round(edge.channels * width))
    return source if meeting is None else meeting


def projects(edge: Edge, channels: int, wanted: int) -> bool:
    """Whether an edge has its 1x1 convolution.

    `auto`: where channels differ and no op of the path changes them. `always`: on every edge from
    a backbone map too; between nodes it is `auto`.
    """
    when = edge.projection.when
    if when == "always" and "@" not in edge.source:
        return True
    return when != "none" and channels != wanted and not changes_channels(edge.path)


def infer(
    graph: Graph,
    *,
    channels: Mapping[int, int],
    width: int,
    image_size: int | Size | Mapping[int, Size],
) -> Inferred:
    """Facts of every node.

    channels: of the backbone maps, by level. width: channels of a node of multiple 1.
    image_size: pixels a side of a square image, its height and width, or the sizes of the
    backbone's maps by level (some backbones round down). Raises `SpecError` with every level
    that has no channels, and every node whose inputs cannot meet.
    """
    _check_arguments(graph, channels, width, image_size)
    return _Inference(graph, channels, width, _input_sizes(graph, image_size)).run()


def _input_sizes(graph: Graph, image_size: int | Size | Mapping[int, Size]) -> dict[int, Size]:
    if isinstance(image_size, Mapping):
        return {level: image_size[level] for level in graph.inputs}
    high, wide = (image_size, image_size) if isinstance(image_size, int) else image_size
    return {level: (side_of(high, level), side_of(wide, level)) for level in graph.inputs}


def _check_arguments(
    graph: Graph,
    channels: Mapping[int, int],
    width: int,
    image_size: int | Size | Mapping[int, Size],
) -> None:
    faults = [
        Fault(f"channels.p{level}", f"no channels given for backbone level p{level}")
        for level in graph.inputs
        if level not in channels
    ]
    numbers = {"width": width}
    if isinstance(image_size, Mapping):
        faults += [
            Fault(f"image_size.p{level}", f"no size given for backbone level p{level}")
            for level in graph.inputs
            if level not in image_size
        ]
    else:
        sides = (image_size,) if isinstance(image_size, int) else image_size
        numbers["image_size"] = min(sides)
    numbers.update((f"channels.p{level}", count) for level, count in channels.items())
    faults += [
        Fault(name, f"expected a whole number of at least 1, got {number!r}")
        for name, number in numbers.items()
        if number < 1
    ]
    if faults:
        raise SpecError(faults)


Work = tuple[int, int, int]
"""Parameters, multiply-adds and activations of something."""


class _Inference:
    """One walk over a graph. maps: level and channels of what is made so far, by key.

    groups: the sets of weights that several users share. shared: what has been paid for already.
    roles: how many there are, among all inputs of the nodes that share a fuse that knows roles.
    """

    def __init__(
        self, graph: Graph, channels: Mapping[int, int], width: int, inputs: Mapping[int, Size]
    ) -> None:
        self.graph, self.width = graph, width
        levels = {node.level for node in graph.nodes} | set(graph.inputs)
        self.sizes = map_sizes(inputs, levels)
        self.cells = {level: high * wide for level, (high, wide) in self.sizes.items()}
        self.maps = {f"p{level}": (level, channels[level]) for level in graph.inputs}
        self.fused: dict[str, int] = {}
        self.shared: set[tuple[object, ...]] = set()
        self.groups = share_groups(graph)
        self.roles = _shared_roles(graph, self.groups)
        self.costs: dict[tuple[int, ...], Work] = {}
        self.free: dict[int, bool] = {}
        self.ways: dict[tuple[int, ...], tuple[int, int, int, int]] = {}
        self.projected: set[tuple[str, int]] = set()
        self.faults: list[Fault] = []

    def run(self) -> Inferred:
        facts = tuple([self._node(node) for node in self.graph.nodes])
        if self.faults:
            raise SpecError(self.faults)
        params, macs, acts = (
            sum([getattr(one, cost) for one in facts]) for cost in ("params", "macs", "acts")
        )
        return Inferred(facts, params, macs, acts, frozenset(self.projected))

    def _node(self, node: Node) -> NodeFacts:
        wanted = node_channels(node, self.width)
        fuse, block = FUSES.get(node.fuse.name), BLOCKS.get(node.block.name)
        meeting = wanted if fuse.equal_channels else None
        params = macs = acts = 0
        arriving = []
        for place, edge in enumerate(node.inputs):
            own, work, out, channels = self._edge(edge, node, place, meeting)
            params, macs, acts = params + own, macs + work, acts + out
            arriving.append(channels)
        if fuse.equal_channels and len(set(arriving)) > 1:
            self._clash(node, f"inputs of {arriving} channels cannot meet without a projection")
        fused = fuse.channels(node.fuse, tuple(arriving))
        made = wanted if wanted is not None and block.any_channels else fused
        if wanted is not None and made != wanted:
            self._clash(
                node,
                f"has {made} channels where {wanted} are wanted: it needs a projection or a block",
            )
        own, work, out = self._ops(node, fused, made)
        high, wide = self.sizes[node.level]
        key = node.key
        self.maps[key], self.fused[key] = (node.level, made), fused
        params, macs, acts = params + own, macs + work, acts + out
        return NodeFacts(key, node.level, made, high, wide, params, macs, acts)

    def _ops(self, node: Node, fused: int, made: int) -> Work:
        """The work of fuse and block; of nodes alike worked out once."""
        same = (id(node.fuse), id(node.block), node.level, len(node.inputs), fused, made)
        if not self.groups and same in self.costs:
            return self.costs[same]
        cells, high = self.cells[node.level], self.sizes[node.level][0]
        params = macs = acts = 0
        for part, op, spec, shape in (
            (
                "fuse",
                node.fuse,
                FUSES,
                Shape(fused, fused, len(node.inputs), cells, cells, 1, high),
            ),
            ("block", node.block, BLOCKS, Shape(fused, made, 1, cells, cells, 1, high)),
        ):
            facts = spec.get(op.name)
            own, macs = facts.params(op, shape), macs + facts.macs(op, shape)
            acts += facts.acts(op, shape)
            group = self.groups.get((node.key, None, part))
            if group is not None:
                roles = self.roles.get(group, shape.inputs)
                own = facts.params(op, replace(shape, inputs=roles))
                own = 0 if self._again(group, shape.channels_in, shape.channels_out) else own
            params += own
        self.costs[same] = params, macs, acts
        return params, macs, acts

    def _edge(
        self, edge: Edge, node: Node, place: int, meeting: int | None
    ) -> tuple[int, int, int, int]:
        """Its work, and the channels that arrive."""
        level, channels = self.maps[edge.source]
        if edge.tap == "before":
            channels = self.fused.get(edge.source, channels)
        arriving = edge_channels(edge, self.width, channels, meeting)
        params = macs = acts = 0
        always = edge.projection.when == "always"
        if (always or channels != arriving) and projects(edge, channels, arriving):
            group = self.groups.get((node.key, place, "projection"))
            sizes = (level, channels, arriving)
            params, macs, acts = self._projection(edge, node, sizes, group)
            self.projected.add((node.key, place))
            channels = arriving
        if not edge.path or self._is_free(edge.path):
            return params, macs, acts, channels
        same = (id(edge.path), level, node.level, channels, arriving)
        if self.groups or same not in self.ways:
            self.ways[same] = self._way(edge, node, place, level, channels, arriving)
        own, work, out, channels = self.ways[same]
        return params + own, macs + work, acts + out, channels

    def _is_free(self, path: tuple[Op, ...]) -> bool:
        free = self.free.get(id(path))
        if free is None:
            free = self.free[id(path)] = all(spec_of(op).is_free for op in path)
        return free

    def _way(
        self, edge: Edge, node: Node, place: int, level: int, channels: int, wanted: int
    ) -> tuple[int, int, int, int]:
        """The work of a path, and the channels at its end."""
        params = macs = acts = 0
        for i, leg in enumerate(legs(edge.path, (level, node.level), channels, wanted)):
            ends = (leg.channels_in, leg.channels_out)
            cells = (self.cells[leg.level_out], self.cells[leg.level_in])
            shape = Shape(*ends, 1, *cells, leg.stride, self.sizes[leg.level_out][0])
            own = leg.spec.params(leg.op, shape)
            group = self.groups.get((node.key, place, i))
            if group is not None and self._again(group, *ends, leg.stride):
                own = 0
            params, macs = params + own, macs + leg.spec.macs(leg.op, shape)
            acts += leg.spec.acts(leg.op, shape)
            channels = leg.channels_out
        return params, macs, acts, channels

    def _projection(
        self, edge: Edge, node: Node, sizes: tuple[int, int, int], group: Group | None
    ) -> Work:
        """Its work; parameters of a shared one are its first user's.

        sizes: the level it works at, channels it is given, and channels wanted of it.
        """
        form, (level, channels, wanted) = edge.projection, sizes
        weights = channels * wanted
        params = weights + (int(form.bias) + 2 * int(form.norm)) * wanted
        work, out = weights * self.cells[level], wanted * self.cells[level]
        if form.per == "input" and "@" not in edge.source:
            if self._again(*input_group(edge, node)):
                return 0, 0, 0
        elif group is not None and self._again(group, channels, wanted):
            return 0, work, out
        return params, work, out

    def _again(self, *same: object) -> bool:
        """Whether these weights have been counted before."""
        known = same in self.shared
        self.shared.add(same)
        return known

    def _clash(self, node: Node, reason: str) -> None:
        self.faults.append(Fault(f"nodes.{node.name}", reason))


def _shared_roles(graph: Graph, groups: Mapping[Member, Group]) -> dict[Group, int]:
    found: dict[Group, set[str | None]] = {}
    for node in graph.nodes if groups else ():
        group = groups.get((node.key, None, "fuse"))
        if group is not None and FUSES.get(node.fuse.name).roles:
            found.setdefault(group, set()).update([edge.role for edge in node.inputs])
    return {group: len(roles) for group, roles in found.items()}
