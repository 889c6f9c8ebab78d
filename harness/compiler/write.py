"""Plan -> source: a forward pass as straight-line Python, one line a node, in the file's names.

What is written is built from checked identifiers and from values of known types (`repr`), never
from a user's text. Sums and weighted sums are written in line; weights of like nodes are normalised
together; a map that several nodes want at one size is resampled once.
"""

import hashlib
import inspect
import linecache
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from harness.compiler.layout import laid_out, literal
from harness.compiler.parts import lettered
from harness.compiler.plan import Plan, Step, Term, Way, map_uses
from harness.graph.path import Leg
from harness.graph.spec import Op
from harness.ops import RESAMPLES
from harness.ops.fuse import shared_weights
from harness.ops.resample import COPIES, size_of

Forward = Callable[..., dict[str, torch.Tensor]]
Constants = Mapping[str, list[float]]
"""By step: what each of its inputs is multiplied by."""


def is_inline(fuse: Op) -> bool:
    """Whether a fuse is written out, rather than called."""
    if fuse.name == "weighted":
        return fuse["per"] != "pixel" or bool(fuse["frozen"])
    return fuse.name in ("sum", "mean")


def write(plan: Plan, constants: Constants | None = None, *, calls_fuses: bool = False) -> str:
    """The source of `forward(self, maps)`, with blocks called straight (no hooks, less Python).

    constants: of a network whose numbers no longer change. What a node's inputs are multiplied by
    is written as it is, and its block is called by `block_name`.
    calls_fuses: weighted sums are calls of each node's own module rather than written in line.
    """
    written = _Writer(plan, constants, straight=True, calls_fuses=calls_fuses).statements()
    lines = [line for statement in written for line in laid_out(statement, 4)]
    return "\n".join(["def forward(self, maps):", *lines, ""])


def statements(plan: Plan) -> list[str]:
    """The statements of `forward(self, maps)`, each on one line."""
    return _Writer(plan, None, straight=False).statements()


def block_name(step: Step) -> str:
    """What the block of a network with constants is called in its code."""
    return f"{step.name}_block"


def load(source: str, name: str, blocks: Mapping[str, Callable[..., Any]]) -> Forward:
    """The function a source defines. `name` stands in tracebacks, which show its lines.

    blocks: what its code calls by `block_name`.
    """
    file = f"<feature network {name} {hashlib.sha256(source.encode()).hexdigest()[:8]}>"
    names = {**vocabulary(), **blocks}
    exec(compile(source, file, "exec"), names)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    forward: Forward = names["forward"]
    return forward


def vocabulary() -> dict[str, Any]:
    """What the names of a written source mean."""
    return {
        "add": torch.add,
        "addcmul": torch.addcmul,
        "shared_weights": shared_weights,
        "size_of": size_of,
        "halved": halved,
        "doubled": doubled,
        **{name: RESAMPLES.get(name) for name in RESAMPLES.names()},
    }


def halved(size: tuple[int, int]) -> tuple[int, int]:
    """The size of the next coarser level: half, rounded up."""
    return (size[0] + 1) // 2, (size[1] + 1) // 2


def doubled(size: tuple[int, int]) -> tuple[int, int]:
    """The size of the next finer level."""
    return size[0] * 2, size[1] * 2


class _Writer:
    def __init__(
        self,
        plan: Plan,
        constants: Constants | None,
        *,
        straight: bool,
        calls_fuses: bool = False,
    ) -> None:
        self.plan, self.constants, self.straight = plan, constants, straight
        self.calls_fuses = calls_fuses
        self.uses = map_uses(plan)
        self.made: dict[tuple[str, str | None, Way], str] = {}
        self.taken: dict[str, int] = {}
        known = (constants or {}).items()
        self.weights = {name: [repr(weight) for weight in weights] for name, weights in known}
        self.lines: list[str] = []

    def statements(self) -> list[str]:
        """Header, inputs, sizes, weights, shared projections, nodes, outputs."""
        maps = [f"p{level}" for level in self.plan.inputs]
        self.lines += [f'{name} = maps["{name}"]' for name in maps]
        self.lines += self._sizes()
        self._normalise()
        self._project_inputs()
        for step in self.plan.steps:
            self._step(step)
        named = [(f"p{level}", name) for level, name in self.plan.outputs]
        ends = ", ".join(f'"{key}": {name}' for key, name in (*named, *self.plan.taps))
        return [*self.lines, f"return {{{ends}}}"]

    def _sizes(self) -> Iterable[str]:
        """`sizeL` of every level that a map is brought to, from the maps or a level's neighbour."""
        inputs = self.plan.inputs
        ways = [term.way for step in self.plan.steps for term in step.terms]
        wanted = {leg.level_out for way in ways for leg, _ in way if leg.resamples}
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
            weighted = step.fuse.name == "weighted" and self._is_inline(step)
            if weighted and step.name not in self.weights:
                op = step.fuse
                channels = step.channels if op["per"] == "channel" else 0
                like = (op["norm"], op["eps"], len(step.terms), channels)
                groups.setdefault(like, []).append(step)
        for i, ((norm, eps, _, _), steps) in enumerate(groups.items(), start=1):
            raw = ", ".join(f"self.{step.fuse_at}.weights" for step in steps)
            self.lines.append(f"w{i} = shared_weights([{raw}], {literal(norm)}, {eps!r})")
            numbers = iter(range(len(steps) * len(steps[0].terms)))
            for step in steps:
                self.weights[step.name] = [f"w{i}[{next(numbers)}]" for _ in step.terms]

    def _project_inputs(self) -> None:
        """Projections that all uses of a backbone map share, each computed once."""
        self.projected: dict[str, str] = {}
        for step in self.plan.steps:
            for term in step.terms:
                at = term.project
                if at and "." not in at and at not in self.projected:
                    self.projected[at] = at
                    self.lines.append(f"{at} = self.{at}({term.source})")

    def _step(self, step: Step) -> None:
        if self._is_inline(step):
            value = self._sum(step)
        else:
            value = f"self.{step.fuse_at}({', '.join(self._inputs(step))})"
        if step.fused:
            self.lines.append(f"{step.fused} = {value}")
            value = step.fused
        if step.block.name != "none":
            value = f"{self._block(step)}({value})"
        self.lines.append(f"{step.name} = {value}")

    def _is_inline(self, step: Step) -> bool:
        called = self.calls_fuses and step.fuse.name == "weighted"
        return is_inline(step.fuse) and not called

    def _inputs(self, step: Step) -> list[str]:
        """Of a fuse that is called; None for a role that only others who share it have."""
        made = [self._input(term) for term in step.terms]
        roles = self.plan.parts[step.fuse_at].roles
        if len(roles) == len(made):
            return made
        named = dict(zip([term.role for term in step.terms], made, strict=True))
        return [named.get(role, "None") for role in roles]

    def _sum(self, step: Step) -> str:
        """Terms that are weighted before they are copied to a finer level come first."""
        weights = self.weights.get(step.name, [""] * len(step.terms))
        early = [
            bool(w) and self._scales_early(t) for t, w in zip(step.terms, weights, strict=True)
        ]
        total = ""
        for i in sorted(range(len(weights)), key=lambda i: not early[i]):
            factor = weights[i]
            value = self._input(step.terms[i], scale=factor if early[i] else "")
            if not factor or early[i]:
                total = f"{total} + {value}" if total else value
            else:
                total = self._plus(total, value, factor, step) if total else f"{value} * {factor}"
        mean = step.fuse.name == "mean" and len(weights) > 1
        return f"({total}) * {1 / len(weights)!r}" if mean else total

    def _block(self, step: Step) -> str:
        """How a block is called: a plain function where that saves look-ups."""
        if self.constants is not None:
            return block_name(step)
        return f"self.{step.block_at}.forward" if self.straight else f"self.{step.block_at}"

    def _plus(self, total: str, value: str, factor: str, step: Step) -> str:
        """A weighted term added: both spellings give the same bits."""
        if step.name in (self.constants or {}):
            return f"add({total}, {value}, alpha={factor})"
        return f"addcmul({total}, {value}, {factor})"

    def _scales_early(self, term: Term) -> bool:
        """A weight may be applied at the coarser level where resampling only copies cells."""
        if len(term.way) != 1 or term.way[0][0].op.name not in COPIES:
            return False
        leg = term.way[0][0]
        return leg.level_in > leg.level_out and self._uses(term) == 1

    def _uses(self, term: Term) -> int:
        return self.uses[term.source, term.project, term.way] if term.once else 1

    def _input(self, term: Term, scale: str = "") -> str:
        """One input of a node: projected, weighted if that comes first, and taken along its way."""
        value = term.source
        if term.project:
            value = self.projected.get(term.project) or f"self.{term.project}({value})"
        if scale:
            value = f"{value} * {scale}"
        start = value
        for leg, at in term.way:
            value = _called(leg, at, value)
        return self._shared(term, start, value) if self._uses(term) > 1 else value

    def _shared(self, term: Term, start: str, value: str) -> str:
        """The variable of a map made once for several nodes; made at its first use."""
        place = (term.source, term.project, term.way)
        if place not in self.made:
            stem = f"{start}_at{term.way[-1][0].level_out}"
            name = lettered(stem, self.taken.get(stem, 0))
            self.taken[stem] = self.taken.get(stem, 0) + 1
            self.made[place] = name
            self.lines.append(f"{name} = {value}")
        return self.made[place]


def _called(leg: Leg, at: str | None, value: str) -> str:
    """A leg's call; arguments of a function that are its defaults are not written."""
    size = f", size{leg.level_out}" if leg.resamples else ""
    if at is not None:
        return f"self.{at}({value}{size})"
    defaults = inspect.signature(RESAMPLES.get(leg.op.name)).parameters
    given = [(name, value) for name, value in leg.op.args if value != defaults[name].default]
    args = "".join(f", {name}={literal(argument)}" for name, argument in given)
    return f"{leg.op.name}({value}{size}{args})"
