"""Adaptively spatial feature fusion: Liu, Huang and Wang 2019 (ASFF), section 3.2."""

from typing import Literal

import torch
from torch import Tensor, nn

from harness.ops.blocks.unit import Form, Unit
from harness.ops.inputs import Inputs
from harness.ops.tables import FUSES


@FUSES.register("spatial")
class Spatial(nn.Module):
    """w1 x1 + ... + wk xk, with a weight for every input and pixel, computed from the inputs.

    Each input is squeezed by a 1x1 convolution of its own to `squeeze` channels; from all of them
    side by side a last convolution of `kernel` makes one map an input, and `norm` the weights:
    `softmax` over the inputs (ASFF, AFPN), or `sigmoid` of each.
    together: one 1x1 squeezes all inputs side by side. With `sigmoid`, `kernel: 3`, `act: relu`,
    `batch_norm: false` and `squeeze` of the node's channels that is AugFPN's (Guo et al. 2020).
    batch_norm: behind each squeezing convolution; without it they have a bias. The last one has a
    bias and nothing behind it (YOLOX-PAI has norm and activation there too).
    """

    def __init__(
        self,
        inputs: Inputs,
        norm: Literal["softmax", "sigmoid"],
        squeeze: int,
        together: bool,
        kernel: int,
        act: str,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        count = len(inputs)
        parts = [inputs.channels * count] if together else [inputs.channels] * count
        form: Form = {
            "act": act,
            "order": "conv_norm_act",
            "bias": not batch_norm,
            "norm": batch_norm,
        }
        self.norm, self.together = norm, together
        self.squeezes = nn.ModuleList(
            Unit(channels, squeeze, inputs.constants, **form) for channels in parts
        )
        self.weigh = nn.Conv2d(squeeze * len(parts), count, kernel, padding=kernel // 2)

    def weights(self, *inputs: Tensor) -> Tensor:
        """(N, k, H, W): what each input is multiplied by."""
        parts = (torch.cat(inputs, 1),) if self.together else inputs
        squeezed = [squeeze(x) for squeeze, x in zip(self.squeezes, parts, strict=True)]
        raw: Tensor = self.weigh(torch.cat(squeezed, 1))
        return torch.softmax(raw, 1) if self.norm == "softmax" else torch.sigmoid(raw)

    def forward(self, *inputs: Tensor) -> Tensor:
        weights = self.weights(*inputs).to(inputs[0].dtype)
        total = inputs[0] * weights[:, :1]
        for i, x in enumerate(inputs[1:], start=1):
            total = torch.addcmul(total, x, weights[:, i : i + 1])
        return total
