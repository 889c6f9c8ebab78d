"""What `harness diff` says."""

from collections.abc import Iterable
from typing import Any

from harness.graph.diff import Difference, EdgeChange, FieldChange, NodeChange, Sum
from harness.graph.spec import Norm, Op, Projection
from harness.graph.wording import count, op_label, path_label

SHORT = 12
"""Lines that are printed even where two networks have little in common."""


def difference_words(found: Difference, sizes: tuple[str, str] = ("", "")) -> str:
    """The difference in lines: in a word, nodes, edges, outputs, cost.

    sizes: what either network is looked at with. Of two that have little in common only the
    counts and the costs are said: how their nodes were paired would mean nothing.
    """
    a, b = found.names
    if found.same:
        lines = [f"the same network: {a} and {b} have one digest, {found.digests[0][:16]}"]
        lines += _sized(found, sizes)
        if found.renamed:
            lines += ["", _renamed(found)]
        return "\n".join([*lines, *_cost(found)])
    told = _told(found)
    if found.little_in_common and len(told) > SHORT:
        mine, theirs = found.nodes
        lines = [
            f"{a} -> {b}: little in common: {found.corresponding} of {mine} and "
            f"{count(theirs, 'node')} correspond (--json has them all)"
        ]
        return "\n".join([*lines, *_sized(found, sizes), *_cost(found)])
    lines = [f"{a} -> {b}: {_summary(found)}", *_sized(found, sizes), *told]
    return "\n".join([*lines, *_cost(found)])


def _sized(found: Difference, sizes: tuple[str, str]) -> list[str]:
    """Once where both are the same."""
    if sizes[0] == sizes[1]:
        return [sizes[0]] if sizes[0] else []
    return [f"{name}: {said}" for name, said in zip(found.names, sizes, strict=True)]


def _told(found: Difference) -> list[str]:
    """Nodes, edges and outputs."""
    a, b = found.names
    lines = _named(f"only in {a}", found.removed)
    lines += _named(f"only in {b}", found.added)
    lines += _fields(found)
    edges = [line for node in found.changed for line in _edges(node)]
    lines += ["", "edges", *(f"  {line}" for line in edges)] if edges else []
    if found.ends:
        lines += ["", "outputs"]
        lines += [f"  {one.field}: {one.before or '-'} -> {one.after or '-'}" for one in found.ends]
    lines += ["", _renamed(found)] if found.renamed else []
    if not (found.removed or found.added or found.changed or found.ends):
        lines += ["", "node by node nothing differs: only how like nodes are joined does"]
    return lines


def _summary(found: Difference) -> str:
    edges = [edge.kind for node in found.changed for edge in node.edges]
    counts = [
        (len(found.removed), "node", "removed"),
        (len(found.added), "node", "added"),
        (len(found.changed), "node", "changed"),
        *((edges.count(kind), "edge", kind) for kind in ("removed", "added", "moved", "changed")),
    ]
    said = [f"{count(number, noun)} {verb}" for number, noun, verb in counts if number]
    return ", ".join([*said, f"{count(found.unchanged, 'node')} as before"])


def _renamed(found: Difference) -> str:
    return "called otherwise: " + ", ".join(f"{a} = {b}" for a, b in found.renamed.items())


def _named(title: str, keys: Iterable[str]) -> list[str]:
    text = _keys(keys)
    return [f"{title}: {text}"] if text else []


def _keys(keys: Iterable[str]) -> str:
    """Keys, those of several repeats once: `p4_td, p5_td @1..3`."""
    repeats: dict[str, list[int]] = {}
    for key in keys:
        name, _, repeat = key.partition("@")
        repeats.setdefault(name, []).append(int(repeat or 0))
    alike: dict[tuple[int, ...], list[str]] = {}
    for name, found in repeats.items():
        alike.setdefault(tuple(sorted(found)), []).append(name)
    return "; ".join(f"{', '.join(names)} @{_range(found)}" for found, names in alike.items())


def _range(numbers: tuple[int, ...]) -> str:
    whole = len(numbers) > 1 and numbers == tuple(range(numbers[0], numbers[-1] + 1))
    return f"{numbers[0]}..{numbers[-1]}" if whole else ",".join(map(str, numbers))


def _fields(found: Difference) -> list[str]:
    """Nodes whose fields differ, those that differ in the same way together."""
    alike: dict[str, list[str]] = {}
    for node in found.changed:
        for one in node.fields:
            alike.setdefault(_field(one), []).append(node.after)
    lines = [f"  {words}: {_keys(keys)}" for words, keys in alike.items()]
    return ["", "nodes", *lines] if lines else []


def _field(one: FieldChange) -> str:
    if one.field == "share":
        mine, theirs = (", ".join(keys) or "none" for keys in (one.before, one.after))
        return f"weights shared among: {mine} -> {theirs}"
    if one.field == "order":
        return f"order of inputs ({', '.join(one.before)} -> {', '.join(one.after)})"
    return f"{one.field} {_value(one.before)} -> {_value(one.after)}"


def _edges(node: NodeChange) -> list[str]:
    return [f"{node.after}: {_edge(edge)}" for edge in node.edges]


def _edge(edge: EdgeChange) -> str:
    fields = ", ".join(_field(one) for one in edge.fields)
    match edge.kind:
        case "added":
            return f"reads {edge.after} too"
        case "removed":
            return f"no longer reads {edge.before}"
        case "moved":
            more = f" ({fields})" if fields else ""
            return f"reads {edge.after} instead of {edge.before}{more}"
        case _:
            return f"reads {edge.after} with {fields or 'other settings'}"


def _value(value: Any) -> str:
    """An op, a setting or a number as it would be said in a file."""
    match value:
        case Op():
            return op_label(value)
        case Norm():
            return f"eps {value.eps:g} momentum {value.momentum:g}"
        case Projection():
            norm, bias = (
                ("norm" if value.norm else "no norm"),
                ("bias" if value.bias else "no bias"),
            )
            return f"{value.when} per {value.per}, {norm}, {bias}"
        case tuple():
            return path_label(value) or "nothing"
        case None:
            return "none"
        case float():
            return f"{value:g}"
    return str(value)


def _cost(found: Difference) -> list[str]:
    if found.cost is None:
        return []
    head = ("", "params", "", "multiply-adds", "")
    rows = [_row(f"p{level}", cost) for level, cost in found.levels.items()]
    rows.append(_row("all", found.cost))
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(
            text.rjust(width) if i else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    return ["", *lines]


def _row(name: str, cost: Sum) -> tuple[str, ...]:
    return (name, *_step(*cost.params), *_step(*cost.macs))


def _step(before: int, after: int) -> tuple[str, str]:
    if before == after:
        return f"{after:,}", "="
    by = f" ({100 * (after - before) / before:+.1f}%)" if before else ""
    return f"{before:,} -> {after:,}", f"{after - before:+,}{by}"
