"""Trees laid over trees, remembering where each value was written.

A study is read as file, then included file under it, then profile over it, then `--set` over
that. A fault in the result points at the place the value came from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.space.load import Steps

ON_DISK: tuple[tuple[str, ...], ...] = (("data", "root"), ("model", "backbone", "checkpoint"))
"""Values of a study that are files or folders."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file and line, or an option of the command line (without a line)."""

    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A plain tree and the places of its values. Never changed in place."""

    tree: dict[str, Any]
    places: dict[Steps, Place]

    def place(self, steps: Steps) -> Place | None:
        """Where the value at `steps` was written, or the nearest value around it."""
        for length in range(len(steps), -1, -1):
            found = self.places.get(steps[:length])
            if found is not None:
                return found
        return None

    def inside(self, steps: Steps) -> dict[Steps, Place]:
        """The places of what is inside the value at `steps`, by steps from there."""
        length = len(steps)
        return {
            path[length:]: at
            for path, at in self.places.items()
            if len(path) > length and path[:length] == steps
        }

    def within(self, *steps: str) -> "Placed":
        """The mapping at `steps` as a tree of its own (empty where there is none)."""
        tree: Any = self.tree
        for step in steps:
            tree = tree.get(step) if isinstance(tree, Mapping) else None
        inner = {
            path[len(steps) :]: place
            for path, place in self.places.items()
            if path[: len(steps)] == steps
        }
        return Placed(tree if isinstance(tree, dict) else {}, inner)

    def without(self, key: str) -> "Placed":
        tree = {name: value for name, value in self.tree.items() if name != key}
        return Placed(tree, {path: at for path, at in self.places.items() if path[:1] != (key,)})


def overlay(under: Placed, over: Placed, merges: Callable[[Steps], bool]) -> Placed:
    """`over` laid on `under`: mappings merge where `merges(path)` says so, all else is replaced."""
    places = dict(under.places)
    tree = _overlay(under.tree, over, (), merges, places)
    return Placed(tree, places)


def _overlay(
    under: Mapping[str, Any],
    over: Placed,
    at: Steps,
    merges: Callable[[Steps], bool],
    places: dict[Steps, Place],
) -> dict[str, Any]:
    tree = dict(under)
    value: Any = over.tree
    for step in at:
        value = value[step]
    for key, item in value.items():
        steps = (*at, key)
        old = tree.get(key)
        if isinstance(item, Mapping) and isinstance(old, Mapping) and merges(steps):
            tree[key] = _overlay(old, over, steps, merges, places)
        else:
            tree[key] = item
            _replace_places(places, over.places, steps)
    return tree


def pruned(under: Placed, steps: Steps) -> Placed:
    """The tree without the value at `steps`; of a list, without the whole list."""
    length = next((i for i, step in enumerate(steps) if isinstance(step, int)), len(steps))
    steps = steps[:length]
    places = {path: at for path, at in under.places.items() if path[:length] != steps}
    return Placed(_pruned(under.tree, steps), places) if steps else under


def _pruned(tree: Any, steps: Steps) -> Any:
    if not isinstance(tree, Mapping) or steps[0] not in tree:
        return tree
    rest = {key: value for key, value in tree.items() if key != steps[0]}
    if len(steps) == 1:
        return rest
    return {**tree, steps[0]: _pruned(tree[steps[0]], steps[1:])}


def assign(
    under: Placed,
    steps: Steps,
    value: Any,
    place: Place | None,
    inner: Mapping[Steps, Place] | None = None,
) -> Placed:
    """The tree with one value set; mappings on the way are made where they are missing.

    inner: places of what is inside the value, by steps from there.
    """
    places = dict(under.places)
    if place is not None:
        made = _present(under.tree, steps)
        inside = {(*steps, *path): at for path, at in (inner or {}).items()}
        _replace_places(places, {**inside, steps: place}, steps)
        places.setdefault(steps[: made + 1], place)
    return Placed(_assign(under.tree, steps, value), places)


def absolute(placed: Placed) -> Placed:
    """Files and folders made absolute: beside the file that says them, or beside the shell."""
    for steps in ON_DISK:
        inner: Any = placed.within(*steps[:-1]).tree.get(steps[-1])
        if isinstance(inner, str):
            place = placed.place(steps)
            beside = Path(place.file).parent if place and place.line is not None else Path()
            path = str((beside / Path(inner).expanduser()).resolve())
            placed = assign(placed, steps, path, place)
    return placed


def _present(tree: Any, steps: Steps) -> int:
    """How many of the steps the tree has, the last one left out."""
    for count, step in enumerate(steps[:-1]):
        if not isinstance(tree, Mapping) or step not in tree:
            return count
        tree = tree[step]
    return len(steps) - 1


def _assign(tree: Any, steps: Steps, value: Any) -> Any:
    if not steps:
        return value
    copy = dict(tree) if isinstance(tree, Mapping) else {}
    copy[steps[0]] = _assign(copy.get(steps[0]), steps[1:], value)
    return copy


def _replace_places(places: dict[Steps, Place], new: Mapping[Steps, Place], steps: Steps) -> None:
    """Forget the places under `steps` and take over those of `new`."""
    for path in [path for path in places if path[: len(steps)] == steps]:
        del places[path]
    places.update((path, at) for path, at in new.items() if path[: len(steps)] == steps)
