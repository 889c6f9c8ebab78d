"""Modules of a network by their places, each with what it is built from."""

from dataclasses import dataclass, replace
from typing import Literal

from harness.graph.ops import FUSES
from harness.graph.shares import Group
from harness.graph.spec import Norm, Op, Projection

Kind = Literal["projection", "resample", "block", "fuse"]


@dataclass(frozen=True, slots=True)
class Part:
    """What a module is built from. key: what its first values depend on, beside the seed.

    roles: of the inputs of a fuse. stride: of a resample, 2 ** (levels between). group: of the
    parts it shares its weights with.
    """

    kind: Kind
    op: Op | None
    channels_in: int
    channels_out: int
    constants: Norm
    key: tuple[object, ...]
    form: Projection | None = None
    roles: tuple[str | None, ...] = ()
    stride: int = 1
    group: Group | None = None

    @property
    def is_called(self) -> bool:
        """Whether it is a module, and not only words of the written code."""
        return self.op is None or self.op.name not in ("sum", "mean", "none")


class Parts:
    """Places taken so far. Parts that are shared live under `shared`, or with the whole network."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._shared: dict[str, list[str]] = {}
        self._lettered: dict[str, list[str]] = {}

    def all(self) -> dict[str, Part]:
        """All that are modules, by their last places; those of the whole network first."""
        moves = self.moves()
        places = sorted(self._parts, key=lambda place: "." in place)
        return {moves[at]: self._parts[at] for at in places if self._parts[at].is_called}

    def moves(self) -> dict[str, str]:
        """The last place of each part: letters follow what parts are, not who was met first.

        So another node in a graph does not rename the parts that it leaves as they are.
        """
        found = {place: place for place in self._parts}
        for places in self._lettered.values():
            found.update(zip(sorted(places, key=self._sort_key), places, strict=True))
        return found

    def _sort_key(self, place: str) -> str:
        part = self._parts[place]
        return repr((part.group, part.channels_in, part.channels_out, part.stride))

    def add(self, place: str, part: Part) -> str:
        """A place of its own; a second one of a name gets a letter."""
        nth = 0
        while (found := lettered(place, nth)) in self._parts:
            nth += 1
        self._parts[found] = part
        if "." not in place or place.startswith("shared."):
            self._lettered.setdefault(place, []).append(found)
        return found

    def share(self, place: str, part: Part) -> str:
        """The place of a part that shares its weights: of the one there is, if it is alike.

        A fuse that tells its inputs apart has from then on the roles of all its users.
        """
        place = self._first_like(place, part)
        held = self._parts[place]
        if held.op is not None and held.roles != part.roles:
            both = {*held.roles, *part.roles}
            roles = tuple(role for role in FUSES.get(held.op.name).roles if role in both)
            self._parts[place] = replace(held, roles=roles)
        return place

    def _first_like(self, name: str, part: Part) -> str:
        """Of the places asked for by this name, the one of a part alike; else a new one."""
        places = self._shared.setdefault(name, [])
        found = next((place for place in places if _alike(self._parts[place], part)), None)
        if found is None:
            found = self.add(name, part)
            places.append(found)
        return found


def lettered(name: str, i: int) -> str:
    """`name`, `name_b`, `name_c`, ..., `name_z`, `name_ba`, ..."""
    letters = ""
    while i:
        i, letter = divmod(i, 26)
        letters = chr(ord("a") + letter) + letters
    return f"{name}_{letters}" if letters else name


def _alike(one: Part, other: Part) -> bool:
    """Whether two parts of one group have one set of weights: if their channels agree."""
    return _ends(one) == _ends(other)


def _ends(part: Part) -> tuple[object, ...]:
    return (part.group, part.channels_in, part.channels_out, part.stride)
