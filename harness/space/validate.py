"""A placed tree through the pydantic door: a frozen value, or every fault with its place."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import Fault, SpecError, did_you_mean, nearest_name
from harness.space.axes import join, model_at
from harness.space.load import Steps
from harness.space.overlay import Place, Placed

MISSING = "is missing field "

Model = TypeVar("Model", bound=BaseModel)


def validated(schema: type[Model], placed: Placed) -> Model:
    """The tree as a value of `schema`, strictly: '3' is no number and `yes` no truth."""
    try:
        return schema.model_validate_json(json.dumps(placed.tree))
    except ValidationError as error:
        faults = _faults(schema, placed, error)
    except (TypeError, ValueError) as error:
        faults = [Fault("", f"not plain data: {error}")]
    raise SpecError(located(placed, faults))


def located(placed: Placed, faults: Iterable[Fault]) -> list[Fault]:
    """Faults with the file and line (or option) their dotted path was written at, in order."""
    found = []
    for fault in faults:
        if fault.file is None:
            place = placed.place(steps_of(placed.tree, fault.path)) or Place("")
            fault = fault.at(place.file, place.line) if place.file else fault
        found.append(fault)
    return sorted(dict.fromkeys(found), key=lambda fault: (fault.file or "", fault.line or 0))


def steps_of(tree: Any, path: str) -> Steps:
    """The steps of a dotted path, where keys of the tree may hold dots themselves."""
    steps: list[str | int] = []
    rest = path
    while rest and isinstance(tree, Mapping | list):
        if isinstance(tree, list):
            head, _, rest = rest.partition(".")
            if not head.isdigit() or int(head) >= len(tree):
                break
            steps.append(int(head))
            tree = tree[int(head)]
            continue
        keys = [str(key) for key in tree if rest == str(key) or rest.startswith(f"{key}.")]
        key = max(keys, key=len, default=rest.partition(".")[0])
        steps.append(key)
        tree, rest = tree.get(key), rest[len(key) + 1 :]
    return tuple(steps)


def _faults(schema: type[BaseModel], placed: Placed, error: ValidationError) -> list[Fault]:
    """pydantic's errors in our words. Several at one place (a union's arms) become one."""
    wanted: dict[Steps, list[str]] = {}
    items = error.errors(include_url=False)
    unknown = {
        (*_in_tree(placed.tree, item["loc"][:-1]), item["loc"][-1])
        for item in items
        if item["type"] == "extra_forbidden"
    }
    for item in items:
        steps = _in_tree(placed.tree, item["loc"])
        kind = item["type"]
        if kind == "missing":
            name = str(item["loc"][-1])
            near = _meant(schema, placed.tree, steps, name)
            if (*steps, near) in unknown:
                continue  # one slip is one fault: the unknown field says what it was meant for
            text = MISSING + repr(name) + (f"; is it {near!r}?" if near else "")
        elif kind == "extra_forbidden":
            steps = (*_in_tree(placed.tree, item["loc"][:-1]), item["loc"][-1])
            parent = model_at(schema, steps[:-1])
            names = parent.model_fields if parent else ()
            text = f"unknown field {item['loc'][-1]!r}{did_you_mean(item['loc'][-1], names)}"
        else:
            text = _in_yaml(item["msg"].removeprefix("Input ").removeprefix("Value error, "))
        if text not in wanted.setdefault(steps, []):
            wanted[steps].append(text)
    return [
        _at_home(placed, Fault(join(steps), _one(texts, _value(placed.tree, steps))))
        for steps, texts in wanted.items()
    ]


def _meant(schema: type[BaseModel], tree: Any, steps: Steps, name: str) -> str | None:
    """The unknown field that may stand for one that is not there."""
    parent, value = model_at(schema, steps), _value(tree, steps)
    known = parent.model_fields if parent else ()
    others = [str(key) for key in value if key not in known] if isinstance(value, Mapping) else []
    return nearest_name(name, others)


def _at_home(placed: Placed, fault: Fault) -> Fault:
    """A missing field is the study's to say, also where an included file has fields beside it."""
    root, place = placed.places.get(()), placed.place(steps_of(placed.tree, fault.path))
    if not fault.message.startswith(MISSING) or root is None or place is None:
        return fault
    elsewhere = place.line is not None and place.file != root.file
    return fault.at(root.file, root.line) if elsewhere else fault


def _in_yaml(text: str) -> str:
    """pydantic's words for JSON, as they are called in YAML."""
    text = re.sub(r"^Tuple (should .*) after validation, not \d+$", r"\1", text)
    return text.replace("a valid array", "a list").replace("an object", "a mapping")


def _one(texts: list[str], value: Any) -> str:
    joined = texts[0] + "".join(f", or {text.removeprefix('should be ')}" for text in texts[1:])
    return f"{joined}, not {value!r}" if joined.startswith("should") else joined


def _in_tree(tree: Any, loc: tuple[int | str, ...]) -> Steps:
    """The part of pydantic's location that is in the tree: union tags are not."""
    steps: list[int | str] = []
    for part in loc:
        in_mapping = isinstance(tree, Mapping) and part in tree
        in_list = isinstance(tree, list) and isinstance(part, int) and part < len(tree)
        if in_mapping or in_list:
            tree = tree[part]
            steps.append(part)
    return tuple(steps)


def _value(tree: Any, steps: Steps) -> Any:
    for step in steps:
        if isinstance(tree, Mapping):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int):
            tree = tree[step]
        else:
            return None
    return tree
