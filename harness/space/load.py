"""YAML text -> plain tree with line marks. Reads what people mean and refuses what misleads.

Numbers: `1e-4` is a float, `010` is ten. Words: only `true` and `false` are booleans, so `on`,
`yes` and `no` are strings; dates are strings. Refused: keys given twice, merge keys,
tags, anchors that hold themselves, more than a few aliases. All faults of a file come in one go.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import yaml

from harness.errors import Fault, SpecError
from harness.space.nearby import beside

MAX_ALIASES = 32
MAX_VALUES = 50_000
_TAG = "tag:yaml.org,2002:"
_CORE = {f"{_TAG}{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")}


Steps = tuple[str | int, ...]
"""A path in a tree: keys (as text) and places in lists."""


@dataclass(frozen=True)
class Source:
    """A file as read: its tree, and the line (1-based) of every value in it."""

    file: str
    tree: dict[str, Any]
    lines: Mapping[Steps, int] = field(repr=False)

    @cached_property
    def _by_path(self) -> dict[str, int]:
        return {".".join(map(str, steps)): line for steps, line in self.lines.items()}

    def line(self, path: str) -> int | None:
        """The line of the longest part of a dotted path that stands in the file."""
        while path and path not in self._by_path:
            path = path.rpartition(".")[0]
        return self._by_path.get(path)

    def error(self, faults: Iterable[Fault] | SpecError) -> SpecError:
        """The error to raise: each fault with this file and its line, unless it has a file."""
        found = faults.faults if isinstance(faults, SpecError) else faults
        return SpecError(
            [one if one.file else one.at(self.file, self.line(one.path)) for one in found]
        )


def read_yaml(path: str | Path) -> Source:
    """The mapping in a YAML file; a `SpecError` with file and lines where it cannot be trusted."""
    file = str(path)
    try:
        tree, lines = _read(Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise SpecError(Fault("", "is not UTF-8 text", file)) from None
    except OSError as error:
        why = f"cannot be read: {error.strerror or error}{beside(Path(path))}"
        raise SpecError(Fault("", why, file)) from None
    except SpecError as error:
        raise SpecError([one.at(file, one.line) for one in error.faults]) from None
    if not isinstance(tree, dict):
        what = "nothing" if tree is None else f"a {type(tree).__name__}"
        raise SpecError(Fault("", f"expected fields, got {what}", file, 1))
    return Source(file, tree, lines)


def read_text(text: str) -> Any:
    """The value some YAML text says (`3`, `[1, 2]`, `{a: b}`), by the same rules."""
    return _read(text)[0]


def _read(text: str) -> tuple[Any, dict[Steps, int]]:
    reader = _TreeReader()
    try:
        root = yaml.compose(text, Loader=_Loader)
        tree = reader.value(root, ()) if root is not None else None
    except yaml.MarkedYAMLError as error:
        raise SpecError(_syntax_fault(error)) from None
    except yaml.YAMLError as error:
        raise SpecError(Fault("", f"not YAML: {str(error).splitlines()[0]}")) from None
    except RecursionError:
        raise SpecError(Fault("", "is nested too deeply")) from None
    if reader.faults:
        raise SpecError(reader.faults)
    return tree, reader.lines


def _syntax_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    reason = error.problem or error.context or "unreadable"
    return Fault("", f"not YAML: {reason}", line=mark.line + 1 if mark else None)


class _Loader(yaml.SafeLoader):
    """Composes nodes; resolves plain words as described above, and counts aliases."""

    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}  # type: ignore[misc]
    aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > MAX_ALIASES:
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                reason = f"more than {MAX_ALIASES} aliases"
                raise yaml.MarkedYAMLError(problem=reason, problem_mark=mark)
        return super().compose_node(parent, index)


_NUMBER_STARTS = list("-+0123456789.")
_PATTERNS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:[0-9][0-9_]*|0x[0-9a-fA-F]+)", _NUMBER_STARTS),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf)|\.(?:nan|NaN)",
        _NUMBER_STARTS,
    ),
)
for _kind, _pattern, _starts in _PATTERNS:
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"^(?:{_pattern})$"), _starts)


class _Dumper(yaml.SafeDumper):
    """Quotes words that `_Loader` would read as something else; writes no aliases."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: Any) -> bool:
        return True


def yaml_text(tree: Mapping[str, Any]) -> str:
    """Plain data as YAML that `read_yaml` reads back equal; innermost values on one line."""
    return yaml.dump(
        tree,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=None,
        width=100,
        allow_unicode=True,
    )


class _TreeReader:
    """Turns composed nodes into plain values, keeping lines and gathering faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.lines: dict[Steps, int] = {}
        self._open: set[int] = set()
        self._values = 0

    def value(self, node: yaml.Node, path: Steps) -> Any:
        self.lines.setdefault(path, _line(node))
        self._values += 1
        if self._values > MAX_VALUES:
            reason = f"holds more than {MAX_VALUES:,} values, aliases written out"
            raise yaml.MarkedYAMLError(problem=reason, problem_mark=node.start_mark)
        if node.tag not in _CORE:
            return self._fault(path, node, f"tag {node.tag.removeprefix(_TAG)!r} is not read")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            return self._fault(path, node, "an anchor holds itself")
        self._open.add(id(node))
        is_map = isinstance(node, yaml.MappingNode)
        found = self._mapping(node, path) if is_map else self._sequence(node, path)
        self._open.discard(id(node))
        return found

    def _sequence(self, node: Any, path: Steps) -> list[Any]:
        return [self.value(one, (*path, i)) for i, one in enumerate(node.value)]

    def _mapping(self, node: Any, path: Steps) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        first: dict[Any, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(path, key_node, "a key is one word")
                continue
            key = self._scalar(key_node, path)
            at, line = (*path, str(key)), _line(key_node)
            if key in first:
                reason = f"key {key!r} is there twice, on lines {first[key]} and {line}"
                self._fault(at, key_node, reason)
                continue
            if key == "<<" and key_node.style is None:
                self._fault(path, key_node, "merge keys (<<) are not read; write the fields out")
                continue
            first[key] = line
            self.lines[at] = line
            found[key] = self.value(value_node, at)
        return found

    def _scalar(self, node: yaml.ScalarNode, path: Steps) -> Any:
        kind, text = node.tag.removeprefix(_TAG), node.value
        try:
            match kind:
                case "null":
                    return None
                case "bool":
                    return {"true": True, "false": False}[text.lower()]
                case "int":
                    return int(text, 16) if "x" in text else int(text.replace("_", ""))
                case "float":
                    return float(re.sub(r"\.(?=inf|nan)", "", text.lower()).replace("_", ""))
        except (ValueError, KeyError):
            return self._fault(path, node, f"{text!r} is not a {kind}")
        return text

    def _fault(self, path: Steps, node: yaml.Node, reason: str) -> None:
        self.faults.append(Fault(".".join(map(str, path)), reason, line=_line(node)))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
