"""One cell being made: nodes at their levels, inputs still names. What rewrites work on."""

from dataclasses import dataclass, field, replace

from harness.graph.cell import (
    Input,
    Route,
)
from harness.graph.earlier import Earlier
from harness.graph.names import level_of
from harness.graph.spec import Norm, Op, Projection

Link = tuple[str, int]
"""What an edge reads, and how many repeats back: a node or a cell input (`p4`) by name, or by key
a node of an earlier stage (`p4_td@2`) or a backbone map (`c4`)."""

STEADY = 1_000_000
"""A repeat so late that every earlier one is there."""


@dataclass(slots=True)
class Draft:
    """A node whose inputs are links, each with the entry of the file that asked for it.

    channels: None where the file does not say.
    kept: `drop_single_input` leaves it, because the file gave it a fuse or a block of its own.
    """

    name: str
    path: str
    level: int
    inputs: list[tuple[Link, Input]]
    fuse: Op
    block: Op
    up: Route
    down: Route
    projection: Projection
    norm: Norm
    channels: float | None
    share: str | None
    kept: bool


@dataclass(slots=True)
class Sketch:
    """A cell as it is in one repeat.

    levels: those whose outputs the cell must give. passed: levels that may go by untouched.
    dropped: what stands in the place of nodes taken out.
    """

    levels: range
    drafts: dict[str, Draft]
    outputs: dict[int, Link]
    earlier: Earlier
    dropped: dict[str, Link] = field(default_factory=dict)

    def resolve(self, link: Link) -> Link:
        """The link itself, or what stands in its place."""
        name, back = link
        while name in self.dropped:
            name, more = self.dropped[name]
            back += more
        return name, back

    def level(self, name: str) -> int:
        draft = self.drafts.get(name)
        if draft is not None:
            return draft.level
        found = self.earlier.levels.get(name, level_of(name))
        return 0 if found is None else found


def unique(inputs: list[tuple[Link, Input]]) -> list[tuple[Link, Input]]:
    """The inputs with every plain link once."""
    found: list[tuple[Link, Input]] = []
    plain: set[Link] = set()
    for link, one in inputs:
        if not one.is_plain or link not in plain:
            found.append((link, one))
        if one.is_plain:
            plain.add(link)
    return found


def span(levels: range) -> str:
    return f"p{levels[0]}..p{levels[-1]}"


def words(link: Link) -> str:
    return f"{link[0]}@-{link[1]}" if link[1] else link[0]


def without_roles(one: Input, roles: tuple[str, ...]) -> Input:
    """The input without a role the fuse does not know."""
    return one if one.role is None or one.role in roles else replace(one, role=None)
