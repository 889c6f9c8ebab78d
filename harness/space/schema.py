"""The words of a study file as a JSON Schema, made from its pydantic models and the tables.

A file may say part of a study (another includes it, a profile completes it), so no field is
required here: `harness check` sees the whole.
"""

from typing import Any

from harness.graph.schema import (
    DIALECT,
    topology_definitions,
    topology_fields,
    topology_object,
)
from harness.space import axes
from harness.space.heads import part_names
from harness.space.limits import LIMITS
from harness.space.search_spec import COSTS, KINDS, OBJECTIVES
from harness.space.study import SEEDS, NetworkStudy, StudySpec

Schema = dict[str, Any]


def study_schema() -> Schema:
    """The schema of a study file, with the ops that are registered now."""
    made = _unrequired(StudySpec.model_json_schema(mode="validation"))
    definitions = {**topology_definitions(), **made.pop("$defs")}
    definitions["NetworkStudy"] = _network(definitions["NetworkStudy"])
    definitions["topology"] = topology_object()
    fields = made["properties"]
    fields["vary"]["propertyNames"] = _path()
    fields["arms"]["additionalProperties"] |= {
        "properties": {SEEDS: fields[SEEDS]},
        "propertyNames": {"anyOf": [{"const": SEEDS}, *_path()["anyOf"]]},
    }
    searched = definitions["SearchSpec"]["properties"]
    searched["space"]["propertyNames"] = _path()
    searched["kind"]["enum"] = list(KINDS)
    searched["objectives"]["items"]["enum"] = list(OBJECTIVES)
    definitions["Compare"]["properties"]["cost"]["enum"] = list(COSTS)
    fields["limits"]["propertyNames"] = {"enum": list(LIMITS)}
    _ablation(definitions)
    definitions["profile"] = {
        "anyOf": [
            {"type": "object", "properties": fields, "additionalProperties": False},
            {"type": "null"},
        ]
    }
    return {
        "$schema": DIALECT,
        "title": "A study",
        "type": "object",
        "properties": {
            **fields,
            "include": {
                "type": "string",
                "description": "A file beside this one that this one is laid over.",
            },
            "profiles": {
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/profile"},
                "description": "Fields laid over the study, by name: run with --profile NAME.",
            },
        },
        "additionalProperties": False,
        "$defs": definitions,
    }


def _ablation(definitions: Schema) -> None:
    """What parts, swaps and the tuned axis set is by path."""
    own = definitions["AblationStudy"]["properties"]
    definitions["PartStudy"]["properties"]["without"]["propertyNames"] = _path()
    own["swaps"]["additionalProperties"]["propertyNames"] = _path()
    own["tune"] |= {"propertyNames": _path(), "maxProperties": 1}
    definitions["MatchedStudy"]["properties"]["part"] = {"enum": [*part_names(), None]}


def _unrequired(schema: Any) -> Any:
    """Without what a file must say, and without pydantic's titles."""
    if isinstance(schema, list):
        return [_unrequired(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    dropped = ("required", "title", "default")
    return {
        key: {name: _unrequired(one) for name, one in value.items()}
        if key in ("properties", "$defs")
        else _unrequired(value)
        for key, value in schema.items()
        if key not in dropped
    }


def _network(schema: Schema) -> Schema:
    """A topology's own fields, whole or by dotted path, beside those of the study."""
    fields = topology_fields()
    heads = "|".join(fields)
    said = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/topology"}]}
    whole = {**schema["properties"]["topology"], **said}
    return {
        **schema,
        "properties": {**fields, **schema["properties"], "topology": whole},
        "patternProperties": {rf"^({heads})\.": {}},
        "additionalProperties": False,
    }


def _path() -> Schema:
    """A dotted path that a choice can reach."""
    heads = "|".join((*topology_fields(), *NetworkStudy.model_fields))
    network, source = (r"\.".join(steps) for steps in (axes.NETWORK, axes.SOURCE))
    return {
        "anyOf": [
            {"enum": list(axes.all_paths(StudySpec))},
            {"type": "string", "pattern": rf"^{network}\.({heads})(\.|$)"},
            {"type": "string", "pattern": rf"^{source}(\.|$)"},
        ]
    }
