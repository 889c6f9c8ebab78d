"""Topology -> Graph: rows, rewrites and repeats written out as plain nodes.

Levels up to the topology's `last_backbone_level` (5) are bound to backbone maps (`p3`, `p4`, ...).
Coarser ones are made by the `extra` recipe, each from the next finer level, as nodes of repeat 0
(`p6@0`). Each repeat is given the outputs of the one before. Nodes that only a later repeat
would have read are left out of the last.
"""

from collections.abc import Iterator
from typing import NamedTuple

from harness.graph.cell import Cell
from harness.graph.check import check_rows, check_sketch
from harness.graph.draft import STEADY, Draft, Link, Sketch, Sketcher
from harness.graph.faults import Faults
from harness.graph.order import in_order
from harness.graph.rewrites import REWRITES
from harness.graph.roles import assign_roles
from harness.graph.spec import Edge, Graph, Node, Op, Projection, Topology

_SUM = Op("sum")


class _Socket(NamedTuple):
    """An input of a node, all but which repeat its source is in."""

    link: Link
    projection: Projection
    up: Op
    down: Op
    role: str | None


_Plan = list[tuple[Draft, list[_Socket]]]


def expand(
    topology: Topology, *, repeats: int | None = None, levels: tuple[int, int] | None = None
) -> Graph:
    """The graph of a topology; a `SpecError` holds every fault of its structure."""
    faults = Faults()
    graph = expand_into(topology, faults, repeats=repeats, levels=levels)
    faults.raise_any()
    assert graph is not None
    return graph


def expand_into(
    topology: Topology,
    faults: Faults,
    *,
    repeats: int | None = None,
    levels: tuple[int, int] | None = None,
) -> Graph | None:
    """The graph, or None where faults were found now or before."""
    cell, count = topology.cell, topology.repeats if repeats is None else repeats
    finest, coarsest = topology.levels if levels is None else levels
    if count < 1:
        faults.add("repeats", f"expected a whole number of at least 1, got {count!r}")
    if finest > coarsest or finest > cell.last_backbone_level:
        last = cell.last_backbone_level
        reason = f"p{finest}..p{coarsest} holds no level that the backbone has (up to p{last})"
        faults.add("levels", reason)
        return None
    if not cell.rows and not cell.nodes:
        return None
    span = range(finest, coarsest + 1)
    sketches = _sketches(cell, span, count, faults)
    plans = {reach: _plan(sketch, faults) for reach, sketch in sketches.items()}
    if faults:
        return None
    return _linked(topology, span, count, sketches, plans)


def _sketches(cell: Cell, levels: range, repeats: int, faults: Faults) -> dict[int, Sketch]:
    """The cell of each repeat that differs from later ones, and the steady one."""
    sketcher = Sketcher(cell, levels, faults)
    check_rows(sketcher, faults)
    steady = sketcher.sketch(STEADY)
    early = min(_reach(cell), repeats)
    sketches = {repeat: sketcher.sketch(repeat) for repeat in range(1, early + 1)}
    for rewrite in cell.rewrites:
        apply = REWRITES.get(rewrite.name)
        for sketch in sketches.values():
            apply(sketch, steady, rewrite.op)
        apply(steady, steady, rewrite.op)
    for repeat, sketch in sketches.items():
        sketcher.apply_changes(sketch, repeat)
    sketcher.apply_changes(steady, STEADY)
    check_sketch(steady, sketcher, faults, steady=True)
    for sketch in sketches.values():
        check_sketch(sketch, sketcher, faults, steady=False)
    sketches[STEADY] = steady
    return sketches


def _reach(cell: Cell) -> int:
    """How many repeats back the cell reads at most (rewrites may add such steps up)."""
    families = (*cell.rows, *cell.nodes)
    refs = (ref for one in families for given in one.inputs or () for ref in given.refs)
    backs = [ref.back for ref in refs]
    return sum(backs) if any(backs) and cell.rewrites else max(backs, default=0)


def _plan(sketch: Sketch, faults: Faults) -> _Plan:
    """Nodes in an order in which each follows what it reads, with their sockets."""
    names = in_order({name: _reads(draft) for name, draft in sketch.drafts.items()})
    return [(sketch.drafts[n], _sockets(sketch.drafts[n], sketch, faults)) for n in names]


def _reads(draft: Draft) -> list[str]:
    return [name for (name, back), _ in draft.inputs if not back]


def _sockets(draft: Draft, sketch: Sketch, faults: Faults) -> list[_Socket]:
    entrants = [(sketch.level(link[0]), one.role) for link, one in draft.inputs]
    roles = assign_roles(draft.fuse, entrants)
    if isinstance(roles, str):
        if draft.inputs and not faults.under(draft.path):
            faults.add(f"{draft.path}.from", roles)
        roles = [None] * len(entrants)
    return [
        _Socket(
            link,
            one.projection or draft.projection,
            one.up or draft.up,
            one.down or draft.down,
            role,
        )
        for (link, one), role in zip(draft.inputs, roles, strict=True)
    ]


def _linked(
    topology: Topology,
    levels: range,
    repeats: int,
    sketches: dict[int, Sketch],
    plans: dict[int, _Plan],
) -> Graph:
    cell = topology.cell
    nodes = list(_extra_levels(cell, levels))
    inputs = tuple(level for level in levels if level <= cell.last_backbone_level)
    given = {level: f"p{level}" if level in inputs else f"p{level}@0" for level in levels}
    keys: list[dict[str, str]] = [{}]
    for repeat in range(1, repeats + 1):
        shape = repeat if repeat in plans else STEADY
        here = {f"p{level}": key for level, key in given.items()}
        here.update((name, f"{name}@{repeat}") for name in sketches[shape].drafts)
        keys.append(here)
        nodes.extend(_repeat(plans[shape], repeat, keys, sketches))
        given = {
            level: _key(link, repeat, keys, sketches) for level, link in _outputs(sketches[shape])
        }
    outputs = tuple(sorted(given.items()))
    return Graph(topology.name, inputs, _needed(nodes, outputs), outputs)


def _outputs(sketch: Sketch) -> list[tuple[int, Link]]:
    return list(sketch.outputs.items())


def _key(link: Link, repeat: int, keys: list[dict[str, str]], sketches: dict[int, Sketch]) -> str:
    """The key of what a link stands for; in an earlier repeat other nodes may have been dropped."""
    name, back = link
    at = repeat - back
    if name not in keys[at]:
        shape = at if at in sketches else STEADY
        return _key(sketches[shape].resolve((name, 0)), at, keys, sketches)
    return keys[at][name]


def _repeat(
    plan: _Plan, repeat: int, keys: list[dict[str, str]], sketches: dict[int, Sketch]
) -> Iterator[Node]:
    for draft, sockets in plan:
        edges = tuple(
            Edge(_key(link, repeat, keys, sketches), projection, up, down, role)
            for link, projection, up, down, role in sockets
            if link[1] < repeat
        )
        yield Node(
            draft.name,
            repeat,
            draft.level,
            edges,
            draft.fuse,
            draft.block,
            draft.norm,
            draft.channels,
        )


def _extra_levels(cell: Cell, levels: range) -> Iterator[Node]:
    settings, recipe = cell.settings, cell.settings.extra
    for level in levels:
        if level > cell.last_backbone_level:
            finer = f"p{level - 1}"
            source = finer if level - 1 == cell.last_backbone_level else f"{finer}@0"
            edge = Edge(source, recipe.projection, settings.up, recipe.down)
            yield Node(f"p{level}", 0, level, (edge,), _SUM, recipe.block, settings.norm)


def _needed(nodes: list[Node], outputs: tuple[tuple[int, str], ...]) -> tuple[Node, ...]:
    """The nodes that some output needs."""
    needed = {key for _, key in outputs}
    kept = []
    for node in reversed(nodes):
        if node.key in needed:
            needed.update([edge.source for edge in node.inputs])
            kept.append(node)
    return tuple(reversed(kept))
