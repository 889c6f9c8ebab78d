"""A topology said node by node: no rows, no rewrites, no `derive`, and the same graph.

A topology of one cell stays one cell, repeated as before. Of any other (several stages, cells that
take turns, inputs that depend on the repeat) the whole graph is written out as one cell.
"""

from typing import Any

from harness.errors import SpecError
from harness.graph.cell import Input, Route, Settings, said_at
from harness.graph.draft import Draft, Sketch, words
from harness.graph.expand import expand, only_sketch
from harness.graph.identity import digest
from harness.graph.parse import parse
from harness.graph.restate import norm_tree, op_tree, projection_tree, restated
from harness.graph.spec import Op, Topology

Tree = dict[str, Any]
_STRUCTURE = ("derive", "stages", "rows", "nodes", "outputs", "rewrites")


def said_singly(topology: Topology, levels: tuple[int, int] | None = None) -> Tree:
    """The tree, at the topology's own levels unless others are given."""
    whole = expand(topology, levels=levels)
    sketch = only_sketch(topology, levels)
    if sketch is not None:
        tree = _cell(topology, sketch)
        if _is_same(topology, tree, levels):
            return tree
    return restated(whole)


def _is_same(topology: Topology, tree: Tree, levels: tuple[int, int] | None) -> bool:
    """Whether a tree says the topology, in one repeat and in several."""
    counts = {None, 1, 2} if topology.blueprint.repeated is not None else {None}
    try:
        again = parse(tree)
        return all(
            digest(expand(again, repeats=n)) == digest(expand(topology, repeats=n, levels=levels))
            for n in counts
        )
    except SpecError:
        return False


def _cell(topology: Topology, sketch: Sketch) -> Tree:
    settings = topology.blueprint.settings
    kept = {key: value for key, value in topology.tree.items() if key not in _STRUCTURE}
    outputs = {level: name for level, (name, _) in sorted(sketch.outputs.items())}
    return {
        **kept,
        "levels": f"p{sketch.levels[0]}..p{sketch.levels[-1]}",
        "nodes": {name: _node(draft, settings) for name, draft in sketch.drafts.items()},
        "outputs": {f"p{level}": name for level, name in outputs.items() if name in sketch.drafts},
    }


def _node(draft: Draft, settings: Settings) -> Tree:
    """The node with what the settings do not say of it."""
    level = draft.level
    found: Tree = {
        "level": f"p{level}",
        "from": [_input(words(link), one, draft) for link, one in draft.inputs],
    }
    if draft.fuse != settings.fuse.of(level):
        found["fuse"] = op_tree(draft.fuse)
    if draft.block != settings.block.of(level):
        found["block"] = op_tree(draft.block)
    if draft.up != settings.up.of(level):
        found["up"] = _route(draft.up)
    if draft.down != settings.down.of(level):
        found["down"] = _route(draft.down)
    if draft.projection != settings.projection:
        found["projection"] = projection_tree(draft.projection)
    if draft.norm != settings.norm:
        found["norm"] = norm_tree(draft.norm)
    if draft.channels is not None:
        found["channels"] = draft.channels
    if draft.share is not None:
        found["share"] = draft.share
    return found


def _input(source: str, one: Input, draft: Draft) -> Any:
    """The input by its name, or with all that it says of itself."""
    found: Tree = {"from": source}
    if one.role is not None:
        found["role"] = one.role
    if one.tap != "after":
        found["tap"] = one.tap
    if one.op:
        found["op"] = [op_tree(op) for op in one.op]
    if one.up is not None:
        found["up"] = _route(one.up)
    if one.down is not None:
        found["down"] = _route(one.down)
    if one.projection is not None:
        found["projection"] = projection_tree(one.projection)
    channels = said_at(one.channels, draft.level)
    if channels is not None:
        found["channels"] = channels
    if one.share is not None:
        found["share"] = one.share
    return found if len(found) > 1 else source


def _route(route: Route) -> Any:
    if route.distances:
        return {f"x{2**distance}": _chain(chain) for distance, chain in route.distances}
    return _chain(route.chain)


def _chain(chain: tuple[Op, ...]) -> Any:
    return op_tree(chain[0]) if len(chain) == 1 else [op_tree(op) for op in chain]
