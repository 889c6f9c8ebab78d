"""Plan -> the text of a class: a constructor, and the forward pass that the compiler writes."""

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from torch import Tensor as Tensor

from harness.compiler.layout import laid_out, literal
from harness.compiler.parts import Part
from harness.compiler.plan import Plan
from harness.compiler.write import statements, vocabulary
from harness.graph.spec import Norm, Op
from harness.ops import BLOCKS, FUSES, RESAMPLES
from harness.ops.block import Projection, fold_norms
from harness.ops.inputs import Inputs
from harness.takehome import pieces
from harness.takehome.copies import Copies, needs

T = TypeVar("T", bound=Hashable)

TABLES: dict[str, Any] = {"block": BLOCKS, "fuse": FUSES, "resample": RESAMPLES}

DOCSTRING = '''\
    """Maps of a backbone in, one map a level out, at any size.

    forward: {"p3": (N, channels, H, W), ...} in, the same out. Level L has the image's sides
    divided by 2 ** L, rounded up.
    """

'''

FORWARD_LIST = '''\
    def forward_list(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The same from list to list, in the order of `levels_in` and `levels_out`."""
        made = self(dict(zip(self.levels_in, maps, strict=True)))
        return [made[level] for level in self.levels_out]'''


class NetworkText:
    """The text of a class, and copies of what it needs. name: of the class."""

    def __init__(self, plan: Plan, called: str, channels: Mapping[str, int]) -> None:
        self.plan, self.copies = plan, Copies(pieces.__name__, pieces.DROPPED)
        self.channels = {**channels, **{step.name: step.channels for step in plan.steps}}
        for thing in (Mapping, Sequence, pieces.Node, pieces.reset):
            self.copies.add(thing)
        self.copies.add_name("Tensor", __name__)
        self.classes = {place: self._class(part) for place, part in plan.parts.items()}
        self.aliases = list(self._functions())
        if any("    def fold(self)" in one.text for one in self.copies.definitions.values()):
            self.copies.add(fold_norms)
        self.name = self._free(class_name(called))
        self.norms = _numbered({part.constants: "norm" for part in plan.parts.values()}, ())
        self.options = _numbered(_repeated(plan.parts.values()), self.norms.values())

    def text(self) -> str:
        lines = [*self._head(), "", *self._constructor(), "", *self._forward(), "", FORWARD_LIST]
        return "\n".join(lines)

    def _class(self, part: Part) -> str:
        """The class of a part, copied."""
        if part.op is None:
            self.copies.add(Norm)
            return self.copies.add(Projection)
        self.copies.add(Inputs if part.kind == "fuse" else Norm)
        return self.copies.add(TABLES[part.kind].get(part.op.name))

    def _functions(self) -> Iterator[str]:
        """Copies the functions that the forward pass calls; one of another name gets this one."""
        known = vocabulary()
        body = "".join(f"    {statement}\n" for statement in statements(self.plan))
        for name in needs(f"def forward(self, maps):\n{body}"):
            if name in known and (own := self.copies.add(known[name])) != name:
                yield f"{name} = {own}"

    def _free(self, name: str) -> str:
        taken = {*self.copies.definitions, *self.copies.imports, *dir(builtins)}
        return f"{name}Network" if name in taken or keyword.iskeyword(name) else name

    def _head(self) -> Iterator[str]:
        yield f"class {self.name}(nn.Module):"
        yield from DOCSTRING.splitlines()
        levels_in = self.plan.inputs
        levels_out = tuple(level for level, _ in self.plan.outputs)
        channels_in = tuple(self.channels[f"p{level}"] for level in levels_in)
        channels_out = tuple(self.channels[name] for _, name in self.plan.outputs)
        for end, levels, channels in (
            ("in", levels_in, channels_in),
            ("out", levels_out, channels_out),
        ):
            yield f"    levels_{end} = {_tuple([f'p{level}' for level in levels])}"
            yield f"    channels_{end} = {_tuple(channels)}"
            yield f"    strides_{end} = {_tuple([1 << level for level in levels])}"

    def _constructor(self) -> Iterator[str]:
        yield "    def __init__(self) -> None:"
        yield "        super().__init__()"
        for norm, name in self.norms.items():
            yield f"        {name} = Norm(eps={norm.eps!r}, momentum={norm.momentum!r})"
        for op, name in self.options.items():
            entries = ", ".join(f'"{_safe(key)}": {literal(value)}' for key, value in op.args)
            yield from laid_out(f"{name} = {{{entries}}}", 8)
        homes: dict[str, list[tuple[str, str]]] = {}
        for place in self.plan.parts:
            home, _, name = place.rpartition(".")
            if home:
                homes.setdefault(home, []).append((name, place))
            else:
                yield from laid_out(f"self.{name} = {self._made(place)}", 8)
        for home, members in homes.items():
            yield from self._node(home, members)
        yield "        reset(self)"

    def _node(self, home: str, members: list[tuple[str, str]]) -> Iterator[str]:
        entries = [f"{name}={self._made(place)}" for name, place in members]
        if len(entries) == 1:
            yield from laid_out(f"self.{home} = Node({entries[0]})", 8)
            return
        yield f"        self.{home} = Node("
        for entry in entries:
            yield from laid_out(f"{entry},", 12)
        yield "        )"

    def _made(self, place: str) -> str:
        """The call that makes a module."""
        part = self.plan.parts[place]
        ends = [str(part.channels_in), str(part.channels_out), self.norms[part.constants]]
        if part.op is None:
            assert part.form is not None
            given = [f"bias={part.form.bias}", f"norm={part.form.norm}"]
        elif part.op in self.options:
            given = [f"**{self.options[part.op]}"]
        else:
            given = [f"{_safe(key)}={literal(value)}" for key, value in part.op.args]
        if part.kind == "fuse":
            ends = [f"Inputs({_tuple(part.roles)}, {part.channels_in}, {ends[-1]})"]
        if part.kind == "resample":
            ends.append(str(part.stride))
        return f"{self.classes[place]}({', '.join([*ends, *given])})"

    def _forward(self) -> Iterator[str]:
        yield "    def forward(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:"
        for statement in statements(self.plan):
            yield from laid_out(statement, 8)


def class_name(name: str) -> str:
    """`rep_gfpn` -> `RepGfpn`."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return joined if joined[:1].isalpha() else f"Network{joined}"


def _repeated(parts: Iterable[Part]) -> dict[Op, str]:
    """Ops of several arguments that stand in several places: those are worth a variable."""
    counts = Counter(part.op for part in parts if part.op and len(part.op.args) > 1)
    return {op: _safe(op.name) for op, count in counts.items() if count > 1}


def _numbered(names: Mapping[T, str], taken: Iterable[str]) -> dict[T, str]:
    """A name for each thing; a name that is taken gets a number."""
    used = Counter(taken)
    found: dict[T, str] = {}
    for thing, name in names.items():
        used[name] += 1
        found[thing] = name if used[name] == 1 else f"{name}_{used[name]}"
    return found


def _safe(name: str) -> str:
    """A word that Python keeps for itself gets an underscore, as it does in the harness."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _tuple(values: Sequence[object]) -> str:
    inner = ", ".join(map(literal, values))
    return f"({inner},)" if len(values) == 1 else f"({inner})"
