"""Who is what among the inputs of a fuse that knows roles."""

from collections.abc import Sequence

from harness.graph.ops import FUSES
from harness.graph.spec import Op

Entrant = tuple[int, str | None]
"""The level of a source, and the role the file gave it."""


def assign_roles(fuse: Op, entrants: Sequence[Entrant]) -> list[str | None] | str:
    """A role for every input, in order; or what is wrong."""
    known = FUSES.get(fuse.name).roles
    for _, role in entrants:
        if role is not None and role not in known:
            are = f"its roles are {', '.join(known)}" if known else "it has no roles"
            return f"{fuse.name} knows no role {role!r}; {are}"
    if not known:
        return [None] * len(entrants)
    return _gate_roles(fuse, entrants)


def _gate_roles(fuse: Op, entrants: Sequence[Entrant]) -> list[str | None] | str:
    """`gate` is the coarser of two (of two alike the first), or the finer where the op says so."""
    roles = [role for _, role in entrants]
    open_ = [i for i, role in enumerate(roles) if role is None]
    if "gate" in roles and "gated" not in roles and len(open_) == 1:
        roles[open_[0]] = "gated"
    elif "gated" in roles and "gate" not in roles and len(open_) == 1:
        roles[open_[0]] = "gate"
    elif not {"gate", "gated"} & set(roles) and len(open_) == 2:
        first, second = open_
        coarser, finer = (
            (first, second) if entrants[first][0] >= entrants[second][0] else (second, first)
        )
        gate, gated = (coarser, finer) if fuse["from"] == "coarser" else (finer, coarser)
        roles[gate], roles[gated] = "gate", "gated"
    if roles.count("gate") != 1 or roles.count("gated") != 1 or None in roles:
        return "gate needs one input that gates and one that is gated; say the others' role: add"
    return roles
