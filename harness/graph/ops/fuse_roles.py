"""Who is what among the inputs of a fuse that tells them apart.

Roles the file gives win. The rest are told by level where levels tell them; else the answer is
what is missing.
"""

from collections.abc import Sequence
from itertools import pairwise, permutations

from harness.graph.opspec import Entrant
from harness.graph.spec import Op

GATE_ROLES = ("gate", "gated", "add")
INJECT_ROLES = ("local", "gate", "global")
DYNAMIC_ROLES = ("finer", "middle", "coarser")
"""From fine to coarse."""


def gate_roles(fuse: Op, entrants: Sequence[Entrant]) -> list[str | None] | str:
    """`gate` is the coarser of two (of two alike the first), or the finer where the op says so."""
    roles = [role for _, role in entrants]
    left = [i for i, role in enumerate(roles) if role is None]
    if "gate" in roles and "gated" not in roles and len(left) == 1:
        roles[left[0]] = "gated"
    elif "gated" in roles and "gate" not in roles and len(left) == 1:
        roles[left[0]] = "gate"
    elif not {"gate", "gated"} & set(roles) and len(left) == 2:
        coarser, finer = sorted(left, key=lambda i: -entrants[i][0])
        gate, gated = (coarser, finer) if fuse["from"] == "coarser" else (finer, coarser)
        roles[gate], roles[gated] = "gate", "gated"
    if roles.count("gate") != 1 or roles.count("gated") != 1 or None in roles:
        return "gate needs one input that gates and one that is gated; say the others' role: add"
    return roles


def inject_roles(fuse: Op, entrants: Sequence[Entrant]) -> list[str | None] | str:
    """Levels tell nothing here (gate and global are twins); the last of three need not be said."""
    ways = _ways(INJECT_ROLES, entrants)
    if len(ways) == 1:
        return [*ways[0]]
    return "inject needs one input that is local, one gate and one global; say the role of each"


def dynamic_roles(fuse: Op, entrants: Sequence[Entrant]) -> list[str | None] | str:
    """Of three levels the one between is the middle; of two the file says which it is."""
    ways = [way for way in _ways(DYNAMIC_ROLES, entrants) if "middle" in way]
    told = [way for way in ways if _ascends(way, entrants)]
    for found in (told, ways):
        if len(found) == 1:
            return [*found[0]]
    return (
        "dynamic needs one input that is the middle, and at most one finer and one coarser; "
        "levels do not tell which is which here: say role: middle"
    )


def _ways(roles: Sequence[str], entrants: Sequence[Entrant]) -> list[tuple[str, ...]]:
    """All ways to give every input a role of its own that agree with what the file says."""
    said = [role for _, role in entrants]
    return [
        way
        for way in permutations(roles, len(said))
        if all(role in (None, given) for role, given in zip(said, way, strict=True))
    ]


def _ascends(way: Sequence[str], entrants: Sequence[Entrant]) -> bool:
    """Whether finer comes from a finer level than middle, and coarser from a coarser one."""
    by_role = sorted(zip(map(DYNAMIC_ROLES.index, way), entrants, strict=True))
    return all(one[1][0] < other[1][0] for one, other in pairwise(by_role))
