"""Plain tree -> Topology: `derive` resolved, every field read, every fault gathered."""

from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import SpecError
from harness.graph.args import choice, flag, is_whole
from harness.graph.cell import Cell, Extra, PlainNode, Rewrite, Row, Settings
from harness.graph.conventions import CONVENTIONS, Convention
from harness.graph.faults import Faults
from harness.graph.names import level_of
from harness.graph.ops import ACTIVATIONS, ORDERS
from harness.graph.overlay import overlaid
from harness.graph.read import Reader
from harness.graph.rewrites import read_rewrite
from harness.graph.spec import Norm, Op, Projection, Scalar, Topology

Lookup = Callable[[str], Mapping[str, Any]]

_ABOUT = ("name", "source", "published", "inferred")
_SETTINGS = (
    "conventions",
    "fuse",
    "block",
    "up",
    "down",
    "projection",
    "norm",
    "act",
    "conv_order",
    "bias",
    "extra",
)
_STRUCTURE = ("derive", "rows", "nodes", "outputs", "rewrites")
_SIZE = ("repeats", "levels", "last_backbone_level")
FIELDS = (*_ABOUT, *_STRUCTURE, *_SETTINGS, *_SIZE)

_INHERITED = (
    choice("act", *ACTIVATIONS),
    choice("conv_order", *ORDERS),
    flag("bias", True),
)


def parse(tree: Mapping[str, Any], *, lookup: Lookup | None = None) -> Topology:
    """The topology a tree says; `lookup` finds the trees that `derive` names.

    A `SpecError` holds all faults, with paths in the tree and no lines.
    """
    faults = Faults()
    topology = read_topology(tree, faults, lookup)
    faults.raise_any()
    assert topology is not None
    return topology


def read_topology(
    tree: Mapping[str, Any], faults: Faults, lookup: Lookup | None = None
) -> Topology | None:
    """What can be read of a tree; None where nothing can."""
    if not isinstance(tree, Mapping):
        faults.add("", f"expected a topology, got {tree!r}")
        return None
    faults.unknown_fields(tree, FIELDS, "")
    whole = _resolved(tree, faults, lookup, ())
    for key in _ABOUT:
        if not isinstance(whole.get(key, ""), str):
            faults.add(key, f"expected text, got {whole[key]!r}")
    reader, settings = _read_settings(whole, faults)
    cell = _read_cell(whole, faults, reader, settings)
    repeats = _whole(whole, "repeats", 1, faults)
    levels = (reader.levels(whole["levels"], "levels") if "levels" in whole else None) or (3, 7)
    name, source = str(whole.get("name", "unnamed")), str(whole.get("source", ""))
    return Topology(name, whole, repeats, levels, cell, source)


def _resolved(
    tree: Mapping[str, Any], faults: Faults, lookup: Lookup | None, chain: tuple[str, ...]
) -> dict[str, Any]:
    """The tree over what it derives from, with the rewrites of both in order."""
    own = {key: value for key, value in tree.items() if key != "derive"}
    if "derive" not in tree:
        return own
    derive = tree["derive"]
    derive = {"from": derive} if isinstance(derive, str) else derive
    if not isinstance(derive, Mapping) or not isinstance(derive.get("from"), str):
        faults.add("derive", f"expected {{from: name, rewrites: [...]}}, got {tree['derive']!r}")
        return own
    faults.unknown_fields(derive, ("from", "rewrites"), "derive")
    name = derive["from"]
    if name in chain:
        loop = " > ".join((*chain[chain.index(name) :], name))
        faults.add("derive.from", f"derives from itself: {loop}")
        return own
    found = _looked_up(name, faults, lookup)
    if found is None:
        return own
    base = _resolved(found, faults, lookup, (*chain, name))
    base = {key: value for key, value in base.items() if key not in _ABOUT}
    rewrites = [*_list(base.get("rewrites")), *_list(derive.get("rewrites"))]
    whole = overlaid(base, own)
    whole["rewrites"] = [*rewrites, *_list(own.get("rewrites"))]
    return whole


def _looked_up(name: str, faults: Faults, lookup: Lookup | None) -> Mapping[str, Any] | None:
    if lookup is None:
        faults.add("derive.from", f"nowhere to look up topology {name!r}")
        return None
    try:
        return lookup(name)
    except SpecError as error:
        for fault in error.faults:
            faults.add("derive.from", str(fault) if fault.file or fault.path else fault.message)
        return None


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _read_settings(tree: Mapping[str, Any], faults: Faults) -> tuple[Reader, Settings]:
    convention = _convention(tree, faults)
    values: dict[str, Scalar] = {}
    for arg in _INHERITED:
        default = getattr(convention, arg.name)
        given = arg.name in tree
        values[arg.name] = arg.read(tree[arg.name], arg.name, faults, default) if given else default
    inherited = {"act": values["act"], "order": values["conv_order"], "bias": values["bias"]}
    reader = Reader(faults, inherited)
    base = Projection(**{"bias": bool(values["bias"]), **convention.projection})
    projection = (
        reader.projection(tree["projection"], "projection", base) if "projection" in tree else base
    )
    norm = Norm(**convention.norm)
    norm = reader.norm(tree["norm"], "norm", norm) if "norm" in tree else norm
    ops = {key: _setting(key, tree, convention, reader) for key in ("fuse", "block", "up", "down")}
    extra = _extra(tree, convention, reader, ops["down"], projection)
    settings = Settings(projection, ops["up"], ops["down"], ops["fuse"], ops["block"], norm, extra)
    return reader, settings


def _convention(tree: Mapping[str, Any], faults: Faults) -> Convention:
    name = tree.get("conventions", "efficientdet")
    try:
        return CONVENTIONS.get(name)
    except (SpecError, TypeError) as error:
        wrong = f"expected a name, got {name!r}"
        known = isinstance(error, SpecError)
        faults.add("conventions", error.faults[0].message if known else wrong)  # type: ignore[union-attr]
        return CONVENTIONS.get("efficientdet")


def _setting(key: str, tree: Mapping[str, Any], convention: Convention, reader: Reader) -> Op:
    own = reader.op(key, tree[key], key) if key in tree else None
    op = own or reader.op(key, getattr(convention, key), key)
    assert op is not None
    return op


def _extra(
    tree: Mapping[str, Any],
    convention: Convention,
    reader: Reader,
    down: Op,
    projection: Projection,
) -> Extra:
    given = tree.get("extra", {})
    if not isinstance(given, Mapping):
        reader.faults.add("extra", f"expected down, block, projection, got {given!r}")
        given = {}
    reader.faults.unknown_fields(given, ("down", "block", "projection"), "extra")
    fields = {**convention.extra, **given}
    if "down" in fields:
        down = reader.op("down", fields["down"], "extra.down") or down
    if "projection" in fields:
        projection = reader.projection(fields["projection"], "extra.projection", projection)
    block = reader.op("block", fields.get("block", "none"), "extra.block") or Op("none")
    return Extra(down, block, projection)


def _read_cell(tree: Mapping[str, Any], faults: Faults, reader: Reader, settings: Settings) -> Cell:
    rows: list[Row] = []
    for name, fields in _mapping(tree, "rows", faults).items():
        row = reader.row(name, fields, f"rows.{name}", settings.projection, settings.norm)
        if row is not None:
            rows.append(row)
    nodes: list[PlainNode] = []
    for name, fields in _mapping(tree, "nodes", faults).items():
        node = reader.node(name, fields, f"nodes.{name}", settings.projection, settings.norm)
        if node is not None:
            nodes.append(node)
    if not tree.get("rows") and not tree.get("nodes") and not faults:
        faults.add("", "a topology needs 'rows', 'nodes' or 'derive'")
    last = _whole(tree, "last_backbone_level", 5, faults)
    return Cell(
        rows=tuple(rows),
        nodes=tuple(nodes),
        outputs=_outputs(tree, faults),
        rewrites=_rewrites(tree, faults, reader),
        settings=settings,
        inherited=tuple(reader.inherited.items()),
        last_backbone_level=last,
    )


def _rewrites(tree: Mapping[str, Any], faults: Faults, reader: Reader) -> tuple[Rewrite, ...]:
    entries = _list(tree.get("rewrites"))
    read = [read_rewrite(one, f"rewrites.{i}", faults, reader) for i, one in enumerate(entries)]
    return tuple(one for one in read if one is not None)


def _outputs(tree: Mapping[str, Any], faults: Faults) -> tuple[tuple[int, str], ...]:
    outputs: dict[int, str] = {}
    for key, name in _mapping(tree, "outputs", faults).items():
        level = level_of(key) if isinstance(key, str) else None
        if level is None:
            faults.add(f"outputs.{key}", f"expected a level such as p4, got {key!r}")
        elif not isinstance(name, str):
            faults.add(f"outputs.{key}", f"expected the name of a node, got {name!r}")
        else:
            outputs[level] = name
    return tuple(sorted(outputs.items()))


def _mapping(tree: Mapping[str, Any], key: str, faults: Faults) -> Mapping[Any, Any]:
    value = tree.get(key, {})
    if isinstance(value, Mapping):
        return value
    faults.add(key, f"expected names with their fields, got {value!r}")
    return {}


def _whole(tree: Mapping[str, Any], key: str, default: int, faults: Faults) -> int:
    value = tree.get(key, default)
    if is_whole(value) and value >= 1:
        return int(value)
    faults.add(key, f"expected a whole number of at least 1, got {value!r}")
    return default
