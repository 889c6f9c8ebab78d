"""The words of a topology file as a JSON Schema, made from the tables that the reader reads by.

What a schema cannot say (names that must exist, levels that must meet) `harness check` says.
Plain data: no name in it is ours alone, so any editor that knows JSON Schema can complete by it.
"""

import keyword
from collections.abc import Iterable, Mapping
from typing import Any

from harness.graph.args import Arg
from harness.graph.conventions import CONVENTIONS
from harness.graph.extras import EXTRA_FIELDS, STEP_FIELDS
from harness.graph.families import INPUT_FIELDS, NODE_FIELDS, REF, ROW_FIELDS, TAP, WORD
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, OpSpec
from harness.graph.parse import FIELDS, INHERITED
from harness.graph.read import COARSEST, DISTANCE, FINEST, LEVELS, NORM, PROJECTION
from harness.graph.rewrites import REWRITES, SETS
from harness.graph.stages import REPEATS_FIELDS, STAGE_FIELDS
from harness.registry import Table

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LEVEL = r"p\d{1,2}"
RANGE = rf"^{LEVEL}(\.\.{LEVEL})?$"

ABOUT = {
    "name": "What the network is called.",
    "source": "Who proposed it, where.",
    "published": "What of this file the source says.",
    "inferred": "What the source does not say and this file decides.",
    "approximates": "For a file that says only part of its network, what is left out.",
    "conventions": "A named set of defaults; every one of them can be said singly.",
    "levels": "Levels of the outputs: p3..p7.",
    "inputs": "Levels of the backbone maps it reads. Default: levels, up to last_backbone_level.",
    "inner_levels": "Where nodes may stand beside the levels of inputs and outputs.",
    "last_backbone_level": "The coarsest level a backbone has; coarser ones are made by extra.",
    "rows": "Families of nodes, one a level, by name.",
    "nodes": "Single nodes by name; under the name of a row's node, what changes in it.",
    "outputs": "The node of each output level. Default: the last row that has the level.",
    "taps": "Further named outputs.",
    "stages": "Cells that follow one another.",
    "repeats": "How often the cell stands there, and what differs between repeats.",
    "derive": "Another topology that this one changes.",
    "rewrites": "Changes of the whole cell by name.",
    "extra": "How levels that the backbone lacks are made, each from the next finer.",
    "from": "What is read: names, row.coarser, row.finer, row.all, name@-1; a | b takes the first.",
    "fuse": "How the inputs are joined.",
    "block": "What is done to what the fuse gives.",
    "up": "How a coarser map gets to the level.",
    "down": "How a finer map gets to the level.",
    "projection": "The 1x1 convolution that brings channels to the node's.",
    "norm": "Batch norm's constants; momentum is the weight of the new batch.",
    "act": "The activation of all convolutions.",
    "conv_order": "The order of convolution, norm and activation.",
    "bias": "Whether convolutions that a norm follows have a bias.",
    "channels": "A multiple of the width: 2x, 0.5.",
    "share": "Nodes (or edges) of one word have one set of weights.",
    "order": "down makes the coarsest first, up the finest.",
    "skip_first": "Leaves out the level the row starts at.",
    "level": "The level of the node: p4.",
    "role": "Who the input is to a fuse that tells its inputs apart.",
    "tap": "before reads the source before its block.",
    "op": "Blocks on the edge, before any resampling.",
    "topology": "A whole other file as one stage.",
    "first": "What the first extra level does differently.",
    "n": "How many repeats.",
    "weights": "shared gives all repeats one set of weights.",
    "each": "Values that take turns from repeat to repeat, by dotted path.",
}
"""What a field means, for an editor to show."""


def topology_schema() -> Schema:
    """The schema of a topology file, with the ops that are registered now."""
    return {
        "$schema": DIALECT,
        "title": "A feature network",
        **topology_object(),
        "$defs": topology_definitions(),
    }


def topology_object() -> Schema:
    """A whole topology, as a file says it or a study that says one outright."""
    return {
        **_fields(topology_fields()),
        "anyOf": [{"required": [key]} for key in ("rows", "nodes", "stages", "derive")],
        "dependentSchemas": {
            "stages": {"not": {"anyOf": [{"required": [k]} for k in ("rows", "nodes", "outputs")]}}
        },
    }


def topology_fields() -> dict[str, Schema]:
    """Every field of a topology file. Definitions are those of `topology_definitions`."""
    inherited = {arg.name: argument(arg) for arg in INHERITED}
    known: dict[str, Schema] = {
        **inherited,
        "conventions": {"enum": list(CONVENTIONS.names())},
        "derive": _any(
            {"type": "string"}, _fields({"from": {"type": "string"}, "rewrites": _ref("rewrites")})
        ),
        "stages": {"type": "array", "minItems": 1, "items": _ref("stage")},
        "rows": _ref("rows"),
        "nodes": _ref("nodes"),
        "outputs": _ref("outputs"),
        "rewrites": _ref("rewrites"),
        "taps": _by_name({"type": "string"}),
        "extra": _ref("extra"),
        "repeats": _ref("repeats"),
        "levels": _ref("levels"),
        "inputs": _ref("levels"),
        "inner_levels": _ref("levels"),
        "last_backbone_level": {"type": "integer", "minimum": 1},
        "projection": _ref("projection"),
        "norm": _ref("norm"),
        **{kind: _ref(f"leveled_{kind}") for kind in ("fuse", "block", "up", "down")},
    }
    return _picked(FIELDS, known, {"type": "string"})


def topology_definitions() -> dict[str, Schema]:
    """What fields refer to."""
    ops = {"fuse": FUSES, "block": BLOCKS}
    definitions: dict[str, Schema] = {kind: _one_of(table) for kind, table in ops.items()}
    for kind in ("up", "down"):
        names = [n for n in RESAMPLES.names() if kind in RESAMPLES.get(n).directions]
        definitions[f"resample_{kind}"] = _one_of(RESAMPLES, names)
        definitions[f"way_{kind}"] = _way(kind)
        definitions[kind] = _any(
            _ref(f"way_{kind}"), _keyed(f"^{DISTANCE.pattern}$", f"way_{kind}")
        )
        definitions[f"leveled_{kind}"] = _leveled(kind)
    return {
        **definitions,
        "leveled_fuse": _leveled("fuse"),
        "leveled_block": _leveled("block"),
        "number_of_channels": _any(
            {"type": "number", "exclusiveMinimum": 0}, _text(r"^\d+(\.\d+)?x$")
        ),
        "channels": _leveled("number_of_channels"),
        "projection": _any(argument(PROJECTION[0]), _arguments(PROJECTION)),
        "norm": _arguments(NORM),
        "levels": _any(_text(f"^{LEVELS.pattern}$"), _pair()),
        "word": _any(_text(f"^{WORD.pattern}$"), {"type": "null"}),
        "reference": _text(rf"^\s*{_bare(REF.pattern)}(\s*\|\s*{_bare(REF.pattern)})*\s*$"),
        "input": _input(),
        "from": _some(_any(_ref("reference"), _ref("input"))),
        "row": _fields(_picked(ROW_FIELDS, _family())),
        "node": _fields(_picked(NODE_FIELDS, _family())),
        "rows": _by_name(_ref("row")),
        "nodes": _by_name(_ref("node")),
        "outputs": _keyed(f"^{LEVEL}$", {"type": "string"}, least=0),
        "rewrite": _rewrite(),
        "rewrites": _some(_ref("rewrite"), least=0),
        "repeats": _repeats(),
        "extra": _extra(),
        "stage": _stage(),
    }


# Fields of one kind of thing.


def _family() -> dict[str, Schema]:
    return {
        "from": _ref("from"),
        **{kind: _ref(f"leveled_{kind}") for kind in ("fuse", "block", "up", "down")},
        "projection": _ref("projection"),
        "norm": _ref("norm"),
        "channels": _ref("channels"),
        "share": _ref("word"),
        "order": {"enum": ["down", "up", "none"]},
        "skip_first": {"type": "boolean"},
        "levels": _ref("levels"),
        "level": _any(
            _text(f"^{LEVEL}$"), {"type": "integer", "minimum": FINEST, "maximum": COARSEST}
        ),
    }


def _input() -> Schema:
    roles = dict.fromkeys(role for name in FUSES.names() for role in FUSES.get(name).roles)
    known = {
        "from": _ref("reference"),
        "role": {"enum": [*roles, None]},
        "tap": argument(TAP),
        "op": _some(_ref("block"), least=0),
        "projection": _ref("projection"),
        "up": _ref("up"),
        "down": _ref("down"),
        "channels": _ref("channels"),
        "share": _ref("word"),
    }
    return _fields(_picked(INPUT_FIELDS, known), required=["from"])


def _way(kind: str) -> Schema:
    """A resample, or a list of resamples and blocks of which one at least resamples."""
    resample = _ref(f"resample_{kind}")
    many = {"type": "array", "items": _any(resample, _ref("block")), "contains": resample}
    return _any(resample, many)


def _rewrite() -> Schema:
    plain = [name for name in REWRITES.names() if name not in SETS]
    sets = [_fields({name: _ref(kind)}, required=[name]) for name, kind in SETS.items()]
    return _any({"enum": plain}, *sets)


def _repeats() -> Schema:
    count = {"type": "integer", "minimum": 1}
    known: dict[str, Schema] = {
        "n": count,
        "weights": {"enum": ["own", "shared"]},
        "each": {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}},
    }
    return _any(count, _fields(_picked(REPEATS_FIELDS, known)))


def _extra() -> Schema:
    step = {"down": _ref("leveled_down"), "block": _ref("block"), "projection": _ref("projection")}
    known: dict[str, Schema] = {
        **step,
        "first": _fields(_picked(STEP_FIELDS, step)),
        "from": {"type": "string"},
        "levels": _any(_ref("levels"), {"type": "null"}),
    }
    return _fields(_picked(EXTRA_FIELDS, known))


def _stage() -> Schema:
    known = {
        "rows": _ref("rows"),
        "nodes": _ref("nodes"),
        "outputs": _ref("outputs"),
        "rewrites": _ref("rewrites"),
        "repeats": _ref("repeats"),
        "extra": _ref("extra"),
        "topology": {"type": "string"},
    }
    fields = _picked(STAGE_FIELDS, known)
    cell = {key: value for key, value in fields.items() if key not in ("extra", "topology")}
    named = _by_name(_ref("row"))
    return _any(
        _fields({"extra": fields["extra"]}, required=["extra"]),
        _fields({key: fields[key] for key in ("topology", "repeats")}, required=["topology"]),
        {
            **named,
            "properties": cell,
            "not": _any(*({"required": [k]} for k in ("extra", "topology"))),
        },
    )


# Ops and their arguments.


def argument(arg: Arg) -> Schema:
    """What an argument takes."""
    match arg.kind:
        case "choice":
            return {"enum": list(arg.choices)}
        case "flag":
            return {"type": "boolean"}
        case "whole":
            odd = {"not": {"multipleOf": 2}} if arg.odd else {}
            return {"type": "integer", "minimum": 1, **odd}
        case "positive":
            return {"type": "number", "exclusiveMinimum": 0}


def _arguments(args: Iterable[Arg]) -> Schema:
    return _fields({arg.name: argument(arg) for arg in args})


def _one_of(table: Table[OpSpec], names: Iterable[str] | None = None) -> Schema:
    """An op by name, or a mapping of its name to its arguments."""
    names = list(table.names() if names is None else names)
    words: list[Any] = [*names, *(["identity", None] if "none" in names else [])]
    return _any({"enum": words}, *(_op(name, table.get(name)) for name in names))


def _op(name: str, spec: OpSpec) -> Schema:
    """`{name: first argument}`, `{name: {...}}` or `{name: ..., other: ...}`."""
    first = [argument(spec.args[0])] if spec.args else []
    said = _any(*first, _arguments(spec.args), {"type": "null"})
    return _fields({**{arg.name: argument(arg) for arg in spec.args}, name: said}, required=[name])


# Forms.


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _any(*schemas: Mapping[str, Any]) -> Schema:
    return {"anyOf": [dict(one) for one in schemas]}


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def _bare(pattern: str) -> str:
    """A pattern that can stand in another: its groups are counted by nobody."""
    return f"(?:{pattern})"


def _pair() -> Schema:
    level = {"type": "integer", "minimum": FINEST, "maximum": COARSEST}
    return {"type": "array", "items": level, "minItems": 2, "maxItems": 2}


def _some(item: Schema, least: int = 1) -> Schema:
    """One, or a list."""
    return _any(item, {"type": "array", "items": item, "minItems": least})


def _fields(fields: Mapping[str, Schema], required: list[str] | None = None) -> Schema:
    """A mapping with these fields and no other."""
    more = {"required": required} if required else {}
    return {"type": "object", "properties": dict(fields), "additionalProperties": False, **more}


def _picked(
    names: Iterable[str], known: Mapping[str, Schema], other: Schema | None = None
) -> dict[str, Schema]:
    """Exactly the fields that the reader knows, each with what it means."""
    found = {}
    for name in names:
        schema = known[name] if other is None else known.get(name, other)
        found[name] = {**schema, "description": ABOUT[name]} if name in ABOUT else schema
    return found


def _keyed(pattern: str, value: str | Schema, least: int = 1) -> Schema:
    """A mapping whose keys are of one form."""
    inner = _ref(value) if isinstance(value, str) else value
    return {
        "type": "object",
        "patternProperties": {pattern: inner},
        "additionalProperties": False,
        "minProperties": least,
    }


def _leveled(kind: str) -> Schema:
    """One for all levels, or one a range of levels."""
    return _any(_ref(kind), _keyed(RANGE, kind))


def _by_name(value: Schema) -> Schema:
    """A mapping by names that a row or node may have."""
    names = {
        "pattern": rf"^(?!{LEVEL}$)[A-Za-z]\w*$",
        "not": {"enum": list(keyword.kwlist)},
    }
    return {"type": "object", "propertyNames": names, "additionalProperties": value}
