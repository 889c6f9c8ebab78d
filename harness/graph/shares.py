"""Who has one set of weights with whom.

Nodes of one `share` word have one fuse and one block, edges one projection and one path: each
where they are alike. Fuses are so in as many inputs, or whatever the roles where those tell all
inputs apart. Channels count as alike here, since those of a backbone are not known; a set in which
they differ in the end is as many sets. What has no weights, and what is alone, shares nothing.
"""

from collections import Counter
from collections.abc import Iterator

from harness.graph.labels import EdgeLabels
from harness.graph.ops import BLOCKS, FUSES, OpSpec, Shape
from harness.graph.path import spec_of
from harness.graph.spec import Edge, Graph, Node, Norm, Op

Member = tuple[str, int | None, int | str]
"""A part of a node (its key, None, `fuse` or `block`) or of one of its edges (its place among the
inputs, and `projection` or the place of an op on the path)."""

Group = tuple[object, ...]


def shares_weights(graph: Graph) -> bool:
    """Whether any word of a graph says so."""
    for node in graph.nodes:
        if node.share is not None:
            return True
        for edge in node.inputs:
            if edge.share is not None:
                return True
    return False


def share_groups(graph: Graph, label: EdgeLabels | None = None) -> dict[Member, Group]:
    """The set of weights of every part that shares its own with another."""
    if not shares_weights(graph):
        return {}
    label = EdgeLabels(graph) if label is None else label
    found: dict[Member, Group] = {}
    for node in graph.nodes:
        found.update(_of_node(node))
        for place, edge in enumerate(node.inputs):
            if edge.share is not None:
                found.update(_of_edge(place, edge, node, label))
    counts = Counter(found.values())
    return {member: group for member, group in found.items() if counts[group] > 1}


def weighs_inputs(fuse: Op, inputs: int) -> bool:
    """Whether a fuse has weights for each of its inputs, told apart by their order alone."""
    spec = FUSES.get(fuse.name)
    return spec.commutes and not spec.roles and spec.params(fuse, Shape(8, 8, inputs)) > 0


def _of_node(node: Node) -> Iterator[tuple[Member, Group]]:
    if node.share is None:
        return
    fuse, block, count = FUSES.get(node.fuse.name), BLOCKS.get(node.block.name), len(node.inputs)
    roles = [edge.role for edge in node.inputs]
    told_apart = None not in roles and len(set(roles)) == count
    inputs = "by role" if told_apart else tuple(sorted(map(str, roles)))
    if fuse.params(node.fuse, Shape(8, 8, count)) > 0:
        like = _like(node.fuse, fuse, node.norm, 1 if told_apart else count)
        yield (node.key, None, "fuse"), ("fuse", node.share, like, inputs)
    if block.params(node.block, Shape(8, 8)) > 0:
        like = _like(node.block, block, node.norm, 1)
        yield (node.key, None, "block"), ("block", node.share, like)


def _of_edge(
    place: int, edge: Edge, node: Node, label: EdgeLabels
) -> Iterator[tuple[Member, Group]]:
    projection = label.projection(edge, node)
    if projection != ("none",) and not label.is_shared_input(edge, node):
        yield (node.key, place, "projection"), ("projection", edge.share, *projection[-2:])
    seen: Counter[str] = Counter()
    for i, op in enumerate(edge.path):
        spec = spec_of(op)
        if spec.params(op, Shape(8, 8, 1, 1, 1, 2)) > 0:
            like = _like(op, spec, node.norm, 1)
            yield (node.key, place, i), ("op", edge.share, like, seen[op.name])
        seen[op.name] += 1


def _like(op: Op, spec: OpSpec, norm: Norm, inputs: int) -> tuple[object, ...]:
    return (spec.meaning(op, inputs), norm if spec.normalises(op) else None)
