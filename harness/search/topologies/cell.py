"""A cell of plain nodes that is being changed, and whether it can stand as it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.graph.cell import PerLevel, Route
from harness.graph.faults import Faults
from harness.graph.names import level_of
from harness.graph.ops import FUSES, RESAMPLES
from harness.graph.order import cycle_of
from harness.graph.read import Reader
from harness.graph.roles import assign_roles
from harness.graph.spec import Op, Topology
from harness.search.topologies.base import Tree

Place = tuple[str, str]
"""What a change is about: an edge (node, source), or a field of a node (node, `fuse`)."""


@dataclass(frozen=True, slots=True)
class CellDraft:
    """Nodes by name, as a tree says them; never changed in place.

    topology: what they are of. ends: nodes that are outputs or taps. inputs: maps that the cell is
    given. touched: what has been changed already, and is not changed again.
    """

    topology: Topology
    nodes: Mapping[str, Tree]
    ends: frozenset[str]
    inputs: tuple[str, ...]
    touched: frozenset[Place] = frozenset()

    @property
    def sources(self) -> tuple[str, ...]:
        """All that a node may read."""
        return (*self.inputs, *self.nodes)

    def level(self, name: str) -> int:
        name = name.partition("@")[0]
        if name in self.nodes:
            return int(self.nodes[name]["level"][1:])
        return level_of(name) or level_of(f"p{name[1:]}") or 0

    def read(self, node: str) -> list[str]:
        """What a node reads."""
        return [source_of(one) for one in self.nodes[node]["from"]]

    def with_node(self, name: str, **fields: Any) -> "CellDraft":
        return replace(self, nodes={**self.nodes, name: {**self.nodes[name], **fields}})

    def without(self, name: str) -> "CellDraft":
        return replace(self, nodes={key: one for key, one in self.nodes.items() if key != name})

    def op(self, node: str, field: str, *, said: Any = None) -> Op | Route | None:
        """The fuse, block or way of a node, which says it or leaves it to the file's settings.

        said: another in its place, as a tree says it.
        """
        blueprint = self.topology.blueprint
        if said is None and field not in self.nodes[node]:
            default: PerLevel[Op | Route] = getattr(blueprint.settings, field)
            return default.of(self.level(node))
        reader = Reader(Faults(), dict(blueprint.inherited))
        read = reader.op if field in ("fuse", "block") else reader.route
        return read(field, self.nodes[node][field] if said is None else said, field)

    def fuse(self, node: str) -> Op | None:
        found = self.op(node, "fuse")
        return found if isinstance(found, Op) else None

    def stands(self, changed: Iterable[str]) -> bool:
        """Whether it can be read: no node without a reader or with a wrong number of inputs, no
        cycle. changed: nodes that were changed."""
        return all(map(self._is_fed, changed)) and self._is_used() and not self._has_cycle()

    def _is_fed(self, node: str) -> bool:
        read, fuse = self.read(node), self.fuse(node)
        if not read or fuse is None:
            return False
        fewest, most = FUSES.get(fuse.name).arity
        if len(read) < fewest or (most is not None and len(read) > most):
            return False
        return all(self._reaches(node, one) for one in self.nodes[node]["from"])

    def _reaches(self, node: str, one: Any) -> bool:
        """Whether the node's way leads from the level of an input, where that says none itself."""
        far = self.level(source_of(one)) - self.level(node)
        way = "up" if far > 0 else "down"
        if far == 0 or (isinstance(one, Mapping) and way in one):
            return True
        route = self.op(node, way)
        chain = route.over(abs(far)) if isinstance(route, Route) else None
        return chain is not None and sum(op.name in RESAMPLES for op in chain) <= abs(far)

    def _is_used(self) -> bool:
        used: set[str] = set()
        left = list(self.ends)
        while left:
            name = left.pop()
            if name not in used and name in self.nodes:
                used.add(name)
                left += [source.partition("@")[0] for source in self.read(name)]
        return len(used) == len(self.nodes)

    def _has_cycle(self) -> bool:
        return bool(cycle_of({name: self.read(name) for name in self.nodes}))

    def with_roles(self, node: str) -> "CellDraft | None":
        """The inputs of a node with roles that its fuse knows; None where there are none to give.

        Where those that are said do not do, the first two are left to the fuse to tell apart, and
        all others are added.
        """
        fuse, inputs = self.fuse(node), self.nodes[node]["from"]
        if fuse is None:
            return None
        known = FUSES.get(fuse.name).roles
        bare = [_with_role(one, None) for one in inputs]
        rest = [_with_role(one, "add") if "add" in known else one for one in bare[2:]]
        for found in (inputs, [*bare[:2], *rest]):
            entrants = [(self.level(source_of(one)), _role(one)) for one in found]
            if not isinstance(assign_roles(fuse, entrants), str):
                return self.with_node(node, **{"from": found})
        return None


def source_of(one: Any) -> str:
    """What an entry of `from` reads."""
    return str(one["from"] if isinstance(one, Mapping) else one)


def _role(one: Any) -> str | None:
    return one.get("role") if isinstance(one, Mapping) else None


def _with_role(one: Any, role: str | None) -> Any:
    """The entry with another role, as short as it can be."""
    said = dict(one) if isinstance(one, Mapping) else {"from": one}
    said.pop("role", None)
    if role is not None:
        said["role"] = role
    return said if len(said) > 1 else said["from"]
