"""The parts of a topology tree, read one by one: levels, references, inputs, rows, nodes."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from harness.errors import did_you_mean
from harness.graph.args import Arg, choice, flag, is_number, is_whole, positive
from harness.graph.cell import (
    Back,
    Chain,
    Input,
    Leveled,
    Order,
    PerLevel,
    PlainNode,
    Ref,
    Route,
    Row,
    Step,
)
from harness.graph.faults import Faults, join
from harness.graph.names import is_free, level_of
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, read_op
from harness.graph.spec import Norm, Op, Projection, Scalar, Tap

FINEST, COARSEST = 0, 12
_REF = re.compile(r"([A-Za-z]\w*)(?:\.(\w+))?(?:@(-[1-9]\d*|[a-z]\w*))?", re.ASCII)
_LEVELS = re.compile(r"p(\d{1,2})\.\.p(\d{1,2})", re.ASCII)
_DISTANCE = re.compile(r"x(2|4|8|16|32|64)", re.ASCII)
_STEPS = ("coarser", "finer", "all")
_BACKS = ("first", "all", "log2")
_SHARED = ("from", "fuse", "block", "up", "down", "projection", "norm", "channels", "share")
_ROW = (*_SHARED, "order", "skip_first", "levels")
_NODE = (*_SHARED, "level")
_INPUT = ("from", "role", "tap", "op", "projection", "up", "down", "channels", "share")
_PROJECTION = (
    choice("when", "none", "auto", "always"),
    choice("per", "edge", "input"),
    flag("norm", True),
    flag("bias", True),
)
_NORM = (positive("eps", 1e-3), positive("momentum", 0.01))
_TAP = choice("tap", "after", "before")

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
        ranges = []
        for key, one in value.items():
            low, high = _level_range(key) or (0, 0)
            found = read(one, join(path, key))
            if low > high:
                self.faults.add(join(path, key), "expected the finer level first, as in p3..p7")
            if found is not None:
                ranges.append((low, high, found))
        return PerLevel(tuple(ranges))

    def projection(self, value: Any, path: str, default: Projection) -> Projection:
        if isinstance(value, str):
            value = {"when": value}
        found = self._fields(_PROJECTION, value, path, default)
        return Projection(**found) if found else default

    def norm(self, value: Any, path: str, default: Norm) -> Norm:
        found = self._fields(_NORM, value, path, default)
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
        found = _LEVELS.fullmatch(value) if isinstance(value, str) else None
        pair = [int(n) for n in found.groups()] if found else value
        right = isinstance(pair, list | tuple) and len(pair) == 2 and all(map(is_whole, pair))
        if not right or not FINEST <= pair[0] <= pair[1] <= COARSEST:
            self.faults.add(path, f"expected levels such as p3..p7, got {value!r}")
            return None
        return pair[0], pair[1]

    # References.

    def refs(self, text: Any, path: str) -> tuple[Ref, ...]:
        """`a | b.coarser@-1`: one reference or several to choose from."""
        if not isinstance(text, str):
            self.faults.add(path, f"expected a name, got {text!r}")
            return ()
        found = [self._ref(part.strip(), path) for part in text.split("|")]
        return tuple(ref for ref in found if ref is not None)

    def _ref(self, text: str, path: str) -> Ref | None:
        match = _REF.fullmatch(text)
        if match is None:
            self.faults.add(path, f"expected name, name.coarser, name@-1 or a | b, got {text!r}")
            return None
        name, step, back = match.groups()
        if step is not None and step not in _STEPS:
            self.faults.add(path, f"no step {step!r} in {text!r}{did_you_mean(step, _STEPS)}")
            return None
        if back is not None and back not in _BACKS and not back.startswith("-"):
            self.faults.add(path, f"no repeat {back!r} in {text!r}{did_you_mean(back, _BACKS)}")
            return None
        steps: Step = step or ""  # type: ignore[assignment]
        word: Back = back if back in _BACKS else -int(back or 0)  # type: ignore[assignment]
        return Ref(name, steps, word)

    def inputs(self, value: Any, path: str, default: Projection) -> tuple[Input, ...]:
        """`from`: one reference, or a list of references and of mappings with a `from`."""
        entries = value if isinstance(value, list | tuple) else [value]
        if not entries:
            self.faults.add(path, "a node needs at least one input")
        many = isinstance(value, list | tuple)
        found = [
            self._input(entry, f"{path}.{i}" if many else path, path, default)
            for i, entry in enumerate(entries)
        ]
        return tuple(one for one in found if one is not None)

    def _input(self, value: Any, path: str, whole: str, default: Projection) -> Input | None:
        if not isinstance(value, Mapping):
            refs = self.refs(value, whole)
            return Input(refs, whole) if refs else None
        self.faults.unknown_fields(value, _INPUT, path)
        if "from" not in value:
            self.faults.add(path, "an input needs 'from'")
            return None
        refs = self.refs(value["from"], join(path, "from"))
        if not refs:
            return None
        given: dict[str, Any] = {
            "role": self._word(value, "role", path),
            "share": self._word(value, "share", path),
        }
        if "tap" in value:
            given["tap"] = self._tap(value["tap"], join(path, "tap"))
        if "op" in value:
            given["op"] = self.chain(value["op"], join(path, "op"))
        if "projection" in value:
            at = join(path, "projection")
            given["projection"] = self.projection(value["projection"], at, default)
        for kind in ("up", "down"):
            if kind in value:
                given[kind] = self.route(kind, value[kind], join(path, kind))
        if "channels" in value:
            given["channels"] = self.leveled(
                value["channels"], join(path, "channels"), self._channels
            )
        return Input(refs, whole, **given)

    def _tap(self, value: Any, path: str) -> Tap:
        return "before" if _TAP.read(value, path, self.faults, "after") == "before" else "after"

    def _word(self, tree: Mapping[str, Any], key: str, path: str) -> str | None:
        """A name of letters, digits and underscores."""
        word = tree.get(key)
        if word is None or (isinstance(word, str) and re.fullmatch(r"\w+", word, re.ASCII)):
            return word
        self.faults.add(join(path, key), f"expected a word, got {word!r}")
        return None

    # Rows and nodes.

    def row(
        self, name: str, tree: Any, path: str, projection: Projection, norm: Norm
    ) -> Row | None:
        shared = self._shared(name, tree, path, _ROW, projection, norm)
        if shared is None:
            return None
        order: Order = self._choice(tree, "order", ("down", "up", "none"), "none", path)
        skip = flag("skip_first", False)
        skipped = skip.read(tree.get("skip_first", False), f"{path}.skip_first", self.faults, False)
        if skipped and order == "none":
            self.faults.add(f"{path}.skip_first", "only a row with an order has a first level")
        levels = self._given(tree, "levels", path, self.levels)
        return Row(**shared, order=order, skip_first=bool(skipped), levels=levels)

    def node(
        self, name: str, tree: Any, path: str, projection: Projection, norm: Norm
    ) -> PlainNode | None:
        shared = self._shared(name, tree, path, _NODE, projection, norm)
        if shared is None:
            return None
        return PlainNode(**shared, level=self._given(tree, "level", path, self.level))

    def _shared(
        self,
        name: Any,
        tree: Any,
        path: str,
        fields: tuple[str, ...],
        projection: Projection,
        norm: Norm,
    ) -> dict[str, Any] | None:
        if not isinstance(name, str) or not is_free(name):
            self.faults.add(path, f"{name!r} cannot be a name here")
            return None
        if not isinstance(tree, Mapping):
            self.faults.add(path, f"expected fields such as 'from', got {tree!r}")
            return None
        self.faults.unknown_fields(tree, fields, path)
        given: dict[str, Any] = {"name": name, "path": path, "inputs": None}
        if "from" in tree:
            given["inputs"] = self.inputs(tree["from"], f"{path}.from", projection)
        for kind in ("fuse", "block", "up", "down"):
            if kind in tree:
                read = partial(self.op if kind in ("fuse", "block") else self.route, kind)
                given[kind] = self.leveled(tree[kind], f"{path}.{kind}", read)
        if "projection" in tree:
            at = f"{path}.projection"
            given["projection"] = self.projection(tree["projection"], at, projection)
        if "norm" in tree:
            given["norm"] = self.norm(tree["norm"], f"{path}.norm", norm)
        if "channels" in tree:
            given["channels"] = self.leveled(tree["channels"], f"{path}.channels", self._channels)
        given["share"] = self._word(tree, "share", path)
        return given

    def _channels(self, value: Any, path: str) -> float | None:
        """A multiple of the width: `2`, `0.5` or `2x`."""
        number = value
        if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?x", value, re.ASCII):
            number = float(value[:-1])
        if not is_number(number) or number <= 0:
            self.faults.add(path, f"expected a multiple of the width above 0, got {value!r}")
            return None
        return float(number)

    def _choice(
        self, tree: Mapping[str, Any], key: str, words: tuple[str, ...], default: Any, path: str
    ) -> Any:
        if key not in tree:
            return default
        arg = Arg(key, "choice", default, choices=words)
        return arg.read(tree[key], join(path, key), self.faults, default)

    def _given(
        self, tree: Mapping[str, Any], key: str, path: str, read: Callable[[Any, str], T | None]
    ) -> T | None:
        return read(tree[key], join(path, key)) if key in tree else None


def _distance(key: Any) -> int:
    """2 levels for `x4`; 0 for any other word."""
    found = _DISTANCE.fullmatch(key) if isinstance(key, str) else None
    return int(found[1]).bit_length() - 1 if found else 0


def _level_range(key: Any) -> tuple[int, int] | None:
    """(3, 5) for `p3..p5`, (4, 4) for `p4`; None for any other word."""
    if not isinstance(key, str):
        return None
    found = _LEVELS.fullmatch(key)
    if found:
        return int(found[1]), int(found[2])
    level = level_of(key)
    return None if level is None else (level, level)
