"""Graph -> plan: live nodes in canonical order, every edge with its channels, every module's place.

The plan depends on the meaning of a graph alone, never on its names or on the order it was
written in. Names serve as names of variables and parameters and decide nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.compiler.parts import Part, Parts, lettered
from harness.errors import Fault, SpecError
from harness.graph.identity import names
from harness.graph.infer import edge_channels, node_channels, projects
from harness.graph.labels import EdgeLabels, input_group
from harness.graph.ops import BLOCKS, FUSES
from harness.graph.path import Leg, legs
from harness.graph.shares import Member, share_groups
from harness.graph.spec import Edge, Graph, Node, Op
from harness.ops import RESAMPLES

Way = tuple[tuple[Leg, str | None], ...]
"""The legs of an edge, each with the place of its module, if it has one."""


@dataclass(frozen=True, slots=True)
class Term:
    """One input of a step, in canonical order.

    position: its place in the node's own list of inputs. source: the variable it reads.
    project: the place of its 1x1 convolution, if it has one.
    once: whether other terms may want the very same map, so that it is worth a variable.
    """

    position: int
    source: str
    project: str | None
    way: Way
    role: str | None
    once: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a plan. name: its variable. fused: the variable of its map before the block.

    fuse_at, block_at: places of its modules.
    """

    name: str
    key: str
    level: int
    channels: int
    terms: tuple[Term, ...]
    fuse: Op
    block: Op
    fused: str | None
    fuse_at: str
    block_at: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole feature network, ready to be built and written out.

    parts: every module by its place (`p4_td_1.block`), in canonical order.
    """

    inputs: tuple[int, ...]
    steps: tuple[Step, ...]
    outputs: tuple[tuple[int, str], ...]
    taps: tuple[tuple[str, str], ...]
    parts: Mapping[str, Part]


def make_plan(graph: Graph, channels: Mapping[str, int], width: int) -> Plan:
    """channels: of each backbone map, by key (`p3`). width: channels of a node of multiple 1."""
    _check_arguments(graph, channels, width)
    return _Planner(graph, channels, width).plan()


def variable(node: Node) -> str:
    """`p4_td@2` -> `p4_td_2`: what is behind the last underscore is always the repeat."""
    return f"{node.name}_{node.repeat}"


@dataclass(frozen=True, slots=True)
class _Source:
    """A map that edges read. fused: its channels before the block."""

    variable: str
    level: int
    channels: int
    fused: int
    digest: str
    is_input: bool


def _check_arguments(graph: Graph, channels: Mapping[str, int], width: int) -> None:
    faults = []
    if width < 1:
        faults.append(Fault("width", f"expected at least 1 channel, got {width}"))
    for level in graph.inputs:
        if channels.get(f"p{level}", 0) < 1:
            given = ", ".join(channels) or "none"
            faults.append(Fault(f"channels.p{level}", f"no channels of this map; given: {given}"))
    if faults:
        raise SpecError(faults)


def _canonical(graph: Graph, digests: Mapping[str, str]) -> list[Node]:
    """Live nodes in topological order: by depth, then coarsest level first, then digest.

    Gradients are summed, and their norm is taken, in the order of the steps: that must be one.
    """
    nodes = {node.key: node for node in graph.nodes}
    depth: dict[str, int] = {}
    for node in graph.nodes:
        depth[node.key] = 1 + max((depth.get(edge.source, 0) for edge in node.inputs), default=0)
    live: set[str] = set()
    pending = [key for _, key in (*graph.outputs, *graph.taps)]
    while pending:
        key = pending.pop()
        if key in nodes and key not in live:
            live.add(key)
            pending += [edge.source for edge in nodes[key].inputs]
    return sorted(
        (node for node in graph.nodes if node.key in live),
        key=lambda node: (depth[node.key], -node.level, digests[node.key]),
    )


class _Planner:
    """One walk over the live nodes of a graph."""

    def __init__(self, graph: Graph, channels: Mapping[str, int], width: int) -> None:
        self.graph, self.width = graph, width
        self.digests, self.told_apart = names(graph)
        self.nodes = _canonical(graph, self.digests)
        self.label = EdgeLabels(graph)
        self.groups = share_groups(graph, self.label)
        edges = [edge for node in self.nodes for edge in node.inputs]
        self.before = {edge.source for edge in edges if self.label.reads_fused(edge)}
        self.parts = Parts()
        self.sources: dict[str, _Source] = {}
        for level in graph.inputs:
            name = f"p{level}"
            known = channels[name]
            self.sources[name] = _Source(name, level, known, known, name, True)

    def plan(self) -> Plan:
        walked = [self._step(node) for node in self.nodes]
        moves = self.parts.moves()
        steps = tuple([_moved(step, moves) for step in walked])
        outputs = tuple((level, self.sources[key].variable) for level, key in self.graph.outputs)
        taps = tuple((name, self.sources[key].variable) for name, key in self.graph.taps)
        return Plan(self.graph.inputs, steps, outputs, taps, self.parts.all())

    def _step(self, node: Node) -> Step:
        name, digest = variable(node), self.digests[node.key]
        wanted = node_channels(node, self.width)
        order, spec = list(range(len(node.inputs))), FUSES.get(node.fuse.name)
        if spec.commutes:
            order.sort(key=lambda i: self._sort_key(node, i))
        if spec.roles:
            order.sort(key=lambda i: spec.roles.index(node.inputs[i].role or ""))
        meeting = wanted if spec.equal_channels else None
        made = [self._term(node, i, order, meeting) for i in order]
        terms = tuple([term for term, _ in made])
        arriving = tuple([channels for _, channels in made])
        if FUSES.get(node.fuse.name).equal_channels and len(set(arriving)) > 1:
            reason = f"inputs of {list(arriving)} channels cannot meet without a projection"
            raise SpecError(Fault(f"nodes.{node.name}", reason))
        fused = FUSES.get(node.fuse.name).channels(node.fuse, arriving)
        own = wanted if wanted is not None and BLOCKS.get(node.block.name).any_channels else fused
        if wanted not in (None, own):
            reason = (
                f"has {own} channels where {wanted} are wanted: it needs a projection or a block"
            )
            raise SpecError(Fault(f"nodes.{node.name}", reason))
        roles = tuple([term.role for term in terms])
        fuse = Part("fuse", node.fuse, fused, fused, node.norm, roles=roles, key=(digest, "fuse"))
        block = Part("block", node.block, fused, own, node.norm, key=(digest, "block"))
        self.sources[node.key] = _Source(name, node.level, own, fused, digest, False)
        return Step(
            name=name,
            key=node.key,
            level=node.level,
            channels=own,
            terms=terms,
            fuse=node.fuse,
            block=node.block,
            fused=f"{name}_fused" if node.key in self.before else None,
            fuse_at=self._place((node.key, None, "fuse"), f"{name}.fuse", "fuse", fuse),
            block_at=self._place((node.key, None, "block"), f"{name}.block", "block", block),
        )

    def _place(self, member: Member, place: str, word: str, part: Part) -> str:
        """Where a module lives: at its own place, or among those that are shared."""
        group = self.groups.get(member)
        if group is None:
            return self.parts.add(place, part)
        share = str(group[1]).replace("@", "_")
        return self.parts.share(f"shared.{share}_{word}", replace(part, group=group))

    def _sort_key(self, node: Node, place: int) -> tuple[str, ...]:
        """By the weight that a shared fuse has for it, then by what the edge is."""
        edge = node.inputs[place]
        *weighed, own = self.told_apart.get((node.key, place), [""])
        digest = self.sources[edge.source].digest
        return (*weighed, digest, edge.role or "", self.label(edge, node), own)

    def _term(
        self, node: Node, position: int, order: list[int], meeting: int | None
    ) -> tuple[Term, int]:
        """An input, and the channels it brings."""
        edge = node.inputs[position]
        source = self.sources[edge.source]
        before = self.label.reads_fused(edge)
        channels = source.fused if before else source.channels
        arriving = edge_channels(edge, self.width, channels, meeting)
        nth = self._nth(node, position, order)
        project = None
        shared = edge.projection.per == "input" and source.is_input
        if projects(edge, channels, arriving):
            project = self._project(node, position, channels, arriving, nth)
            channels = arriving
        found = legs(edge.path, (source.level, node.level), channels, arriving)
        way = tuple(
            [(leg, self._leg(found, i, node, position, nth)) for i, leg in enumerate(found)]
        )
        channels = found[-1].channels_out if found else channels
        read = f"{source.variable}_fused" if before else source.variable
        once = all(at is None for _, at in way) and (project is None or shared)
        return Term(position, read, project, way, edge.role, bool(way) and once), channels

    def _nth(self, node: Node, position: int, order: list[int]) -> int:
        """Which of the edges from one source this is: by what they are, if their order is free."""
        source = node.inputs[position].source
        same = [i for i in order if node.inputs[i].source == source]
        if len(same) > 1 and FUSES.get(node.fuse.name).commutes:
            same.sort(key=lambda i: (node.inputs[i].role or "", self.label(node.inputs[i], node)))
        return same.index(position)

    def _project(self, node: Node, position: int, channels: int, arriving: int, nth: int) -> str:
        """The place of a projection. What is said of a backbone map but used once is an edge's."""
        edge = node.inputs[position]
        source, form = self.sources[edge.source], edge.projection
        key = self._edge_key(edge, node, nth)
        part = Part("projection", None, channels, arriving, node.norm, form=form, key=key)
        if form.per == "input" and source.is_input:
            place = f"{source.variable}_in"
            if not self.label.is_shared_input(edge, node):
                return self.parts.add(place, part)
            key, group = (f"{source.digest}>shared",), input_group(edge, node)
            return self.parts.share(place, replace(part, key=key, group=group))
        own = f"{variable(node)}.{lettered(f'from_{source.variable}', nth)}"
        return self._place((node.key, position, "projection"), own, "from", part)

    def _edge_key(self, edge: Edge, node: Node, nth: int) -> tuple[object, ...]:
        key = f"{self.sources[edge.source].digest}>{self.digests[node.key]}"
        return (key, nth) if nth else (key,)

    def _leg(self, way: tuple[Leg, ...], i: int, node: Node, position: int, nth: int) -> str | None:
        """The place of the module of a way's leg; None for a function without parameters."""
        leg, edge = way[i], node.inputs[position]
        if leg.resamples and not isinstance(RESAMPLES.get(leg.op.name), type):
            return None
        part = Part(
            "resample" if leg.resamples else "block",
            leg.op,
            leg.channels_in,
            leg.channels_out,
            node.norm,
            stride=leg.stride,
            key=(*self._edge_key(edge, node, nth), lettered(leg.op.name, leg.nth)),
        )
        word = f"{leg.op.name}{leg.nth + 1}" if leg.nth else leg.op.name
        stem = lettered(f"{leg.op.name}_{self.sources[edge.source].variable}", nth)
        return self._place((node.key, position, i), f"{variable(node)}.{stem}", word, part)


def _moved(step: Step, moves: Mapping[str, str]) -> Step:
    """The step with the last places of its parts."""

    def moved(term: Term) -> Term:
        way = tuple([(leg, moves[at] if at else None) for leg, at in term.way])
        return replace(term, project=moves[term.project] if term.project else None, way=way)

    terms = tuple([moved(term) for term in step.terms])
    fuse_at, block_at = moves[step.fuse_at], moves[step.block_at]
    return replace(step, terms=terms, fuse_at=fuse_at, block_at=block_at)


def map_uses(plan: Plan) -> Counter[tuple[str, str | None, Way]]:
    """How often each map made on an edge is wanted: (source, projection, way)."""
    terms = [term for step in plan.steps for term in step.terms]
    return Counter((term.source, term.project, term.way) for term in terms if term.once)
