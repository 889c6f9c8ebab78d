"""Every fault of a topology at once, each with its place in the tree."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import Fault, did_you_mean
from harness.graph.cell import PlainNode, Ref, Row
from harness.graph.draft import Draft, Sketch, span
from harness.graph.faults import Faults, join
from harness.graph.names import level_of
from harness.graph.ops import FUSES
from harness.graph.order import cycle_of
from harness.graph.sketcher import STEPS, Sketcher

if TYPE_CHECKING:
    from harness.graph.derive import Lookup


def check(tree: Mapping[str, Any], *, lookup: "Lookup | None" = None) -> tuple[Fault, ...]:
    """All faults of a plain tree, of its words and of the graph they make; none if it is right."""
    from harness.graph.expand import expand_into
    from harness.graph.parse import read_topology

    faults = Faults()
    topology = read_topology(tree, faults, lookup)
    if topology is not None:
        expand_into(topology, faults)
    return faults.all()


def check_rows(sketcher: Sketcher, faults: Faults) -> None:
    """What is wrong with rows and plain nodes whatever the repeat."""
    for row in sketcher.cell.rows:
        if row.inputs is None:
            near = _near(row.name, [other.name for other in sketcher.cell.rows])
            faults.add(row.path, f"a row needs 'from'{near}")
        for one in row.inputs or ():
            for ref in one.refs:
                _check_own(row, ref, one.path, faults)
                _check_somewhere(sketcher, row, ref, one.path, faults)
    for node in sketcher.plain:
        _check_fields(node, sketcher, faults)
        if node.level is not None and node.level not in sketcher.bounds:
            reason = f"level p{node.level} is not in {span(sketcher.bounds)}"
            faults.add(f"{node.path}.level", reason)
    for row in sketcher.cell.rows:
        if row.name in [node.name for node in sketcher.cell.nodes]:
            path = join(sketcher.cell.path, f"nodes.{row.name}")
            faults.add(path, f"{row.name!r} is a row already")


def _near(name: str, names: Iterable[str]) -> str:
    """What a name may have been meant for, if it is near to any other."""
    near = did_you_mean(name, [other for other in names if other != name])
    return near if "?" in near else ""


def _check_fields(node: PlainNode, sketcher: Sketcher, faults: Faults) -> None:
    lacks = ["'from'"] if node.inputs is None else []
    if node.level is None and not faults.under(f"{node.path}.level"):
        lacks.insert(0, "'level'")
    if lacks:
        near = _near(node.name, sketcher.names)
        faults.add(node.path, f"a node needs {' and '.join(lacks)}{near}")


def _check_own(row: Row, ref: Ref, path: str, faults: Faults) -> None:
    right = {"down": "coarser", "up": "finer", "none": None}[row.order]
    if ref.name == row.name and not ref.back and ref.step != right:
        if right is None:
            faults.add(path, f"row {row.name!r} reads itself: it needs an order, down or up")
        else:
            reason = f"row {row.name!r} is made {row.order}: of itself it reads {row.name}.{right}"
            faults.add(path, reason)


def _check_somewhere(sketcher: Sketcher, row: Row, ref: Ref, path: str, faults: Faults) -> None:
    """A reference must exist at some level in some turn, were there a few more levels."""
    if ref.step == "all" or faults.under(path):
        return
    step = STEPS.get(ref.step, 0)
    for turn in sketcher.turns:
        family = turn.reach.get(ref.name)
        if family is None or any(level + step in family for level in turn.reach.get(row.name, ())):
            return
    text = f"{ref.name}.{ref.step}" if ref.step else ref.name
    faults.add(path, f"{text!r} exists at no level of row {row.name!r}")


def check_sketch(
    sketch: Sketch, sketcher: Sketcher | None, faults: Faults, must: Iterable[int] = ()
) -> None:
    """What is wrong with the nodes of one repeat; of the steady one if its sketcher is given.

    must: levels whose outputs it has to make.
    """
    for draft in sketch.drafts.values():
        _check_inputs(draft, "" if sketcher else " in the first repeats", faults)
    _check_cycle(sketch, faults)
    if sketcher is not None:
        _check_outputs(sketch, sketcher.cell.path, must, faults)


def _check_inputs(draft: Draft, when: str, faults: Faults) -> None:
    if faults.under(f"{draft.path}.from"):
        return
    if not draft.inputs:
        faults.add(f"{draft.path}.from", f"{draft.name!r} has no input{when}")
        return
    fewest, most = FUSES.get(draft.fuse.name).arity
    count = len(draft.inputs)
    if count < fewest or (most is not None and count > most):
        wanted = f"{fewest}" if fewest == most else f"at least {fewest}"
        if most is not None and count > most:
            wanted = f"at most {most}"
        has = f"{draft.name!r} has {count}{when}"
        faults.add(f"{draft.path}.from", f"{draft.fuse.name} takes {wanted} inputs, {has}")


def _check_cycle(sketch: Sketch, faults: Faults) -> None:
    reads = {
        name: [source for (source, back), _ in draft.inputs if not back]
        for name, draft in sketch.drafts.items()
    }
    loop = cycle_of(reads)
    if loop:
        path = sketch.drafts[loop[0]].path
        faults.add(f"{path}.from", f"cycle: {' > '.join(loop)}")


def _check_outputs(sketch: Sketch, cell: str, must: Iterable[int], faults: Faults) -> None:
    for level in must:
        path = join(cell, f"outputs.p{level}")
        link = sketch.outputs.get(level)
        if link is None:
            faults.add(path, f"no node makes the output of p{level}")
        elif level in sketch.earlier.extra:
            continue
        elif _is_given(sketch.resolve(link)[0], sketch) and not faults.under(path):
            faults.add(path, f"nothing is left of the output of p{level} but the cell's input")


def _is_given(name: str, sketch: Sketch) -> bool:
    """Whether a name is no node's: a map that the cell is given, or the backbone's (`c4`)."""
    return level_of(name) is not None or ("@" not in name and name not in sketch.drafts)


def check_used(
    sketches: Sequence[Sketch], sketchers: Sequence[Sketcher], read: set[str], faults: Faults
) -> None:
    """Nodes that lead nowhere in any turn of a cell. read: those that later stages read.

    Those that a misspelt name may have meant are let pass.
    """
    outputs = {join(sketcher.cell.path, "outputs") for sketcher in sketchers}
    if any(map(faults.under, outputs)):
        return
    used: set[str] = set()
    for sketch, sketcher in zip(sketches, sketchers, strict=True):
        left = [*read, *sketcher.meant, *(name for name, _ in sketch.outputs.values())]
        for other in sketches if len(sketches) > 1 else ():
            left += [n for d in other.drafts.values() for (n, back), _ in d.inputs if back]
        seen: set[str] = set()
        while left:
            name = left.pop()
            if name not in seen and name in sketch.drafts:
                seen.add(name)
                left.extend(source for (source, _), _ in sketch.drafts[name].inputs)
        used |= seen
    unused: dict[str, list[str]] = {}
    for sketch in sketches:
        for name, draft in sketch.drafts.items():
            if name not in used:
                unused.setdefault(draft.path, []).append(repr(name))
    for path, names in unused.items():
        reason = "are read by nothing and are" if len(names) > 1 else "is read by nothing and is"
        faults.add(path, f"{', '.join(names)} {reason} no output")
