"""Weighted sums of inputs, by learned weights: EfficientDet, section 3.3."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.ops.inputs import Inputs
from harness.ops.sizes import size_of
from harness.ops.tables import FUSES


@FUSES.register("weighted")
class Weighted(nn.Module):
    """w1 x1 + ... + wk xk, with a learned weight an input, or an input and channel or pixel.

    norm: `fast` relu(w) / (sum relu(w) + eps), `softmax`, or `none` (unbounded).
    per: `pixel` is our reading of the paper's "multi-dimensional tensor (per-pixel)": it does not
    say of what size, and networks run at any. Here every input has a grid of weights, `grid` cells
    a side whatever the map, that are normalised over the inputs and then resized bilinearly to it.
    frozen: the weights stay as they start and are no parameters.
    weights: raw, (k,), (k, channels) or (k, grid, grid), first all one.
    """

    weights: Tensor

    def __init__(
        self,
        inputs: Inputs,
        norm: Literal["fast", "softmax", "none"],
        per: Literal["scalar", "channel", "pixel"],
        eps: float,
        frozen: bool,
        grid: int = 8,
    ) -> None:
        super().__init__()
        per = "scalar" if frozen and per == "pixel" else per  # all pixels of a grid stay alike
        self.norm, self.per, self.eps = norm, per, eps
        each = {"scalar": (), "channel": (inputs.channels,), "pixel": (grid, grid)}[per]
        weights = torch.ones((len(inputs), *each))
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
        if self.per == "pixel":
            weights = self._of_pixels(inputs[0])
        else:
            weights = shared_weights((self.weights,), self.norm, self.eps)
        total = inputs[0] * weights[0]
        for x, weight in zip(inputs[1:], weights[1:], strict=True):
            total = torch.addcmul(total, x, weight)
        return total

    def _of_pixels(self, x: Tensor) -> tuple[Tensor, ...]:
        """A map of weights (H, W) for each input, in the type of the map."""
        grids = self.normalised().unsqueeze(0)
        weights = F.interpolate(grids, size_of(x), mode="bilinear", align_corners=False)
        return weights[0].to(x.dtype).unbind()


def _fast(raw: Tensor, eps: float) -> Tensor:
    positive = F.relu(raw)
    return positive / (positive.sum(1, keepdim=True) + eps)


NORMALISERS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "fast": _fast,
    "softmax": lambda raw, eps: torch.softmax(raw, 1),
    "none": lambda raw, eps: raw,
}
"""(nodes, inputs[, ...]) of raw weights -> weights, over axis 1."""


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
