"""Rows and nodes of a topology tree, read: references, inputs, and what both have in common."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, TypeVar

from harness.errors import did_you_mean
from harness.graph.args import Arg, choice, flag, is_number, too_large
from harness.graph.cell import Back, Input, Order, PlainNode, Ref, Row, Settings, Step
from harness.graph.faults import join
from harness.graph.names import is_free
from harness.graph.read import Reader
from harness.graph.spec import Tap

REF = re.compile(r"([A-Za-z]\w*)(?:\.(\w+))?(?:@(-[1-9]\d*|[a-z]\w*))?", re.ASCII)
WORD = re.compile(r"[A-Za-z]\w*", re.ASCII)
_STEPS = ("coarser", "finer", "all")
_BACKS = ("first", "all", "log2")
_SHARED = ("from", "fuse", "block", "up", "down", "projection", "norm", "channels", "share")
ROW_FIELDS = (*_SHARED, "order", "skip_first", "levels")
NODE_FIELDS = (*_SHARED, "level")
INPUT_FIELDS = ("from", "role", "tap", "op", "projection", "up", "down", "channels", "share")
TAP = choice("tap", "after", "before")

T = TypeVar("T")


class FamilyReader:
    """Reads rows and nodes. What is wrong is read as if not there."""

    def __init__(self, reader: Reader, settings: Settings) -> None:
        self.reader, self.settings, self.faults = reader, settings, reader.faults

    # References.

    def _refs(self, text: Any, path: str) -> tuple[Ref, ...]:
        """`a | b.coarser@-1`: one reference or several to choose from."""
        if not isinstance(text, str):
            self.faults.add(path, f"expected a name, got {text!r}")
            return ()
        refs, wrong = _read_refs(text)
        for reason in wrong:
            self.faults.add(path, reason)
        return refs

    def _inputs(self, value: Any, path: str) -> tuple[Input, ...]:
        """`from`: one reference, or a list of references and of mappings with a `from`."""
        entries = value if isinstance(value, list | tuple) else [value]
        if not entries:
            self.faults.add(path, "a node needs at least one input")
        many = isinstance(value, list | tuple)
        found = [
            self._input(entry, f"{path}.{i}" if many else path, path, i)
            for i, entry in enumerate(entries)
        ]
        return tuple(one for one in found if one is not None)

    def _input(self, value: Any, path: str, whole: str, place: int) -> Input | None:
        if isinstance(value, str) or not isinstance(value, Mapping):
            refs = self._refs(value, whole)
            return Input(refs, whole, place) if refs else None
        self.faults.unknown_fields(value, INPUT_FIELDS, path)
        if "from" not in value:
            self.faults.add(path, "an input needs 'from'")
            return None
        refs = self._refs(value["from"], join(path, "from"))
        if not refs:
            return None
        given: dict[str, Any] = {
            "role": self._word(value, "role", path),
            "share": self._word(value, "share", path),
        }
        if "tap" in value:
            given["tap"] = self._tap(value["tap"], join(path, "tap"))
        if "op" in value:
            given["op"] = self.reader.chain(value["op"], join(path, "op"))
        if "projection" in value:
            at = join(path, "projection")
            given["projection"] = self.reader.projection(
                value["projection"], at, self.settings.projection
            )
        for kind in ("up", "down"):
            if kind in value:
                given[kind] = self.reader.route(kind, value[kind], join(path, kind))
        if "channels" in value:
            given["channels"] = self.reader.leveled(
                value["channels"], join(path, "channels"), self._channels
            )
        return Input(refs, whole, place, **given)

    def _tap(self, value: Any, path: str) -> Tap:
        return "before" if TAP.read(value, path, self.faults, "after") == "before" else "after"

    def _word(self, tree: Mapping[str, Any], key: str, path: str) -> str | None:
        """A letter, then letters, digits and underscores."""
        word = tree.get(key)
        if word is None or (isinstance(word, str) and WORD.fullmatch(word)):
            return word
        self.faults.add(join(path, key), f"expected a word, got {word!r}")
        return None

    # Rows and nodes.

    def row(self, name: str, tree: Any, path: str) -> Row | None:
        shared = self._shared(name, tree, path, ROW_FIELDS)
        if shared is None:
            return None
        order: Order = self._choice(tree, "order", ("down", "up", "none"), "none", path)
        skip = flag("skip_first", False)
        skipped = skip.read(tree.get("skip_first", False), f"{path}.skip_first", self.faults, False)
        if skipped and order == "none":
            self.faults.add(f"{path}.skip_first", "only a row with an order has a first level")
        levels = self._given(tree, "levels", path, self.reader.levels)
        return Row(**shared, order=order, skip_first=bool(skipped), levels=levels)

    def node(self, name: str, tree: Any, path: str) -> PlainNode | None:
        shared = self._shared(name, tree, path, NODE_FIELDS)
        if shared is None:
            return None
        return PlainNode(**shared, level=self._given(tree, "level", path, self.reader.level))

    def _shared(
        self,
        name: Any,
        tree: Any,
        path: str,
        fields: tuple[str, ...],
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
            given["inputs"] = self._inputs(tree["from"], f"{path}.from")
        for kind in ("fuse", "block", "up", "down"):
            if kind in tree:
                read = partial(
                    self.reader.op if kind in ("fuse", "block") else self.reader.route, kind
                )
                given[kind] = self.reader.leveled(tree[kind], f"{path}.{kind}", read)
        if "projection" in tree:
            at = f"{path}.projection"
            given["projection"] = self.reader.projection(
                tree["projection"], at, self.settings.projection
            )
        if "norm" in tree:
            given["norm"] = self.reader.norm(tree["norm"], f"{path}.norm", self.settings.norm)
        if "channels" in tree:
            given["channels"] = self.reader.leveled(
                tree["channels"], f"{path}.channels", self._channels
            )
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
        if wrong := too_large(number):
            self.faults.add(path, wrong)
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


@lru_cache(maxsize=4096)
def _read_refs(text: str) -> tuple[tuple[Ref, ...], tuple[str, ...]]:
    """References to choose from, and what is wrong with others."""
    read = [_ref(part.strip()) for part in text.split("|")]
    refs = tuple([one for one in read if isinstance(one, Ref)])
    return refs, tuple([one for one in read if isinstance(one, str)])


def _ref(text: str) -> Ref | str:
    """One reference, or what is wrong with it."""
    match = REF.fullmatch(text)
    if match is None:
        return f"expected name, name.coarser, name@-1 or a | b, got {text!r}"
    name, step, back = match.groups()
    if step is not None and step not in _STEPS:
        return f"no step {step!r} in {text!r}{did_you_mean(step, _STEPS)}"
    if back is not None and back not in _BACKS and not back.startswith("-"):
        return f"no repeat {back!r} in {text!r}{did_you_mean(back, _BACKS)}"
    steps: Step = step or ""  # type: ignore[assignment]
    word: Back = back if back in _BACKS else -int(back or 0)  # type: ignore[assignment]
    return Ref(name, steps, word)
