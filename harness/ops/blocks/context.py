"""Blocks that look at several ranges at once and concatenate what they see."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.blocks.unit import (
    ACTIVATIONS,
    Form,
    Order,
    Unit,
    awaited,
    ending,
    laid_out_like,
    share,
)
from harness.ops.tables import BLOCKS


class PoolPyramid(nn.Module):
    """The map and its max pools over 5, 9 and 13 cells, concatenated; 1x1.

    Pooling over 5 cells again and again is pooling over 9 and 13.
    """

    def __init__(self, channels_in: int, channels_out: int, constants: Norm, form: Form) -> None:
        super().__init__()
        self.last = Unit(4 * channels_in, channels_out, constants, **form)

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for _ in range(3):
            maps.append(F.max_pool2d(maps[-1], 5, 1, 2))
        y: Tensor = self.last(torch.cat(maps, 1))
        return y


@BLOCKS.register("spp")
class SPP(nn.Sequential):
    """Spatial pyramid pooling as in YOLOv5: 1x1 to a part of the channels, the pools, 1x1.

    hidden: that part, of the channels that come in.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        hidden: float,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        width = share(channels_in, hidden)
        super().__init__(
            Unit(channels_in, width, constants, **form),
            PoolPyramid(width, channels_out, constants, form),
        )


@BLOCKS.register("aspp")
class ASPP(nn.Module):
    """Atrous spatial pyramid pooling as in DetectoRS (2006.02334, section 3.1).

    1x1, 3x3 dilated by the rate and by twice the rate, and 1x1 of the map's mean, concatenated;
    each makes a quarter of the channels (the first also what is left over). The mean has no norm,
    for in training a single image's would be 0; DetectoRS has none at all.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        rate: int,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        super().__init__()
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        quarter = channels_out // 4
        self.near = Unit(channels_in, channels_out - 3 * quarter, constants, **form)
        self.far = Unit(channels_in, quarter, constants, 3, dilation=rate, **form)
        self.farther = Unit(channels_in, quarter, constants, 3, dilation=2 * rate, **form)
        self.everywhere = Unit(channels_in, quarter, constants, **{**form, "norm": False})

    def forward(self, x: Tensor) -> Tensor:
        mean = self.everywhere(x.mean((2, 3), True)).expand(-1, -1, x.shape[2], x.shape[3])
        return torch.cat((self.near(x), self.far(x), self.farther(x), laid_out_like(mean, x)), 1)


@BLOCKS.register("ssh")
class SSH(nn.Module):
    """The context module of SSH (1708.03979, section 3.3), as in RetinaFace and BlazeFace.

    One, two and three 3x3 convolutions, the last two with their first in common, concatenated:
    half of the channels, a quarter and a quarter.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        super().__init__()
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        quarter, last = channels_out // 4, ending(form)
        self.act = ACTIVATIONS[awaited(form)]
        self.three = Unit(channels_in, channels_out - 2 * quarter, constants, 3, **last)
        self.common = Unit(channels_in, quarter, constants, 3, **form)
        self.five = Unit(quarter, quarter, constants, 3, **last)
        self.seven = nn.Sequential(
            Unit(quarter, quarter, constants, 3, **form),
            Unit(quarter, quarter, constants, 3, **last),
        )

    def forward(self, x: Tensor) -> Tensor:
        common = self.common(x)
        return self.act(torch.cat((self.three(x), self.five(common), self.seven(common)), 1))


@BLOCKS.register("ratio_pool")
class RatioPool(nn.Module):
    """AugFPN's ratio-invariant pooling (1912.05384, section 3.2).

    The map averaged down to a ratio of its height and width (rounded down, one cell at least), a
    1x1 convolution, and bilinear interpolation back.
    """

    def __init__(
        self, channels_in: int, channels_out: int, constants: Norm, *, ratio: float, bias: bool
    ) -> None:
        super().__init__()
        self.ratio = ratio
        self.conv = nn.Conv2d(channels_in, channels_out, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2], x.shape[3]
        size = max(1, math.floor(height * self.ratio)), max(1, math.floor(width * self.ratio))
        pooled = self.conv(F.adaptive_avg_pool2d(x, size))
        return F.interpolate(pooled, (height, width), mode="bilinear", align_corners=False)
