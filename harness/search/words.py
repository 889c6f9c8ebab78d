"""A search in words: before it, what its space is like; on its way, how far it is."""

from collections.abc import Mapping
from typing import Any

from harness.plurals import many


def search_words(search: Mapping[str, Any]) -> list[str]:
    """A few lines, from the `search` of a plan's document or a study's file."""
    points = search["points"]
    size = many(points, "point") if points is not None else "a large space"
    wanted = f"search ({search['kind']}) by {', '.join(search['objectives'])}"
    lines = [f"{wanted}: {many(search['trials'], 'network')} out of {size}", _screened(search)]
    lines += [f"  {count} of {search['drawn']}: {why}" for why, count in search["reasons"].items()]
    return [*lines, _progress(search), *_found(search)]


def _screened(search: Mapping[str, Any]) -> str:
    parts = [f"{search['trainable']} can be trained ({many(search['networks'], 'network')})"]
    parts += [
        f"{search[name]} {words}"
        for name, words in (
            ("over_limit", "over a limit or not to be trained"),
            ("unbuildable", "cannot be built"),
            ("known", "in the ledger"),
        )
        if search[name]
    ]
    return f"of {many(search['drawn'], 'random point')} {', '.join(parts)}"


def _progress(search: Mapping[str, Any]) -> str:
    said = search["progress"]
    left = f"at most {many(search['left'], 'training')} to come"
    if not said["proposed"]:
        return left
    states = [f"{said[name]} {name}" for name in said if name != "proposed" and said[name]]
    return f"{many(said['proposed'], 'proposal')} so far: {', '.join(states)}; {left}"


def _found(search: Mapping[str, Any]) -> list[str]:
    """What a search over graphs found; nothing before it is over."""
    found = search.get("found")
    if found is None:
        return []
    known = found["known_as"]
    whose = f"which is {known!r} under another name" if known else "a network no zoo file holds"
    return [f"found (proposal {found['proposal']}): {found['name']}, {whose}"]
