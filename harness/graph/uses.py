"""Every op that a graph uses, with the shape it works on: the walk behind a tally."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from harness.graph.infer import Inferred, edge_channels, infer, node_channels
from harness.graph.labels import input_group
from harness.graph.ops import BLOCKS, FUSES, Shape
from harness.graph.ops.blocks.parts import batch_norm, convolution
from harness.graph.path import legs
from harness.graph.shares import Group, Member, share_groups
from harness.graph.sizes import Size, map_sizes, side_of
from harness.graph.spec import Edge, Graph, Node
from harness.graph.tally import Tally


def tally(
    graph: Graph, *, channels: Mapping[int, int], width: int, image_size: int | Size
) -> Tally:
    """All operations of a network for one image of `image_size` pixels a side (or height, width).

    channels: of the backbone's maps, by level. width: channels of a node of multiple 1.
    """
    inferred = infer(graph, channels=channels, width=width, image_size=image_size)
    total = Tally()
    for one in _Walk(graph, channels, width, image_size, inferred).uses():
        made = one.tally
        total += made if one.fresh else replace(made, kernels=0, layers=0)
    return total


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an op. fresh: the first of those that share its weights."""

    tally: Tally
    fresh: bool


class _Walk:
    """maps: level and channels of every map made so far; fused: channels before the block."""

    def __init__(
        self,
        graph: Graph,
        channels: Mapping[int, int],
        width: int,
        image_size: int | Size,
        inferred: Inferred,
    ) -> None:
        self.graph, self.width, self.inferred = graph, width, inferred
        high, wide = (image_size, image_size) if isinstance(image_size, int) else image_size
        inputs = {level: (side_of(high, level), side_of(wide, level)) for level in graph.inputs}
        levels = {node.level for node in graph.nodes} | set(graph.inputs)
        self.sizes = map_sizes(inputs, levels)
        self.maps = {f"p{level}": (level, channels[level]) for level in graph.inputs}
        self.fused: dict[str, int] = {}
        self.groups = share_groups(graph)
        self.met: set[object] = set()

    def uses(self) -> Iterator[Use]:
        for node in self.graph.nodes:
            arriving = []
            for place, edge in enumerate(node.inputs):
                channels, found = self._edge(node, place, edge)
                arriving.append(channels)
                yield from found
            yield from self._node(node, tuple(arriving))

    def _edge(self, node: Node, place: int, edge: Edge) -> tuple[int, list[Use]]:
        """Channels that an edge brings, and what it uses."""
        level, channels = self.maps[edge.source]
        if edge.tap == "before":
            channels = self.fused.get(edge.source, channels)
        equal = FUSES.get(node.fuse.name).equal_channels
        meeting = node_channels(node, self.width) if equal else None
        wanted = edge_channels(edge, self.width, channels, meeting)
        found = []
        if (node.key, place) in self.inferred.projected:
            found += self._projection(node, place, edge, (level, channels, wanted))
            channels = wanted
        for i, leg in enumerate(legs(edge.path, (level, node.level), channels, wanted)):
            ends = (leg.channels_in, leg.channels_out)
            shape = self._shape(*ends, leg.level_out, cells_in=leg.level_in, stride=leg.stride)
            fresh = self._fresh((node.key, place, i), *ends, leg.stride)
            found.append(Use(leg.spec.tally(leg.op, shape), fresh))
            channels = leg.channels_out
        return channels, found

    def _projection(
        self, node: Node, place: int, edge: Edge, sizes: tuple[int, int, int]
    ) -> list[Use]:
        """One that all uses of a backbone map share is computed once."""
        level, channels, wanted = sizes
        if edge.projection.per == "input" and "@" not in edge.source:
            group = ("input", input_group(edge, node))
            if group in self.met:
                return []
            self.met.add(group)
        made = convolution(channels, wanted, bias=edge.projection.bias)
        if edge.projection.norm:
            made += batch_norm(wanted)
        fresh = self._fresh((node.key, place, "projection"), channels, wanted)
        return [Use(made.tally(self._cells(level)), fresh)]

    def _node(self, node: Node, arriving: tuple[int, ...]) -> Iterator[Use]:
        fused = FUSES.get(node.fuse.name).channels(node.fuse, arriving)
        made = self.inferred.node(node.key).channels
        self.maps[node.key], self.fused[node.key] = (node.level, made), fused
        fuse, block = FUSES.get(node.fuse.name), BLOCKS.get(node.block.name)
        shape = self._shape(fused, fused, node.level, inputs=len(arriving))
        yield Use(fuse.tally(node.fuse, shape), self._fresh((node.key, None, "fuse"), fused))
        shape = self._shape(fused, made, node.level)
        fresh = self._fresh((node.key, None, "block"), fused, made)
        yield Use(block.tally(node.block, shape), fresh)

    def _shape(
        self,
        channels_in: int,
        channels_out: int,
        level: int,
        *,
        cells_in: int | None = None,
        inputs: int = 1,
        stride: int = 1,
    ) -> Shape:
        """cells_in: the level whose cells are read."""
        read = self._cells(level if cells_in is None else cells_in)
        cells, high = self._cells(level), self.sizes[level][0]
        return Shape(channels_in, channels_out, inputs, cells, read, stride, high)

    def _cells(self, level: int) -> int:
        high, wide = self.sizes[level]
        return high * wide

    def _fresh(self, member: Member, *same: int) -> bool:
        """Whether the weights of a part have not been met in another."""
        group: Group | None = self.groups.get(member)
        if group is None:
            return True
        known = ((group, *same)) in self.met
        self.met.add((group, *same))
        return not known
