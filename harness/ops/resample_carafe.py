"""Up by content-aware reassembly: Wang et al. 2019 (CARAFE), section 3."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.sizes import Size, fitted, size_of
from harness.ops.tables import RESAMPLES


@RESAMPLES.register("carafe")
class Carafe(nn.Module):
    """Each cell is a weighted mean of kernel x kernel source cells around the one it lies in.

    The weights are of that cell alone and the same for all channels: a 1x1 convolution to
    `compressed` channels, a convolution of `encoder` cells a side to kernel ** 2 maps for each of
    the s x s cells (s = 2 ** (levels between)), softmax. Beyond the border lie zeros, which keep
    their share of the softmax.
    Size: s cells for each, then cut, or the last repeated, to the size that is asked for.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        stride: int,
        *,
        kernel: int,
        encoder: int,
        compressed: int,
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.compress = nn.Conv2d(channels_in, compressed, 1)
        self.encode = SmallConv2d(compressed, (kernel * stride) ** 2, encoder, padding=encoder // 2)

    def weights(self, x: Tensor) -> Tensor:
        """(N, kernel ** 2, s ** 2, h, w), sums over the second axis one."""
        raw: Tensor = self.encode(self.compress(x))
        count, _, height, width = raw.shape
        raw = raw.reshape(count, self.kernel**2, self.stride**2, height, width)
        return torch.softmax(raw, 1)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        made = reassembled(x, self.weights(x).to(x.dtype), self.kernel)
        made = F.pixel_shuffle(made, self.stride)
        if x.is_contiguous(memory_format=torch.channels_last):
            made = made.contiguous(memory_format=torch.channels_last)
        return fitted(made, size)


def reassembled(x: Tensor, weights: Tensor, kernel: int) -> Tensor:
    """(N, C, h, w) and (N, kernel ** 2, s ** 2, h, w) -> (N, C * s ** 2, h, w).

    A sum over shifted copies of the map: unfolding it would need kernel ** 2 times the memory.
    """
    height, width = size_of(x)
    x = F.pad(x, (kernel // 2,) * 4).unsqueeze(2)
    total = x.new_zeros(())
    for tap, weight in enumerate(weights.unbind(1)):
        top, left = divmod(tap, kernel)
        moved = x[..., top : top + height, left : left + width]
        total = torch.addcmul(total, moved, weight.unsqueeze(1))
    return total.flatten(1, 2)


class SmallConv2d(nn.Conv2d):
    """A convolution whose weights start near zero: all cells of a kernel count alike at first."""

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=0.001)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
