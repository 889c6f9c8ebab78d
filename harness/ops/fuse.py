"""How the inputs of a node become one map. All inputs have the node's channels and size.

The facts of each (arity, cost, defaults) are in `harness.graph.ops`; here are the modules, under
the same names. A fuse is built from `Inputs` and its arguments, and called with one tensor an
input. The compiler writes `sum`, `mean` and `weighted` out in line, and normalises the weights of
all nodes together by the functions of this file; others it calls as modules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.ops.tables import FUSES as FUSES


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a fuse knows of its inputs: the role of each (if any), and the channels of all."""

    roles: tuple[str | None, ...]
    channels: int

    def __len__(self) -> int:
        return len(self.roles)


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


@FUSES.register("weighted")
class Weighted(nn.Module):
    """w1 x1 + ... + wk xk, with a learned weight an input, or an input and channel.

    norm: `fast` relu(w) / (sum relu(w) + eps), `softmax`, or `none` (unbounded).
    frozen: the weights stay as they start and are no parameters.
    weights: raw, (k,) or (k, channels), first all one (EfficientDet, section 3.3).
    """

    weights: Tensor

    def __init__(
        self,
        inputs: Inputs,
        norm: Literal["fast", "softmax", "none"],
        per: Literal["scalar", "channel"],
        eps: float,
        frozen: bool,
    ) -> None:
        super().__init__()
        self.norm, self.eps = norm, eps
        shape = (len(inputs), inputs.channels) if per == "channel" else (len(inputs),)
        weights = torch.ones(shape)
        if frozen:
            self.register_buffer("weights", weights)
        else:
            self.weights = nn.Parameter(weights)

    def reset_parameters(self) -> None:
        nn.init.ones_(self.weights)

    def normalised(self) -> Tensor:
        """What the inputs are multiplied by, in the raw weights' shape."""
        return NORMALISERS[self.norm](self.weights.unsqueeze(0), self.eps)[0]

    def forward(self, *inputs: Tensor) -> Tensor:
        weights = shared_weights((self.weights,), self.norm, self.eps)
        total = inputs[0] * weights[0]
        for x, weight in zip(inputs[1:], weights[1:], strict=True):
            total = torch.addcmul(total, x, weight)
        return total


def _fast(raw: Tensor, eps: float) -> Tensor:
    positive = F.relu(raw)
    return positive / (positive.sum(1, keepdim=True) + eps)


NORMALISERS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "fast": _fast,
    "softmax": lambda raw, eps: torch.softmax(raw, 1),
    "none": lambda raw, eps: raw,
}
"""(nodes, inputs[, channels]) of raw weights -> weights, over axis 1."""


def shared_weights(raw: Sequence[Tensor], norm: str, eps: float) -> tuple[Tensor, ...]:
    """Normalise the weights of several like nodes together: a few calls for a whole network.

    raw: one (k,) or (k, channels) a node. Returns one tensor an input, node after node, that
    multiplies a map as it is: shape () or (channels, 1, 1), in autocast's type where it is on.
    """
    stacked = torch.stack(tuple(raw))
    weights = NORMALISERS[norm](stacked, eps)
    device = weights.device.type
    if device != "meta" and torch.is_autocast_enabled(device):
        weights = weights.to(torch.get_autocast_dtype(device))
    if weights.dim() == 2:
        return weights.flatten().unbind()
    return weights.flatten(0, 1).unsqueeze(-1).unsqueeze(-1).unbind()


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
