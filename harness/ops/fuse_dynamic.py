"""Deformable convolutions over neighbouring levels: Dai et al. 2021 (DyHead), section 3."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.blocks.deformable import displaced
from harness.ops.blocks.unit import ZeroConv, batch_norm, folded
from harness.ops.inputs import Inputs
from harness.ops.tables import FUSES


@FUSES.register("dynamic")
class Dynamic(nn.Module):
    """The mean over inputs of scale(y) * y, y = norm(deformable 3x3 convolution of the input).

    Where every kernel looks and how much each of its cells counts comes from the `middle` input
    alone; `finer` and `coarser` may be absent (None, where another node has them by these weights).
    scale(y) = hard sigmoid(relu(1x1(mean of y))), one number for each image and input, by one 1x1
    for all.

    The original convolves the finer map with stride 2 and the coarser one at its own size, resizing
    the result; here all inputs have the node's size before. It has group norm where this has the
    node's batch norm, and one set of weights for all levels (that is said by `share`).
    """

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()
        channels = inputs.channels
        self.roles = tuple(str(role) for role in inputs.roles)
        self.steer = ZeroConv(channels, 27, 3, padding=1)
        self.convs = nn.ModuleDict(
            {role: Deformed(channels, inputs.constants) for role in self.roles}
        )
        self.scale = nn.Conv2d(channels, 1, 1)

    def forward(self, *inputs: Tensor | None) -> Tensor:
        given = {r: x for r, x in zip(self.roles, inputs, strict=True) if x is not None}
        steering = self.steer(given["middle"])
        offsets, masks = steering[:, :18], torch.sigmoid(steering[:, 18:])
        total: Tensor = steering.new_zeros(())
        for role, x in given.items():
            made = self.convs[role](x, offsets, masks)
            scale = F.hardsigmoid(F.relu(self.scale(made.mean((2, 3), True))))
            total = torch.addcmul(total, made, scale)
        return total * (1 / len(given))


class Deformed(nn.Module):
    """A modulated deformable 3x3 convolution and its norm (Zhu et al. 2019, section 3.2)."""

    def __init__(self, channels: int, constants: Norm) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = batch_norm(channels, constants, True)

    def forward(self, x: Tensor, offsets: Tensor, masks: Tensor) -> Tensor:
        normed: Tensor = self.norm(displaced(x, self.conv, offsets, masks))
        return normed

    def fold(self) -> None:
        self.conv, self.norm = folded(self.conv, self.norm)
