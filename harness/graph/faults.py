"""Where faults are gathered, so that all of a tree's come in one go."""

from collections.abc import Iterable, Mapping
from typing import Any

from harness.errors import Fault, SpecError, did_you_mean


class Faults:
    """Faults found so far, each once, in the order they were found."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Fault] = {}

    def add(self, path: str, message: str) -> None:
        self._found.setdefault((path, message), Fault(path, message))

    def unknown_fields(self, tree: Mapping[Any, Any], known: Iterable[str], path: str) -> None:
        """A fault for every key of `tree` that is not in `known`."""
        known = tuple(known)
        for key in tree:
            if key not in known:
                self.add(join(path, key), f"unknown field {key!r}{did_you_mean(key, known)}")

    def under(self, path: str) -> bool:
        """Whether something at `path` or below it is wrong already."""
        return any(at == path or at.startswith(f"{path}.") for at, _ in self._found)

    def within(self, path: str) -> "Faults":
        """The same faults, for one whose paths all lie below `path`."""
        return _Within(self, path) if path else self

    def all(self) -> tuple[Fault, ...]:
        return tuple(self._found.values())

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_any(self) -> None:
        if self._found:
            raise SpecError(self.all())


class _Within(Faults):
    """Faults as they are seen from below a path."""

    def __init__(self, whole: Faults, path: str) -> None:
        self._whole, self._path = whole, path
        self._found = whole._found

    def add(self, path: str, message: str) -> None:
        self._whole.add(self._below(path), message)

    def under(self, path: str) -> bool:
        return self._whole.under(self._below(path))

    def within(self, path: str) -> Faults:
        return _Within(self._whole, self._below(path)) if path else self

    def _below(self, path: str) -> str:
        return join(self._path, path) if path else self._path


def join(path: str, key: object) -> str:
    """`path.key`, or `key` at the root."""
    return f"{path}.{key}" if path else str(key)
