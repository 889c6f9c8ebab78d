"""Plain trees laid over one another: `derive`, and the fields a study changes."""

import re
from collections.abc import Mapping
from typing import Any

from harness.errors import Fault, SpecError
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES

_DOT = re.compile(r"(?<!\.)\.(?!\.)")  # a dot, but not the two of `p3..p4`
_PLACE = re.compile(r"p\d+(\.\.p\d+)?|x\d+|\d+", re.ASCII)  # a level, a distance, a place in a list
_TABLES = {"fuse": FUSES, "block": BLOCKS, "up": RESAMPLES, "down": RESAMPLES, "op": BLOCKS}
_BY_NAME = ("rows", "nodes")
_BY_FIELD = ("outputs", "projection", "norm", "extra", "repeats", "taps")


def with_fields(tree: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """`tree` with the values at some dotted paths replaced; the tree itself stays as it is.

    A number in a path is a place in a list, `+` a new place at its end. A short form on the way
    opens: `fuse.weighted.per` reaches into `fuse: {weighted: fast}`, `projection.when` into `auto`.
    """
    changed = dict(tree)
    for path, value in fields.items():
        keys = _DOT.split(path)
        if not all(keys):
            raise SpecError(Fault(path, "is not a path"))
        changed = _replaced(changed, keys, value, path, ())
    return changed


def _replaced(tree: Any, keys: list[str], value: Any, path: str, above: tuple[str, ...]) -> Any:
    if not keys:
        counted = above[-1:] == ("repeats",) and isinstance(tree, Mapping)
        return {**tree, "n": value} if counted and not isinstance(value, Mapping) else value
    key, rest = keys[0], keys[1:]
    if key == "+" and tree is None:
        tree = []
    if isinstance(tree, list | tuple):
        return _replaced_in_list(list(tree), key, rest, value, path, above)
    opened = dict(tree) if isinstance(tree, Mapping) else _opened(tree, above)
    if opened is None:
        raise SpecError(Fault(path, f"{'.'.join(above)} has no fields: it is {tree!r}"))
    opened[key] = _replaced(opened.get(key), rest, value, path, (*above, key))
    return opened


def _replaced_in_list(
    items: list[Any], key: str, rest: list[str], value: Any, path: str, above: tuple[str, ...]
) -> list[Any]:
    if key == "+":
        return [*items, _replaced(None, rest, value, path, (*above, key))]
    if not key.isdecimal() or int(key) >= len(items):
        raise SpecError(Fault(path, f"{'.'.join(above)} has places 0 to {len(items) - 1}"))
    items[int(key)] = _replaced(items[int(key)], rest, value, path, (*above, key))
    return items


def _opened(value: Any, above: tuple[str, ...]) -> dict[str, Any] | None:
    """The mapping a short form stands for; None where it stands for none."""
    if value is None:
        return {}
    above = tuple(key for key in above if not _PLACE.fullmatch(key))
    if above[-1] == "projection":
        return {"when": value}
    if above[-1] in ("derive", "repeats"):
        return {"from" if above[-1] == "derive" else "n": value}
    if above[-1] in _TABLES and isinstance(value, str):
        return {value: {}}
    table = _TABLES.get(above[-2]) if len(above) > 1 else None
    if table is not None and above[-1] in table and table.get(above[-1]).args:
        return {table.get(above[-1]).args[0].name: value}
    return None


def overlaid(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A derived topology: the base's fields under its own; rows and nodes field by field."""
    merged = dict(base)
    for key, value in own.items():
        under = merged.get(key)
        if key == "repeats" and isinstance(under, Mapping) and not isinstance(value, Mapping):
            merged[key] = {**under, "n": value}
        elif not (isinstance(under, Mapping) and isinstance(value, Mapping)):
            merged[key] = value
        elif key in _BY_NAME:
            merged[key] = _overlaid_by_name(under, value)
        elif key in _BY_FIELD:
            merged[key] = {**under, **value}
        else:
            merged[key] = value
    return merged


def _overlaid_by_name(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, fields in over.items():
        old = merged.get(name)
        both = isinstance(old, Mapping) and isinstance(fields, Mapping)
        merged[name] = {**old, **fields} if both else fields  # type: ignore[dict-item]
    return merged
