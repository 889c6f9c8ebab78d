"""Plan -> source: a forward pass as straight-line Python, one line a node, in the file's names.

What is written is built from checked identifiers and from values of known types (`repr`), never
from a user's text. Sums and weighted sums are written in line; weights of like nodes are normalised
together; a map that several nodes want at one size is resampled once.
"""

import hashlib
import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from harness.compiler.plan import Plan, Project, Step, Term, resample_uses
from harness.graph.spec import Op
from harness.ops.fuse import shared_weights
from harness.ops.resample import COPIES, RESAMPLES, size_of

INLINE_FUSES = ("sum", "mean", "weighted")
Forward = Callable[..., dict[str, torch.Tensor]]
Constants = Mapping[str, list[float]]
"""By step: what each of its inputs is multiplied by."""


def write(plan: Plan, constants: Constants | None = None) -> str:
    """The source of `forward(self, maps)`.

    constants: of a network whose numbers no longer change. What a node's inputs are multiplied by
    is written as it is, and its block is called by `block_name`.
    """
    return _Writer(plan, constants).source()


def block_name(step: Step) -> str:
    """What the block of a network with constants is called in its code."""
    return f"{step.name}_block"


def load(source: str, name: str, blocks: Mapping[str, Callable[..., Any]] = {}) -> Forward:
    """The function a source defines. `name` stands in tracebacks, which show its lines.

    blocks: what its code calls by `block_name`.
    """
    file = f"<feature network {name} {hashlib.sha256(source.encode()).hexdigest()[:8]}>"
    names: dict[str, Any] = {
        "add": torch.add,
        "addcmul": torch.addcmul,
        "shared_weights": shared_weights,
        "size_of": size_of,
        "halved": halved,
        "doubled": doubled,
        **{name: RESAMPLES.get(name) for name in RESAMPLES.names()},
        **blocks,
    }
    exec(compile(source, file, "exec"), names)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    forward: Forward = names["forward"]
    return forward


def halved(size: tuple[int, int]) -> tuple[int, int]:
    """The size of the next coarser level: half, rounded up."""
    return (size[0] + 1) // 2, (size[1] + 1) // 2


def doubled(size: tuple[int, int]) -> tuple[int, int]:
    """The size of the next finer level."""
    return size[0] * 2, size[1] * 2


def edge_module(step: Step, term: Term) -> str:
    """The name of an edge's own projection in its node: `from_p4`; a second one, `from_p4_b`."""
    same = [t for t in step.terms if t.source == term.source and t.project and not t.shared]
    return _nth(f"from_{term.source}", sorted(t.position for t in same).index(term.position))


def shared_projects(plan: Plan) -> dict[tuple[str, Project], str]:
    """Projections that all uses of a source share, and their names: `p4_in`."""
    names: dict[tuple[str, Project], str] = {}
    for step in plan.steps:
        for term in step.terms:
            if term.project and term.shared and (term.source, term.project) not in names:
                taken = sum(source == term.source for source, _ in names)
                names[term.source, term.project] = _nth(f"{term.source}_in", taken)
    return names


def _nth(name: str, i: int) -> str:
    return name if i == 0 else f"{name}_{chr(ord('a') + i)}"


class _Writer:
    def __init__(self, plan: Plan, constants: Constants | None) -> None:
        self.plan, self.constants = plan, constants
        self.projected = shared_projects(plan)
        self.uses = resample_uses(plan)
        self.resampled: dict[tuple[str, Op, int], str] = {}
        known = (constants or {}).items()
        self.weights = {name: [repr(weight) for weight in weights] for name, weights in known}
        self.lines: list[str] = []

    def source(self) -> str:
        """Header, inputs, sizes, weights, shared projections, nodes, outputs."""
        maps = [f"p{level}" for level in self.plan.inputs]
        self.lines += [f'{name} = maps["{name}"]' for name in maps]
        self.lines += self._sizes()
        self._normalise()
        for (source, _), name in self.projected.items():
            self.lines.append(f"{name} = self.{name}({source})")
        for step in self.plan.steps:
            self._step(step)
        outputs = ", ".join(f'"p{level}": {name}' for level, name in self.plan.outputs)
        self.lines.append(f"return {{{outputs}}}")
        return "def forward(self, maps):\n" + "".join(f"{_wrapped(line)}\n" for line in self.lines)

    def _sizes(self) -> Iterable[str]:
        """`sizeL` of every level that a map is brought to, from the maps or a level's neighbour."""
        inputs = self.plan.inputs
        wanted = {s.level for s in self.plan.steps if any(t.resample for t in s.terms)}
        top, bottom = max(inputs), min(inputs)
        levels = (
            wanted
            | set(range(top, max(wanted, default=0)))
            | set(range(min(wanted, default=bottom) + 1, bottom + 1))
        )
        for level in sorted(levels & set(inputs)):
            yield f"size{level} = size_of(p{level})"
        for level in sorted(level for level in levels if level > top):
            yield f"size{level} = halved(size{level - 1})"
        for level in sorted((level for level in levels if level < bottom), reverse=True):
            yield f"size{level} = doubled(size{level + 1})"

    def _normalise(self) -> None:
        """One call for all weighted nodes that have the same norm and number of inputs."""
        groups: dict[tuple[object, ...], list[Step]] = {}
        for step in self.plan.steps:
            if step.fuse.name == "weighted" and step.name not in self.weights:
                op = step.fuse
                channels = step.channels if op["per"] == "channel" else 0
                like = (op["norm"], op["eps"], len(step.terms), channels)
                groups.setdefault(like, []).append(step)
        for i, ((norm, eps, _, _), steps) in enumerate(groups.items(), start=1):
            raw = ", ".join(f"self.{step.name}.fuse.weights" for step in steps)
            self.lines.append(f"w{i} = shared_weights([{raw}], {norm!r}, {eps!r})")
            numbers = iter(range(len(steps) * len(steps[0].terms)))
            for step in steps:
                self.weights[step.name] = [f"w{i}[{next(numbers)}]" for _ in step.terms]

    def _step(self, step: Step) -> None:
        if step.fuse.name in INLINE_FUSES:
            value = self._sum(step)
        else:
            inputs = ", ".join(self._input(step, term) for term in step.terms)
            value = f"self.{step.name}.fuse({inputs})"
        if step.block.name != "none":
            fixed = self.constants is not None
            block = block_name(step) if fixed else f"self.{step.name}.block.forward"
            value = f"{block}({value})"
        elif " + " in value or " * " in value:
            value = f"({value})"
        self.lines.append(f"{step.name} = {value}")

    def _sum(self, step: Step) -> str:
        """Terms that are weighted before they are copied to a finer level come first."""
        weights = self.weights.get(step.name, [""] * len(step.terms))
        early = [
            bool(w) and self._scales_early(step, t)
            for t, w in zip(step.terms, weights, strict=True)
        ]
        total = ""
        for i in sorted(range(len(weights)), key=lambda i: not early[i]):
            factor = weights[i]
            value = self._input(step, step.terms[i], scale=factor if early[i] else "")
            if not factor or early[i]:
                total = f"{total} + {value}" if total else value
            else:
                total = self._plus(total, value, factor, step) if total else f"{value} * {factor}"
        mean = step.fuse.name == "mean" and len(weights) > 1
        return f"({total}) * {1 / len(weights)!r}" if mean else total

    def _plus(self, total: str, value: str, factor: str, step: Step) -> str:
        """A weighted term added: both spellings give the same bits."""
        if step.name in (self.constants or {}):
            return f"add({total}, {value}, alpha={factor})"
        return f"addcmul({total}, {value}, {factor})"

    def _scales_early(self, step: Step, term: Term) -> bool:
        """A weight may be applied at the coarser level where resampling only copies cells."""
        if term.resample is None or term.resample.name not in COPIES:
            return False
        return term.source_level > step.level and self._uses(step, term) == 1

    def _uses(self, step: Step, term: Term) -> int:
        if term.resample is None or (term.project and not term.shared):
            return 1
        return self.uses[term.source, term.project, term.resample, step.level]

    def _input(self, step: Step, term: Term, scale: str = "") -> str:
        """One input of a node: projected, weighted if that comes first, and resampled."""
        value = term.source
        if term.project and term.shared:
            value = self.projected[term.source, term.project]
        elif term.project:
            value = f"self.{step.name}.{edge_module(step, term)}({value})"
        if scale:
            value = f"{value} * {scale}"
        if term.resample is None:
            return value
        call = _resample(term.resample, value, step.level)
        return (
            self._shared(value, call, term.resample, step) if self._uses(step, term) > 1 else call
        )

    def _shared(self, value: str, call: str, op: Op, step: Step) -> str:
        """The variable of a map resampled once for several nodes; made at its first use."""
        place = (value, op, step.level)
        if place not in self.resampled:
            taken = sum((v, lvl) == (value, step.level) for v, _, lvl in self.resampled)
            name = _nth(f"{value}_at{step.level}", taken)
            self.resampled[place] = name
            self.lines.append(f"{name} = {call}")
        return self.resampled[place]


def _wrapped(line: str) -> str:
    """An indented line, broken at blanks; these are within brackets but for those around `=`."""
    kept = line.replace(" = ", "\0=\0", 1)
    wrapper = textwrap.TextWrapper(100, "    ", "        ")
    wrapper.break_long_words = wrapper.break_on_hyphens = False
    return wrapper.fill(kept).replace("\0", " ")


def _resample(op: Op, value: str, level: int) -> str:
    """A call of the op's function; arguments that are its defaults are not written."""
    defaults = inspect.signature(RESAMPLES.get(op.name)).parameters
    given = [(name, value) for name, value in op.args if value != defaults[name].default]
    args = "".join(f", {name}={argument!r}" for name, argument in given)
    return f"{op.name}({value}, size{level}{args})"
