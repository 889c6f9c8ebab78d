"""Recipes for extra levels, read: how levels coarser than those at hand are made."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from harness.graph.cell import Extra, ExtraStep, PerLevel, Route, everywhere
from harness.graph.read import Reader
from harness.graph.spec import Op, Projection

STEP_FIELDS = ("down", "block", "projection")
EXTRA_FIELDS = (*STEP_FIELDS, "first", "from", "levels")


def read_extra(
    habit: Mapping[str, Any],
    given: Any,
    path: str,
    reader: Reader,
    down: PerLevel[Route],
    projection: Projection,
) -> Extra:
    """An `extra` recipe over that of the convention."""
    if not isinstance(given, Mapping):
        reader.faults.add(path, f"expected {', '.join(STEP_FIELDS)}, got {given!r}")
        given = {}
    reader.faults.unknown_fields(given, EXTRA_FIELDS, path)
    said = {**habit, **given}
    rest = _extra_step(said, path, reader, down, projection)
    first = said.get("first", {})
    at = f"{path}.first"
    if not isinstance(first, Mapping):
        reader.faults.add(at, f"expected {', '.join(STEP_FIELDS)}, got {first!r}")
        first = {}
    reader.faults.unknown_fields(first, STEP_FIELDS, at)
    levels, source = said.get("levels"), said.get("from", "in")
    if not isinstance(source, str):
        reader.faults.add(f"{path}.from", f"expected the name of a row or node, got {source!r}")
        source = "in"
    return Extra(
        first=_extra_step({**said, **first}, at, reader, down, projection) if first else rest,
        rest=rest,
        source=source,
        levels=reader.levels(levels, f"{path}.levels") if levels is not None else None,
        path=path,
    )


def _extra_step(
    said: Mapping[str, Any],
    path: str,
    reader: Reader,
    down: PerLevel[Route],
    projection: Projection,
) -> ExtraStep:
    if "down" in said:
        read = partial(reader.route, "down")
        own = reader.leveled(said["down"], f"{path}.down", read)
        down = everywhere(own, down)
    if "projection" in said:
        projection = reader.projection(said["projection"], f"{path}.projection", projection)
    block = reader.op("block", said.get("block", "none"), f"{path}.block") or Op("none")
    return ExtraStep(down, block, projection)
