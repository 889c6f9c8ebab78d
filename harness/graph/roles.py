"""Who is what among the inputs of a fuse that knows roles."""

from collections.abc import Sequence

from harness.graph.ops import FUSES
from harness.graph.opspec import Entrant
from harness.graph.spec import Op


def assign_roles(fuse: Op, entrants: Sequence[Entrant]) -> list[str | None] | str:
    """A role for every input, in order; or what is wrong."""
    spec = FUSES.get(fuse.name)
    for _, role in entrants:
        if role is not None and role not in spec.roles:
            are = f"its roles are {', '.join(spec.roles)}" if spec.roles else "it has no roles"
            return f"{fuse.name} knows no role {role!r}; {are}"
    if spec.assign is None:
        return [role for _, role in entrants]
    return spec.assign(fuse, entrants)
