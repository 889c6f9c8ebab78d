"""Rewrites: one topology made into another. They work on the cell, never on extra levels.

`drop_single_input`  takes out nodes with one input, of their own level; what read them reads the
                     input. A node stays where the file gave it a fuse or block of its own (for a
                     row: where all its nodes have one input, so that the row is there for that).
`add_input_skip`     adds the cell's input of the same level to every output.
`set_fuse`, `set_up`, `set_down`   put an op everywhere.
`set_block`          puts a block wherever there is one (`none` stays).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness.errors import SpecError
from harness.graph.cell import Input, Rewrite
from harness.graph.draft import Draft, Link, Sketch, unique, without_roles
from harness.graph.faults import Faults, join
from harness.graph.ops import FUSES
from harness.graph.read import Reader
from harness.registry import Table

Apply = Callable[[Sketch, Sketch, Rewrite], None]
"""(the cell of one repeat, the steady cell as it was before, the rewrite): changes the first."""

REWRITES: Table[Apply] = Table("rewrite")
SETS = {"set_fuse": "fuse", "set_block": "block", "set_up": "up", "set_down": "down"}


def read_rewrite(value: Any, path: str, faults: Faults, reader: Reader) -> Rewrite | None:
    """`drop_single_input`, or `{set_fuse: sum}`."""
    name, given = value, None
    if isinstance(value, Mapping) and len(value) == 1:
        name, given = next(iter(value.items()))
    if not isinstance(name, str):
        faults.add(path, f"expected a rewrite by name, got {value!r}")
        return None
    try:
        REWRITES.get(name)
    except SpecError as error:
        faults.add(path, error.faults[0].message)
        return None
    if name not in SETS:
        if given is not None:
            faults.add(join(path, name), f"{name!r} takes no arguments")
        return Rewrite(name)
    if given is None:
        faults.add(path, f"{name!r} needs an op: {{{name}: ...}}")
        return None
    kind, at = SETS[name], join(path, name)
    if kind in ("up", "down"):
        route = reader.route(kind, given, at)
        return Rewrite(name, route=route) if route is not None else None
    op = reader.op(kind, given, at)
    return Rewrite(name, op) if op is not None else None


def read_rewrites(value: Any, path: str, reader: Reader) -> tuple[Rewrite, ...]:
    """`rewrites`: one, or a list."""
    entries = value if isinstance(value, list | tuple) else [] if value is None else [value]
    read = [
        read_rewrite(one, f"{path}.{i}", reader.faults, reader) for i, one in enumerate(entries)
    ]
    return tuple(one for one in read if one is not None)


@REWRITES.register("drop_single_input")
def drop_single_input(sketch: Sketch, steady: Sketch, rewrite: Rewrite) -> None:
    single = [name for name, draft in steady.drafts.items() if _is_single(draft, steady)]
    for name in single:
        if name in sketch.drafts:
            inputs = sketch.drafts[name].inputs
            if inputs and sketch.resolve(inputs[0][0])[0] != name:  # a cycle stays, to be found
                sketch.dropped[name] = inputs[0][0]
                del sketch.drafts[name]
    for draft in sketch.drafts.values():
        draft.inputs = sketch.resolved(draft.inputs)
    sketch.outputs = {level: sketch.resolve(link) for level, link in sketch.outputs.items()}


def _is_single(draft: Draft, steady: Sketch) -> bool:
    if draft.kept or len(draft.inputs) != 1:
        return False
    (source, _), one = draft.inputs[0]
    return not one.op and one.tap == "after" and steady.level(source) == draft.level


@REWRITES.register("add_input_skip")
def add_input_skip(sketch: Sketch, steady: Sketch, rewrite: Rewrite) -> None:
    for level, (name, back) in sketch.outputs.items():
        draft = sketch.drafts.get(name)
        if draft is not None and not back:
            role = "add" if "add" in FUSES.get(draft.fuse.name).roles else None
            skip: Link = (f"p{level}", 0)
            draft.inputs = unique([*draft.inputs, (skip, Input((), draft.path, role=role))])


@REWRITES.register("set_fuse")
def set_fuse(sketch: Sketch, steady: Sketch, rewrite: Rewrite) -> None:
    assert rewrite.op is not None
    roles = FUSES.get(rewrite.op.name).roles
    for draft in sketch.drafts.values():
        draft.fuse = rewrite.op
        draft.inputs = [(link, without_roles(one, roles)) for link, one in draft.inputs]


@REWRITES.register("set_block")
def set_block(sketch: Sketch, steady: Sketch, rewrite: Rewrite) -> None:
    assert rewrite.op is not None
    for draft in sketch.drafts.values():
        if draft.block.name != "none":
            draft.block = rewrite.op


@REWRITES.register("set_up")
def set_up(sketch: Sketch, steady: Sketch, rewrite: Rewrite) -> None:
    assert rewrite.route is not None
    for draft in sketch.drafts.values():
        draft.up = rewrite.route
        draft.inputs = [(link, replace(one, up=None)) for link, one in draft.inputs]


@REWRITES.register("set_down")
def set_down(sketch: Sketch, steady: Sketch, rewrite: Rewrite) -> None:
    assert rewrite.route is not None
    for draft in sketch.drafts.values():
        draft.down = rewrite.route
        draft.inputs = [(link, replace(one, down=None)) for link, one in draft.inputs]
