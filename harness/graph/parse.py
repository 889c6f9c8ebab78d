"""Plain tree -> Topology: `derive` resolved, every field read, every fault gathered."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from harness.errors import SpecError
from harness.graph.args import choice, flag, is_whole
from harness.graph.cell import (
    Blueprint,
    PerLevel,
    Rewrite,
    Route,
    Settings,
    Stage,
    everywhere,
)
from harness.graph.conventions import CONVENTIONS, Convention
from harness.graph.derive import ABOUT, DEEPEST, Lookup, resolved
from harness.graph.extras import read_extra
from harness.graph.faults import Faults, join
from harness.graph.names import is_free
from harness.graph.ops import ACTIVATIONS, ORDERS
from harness.graph.overlay import overlaid
from harness.graph.read import Reader
from harness.graph.rewrites import read_rewrites
from harness.graph.spec import Norm, Op, Projection, Scalar, Topology
from harness.graph.stages import (
    REPEATS_FIELDS,
    StageReader,
    repeats_of,
    stage_trees,
)

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
_STRUCTURE = ("derive", "stages", "rows", "nodes", "outputs", "rewrites", "taps")
_SIZE = ("repeats", "levels", "inputs", "inner_levels", "last_backbone_level")
FIELDS = (*ABOUT, *_STRUCTURE, *_SETTINGS, *_SIZE)

INHERITED = (
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
    whole = resolved(tree, faults, lookup)
    for key in ABOUT:
        if not isinstance(whole.get(key, ""), str):
            faults.add(key, f"expected text, got {whole[key]!r}")
    defaults = _read_defaults(whole, faults)
    reader = defaults.reader
    blueprint = _read_blueprint(whole, faults, defaults)
    repeats = _repeats(whole, blueprint, faults)
    levels = (reader.levels(whole["levels"], "levels") if "levels" in whole else None) or (3, 7)
    name, source = str(whole.get("name", "unnamed")), str(whole.get("source", ""))
    return Topology(name, whole, repeats, levels, blueprint, source)


class _Defaults(NamedTuple):
    """What the top level of a tree sets for all its stages. extra: the recipe as a tree."""

    reader: Reader
    settings: Settings
    extra: Mapping[str, Any]


def _read_defaults(tree: Mapping[str, Any], faults: Faults) -> _Defaults:
    convention = _convention(tree, faults)
    values: dict[str, Scalar] = {}
    for arg in INHERITED:
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
    ops = {key: _op_setting(key, tree, convention, reader) for key in ("fuse", "block")}
    routes = {key: _route_setting(key, tree, convention, reader) for key in ("up", "down")}
    given = tree.get("extra", {})
    extra = read_extra(convention.extra, given, "extra", reader, routes["down"], projection)
    inner = reader.levels(tree["inner_levels"], "inner_levels") if "inner_levels" in tree else None
    settings = Settings(
        projection, routes["up"], routes["down"], ops["fuse"], ops["block"], norm, extra, inner
    )
    said = given if isinstance(given, Mapping) else {}
    return _Defaults(reader, settings, {**convention.extra, **said})


def _convention(tree: Mapping[str, Any], faults: Faults) -> Convention:
    name = tree.get("conventions", "efficientdet")
    try:
        return CONVENTIONS.get(name)
    except (SpecError, TypeError) as error:
        wrong = f"expected a name, got {name!r}"
        known = isinstance(error, SpecError)
        faults.add("conventions", error.faults[0].message if known else wrong)  # type: ignore[union-attr]
        return CONVENTIONS.get("efficientdet")


def _op_setting(
    key: str, tree: Mapping[str, Any], convention: Convention, reader: Reader
) -> PerLevel[Op]:
    read = partial(reader.op, key)
    own = reader.leveled(tree[key], key, read) if key in tree else None
    default = read(getattr(convention, key), key)
    assert default is not None
    return everywhere(own, default)


def _route_setting(
    key: str, tree: Mapping[str, Any], convention: Convention, reader: Reader
) -> PerLevel[Route]:
    read = partial(reader.route, key)
    own = reader.leveled(tree[key], key, read) if key in tree else None
    default = read(getattr(convention, key), key)
    assert default is not None
    return everywhere(own, default)


def _read_blueprint(
    tree: Mapping[str, Any],
    faults: Faults,
    defaults: _Defaults,
    after: tuple[Rewrite, ...] = (),
    depth: int = 0,
) -> Blueprint:
    """after: rewrites of the topology that this one is a stage of, at some depth."""
    reader, settings, extra = defaults
    if "stages" in tree:
        after = (*read_rewrites(tree.get("rewrites"), "rewrites", reader), *after)
    last = tree.get("last_backbone_level", 5)
    if not is_whole(last) or last < 1:
        faults.add("last_backbone_level", f"expected a whole number of at least 1, got {last!r}")
        last = 5
    stages: list[Stage] = []
    repeated = None
    for path, one in stage_trees(tree, faults):
        at = 0
        if path and "topology" in one:
            found, at = _inner_stages(one, path, faults, after, depth + 1)
        else:
            found = StageReader(reader, settings, extra, faults, path).read(one, after)
        if found and (not path or "repeats" in one):
            repeated = len(stages) + at
        stages += found
    return Blueprint(
        stages=tuple(stages),
        repeated=repeated,
        extra=settings.extra,
        settings=settings,
        inherited=tuple(reader.inherited.items()),
        last_backbone_level=last,
        inputs=reader.levels(tree["inputs"], "inputs") if "inputs" in tree else None,
        taps=_taps(tree, faults),
    )


def _repeats(tree: Mapping[str, Any], blueprint: Blueprint, faults: Faults) -> int:
    """What the file says at the top level, else what the stage says that repeats."""
    if "repeats" not in tree and blueprint.repeated is not None:
        return blueprint.stages[blueprint.repeated].repeats
    repeats = repeats_of(tree, faults)
    said = tree.get("repeats")
    if "stages" in tree and isinstance(said, Mapping):
        faults.unknown_fields(said, REPEATS_FIELDS, "repeats")
        for key in sorted(said.keys() & {"weights", "each"}):
            faults.add(f"repeats.{key}", "say it in the stage that repeats")
    if repeats > 1 and blueprint.stages and blueprint.repeated is None:
        faults.add("repeats", "no stage says 'repeats': say in one of them that it repeats")
    return repeats


def _inner_stages(
    stage: Mapping[str, Any], path: str, faults: Faults, after: tuple[Rewrite, ...], depth: int
) -> tuple[list[Stage], int]:
    """The stages of a whole topology that stands as one stage of another, with its own settings.

    And which of them the stage's `repeats` is of.
    """
    inside, inner = f"{path}.topology", stage["topology"]
    faults.unknown_fields(stage, ("topology", "repeats"), path)
    if not isinstance(inner, Mapping):
        if not faults.under(inside):
            faults.add(inside, f"expected the name of a topology, got {inner!r}")
        return [], 0
    if depth > DEEPEST:
        faults.add(inside, f"more than {DEEPEST} topologies inside one another")
        return [], 0
    whole = overlaid(inner, {"repeats": stage["repeats"]} if "repeats" in stage else {})
    within = faults.within(inside)
    blueprint = _read_blueprint(whole, within, _read_defaults(whole, within), after, depth)
    repeats, at = _repeats(whole, blueprint, within), blueprint.repeated or 0
    found = [
        replace(one, inside=join(inside, one.inside) if one.inside else inside)
        for one in blueprint.stages
    ]
    if blueprint.repeated is not None:
        found[at] = replace(found[at], repeats=repeats)
    return found, at


def _taps(tree: Mapping[str, Any], faults: Faults) -> tuple[tuple[str, str], ...]:
    """`taps: {name: node}`: further outputs by name."""
    taps = tree.get("taps", {})
    if not isinstance(taps, Mapping):
        faults.add("taps", f"expected names with their nodes, got {taps!r}")
        return ()
    found = []
    for name, node in taps.items():
        if not isinstance(name, str) or not is_free(name):
            faults.add(f"taps.{name}", f"{name!r} cannot be a name here")
        elif not isinstance(node, str):
            faults.add(f"taps.{name}", f"expected the name of a node, got {node!r}")
        else:
            found.append((name, node))
    return tuple(found)
