"""Deformable convolution."""

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from harness.graph.spec import Norm
from harness.ops.blocks.unit import ACTIVATIONS, Order, ZeroConv, batch_norm, folded, laid_out_like
from harness.ops.tables import BLOCKS


@BLOCKS.register("deformable")
class Deformable(nn.Module):
    """A convolution whose kernel is displaced and weighted cell by cell (DCNv2, 1811.11168).

    Offsets and masks come from one biased convolution over the same cells, which starts at zero:
    at first this is a plain convolution times sigmoid(0) = 1/2. The displaced sum is taken in
    single precision at least, the only one torchvision has on every device.
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
        self.margin, self.area = kernel // 2, kernel**2
        self.offsets = ZeroConv(channels_in, 3 * self.area, kernel, padding=self.margin)
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=self.margin, bias=bias)
        self.norm = batch_norm(channels_out, constants, norm)

    def forward(self, x: Tensor) -> Tensor:
        if self.act_first:
            x = self.act(x)
        x = self.norm(self.displaced(x))
        return x if self.act_first else self.act(x)

    def displaced(self, x: Tensor) -> Tensor:
        """The convolution alone; torchvision's gives rows of cells, so the format is restored."""
        offsets, masks = self.offsets(x).split((2 * self.area, self.area), 1)
        wide = torch.promote_types(x.dtype, torch.float32)
        bias = None if self.conv.bias is None else self.conv.bias.to(wide)
        y: Tensor = deform_conv2d(
            x.to(wide),
            offsets.to(wide),
            self.conv.weight.to(wide),
            bias,
            padding=self.margin,
            mask=masks.to(wide).sigmoid(),
        )
        return laid_out_like(y, x).to(x.dtype)

    def fold(self) -> None:
        self.conv, self.norm = folded(self.conv, self.norm)
