"""How the inputs of a node become one map, by fuses without parameters. All have the node's size.

The facts of each (arity, cost, defaults) are in `harness.graph.ops`; the modules have the same
names. A fuse is built from `Inputs` and its arguments, and called with one tensor an input. Those
that learn are in `fuse_weighted`, `fuse_spatial` and `fuse_dynamic`. The compiler writes `sum`,
`mean` and `weighted` out in line; others it calls as modules.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.ops.fuse_weighted import Weighted, shared_weights
from harness.ops.inputs import Inputs
from harness.ops.tables import FUSES

__all__ = ["FUSES", "Gate", "Inputs", "Weighted", "shared_weights"]


@FUSES.register("sum")
class Sum(nn.Module):
    """x1 + x2 + ..."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first + other
        return first


@FUSES.register("mean")
class Mean(Sum):
    """(x1 + ... + xk) / k: fast fusion at its first step, without weights to learn."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        return super().forward(first, *others) * (1 / (1 + len(others)))


@FUSES.register("mul")
class Product(nn.Module):
    """x1 * x2 * ... (the gate of G-FRNet: Islam et al. 2017, section 3.2)."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first * other
        return first


@FUSES.register("concat")
class Concat(nn.Module):
    """The channels of all inputs, one input behind the other, in the file's order."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()

    def forward(self, *inputs: Tensor) -> Tensor:
        joined = torch.cat(inputs, 1)
        if any(map(_is_channels_last, inputs)):
            return joined.contiguous(memory_format=torch.channels_last)
        return joined


def _is_channels_last(x: Tensor) -> bool:
    """And not rows of cells at once, as a single cell is: such an input must not decide."""
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


@FUSES.register("gate")
class Gate(nn.Module):
    """gate + gated * sigmoid(global pool of gate) + the rest: NAS-FPN's global attention.

    Which input is the gate is said by the roles; `from_` (the coarser or the finer input) has
    been turned into roles by then.
    """

    def __init__(
        self, inputs: Inputs, from_: Literal["coarser", "finer"], pool: Literal["max", "avg"]
    ) -> None:
        super().__init__()
        self.gate, self.gated = inputs.roles.index("gate"), inputs.roles.index("gated")
        self.rest = tuple(i for i, role in enumerate(inputs.roles) if role == "add")
        self.pool = pool

    def forward(self, *inputs: Tensor) -> Tensor:
        gate = inputs[self.gate]
        pooled = gate.amax((2, 3), True) if self.pool == "max" else gate.mean((2, 3), True)
        total = torch.addcmul(gate, inputs[self.gated], torch.sigmoid(pooled))
        for i in self.rest:
            total = total + inputs[i]
        return total


@FUSES.register("inject")
class Inject(nn.Module):
    """local * hard sigmoid(gate) + global, of every cell and channel: Gold-YOLO's injection.

    hard sigmoid(x) = min(max(x + 3, 0), 6) / 6. The 1x1 convolutions that the original has before
    each of the three are blocks or projections of the edges.
    """

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()
        self.order = tuple(inputs.roles.index(role) for role in ("local", "gate", "global"))

    def forward(self, *inputs: Tensor) -> Tensor:
        local, gate, everywhere = (inputs[i] for i in self.order)
        return torch.addcmul(everywhere, local, F.hardsigmoid(gate))
