"""A name in YAML is a name in one table. This is the table."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from harness.errors import SpecError, did_you_mean

T = TypeVar("T")


class Table(Generic[T]):
    """Named things of one kind: fuses, resamples, blocks, heads, datasets, searchers."""

    def __init__(self, kind: str, is_name: Callable[[str], bool] | None = None) -> None:
        """is_name: what a thing may be called, where not every word will do."""
        self.kind, self._is_name = kind, is_name
        self._items: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that enters a thing under `name`. A name is taken once."""

        def enter(item: T) -> T:
            if self._is_name is not None and not self._is_name(name):
                raise ValueError(f"{self.kind} {name!r} cannot be called so")
            if name in self._items:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._items[name] = item
            return item

        return enter

    def get(self, name: str) -> T:
        """The thing called `name`; a `SpecError` with the nearest name where there is none."""
        try:
            return self._items[name]
        except KeyError:
            reason = f"no {self.kind} {name!r}{did_you_mean(name, self._items)}"
            raise SpecError(reason) from None

    def names(self) -> tuple[str, ...]:
        return tuple(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items

    @contextmanager
    def temporary(self, name: str, item: T) -> Iterator[None]:
        """Enter `item` for the length of a `with` block: for tests."""
        self.register(name)(item)
        try:
            yield
        finally:
            del self._items[name]
