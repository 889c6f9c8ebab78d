"""One topology over another: `derive`, and whole topologies as stages, by the trees they name."""

from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import SpecError
from harness.graph.faults import Faults
from harness.graph.overlay import overlaid

Lookup = Callable[[str], Mapping[str, Any]]
"""The tree of a topology by its name."""

DEEPEST = 16
"""Topologies that derive from one another, or stand inside one another."""

ABOUT = ("name", "source", "published", "inferred", "approximates")
"""What a file says about itself."""


def resolved(
    tree: Mapping[str, Any], faults: Faults, lookup: Lookup | None, chain: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The tree over what it derives from, with the rewrites of both in order."""
    own = {key: value for key, value in tree.items() if key != "derive"}
    if isinstance(own.get("stages"), list | tuple):
        own["stages"] = [
            _resolved_stage(one, f"stages.{i}.topology", faults, lookup, chain)
            for i, one in enumerate(own["stages"])
        ]
    if "derive" not in tree:
        return own
    derive = tree["derive"]
    derive = {"from": derive} if isinstance(derive, str) else derive
    if not isinstance(derive, Mapping) or not isinstance(derive.get("from"), str):
        faults.add("derive", f"expected {{from: name, rewrites: [...]}}, got {tree['derive']!r}")
        return own
    faults.unknown_fields(derive, ("from", "rewrites"), "derive")
    base = _named(derive["from"], "derive.from", faults, lookup, chain)
    if base is None:
        return own
    rewrites = [*_list(base.get("rewrites")), *_list(derive.get("rewrites"))]
    whole = overlaid(base, own)
    whole["rewrites"] = [*rewrites, *_list(own.get("rewrites"))]
    return whole


def _resolved_stage(
    stage: Any, path: str, faults: Faults, lookup: Lookup | None, chain: tuple[str, ...]
) -> Any:
    """A stage with the whole topology it names in the name's place."""
    if not isinstance(stage, Mapping) or not isinstance(stage.get("topology"), str):
        return stage
    found = _named(stage["topology"], path, faults, lookup, chain)
    return {**stage, "topology": found} if found is not None else stage


def _named(
    name: str, path: str, faults: Faults, lookup: Lookup | None, chain: tuple[str, ...]
) -> dict[str, Any] | None:
    """The tree of another topology, resolved, without what it says about itself."""
    if name in chain:
        loop = " > ".join((*chain[chain.index(name) :], name))
        faults.add(path, f"derives from itself: {loop}")
        return None
    if len(chain) >= DEEPEST:
        faults.add(path, f"more than {DEEPEST} topologies, each from the next: {' > '.join(chain)}")
        return None
    found = _looked_up(name, path, faults, lookup)
    if found is None:
        return None
    base = resolved(found, faults, lookup, (*chain, name))
    return {key: value for key, value in base.items() if key not in ABOUT}


def _looked_up(
    name: str, path: str, faults: Faults, lookup: Lookup | None
) -> Mapping[str, Any] | None:
    if lookup is None:
        faults.add(path, f"nowhere to look up topology {name!r}")
        return None
    try:
        return lookup(name)
    except SpecError as error:
        for fault in error.faults:
            faults.add(path, str(fault) if fault.file or fault.path else fault.message)
        return None


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
