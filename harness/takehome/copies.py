"""Definitions copied out of their files, with all that they need, to stand in one file together.

What a file takes from the standard library or torch stays an import. What it takes from elsewhere
is copied too, so that the file written needs neither the harness nor a plug-in.
"""

import ast
import builtins
import inspect
import re
import symtable
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import resolve_name
from typing import Any

from harness.errors import SpecError
from harness.registry import Table

KEPT = frozenset(sys.stdlib_module_names) | {"torch", "torchvision"}
"""Packages that are imported, not copied."""

_TOLD_TO_TOOLS = re.compile(r"  # (type: ignore|noqa|pragma)[^\n]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Import:
    """`from module import name as alias`, or, without a name, `import module`."""

    module: str
    name: str
    alias: str

    @property
    def is_kept(self) -> bool:
        return self.module.partition(".")[0] in KEPT

    def __str__(self) -> str:
        if not self.name:
            own = self.alias == self.module.partition(".")[0]
            return f"import {self.module}" if own else f"import {self.module} as {self.alias}"
        if self.alias == self.name:
            return f"from {self.module} import {self.name}"
        if f"{self.module}.{self.name}" in sys.modules:
            return f"import {self.module}.{self.name} as {self.alias}"
        return f"from {self.module} import {self.name} as {self.alias}"


@dataclass(frozen=True, slots=True)
class Definition:
    """A class, function or constant. line: its place in its file."""

    name: str
    module: str
    line: int
    text: str

    @property
    def is_constant(self) -> bool:
        return not self.text.startswith(("@", "class ", "def "))


@dataclass(slots=True)
class Copies:
    """Definitions asked for so far, and what they need.

    preferred: a module whose definitions stand for those of the same name elsewhere.
    dropped: methods that are left out of classes of that module's package.
    """

    preferred: str
    dropped: frozenset[str] = frozenset()
    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)
    _files: dict[str, "_File"] = field(default_factory=dict)
    _behind: dict[str, set[str]] = field(default_factory=dict)

    def add(self, thing: Any) -> str:
        """Copy a class or function, or import it; returns the name it goes by."""
        name = str(getattr(thing, "__qualname__", thing))
        module = str(getattr(thing, "__module__", "?"))
        if module == "torch":
            name = thing.__name__  # functions of torch's own are methods of a hidden class
        if not name.isidentifier():
            raise SpecError(f"{name} of {module} cannot be copied: its file does not define it")
        own = Import(module, name, name)
        if own.is_kept:
            self._import(own, module)
        else:
            self.add_name(name, module)
        return name

    def add_name(self, name: str, module: str) -> Definition | None:
        """Copy what a name means in a module, and all that needs. None: it is an import."""
        if name in self._file(self.preferred).definitions:
            module = self.preferred
        file = self._file(module)
        if name in file.definitions:
            return self._define(file.definitions[name])
        if name in file.imports:
            return self._import(file.imports[name], module)
        if not hasattr(builtins, name):
            raise SpecError(f"{name} of {module} cannot be copied: its file does not define it")
        return None

    def ordered(self) -> list[Definition]:
        """A file after those it needs, each in its own order: what is needed comes first."""
        modules: list[str] = []
        for module in self._behind:
            self._place(module, modules, set())
        return sorted(
            self.definitions.values(), key=lambda one: (modules.index(one.module), one.line)
        )

    def _place(self, module: str, placed: list[str], under: set[str]) -> None:
        if module in placed or module in under:
            return
        for needed in sorted(self._behind[module]):
            self._place(needed, placed, under | {module})
        placed.append(module)

    def _file(self, module: str) -> "_File":
        if module not in self._files:
            own = module.partition(".")[0] == self.preferred.partition(".")[0]
            self._files[module] = _read(module, self.dropped if own else frozenset())
        return self._files[module]

    def _define(self, found: Definition) -> Definition:
        if self._is_new(found.name, found):
            self.definitions[found.name] = found
            behind = self._behind.setdefault(found.module, set())
            for name in needs(found.text):
                needed = self.add_name(name, found.module)
                behind |= {needed.module} if needed else set()
        return found

    def _import(self, found: Import, where: str) -> Definition | None:
        if found.is_kept:
            if self._is_new(found.alias, found):
                self.imports[found.alias] = found
            return None
        if found.name != found.alias:
            raise SpecError(
                f"{found.alias} of {where} cannot be copied: import what is needed from "
                f"{found.module}, under its own name"
            )
        return self.add_name(found.name, found.module)

    def _is_new(self, name: str, found: "Definition | Import") -> bool:
        held = self.definitions.get(name) or self.imports.get(name)
        if held is not None and held != found:
            raise SpecError(
                f"{name} is one thing in {held.module} and another in {found.module}: give one of "
                "them another name, for both are to stand in one file"
            )
        return held is None


def needs(text: str) -> list[str]:
    """Names in a definition that are its file's or Python's own, annotations included."""
    tables = [symtable.symtable(text, "<definition>", "exec")]
    own = {one.get_name() for one in tables[0].get_symbols() if one.is_assigned()}
    found: set[str] = set()
    for table in tables:
        found |= {one.get_name() for one in table.get_symbols() if one.is_global()}
        tables += table.get_children()
    return sorted(found - own)


@dataclass(frozen=True, slots=True)
class _File:
    """What a module defines and imports, by name."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)


def _read(name: str, dropped: frozenset[str]) -> _File:
    module = import_module(name)
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        raise SpecError(f"{name} cannot be copied: its source is not there") from None
    package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
    lines, body = source.splitlines(), ast.parse(source).body
    file = _File()
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            file.imports.update(_imported(statement, package))
            continue
        last = following if following and _is_docstring(following) else statement
        first = _first_line(statement, module)
        gone = {line for one in _methods(statement, dropped) for line in one}
        kept = [i for i in range(first, (last.end_lineno or first) + 1) if i not in gone]
        text = _TOLD_TO_TOOLS.sub("", "\n".join(lines[i - 1] for i in kept))
        for bound in _bound(statement):
            file.definitions[bound] = Definition(bound, name, first, text)
    return file


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The name a statement defines."""
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            yield name
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]):
            yield name


def _methods(statement: ast.stmt, names: frozenset[str]) -> Iterator[range]:
    """Lines of methods of a class, each with the blank line before it."""
    for one in statement.body if isinstance(statement, ast.ClassDef) else ():
        if isinstance(one, ast.FunctionDef) and one.name in names:
            start = min([one.lineno, *(decorator.lineno for decorator in one.decorator_list)])
            yield range(start - 1, (one.end_lineno or one.lineno) + 1)


def _first_line(statement: ast.stmt, module: Any) -> int:
    """The line a definition starts at, behind the decorators that enter it in a table."""
    kept = [
        decorator
        for decorator in getattr(statement, "decorator_list", ())
        if not isinstance(vars(module).get(_root(decorator)), Table)
    ]
    return int(min([statement.lineno, *(decorator.lineno for decorator in kept)]))


def _root(expression: ast.expr) -> str:
    """`FUSES` of `FUSES.register("sum")`."""
    while isinstance(expression, ast.Call | ast.Attribute):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    return expression.id if isinstance(expression, ast.Name) else ""


def _is_docstring(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _imported(statement: ast.Import | ast.ImportFrom, package: str) -> dict[str, Import]:
    if isinstance(statement, ast.ImportFrom):
        module = resolve_name("." * statement.level + (statement.module or ""), package)
        names = {one.asname or one.name: one.name for one in statement.names}
        return {alias: Import(module, name, alias) for alias, name in names.items()}
    found = {}
    for one in statement.names:
        package, _, name = one.name.rpartition(".")
        if one.asname and package:
            found[one.asname] = Import(package, name, one.asname)
        else:
            alias = one.asname or one.name.partition(".")[0]
            found[alias] = Import(one.name, "", alias)
    return found
