"""Plan -> module: the parameters of a feature network and its written-out forward pass."""

import copy
import keyword
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from harness.compiler.initialise import initialise
from harness.compiler.plan import Plan, Project, Step, make_plan
from harness.compiler.write import (
    INLINE_FUSES,
    block_name,
    edge_module,
    load,
    shared_projects,
    write,
)
from harness.graph.spec import Graph, Op
from harness.ops.block import BLOCKS, Projection, fixed, fold_norms
from harness.ops.fuse import FUSES, Inputs, Weighted


class NodeModules(nn.Module):
    """What one node owns: `fuse`, `block`, and a projection `from_SOURCE` an edge that has one."""


class FeatureNetwork(nn.Module):
    """Maps of a backbone in, one map a level out, at any size.

    forward: {"p3": (N, C, H, W), ...} -> {"p3": (N, width, H, W), ...}, keys as in `levels`.
    code: the forward pass as it runs.
    """

    def __init__(
        self, graph: Graph, channels: Mapping[str, int], width: int, seed: int = 0
    ) -> None:
        super().__init__()
        self.graph, self.width, self.seed = graph, width, seed
        self._fixed = False
        self.levels = tuple(level for level, _ in graph.outputs)
        self._plan = make_plan(graph, channels, width)
        self.channels = {f"p{level}": channels[f"p{level}"] for level in graph.inputs}
        device = torch.get_default_device()
        with torch.device("meta"):
            self._build(self._plan)
        if device.type != "meta":
            self.to_empty(device=device)
            self._initialise(self._plan)
        self.code = write(self._plan)
        self._load()

    @property
    def input_order(self) -> dict[str, tuple[int, ...]]:
        """By node key: the places, in its own list, of the inputs as the module takes them."""
        return {s.key: tuple(term.position for term in s.terms) for s in self._plan.steps}

    def forward(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return self._forward(self, maps)

    def fusion_weights(self) -> dict[str, list[float]]:
        """What each weighted node multiplies its inputs by, in the node's own order of inputs.

        Weights per channel are given by their mean.
        """
        found = {}
        for step in self._plan.steps:
            fuse = self.get_submodule(step.name).fuse if step.fuse.name == "weighted" else None
            if isinstance(fuse, Weighted):
                weights = fuse.normalised().detach().float().reshape(len(step.terms), -1).mean(1)
                own = sorted(zip((t.position for t in step.terms), weights.tolist(), strict=True))
                found[step.key] = [weight for _, weight in own]
        return found

    def fusion_parameters(self) -> Iterator[nn.Parameter]:
        """The raw fusion weights: for an optimiser group of their own, without weight decay."""
        for module in self.modules():
            if isinstance(module, Weighted):
                yield from module.parameters()

    def folded(self) -> "FeatureNetwork":
        """A copy for inference: eval mode, norms folded into the convolutions before them.

        Its numbers stay as they are: fusion weights stand in its code, and blocks keep hold of
        their tensors. It may be moved and copied, but loads no state.
        """
        network = copy.deepcopy(self).eval().requires_grad_(False)
        fold_norms(network)
        network._fixed = True
        network.code = write(network._plan, network._constants())
        network._load()
        return network

    def _constants(self) -> dict[str, list[float]]:
        """Of each node with one weight an input: what its inputs are multiplied by."""
        found = {}
        for step in self._plan.steps:
            fuse = self.get_submodule(step.name).fuse if step.fuse.name == "weighted" else None
            if isinstance(fuse, Weighted) and fuse.weights.dim() == 1:
                found[step.name] = fuse.normalised().tolist()
        return found

    def _load(self) -> None:
        """Make the code callable; blocks of a folded network are bound to their tensors."""
        blocks = {}
        if self._fixed:
            for step in self._plan.steps:
                if step.block.name != "none":
                    blocks[block_name(step)] = fixed(self.get_submodule(f"{step.name}.block"))
        self._forward = load(self.code, self.graph.name, blocks)

    def _apply(self, *arguments: Any, **more: Any) -> "FeatureNetwork":
        """Moves and casts put other tensors in place of those that blocks are bound to."""
        super()._apply(*arguments, **more)  # type: ignore[no-untyped-call]
        if self._fixed:
            self._load()
        return self

    def _build(self, plan: Plan) -> None:
        for (_, project), name in shared_projects(plan).items():
            self.add_module(name, _projection(project))
        for step in plan.steps:
            self.add_module(step.name, _node(step))

    def _initialise(self, plan: Plan) -> None:
        for (_, project), name in shared_projects(plan).items():
            initialise(self.get_submodule(name), self.seed, project.key)
        for step in plan.steps:
            node = self.get_submodule(step.name)
            for name, module in node.named_children():
                if name in ("fuse", "block"):
                    initialise(module, self.seed, step.digest, name)
            for term in step.terms:
                if term.project and not term.shared:
                    module = node.get_submodule(edge_module(step, term))
                    initialise(module, self.seed, term.project.key)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_forward"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._load()

    def extra_repr(self) -> str:
        levels = ", ".join(f"p{level}" for level in self.levels)
        return f"{self.graph.name}: {levels} at {self.width} channels"


def _node(step: Step) -> NodeModules:
    node = NodeModules()
    for term in step.terms:
        if term.project and not term.shared:
            node.add_module(edge_module(step, term), _projection(term.project))
    inputs = Inputs(tuple(term.role for term in step.terms), step.channels)
    fuse = FUSES.get(step.fuse.name)(inputs, **_arguments(step.fuse))
    if step.fuse.name not in INLINE_FUSES or isinstance(fuse, Weighted):
        node.fuse = fuse
    if step.block.name != "none":
        block = BLOCKS.get(step.block.name)
        node.block = block(step.channels, step.channels, step.constants, **_arguments(step.block))
    return node


def _projection(project: Project) -> Projection:
    return Projection(
        project.channels_in,
        project.channels_out,
        project.constants,
        bias=project.form.bias,
        norm=project.form.norm,
    )


def _arguments(op: Op) -> dict[str, Any]:
    """Arguments by name; one whose name Python keeps for itself (`from`) gets an underscore."""
    return {f"{name}_" if keyword.iskeyword(name) else name: value for name, value in op.args}
