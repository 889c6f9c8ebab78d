"""Dotted paths into a study: which fields there are, and which can be varied.

The schema is the pydantic model itself. Everything under `model.feature_network` that is not a
field there is a field of the topology (`fuse`, `rows.out.fuse`, `nodes.p4_out.from`), and stays
one dotted key: the graph language resolves it.
"""

from typing import Any, get_args, get_origin

from pydantic import BaseModel

from harness.errors import did_you_mean
from harness.space.load import Steps

NETWORK = ("model", "feature_network")
SOURCE = ("model", "backbone", "source")
SPACE = ("search", "space")
NAMED: tuple[Steps, ...] = (
    ("vary",),
    ("arms",),
    ("limits",),
    SPACE,
    ("ablation", "parts"),
    ("ablation", "swaps"),
    ("ablation", "rates"),
)
"""Mappings by names of the study's own: a profile adds to them or replaces one."""
VARIED = ("model", "recipe", "data")
"""What a choice may reach."""


def split(path: str) -> Steps:
    """Steps of a dotted path. Below the feature network, `vary` or a space it stays one step."""
    parts = path.split(".")
    for prefix in (NETWORK, ("vary",), SPACE):
        if tuple(parts[: len(prefix)]) == prefix and len(parts) > len(prefix):
            return (*prefix, ".".join(parts[len(prefix) :]))
    return tuple(parts)


def join(steps: Steps) -> str:
    return ".".join(map(str, steps))


def merges(schema: type[BaseModel], steps: Steps) -> bool:
    """Whether a mapping at `steps` is laid over field by field: where the schema has fields."""
    if steps[:1] == ("profiles",):
        return len(steps) <= 2 or merges(schema, steps[2:])
    if steps[:3] == SOURCE:
        return len(steps) == 3 or merges(schema, steps[3:])
    if steps in NAMED:
        return True
    if steps == ("search", "scheduler"):
        return False
    return model_at(schema, steps) is not None


def model_at(schema: type[BaseModel], steps: Steps) -> type[BaseModel] | None:
    """The pydantic model at `steps`, or None where a plain value stands."""
    current: type[BaseModel] | None = schema
    for step in steps:
        field = current.model_fields.get(str(step)) if current else None
        if field is None:
            return None
        current = _model_in(field.annotation)
    return current


def unknown_path(schema: type[BaseModel], path: str) -> str | None:
    """What is wrong with an axis's path, or None."""
    steps = split(path)
    if steps[0] not in VARIED:
        return f"no field {path!r}{did_you_mean(path, known_paths(schema))}"
    if steps[:2] == NETWORK or steps[:3] == SOURCE:
        return None
    parent = model_at(schema, steps[:-1])
    if parent is None or str(steps[-1]) not in parent.model_fields:
        return f"no field {path!r}{did_you_mean(path, known_paths(schema))}"
    return None


def known_paths(schema: type[BaseModel]) -> tuple[str, ...]:
    """Every field a choice can reach, as dotted paths."""
    return tuple(path for name in VARIED for path in _paths(schema, (name,)))


def all_paths(schema: type[BaseModel]) -> tuple[str, ...]:
    """The same, with those of whole parts (`model.head`)."""
    found: dict[str, None] = {}
    for path in known_paths(schema):
        parts = path.split(".")
        found.update((".".join(parts[: i + 1]), None) for i in range(1, len(parts)))
    return tuple(found)


def _paths(schema: type[BaseModel], steps: Steps) -> list[str]:
    model = model_at(schema, steps)
    if model is None:
        return [join(steps)]
    return [path for name in model.model_fields for path in _paths(schema, (*steps, name))]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as `Model`, `Model | None` or `Annotated[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (dict, tuple, list):
        return None
    for inner in get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
