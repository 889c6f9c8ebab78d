"""The words of a topology tree, read one by one: ops, ways between levels, norms, levels."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from harness.graph.args import Arg, choice, flag, is_whole, positive
from harness.graph.cell import Chain, Leveled, PerLevel, Route
from harness.graph.faults import Faults, join
from harness.graph.names import level_of
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, read_op
from harness.graph.spec import Norm, Op, Projection, Scalar

FINEST, COARSEST = 0, 12
LEVELS = re.compile(r"p(\d{1,2})\.\.p(\d{1,2})", re.ASCII)
DISTANCE = re.compile(r"x(2|4|8|16|32|64)", re.ASCII)
PROJECTION = (
    choice("when", "none", "auto", "always"),
    choice("per", "edge", "input"),
    flag("norm", True),
    flag("bias", True),
)
NORM = (positive("eps", 1e-3), positive("momentum", 0.01))

T = TypeVar("T")


class Reader:
    """Reads parts of one tree. Faults are gathered; what is wrong is read as if not there."""

    def __init__(self, faults: Faults, inherited: Mapping[str, Scalar]) -> None:
        self.faults = faults
        self.inherited = inherited
        self._ops: dict[tuple[str, str], Op | None] = {}
        self._routes: dict[tuple[str, str], Route] = {}

    # Ops and settings.

    def op(self, kind: str, value: Any, path: str) -> Op | None:
        """A `fuse` or `block`. Words are read once."""
        if isinstance(value, str) and (kind, value) in self._ops:
            return self._ops[kind, value]
        table = FUSES if kind == "fuse" else BLOCKS
        op = read_op(table, value, path, self.faults, self.inherited)
        if isinstance(value, str) and op is not None:
            self._ops[kind, value] = op
        return op

    def chain(self, value: Any, path: str) -> Chain:
        """Blocks on an edge: one, or a list."""
        entries = value if isinstance(value, list | tuple) else [value]
        many = isinstance(value, list | tuple)
        found = [
            self.op("block", one, f"{path}.{i}" if many else path) for i, one in enumerate(entries)
        ]
        return tuple(one for one in found if one is not None and one.name != "none")

    def route(self, kind: str, value: Any, path: str) -> Route | None:
        """`up` or `down`: a resample, a list of resamples and blocks, or one a distance."""
        if isinstance(value, str) and (kind, value) in self._routes:
            return self._routes[kind, value]
        if isinstance(value, Mapping) and value and all(map(_distance, value)):
            steps = [(_distance(k), self._way(kind, v, join(path, k))) for k, v in value.items()]
            return Route(distances=tuple((d, way) for d, way in steps if d and way))
        way = self._way(kind, value, path)
        route = Route(way) if way else None
        if isinstance(value, str) and route is not None:
            self._routes[kind, value] = route
        return route

    def _way(self, kind: str, value: Any, path: str) -> Chain:
        """The ops of one way between levels; at least one of them resamples."""
        many = isinstance(value, list | tuple)
        entries = value if many else [value]
        found = [
            self._leg(kind, one, f"{path}.{i}" if many else path) for i, one in enumerate(entries)
        ]
        way = tuple(one for one in found if one is not None)
        if len(way) == len(found) and not any(one.name in RESAMPLES for one in way):
            self.faults.add(path, f"nothing here resamples {kind}")
            return ()
        return way

    def _leg(self, kind: str, value: Any, path: str) -> Op | None:
        name = next(iter(value), None) if isinstance(value, Mapping) else value
        if isinstance(name, str) and name in BLOCKS and name != "none":
            return self.op("block", value, path)
        op = read_op(RESAMPLES, value, path, self.faults, self.inherited)
        if op is not None and kind not in RESAMPLES.get(op.name).directions:
            right = [name for name in RESAMPLES.names() if kind in RESAMPLES.get(name).directions]
            reason = f"{op.name!r} does not resample {kind}; {', '.join(right)} do"
            self.faults.add(path, reason)
            return None
        return op

    def leveled(self, value: Any, path: str, read: Callable[[Any, str], T | None]) -> Leveled[T]:
        """A value, or values by level: `{p3..p4: sepconv, p5: conv}`."""
        if not (isinstance(value, Mapping) and value and all(map(_level_range, value))):
            return read(value, path)
        ranges: list[tuple[int, int, T]] = []
        seen: set[int] = set()
        for key, one in value.items():
            low, high = _level_range(key) or (0, 0)
            found = read(one, join(path, key))
            if low > high:
                self.faults.add(join(path, key), "expected the finer level first, as in p3..p7")
            twice = seen & {*range(low, high + 1)}
            if twice:
                self.faults.add(join(path, key), f"p{min(twice)} is said already")
            seen.update(range(low, high + 1))
            if found is not None:
                ranges.append((low, high, found))
        return PerLevel(tuple(ranges))

    def projection(self, value: Any, path: str, default: Projection) -> Projection:
        if isinstance(value, str):
            value = {"when": value}
        found = self._fields(PROJECTION, value, path, default)
        return Projection(**found) if found else default

    def norm(self, value: Any, path: str, default: Norm) -> Norm:
        found = self._fields(NORM, value, path, default)
        if found and found["momentum"] > 1:
            self.faults.add(
                join(path, "momentum"), f"expected at most 1, got {value['momentum']!r}"
            )
        return Norm(**found) if found else default

    def _fields(
        self, args: tuple[Arg, ...], value: Any, path: str, default: Any
    ) -> dict[str, Any] | None:
        if not isinstance(value, Mapping):
            self.faults.add(path, f"expected {', '.join(arg.name for arg in args)}, got {value!r}")
            return None
        self.faults.unknown_fields(value, [arg.name for arg in args], path)
        found: dict[str, Any] = {}
        for arg in args:
            old = getattr(default, arg.name)
            given = arg.name in value
            at = join(path, arg.name)
            found[arg.name] = arg.read(value[arg.name], at, self.faults, old) if given else old
        return found

    # Levels.

    def level(self, value: Any, path: str) -> int | None:
        """`4` or `p4`."""
        number = level_of(value) if isinstance(value, str) else value
        if number is not None and is_whole(number) and FINEST <= number <= COARSEST:
            return int(number)
        self.faults.add(path, f"expected a level such as p4, got {value!r}")
        return None

    def levels(self, value: Any, path: str) -> tuple[int, int] | None:
        """`p3..p7` or `[3, 7]`: finest and coarsest."""
        found = LEVELS.fullmatch(value) if isinstance(value, str) else None
        pair = [int(n) for n in found.groups()] if found else value
        right = isinstance(pair, list | tuple) and len(pair) == 2 and all(map(is_whole, pair))
        if not right or not FINEST <= pair[0] <= pair[1] <= COARSEST:
            self.faults.add(path, f"expected levels such as p3..p7, got {value!r}")
            return None
        return pair[0], pair[1]


def _distance(key: Any) -> int:
    """2 levels for `x4`; 0 for any other word."""
    found = DISTANCE.fullmatch(key) if isinstance(key, str) else None
    return int(found[1]).bit_length() - 1 if found else 0


def _level_range(key: Any) -> tuple[int, int] | None:
    """(3, 5) for `p3..p5`, (4, 4) for `p4`; None for any other word."""
    if not isinstance(key, str):
        return None
    found = LEVELS.fullmatch(key)
    if found:
        return int(found[1]), int(found[2])
    level = level_of(key)
    return None if level is None else (level, level)
