"""Deformable convolution."""

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from harness.graph.spec import Norm
from harness.ops.blocks.unit import ACTIVATIONS, Order, ZeroConv, batch_norm, folded, laid_out_like
from harness.ops.tables import BLOCKS


def displaced(x: Tensor, conv: nn.Conv2d, offsets: Tensor, masks: Tensor) -> Tensor:
    """A convolution whose kernel is displaced and weighted, cell by cell.

    offsets: (N, 2 k * k, H, W), down and right for each cell of the k x k kernel. masks: (N, k * k,
    H, W). In single precision at least, for which alone torchvision has it on every device; its
    result has rows of cells, so the format is restored.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    made: Tensor = deform_conv2d(
        x.to(wide),
        offsets.to(wide),
        conv.weight.to(wide),
        None if conv.bias is None else conv.bias.to(wide),
        padding=conv.kernel_size[0] // 2,
        mask=masks.to(wide),
    )
    return laid_out_like(made, x).to(x.dtype)


@BLOCKS.register("deformable")
class Deformable(nn.Module):
    """A convolution whose kernel is displaced and weighted cell by cell (DCNv2, 1811.11168).

    Offsets and masks come from one biased convolution over the same cells, which starts at zero:
    at first this is a plain convolution times sigmoid(0) = 1/2.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        kernel: int,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        super().__init__()
        self.act_first, self.act = order == "act_conv_norm", ACTIVATIONS[act]
        self.area = kernel**2
        self.offsets = ZeroConv(channels_in, 3 * self.area, kernel, padding=kernel // 2)
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=bias)
        self.norm = batch_norm(channels_out, constants, norm)

    def forward(self, x: Tensor) -> Tensor:
        if self.act_first:
            x = self.act(x)
        offsets, masks = self.offsets(x).split((2 * self.area, self.area), 1)
        x = self.norm(displaced(x, self.conv, offsets, torch.sigmoid(masks)))
        return x if self.act_first else self.act(x)

    def fold(self) -> None:
        self.conv, self.norm = folded(self.conv, self.norm)
