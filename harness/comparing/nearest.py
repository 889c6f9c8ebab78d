"""The id that was meant, of many."""

import difflib
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MANY = 5000
"""Among more words than these none is looked for."""


def nearest(given: Any, known: Sequence[Any]) -> str:
    """`; the nearest is 998`, or nothing. known ascends, numbers alone or words alone."""
    if not known:
        return ""
    if isinstance(known[0], str):
        near = difflib.get_close_matches(str(given), known, 1) if len(known) <= MANY else []
        return f"; the nearest is {near[0]!r}" if near else ""
    if isinstance(given, str):
        return "; ids are whole numbers there, this one is a text"
    if isinstance(given, bool) or not isinstance(given, int | float) or given != given:
        return ""
    place = bisect_left(known, given)
    around = known[max(0, place - 1) : place + 1]
    return f"; the nearest is {min(around, key=lambda one: abs(one - given))}"


def nearest_file(missing: Path) -> str:
    """`; did you mean 'val.json'?` of the JSON files in the same folder, or why there is none."""
    if not missing.parent.is_dir():
        return f": there is no folder {str(missing.parent)!r}"
    there = [one.name for one in missing.parent.glob("*.json")][:MANY]
    near = difflib.get_close_matches(missing.name, there, 1)
    return f"; did you mean {str(missing.with_name(near[0]))!r}?" if near else ""
