"""Up by convolutions. A map too large is cut at the end, one too small repeats its last cells."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.blocks.unit import ACTIVATIONS, Order, batch_norm
from harness.ops.sizes import Size, fitted
from harness.ops.tables import RESAMPLES


@RESAMPLES.register("deconv")
class Deconv(nn.Module):
    """A transposed convolution of stride s = 2 ** (levels between), with norm and activation.

    kernel: s, s + 1 or 2 s cells a side. Where it is larger than s its patches overlap, and what
    they stick out by is cut off: half of it before, and (with an odd cell) behind.
    Size: s cells for each, then cut or repeated to the size that is asked for (before the norm).
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        stride: int,
        *,
        kernel: Literal["stride", "stride_plus_1", "twice_stride"],
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        super().__init__()
        side = {"stride": stride, "stride_plus_1": stride + 1, "twice_stride": 2 * stride}[kernel]
        cut = (side - stride) // 2
        self.act_first, self.act = order == "act_conv_norm", ACTIVATIONS[act]
        self.conv = nn.ConvTranspose2d(
            channels_in, channels_out, side, stride, padding=cut, bias=bias
        )
        self.norm = batch_norm(channels_out, constants, norm)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        if self.act_first:
            x = self.act(x)
        x = self.norm(fitted(self.conv(x), size))
        return x if self.act_first else self.act(x)

    def fold(self) -> None:
        """Put the norm into the convolution before it, as eval mode has it."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = nn.utils.fuse_conv_bn_eval(self.conv, self.norm, transpose=True)
            self.norm = nn.Identity()


@RESAMPLES.register("pixel_shuffle")
class PixelShuffle(nn.Module):
    """A convolution to s * s times the channels, which become the s x s cells of each.

    s = 2 ** (levels between). Shi et al. 2016, section 3.2; as in mmdetection's up-samplers there
    is no norm and no activation.
    """

    def __init__(
        self, channels_in: int, channels_out: int, constants: Norm, stride: int, *, kernel: int
    ) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(channels_in, channels_out * stride**2, kernel, padding=kernel // 2)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        return fitted(F.pixel_shuffle(self.conv(x), self.stride), size)
