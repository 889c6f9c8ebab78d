"""Plan -> module: the parameters of a feature network and its written-out forward pass."""

import copy
import keyword
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from harness.compiler.initialise import initialise
from harness.compiler.parts import Part
from harness.compiler.plan import Plan, make_plan
from harness.compiler.state import KEY, note, put_in_order, record_of, strangers
from harness.compiler.write import block_name, load, write
from harness.errors import TrialError
from harness.graph.spec import Graph, Op
from harness.ops import BLOCKS, FUSES, RESAMPLES
from harness.ops.block import Projection, fixed, fold_norms
from harness.ops.fuse import Inputs, Weighted


class NodeModules(nn.Module):
    """What one node owns: `fuse`, `block`, and for its edges projections `from_SOURCE` and ops
    `OP_SOURCE`. Or, under `shared`, what several nodes or edges have in common."""


class FeatureNetwork(nn.Module):
    """Maps of a backbone in, one map a level out, at any size.

    forward: {"p3": (N, C, H, W), ...} -> {"p3": (N, width, H, W), ...}, keys as in `levels`.
    code: the forward pass as it runs. Blocks are called straight: hooks on them, and on what they
    are made of, are not run.
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
        self._record = record_of(self, self._plan)
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
            fuse = self.get_submodule(step.fuse_at) if step.fuse.name == "weighted" else None
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

    def calling(self, fuse: Callable[[Weighted], nn.Module]) -> "FeatureNetwork":
        """A copy whose weighted sums are calls, node by node, of what `fuse` makes of each node's.

        The same function by other steps, as other implementations take them: to measure those.
        """
        network = copy.deepcopy(self)
        steps = [step for step in network._plan.steps if step.fuse.name == "weighted"]
        for place in dict.fromkeys(step.fuse_at for step in steps):
            module = network.get_submodule(place)
            assert isinstance(module, Weighted)
            network.set_submodule(place, fuse(module))
        network.code = write(network._plan, calls_fuses=True)
        network._load()
        return network

    @property
    def weighed_inputs(self) -> dict[str, list[str]]:
        """By place of a fuse that learns: its inputs, in the order that its weights have."""
        return {place: list(names) for place, names in self._record.items()}

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        note(destination, prefix, self._record)

    def _load_from_state_dict(
        self, state: Any, prefix: str, metadata: Any, strict: bool, *found: list[str]
    ) -> None:
        """Weights go to their inputs; to others they are refused. A folded network has its own."""
        if self._fixed:
            raise TrialError("a folded network loads no state: load it before folding")
        theirs = metadata.get(KEY, {})
        for place, reason in strangers(self, self._record, theirs):
            if any(name.startswith(f"{prefix}{place}.") for name in state):
                found[-1].append(f"{prefix}{place} is {reason}")
        put_in_order(state, prefix, self._record, theirs)
        super()._load_from_state_dict(state, prefix, metadata, strict, *found)

    def _constants(self) -> dict[str, list[float]]:
        """Of each node with one weight an input: what its inputs are multiplied by."""
        found = {}
        for step in self._plan.steps:
            fuse = self.get_submodule(step.fuse_at) if step.fuse.name == "weighted" else None
            if isinstance(fuse, Weighted) and fuse.weights.dim() == 1:
                found[step.name] = fuse.normalised().tolist()
        return found

    def _load(self) -> None:
        """Make the code callable; blocks of a folded network are bound to their tensors."""
        blocks = {}
        if self._fixed:
            for step in self._plan.steps:
                if step.block.name != "none":
                    blocks[block_name(step)] = fixed(self.get_submodule(step.block_at))
        self._forward = load(self.code, self.graph.name, blocks)

    def _apply(self, *arguments: Any, **more: Any) -> "FeatureNetwork":
        """Moves and casts put other tensors in place of those that blocks are bound to."""
        super()._apply(*arguments, **more)  # type: ignore[no-untyped-call]
        if self._fixed:
            self._load()
        return self

    def _build(self, plan: Plan) -> None:
        for place, part in plan.parts.items():
            home, _, name = place.rpartition(".")
            if home and not hasattr(self, home):
                self.add_module(home, NodeModules())
            self.get_submodule(home).add_module(name, _module(part))

    def _initialise(self, plan: Plan) -> None:
        for place, part in plan.parts.items():
            initialise(self.get_submodule(place), self.seed, *part.key)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_forward"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._load()

    def extra_repr(self) -> str:
        levels = ", ".join(f"p{level}" for level in self.levels)
        return f"{self.graph.name}: {levels} at {self.width} channels"


def _module(part: Part) -> nn.Module:
    ends = (part.channels_in, part.channels_out, part.constants)
    if part.op is None:
        assert part.form is not None
        return Projection(*ends, bias=part.form.bias, norm=part.form.norm)
    arguments = _arguments(part.op)
    if part.kind == "fuse":
        inputs = Inputs(part.roles, part.channels_in, part.constants)
        return FUSES.get(part.op.name)(inputs, **arguments)
    if part.kind == "resample":
        made: nn.Module = RESAMPLES.get(part.op.name)(*ends, part.stride, **arguments)
        return made
    return BLOCKS.get(part.op.name)(*ends, **arguments)


def _arguments(op: Op) -> dict[str, Any]:
    """Arguments by name; one whose name Python keeps for itself (`from`) gets an underscore."""
    return {f"{name}_" if keyword.iskeyword(name) else name: value for name, value in op.args}
