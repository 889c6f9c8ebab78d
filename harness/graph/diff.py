"""How one graph differs from another: node by node, edge by edge, and in cost. No words."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from harness.graph.identity import digest
from harness.graph.infer import Inferred
from harness.graph.labels import EdgeLabels, NodeLabels
from harness.graph.match import matched
from harness.graph.ops import BLOCKS, FUSES
from harness.graph.shares import Group, share_groups
from harness.graph.spec import Edge, Graph, Node

LITTLE = 1 / 3
"""Of the smaller graph's nodes: with fewer that correspond, two have little in common."""

Kind = Literal["added", "removed", "moved", "changed"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a node or edge, as it is in either graph (ops, numbers, words)."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """An input of a node. `moved`: it reads another source; `changed`: the same in another way."""

    kind: Kind
    before: str | None
    after: str | None
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node of both graphs that is not the same in both; their keys, and what differs."""

    before: str
    after: str
    fields: tuple[FieldChange, ...]
    edges: tuple[EdgeChange, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """Parameters and multiply-adds before and after."""

    params: tuple[int, int]
    macs: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two graphs, from the first to the second.

    renamed: nodes of both that have another key in the second. unchanged: how many are the same.
    removed: keys of the first graph, added: of the second. ends: outputs and taps, by name, that
    another node gives. levels: cost of the nodes of each level. nodes: how many either graph has.
    corresponding: nodes of both that read mostly what they read, however they work.
    """

    names: tuple[str, str]
    digests: tuple[str, str]
    renamed: Mapping[str, str]
    unchanged: int
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    changed: tuple[NodeChange, ...] = ()
    ends: tuple[FieldChange, ...] = ()
    cost: Sum | None = None
    levels: Mapping[int, Sum] = field(default_factory=dict)
    nodes: tuple[int, int] = (0, 0)
    corresponding: int = 0

    @property
    def little_in_common(self) -> bool:
        """Whether so few nodes correspond that pairs of the others mean nothing."""
        return self.corresponding < LITTLE * min(self.nodes)

    @property
    def same(self) -> bool:
        """Whether both are one network, whatever their nodes are called."""
        return self.digests[0] == self.digests[1]

    def as_json(self) -> dict[str, Any]:
        document = asdict(self)
        document["same"] = self.same
        document["levels"] = {f"p{level}": cost for level, cost in document["levels"].items()}
        return document


def compare(a: Graph, b: Graph, inferred: tuple[Inferred, Inferred] | None = None) -> Difference:
    """What has to be done to `a` to make it `b`. inferred: of both, for what that costs."""
    digests = digest(a), digest(b)
    pairs = matched(a, b)
    nodes_b = {node.key: node for node in b.nodes}
    twins = [(node, nodes_b[pairs[node.key]]) for node in a.nodes if node.key in pairs]
    renamed = {one.key: other.key for one, other in twins if one.key != other.key}
    names, nodes = (a.name, b.name), (len(a.nodes), len(b.nodes))
    cost, levels = _costs(*inferred) if inferred is not None else (None, {})
    if digests[0] == digests[1]:
        return Difference(
            names,
            digests,
            renamed,
            len(a.nodes),
            cost=cost,
            levels=levels,
            nodes=nodes,
            corresponding=len(a.nodes),
        )
    sides, taken = (_Side(a), _Side(b)), set(pairs.values())
    found = [_changed(one, other, pairs, *sides) for one, other in twins]
    changed = tuple(one for one in found if one is not None)
    return Difference(
        names,
        digests,
        renamed,
        len(twins) - len(changed),
        removed=tuple(node.key for node in a.nodes if node.key not in pairs),
        added=tuple(node.key for node in b.nodes if node.key not in taken),
        changed=changed,
        ends=_ends(a, b, pairs),
        cost=cost,
        levels=levels,
        nodes=nodes,
        corresponding=sum(
            _corresponds(one, other, change)
            for (one, other), change in zip(twins, found, strict=True)
        ),
    )


def _corresponds(one: Node, other: Node, change: NodeChange | None) -> bool:
    """Whether at least half of what two nodes read is the same."""
    edges = change.edges if change is not None else ()
    elsewhere = sum(edge.kind != "changed" for edge in edges)
    most = max(len(one.inputs), len(other.inputs))
    return 2 * (most - elsewhere) >= most


class _Side:
    """One graph, with what its nodes and edges are to the digest and who shares weights."""

    def __init__(self, graph: Graph) -> None:
        self.node, self.edge = NodeLabels(), EdgeLabels(graph)
        self.groups: dict[tuple[str, int | None], set[Group]] = {}
        self.members: dict[Group, set[str]] = {}
        for (key, place, _), group in share_groups(graph, self.edge).items():
            self.groups.setdefault((key, place), set()).add(group)
            self.members.setdefault(group, set()).add(key)

    def sharing(self, key: str, place: int | None = None) -> tuple[str, ...]:
        """Nodes that have a set of weights in common with a node, or with one of its edges."""
        groups = self.groups.get((key, place), ())
        return tuple(sorted(set().union(*(self.members[group] for group in groups))))

    def meaning(self, node: Node) -> dict[str, object]:
        """Fuse and block without what changes nothing."""
        fuse, block = FUSES.get(node.fuse.name), BLOCKS.get(node.block.name)
        return {
            "fuse": fuse.meaning(node.fuse, len(node.inputs)),
            "block": block.meaning(node.block, 1),
        }

    def projection(self, edge: Edge, node: Node) -> object:
        """The projection that an edge really has; None for none."""
        found = self.edge.projection(edge, node)
        return None if found == ("none",) else found


def _changed(
    one: Node, other: Node, pairs: Mapping[str, str], a: _Side, b: _Side
) -> NodeChange | None:
    fields = []
    if one.level != other.level:
        fields.append(FieldChange("level", one.level, other.level))
    if a.node(one, []) != b.node(other, []):
        means = a.meaning(one), b.meaning(other)
        ops = tuple(name for name in ("fuse", "block") if means[0][name] != means[1][name])
        fields += _unlike(one, other, ("channels", *ops, "norm"))
    mine = {pairs.get(key, key) for key in a.sharing(one.key)}
    theirs = b.sharing(other.key)
    if mine != set(theirs):
        fields.append(FieldChange("share", a.sharing(one.key), theirs))
    edges = _edges(one, other, pairs, a, b)
    ordered = not FUSES.get(other.fuse.name).commutes and one.fuse.name == other.fuse.name
    sources = [pairs.get(edge.source) for edge in one.inputs]
    there = [edge.source for edge in other.inputs]
    if ordered and not edges and sources != there:
        fields.append(FieldChange("order", tuple(map(str, sources)), tuple(there)))
    if not fields and not edges:
        return None
    return NodeChange(one.key, other.key, tuple(fields), tuple(edges))


def _unlike(one: object, other: object, names: tuple[str, ...]) -> list[FieldChange]:
    pairs = [(name, getattr(one, name), getattr(other, name)) for name in names]
    return [FieldChange(name, old, new) for name, old, new in pairs if old != new]


Numbered = tuple[int, Edge]
"""An edge and its place among the inputs of its node."""


def _edges(
    one: Node, other: Node, pairs: Mapping[str, str], a: _Side, b: _Side
) -> list[EdgeChange]:
    """Edges that are the same are set off first, then those of one source, then what is left."""
    old, new = list(enumerate(one.inputs)), list(enumerate(other.inputs))

    def like(mine: Numbered, theirs: Numbered) -> bool:
        shared = {pairs.get(key, key) for key in a.sharing(one.key, mine[0])}
        same = shared == set(b.sharing(other.key, theirs[0]))
        return same and a.edge(mine[1], one) == b.edge(theirs[1], other)

    def source(mine: Numbered, theirs: Numbered) -> bool:
        return pairs.get(mine[1].source) == theirs[1].source

    def fields(x: Edge, y: Edge, *names: str) -> tuple[FieldChange, ...]:
        found = _unlike(x, y, ("role", "tap", *names, "channels"))
        forms = a.projection(x, one), b.projection(y, other)
        if names and forms[0] != forms[1]:
            found.append(FieldChange("projection", x.projection, y.projection))
        return tuple(found)

    _set_off(old, new, lambda mine, theirs: source(mine, theirs) and like(mine, theirs))
    changed = [
        EdgeChange("changed", x.source, y.source, fields(x, y, "path", "share"))
        for (_, x), (_, y) in _set_off(old, new, source)
    ]
    moved = _set_off(old, new, like) + _set_off(old, new, lambda mine, theirs: True)
    changed += [EdgeChange("moved", x.source, y.source, fields(x, y)) for (_, x), (_, y) in moved]
    changed += [EdgeChange("removed", edge.source, None) for _, edge in old]
    return changed + [EdgeChange("added", None, edge.source) for _, edge in new]


def _set_off(
    old: list[Numbered], new: list[Numbered], fits: Callable[[Numbered, Numbered], bool]
) -> list[tuple[Numbered, Numbered]]:
    """Pairs that fit, taken out of both lists."""
    found = []
    for mine in list(old):
        theirs = next((one for one in new if fits(mine, one)), None)
        if theirs is not None:
            old.remove(mine)
            new.remove(theirs)
            found.append((mine, theirs))
    return found


def _ends(a: Graph, b: Graph, pairs: Mapping[str, str]) -> tuple[FieldChange, ...]:
    old = {f"output p{level}": key for level, key in a.outputs}
    old.update((f"tap {name}", key) for name, key in a.taps)
    new = {f"output p{level}": key for level, key in b.outputs}
    new.update((f"tap {name}", key) for name, key in b.taps)
    return tuple(
        FieldChange(end, old.get(end), new.get(end))
        for end in dict.fromkeys([*old, *new])
        if end not in old or end not in new or pairs.get(old[end]) != new[end]
    )


def _costs(a: Inferred, b: Inferred) -> tuple[Sum | None, dict[int, Sum]]:
    levels = sorted({one.level for facts in (a, b) for one in facts.nodes})

    def at(facts: Inferred, level: int) -> tuple[int, int]:
        nodes = [one for one in facts.nodes if one.level == level]
        return sum(one.params for one in nodes), sum(one.macs for one in nodes)

    sums = {level: (at(a, level), at(b, level)) for level in levels}
    return Sum((a.params, b.params), (a.macs, b.macs)), {
        level: Sum((old[0], new[0]), (old[1], new[1])) for level, (old, new) in sums.items()
    }
