"""Graph -> plan: live nodes in canonical order, every edge with its channels and its one place.

The plan depends on the meaning of a graph alone, never on its names or on the order it was
written in. Names serve as names of variables and parameters and decide nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import Fault, SpecError
from harness.graph import node_digests
from harness.graph.infer import node_channels, projects
from harness.graph.ops import FUSES
from harness.graph.spec import Edge, Graph, Node, Norm, Op, Projection


@dataclass(frozen=True, slots=True)
class Project:
    """A 1x1 convolution of a plan. key: what its initial values depend on, beside the seed."""

    channels_in: int
    channels_out: int
    form: Projection
    constants: Norm
    key: str


@dataclass(frozen=True, slots=True)
class Term:
    """One input of a step, in canonical order.

    position: its place in the node's own list of inputs.
    source: the variable it reads. shared: the projection is one for all uses of the source.
    resample: the op that brings it to the node's level, if it has another.
    """

    position: int
    source: str
    source_level: int
    project: Project | None
    shared: bool
    resample: Op | None
    role: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a plan. name: its variable and submodule."""

    name: str
    key: str
    digest: str
    level: int
    channels: int
    terms: tuple[Term, ...]
    fuse: Op
    block: Op
    constants: Norm


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole feature network, ready to be built and written out."""

    inputs: tuple[int, ...]
    steps: tuple[Step, ...]
    outputs: tuple[tuple[int, str], ...]


def make_plan(graph: Graph, channels: Mapping[str, int], width: int) -> Plan:
    """channels: of each backbone map, by key (`p3`). width: channels of a node of multiple 1."""
    _check_arguments(graph, channels, width)
    digests = dict(node_digests(graph))
    sources = {
        name: _Source(name, int(name[1:]), channels[name], name, True)
        for name in (f"p{level}" for level in graph.inputs)
    }
    for node in graph.nodes:
        own = node_channels(node, width)
        sources[node.key] = _Source(variable(node), node.level, own, digests[node.key], False)
    steps = tuple(_step(node, sources) for node in _canonical(graph, digests))
    outputs = tuple((level, sources[key].variable) for level, key in graph.outputs)
    return Plan(graph.inputs, steps, outputs)


def variable(node: Node) -> str:
    """`p4_td@2` -> `p4_td_2`: what is behind the last underscore is always the repeat."""
    return f"{node.name}_{node.repeat}"


@dataclass(frozen=True, slots=True)
class _Source:
    variable: str
    level: int
    channels: int
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
    pending = [key for _, key in graph.outputs]
    while pending:
        key = pending.pop()
        if key in nodes and key not in live:
            live.add(key)
            pending += [edge.source for edge in nodes[key].inputs]
    return sorted(
        (node for node in graph.nodes if node.key in live),
        key=lambda node: (depth[node.key], -node.level, digests[node.key]),
    )


def _step(node: Node, sources: Mapping[str, _Source]) -> Step:
    own = sources[node.key]
    order = list(range(len(node.inputs)))
    if FUSES.get(node.fuse.name).commutes:
        order.sort(key=lambda i: _sort_key(node.inputs[i], sources))
    terms = tuple(_term(node, i, sources) for i in order)
    return Step(
        own.variable,
        node.key,
        own.digest,
        own.level,
        own.channels,
        terms,
        node.fuse,
        node.block,
        node.norm,
    )


def _sort_key(edge: Edge, sources: Mapping[str, _Source]) -> tuple[str, ...]:
    said = (edge.projection, edge.up, edge.down)
    return (sources[edge.source].digest, edge.role or "", *map(repr, said))


def _term(node: Node, position: int, sources: Mapping[str, _Source]) -> Term:
    edge, own = node.inputs[position], sources[node.key]
    source = sources[edge.source]
    project = _project(edge, source, own, node)
    resample = None
    if source.level != own.level:
        resample = edge.up if source.level > own.level else edge.down
    shared = project is not None and edge.projection.per == "input" and source.is_input
    return Term(position, source.variable, source.level, project, shared, resample, edge.role)


def _project(edge: Edge, source: _Source, own: _Source, node: Node) -> Project | None:
    """The convolution of an edge, if it has one; shared by all uses of a backbone map or not."""
    form = edge.projection
    if not projects(edge, source.channels, own.channels, from_backbone=source.is_input):
        if source.channels == own.channels:
            return None
        reason = f"{source.variable} has {source.channels} channels, the node {own.channels}"
        raise SpecError(Fault(f"nodes.{node.name}", f"{reason}, and the edge no projection"))
    user = "shared" if form.per == "input" and source.is_input else own.digest
    return Project(source.channels, own.channels, form, node.norm, f"{source.digest}>{user}")


def resample_uses(plan: Plan) -> Counter[tuple[str, Project | None, Op, int]]:
    """How often each resampled map is used: (source, shared projection, op, level it is for)."""
    return Counter(
        (term.source, term.project, term.resample, step.level)
        for step in plan.steps
        for term in step.terms
        if term.resample is not None and (term.project is None or term.shared)
    )
