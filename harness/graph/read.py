"""The parts of a topology tree, read one by one: levels, references, inputs, rows, nodes."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from harness.errors import did_you_mean
from harness.graph.args import Arg, choice, flag, is_number, is_whole, positive
from harness.graph.cell import Input, Order, PlainNode, Ref, Row, Step
from harness.graph.faults import Faults, join
from harness.graph.names import is_free, level_of
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, read_op
from harness.graph.spec import Norm, Op, Projection, Scalar

FINEST, COARSEST = 0, 12
_REF = re.compile(r"([A-Za-z]\w*)(?:\.(\w+))?(?:@-([1-9]\d*))?", re.ASCII)
_LEVELS = re.compile(r"p(\d{1,2})\.\.p(\d{1,2})", re.ASCII)
_STEPS = ("coarser", "finer", "all")
_SHARED = ("from", "fuse", "block", "up", "down", "projection", "norm", "channels")
_ROW = (*_SHARED, "order", "skip_first", "levels")
_NODE = (*_SHARED, "level")
_INPUT = ("from", "role", "projection", "up", "down")
_PROJECTION = (
    choice("when", "none", "auto", "always"),
    choice("per", "edge", "input"),
    flag("norm", True),
    flag("bias", True),
)
_NORM = (positive("eps", 1e-3), positive("momentum", 0.01))

T = TypeVar("T")


class Reader:
    """Reads parts of one tree. Faults are gathered; what is wrong is read as if not there."""

    def __init__(self, faults: Faults, inherited: Mapping[str, Scalar]) -> None:
        self.faults = faults
        self.inherited = inherited
        self._ops: dict[tuple[str, str], Op | None] = {}

    # Ops and settings.

    def op(self, kind: str, value: Any, path: str) -> Op | None:
        """A `fuse`, `block`, `up` or `down`. Words are read once."""
        if isinstance(value, str) and (kind, value) in self._ops:
            return self._ops[kind, value]
        table = {"fuse": FUSES, "block": BLOCKS}.get(kind, RESAMPLES)
        op = read_op(table, value, path, self.faults, self.inherited)
        turns = table is RESAMPLES
        if op is not None and turns and kind not in table.get(op.name).directions:
            right = [name for name in table.names() if kind in table.get(name).directions]
            reason = f"{op.name!r} does not resample {kind}; {', '.join(right)} does"
            self.faults.add(path, reason)
            return None
        if isinstance(value, str) and op is not None:
            self._ops[kind, value] = op
        return op

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
        steps: Step = step or ""  # type: ignore[assignment]
        return Ref(name, steps, int(back or 0))

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
        role = value.get("role")
        if role is not None and not isinstance(role, str):
            self.faults.add(join(path, "role"), f"expected a word, got {role!r}")
            role = None
        projection = self._given(
            value, "projection", path, lambda v, p: self.projection(v, p, default)
        )
        up = self._given(value, "up", path, lambda v, p: self.op("up", v, p))
        down = self._given(value, "down", path, lambda v, p: self.op("down", v, p))
        return Input(refs, whole, projection, up, down, role) if refs else None

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
                given[kind] = self.op(kind, tree[kind], f"{path}.{kind}")
        if "projection" in tree:
            at = f"{path}.projection"
            given["projection"] = self.projection(tree["projection"], at, projection)
        if "norm" in tree:
            given["norm"] = self.norm(tree["norm"], f"{path}.norm", norm)
        if "channels" in tree:
            given["channels"] = self._channels(tree["channels"], f"{path}.channels")
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
