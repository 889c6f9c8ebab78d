"""Blocks in which every cell counts for every cell. They keep the number of channels."""

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.blocks.unit import ACTIVATIONS, ZeroConv, share
from harness.ops.tables import BLOCKS


def cells_of(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H * W, C)."""
    return x.flatten(2).transpose(1, 2)


def map_of(cells: Tensor, height: int, width: int) -> Tensor:
    """(N, H * W, C) -> (N, C, H, W)."""
    return cells.transpose(1, 2).reshape(cells.shape[0], cells.shape[2], height, width)


def positions(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """Sines and cosines of row and column, (H * W, channels), a quarter of the channels each.

    Wavelengths from 2 pi to 10000 * 2 pi in a geometric row (1706.03762, section 3.5). Where four
    do not divide the channels, the last cosines are cut.
    """
    quarter = -(-channels // 4)
    steps = torch.arange(quarter, device=like.device, dtype=torch.float32) / quarter
    frequencies = torch.exp(-math.log(10000.0) * steps)
    rows = torch.arange(height, device=like.device, dtype=torch.float32)[:, None] * frequencies
    columns = torch.arange(width, device=like.device, dtype=torch.float32)[:, None] * frequencies
    down = torch.cat((rows.sin(), rows.cos()), 1)[:, None].expand(-1, width, -1)
    across = torch.cat((columns.sin(), columns.cos()), 1)[None].expand(height, -1, -1)
    return torch.cat((down, across), 2).flatten(0, 1)[:, :channels].to(like.dtype)


@BLOCKS.register("attention")
class Attention(nn.Module):
    """A transformer encoder layer over the cells of one map, norms after: RT-DETR's AIFI.

    Queries and keys know their place by `positions`; nothing is learned of it, so that any size
    will do. heads: where they do not divide the channels, each has the next larger whole number.
    feedforward: channels between its two layers, as a multiple.

    Gold-YOLO's transformer block differs: norms of batches, projections by 1x1 convolution, short
    keys, no positions but a depthwise 3x3 in the feedforward part.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        heads: int,
        feedforward: float,
        act: str,
    ) -> None:
        super().__init__()
        self.heads, self.act = heads, ACTIVATIONS[act]
        inner, middle = -(-channels_in // heads) * heads, share(channels_in, feedforward)
        self.query = nn.Linear(channels_in, inner)
        self.key = nn.Linear(channels_in, inner)
        self.value = nn.Linear(channels_in, inner)
        self.out = nn.Linear(inner, channels_out)
        self.norm_attention = nn.LayerNorm(channels_out)
        self.widen = nn.Linear(channels_out, middle)
        self.narrow = nn.Linear(middle, channels_out)
        self.norm_feedforward = nn.LayerNorm(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2], x.shape[3]
        cells = cells_of(x)
        placed = cells + positions(height, width, x.shape[1], x)
        query, key, value = (
            layer(given).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, given in ((self.query, placed), (self.key, placed), (self.value, cells))
        )
        seen = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        cells = self.norm_attention(cells + self.out(seen))
        cells = self.norm_feedforward(cells + self.narrow(self.act(self.widen(cells))))
        return map_of(cells, height, width)


@BLOCKS.register("nonlocal")
class NonLocal(nn.Module):
    """x + W(softmax(query key^T) value): a non-local block, embedded Gaussian, not scaled.

    1711.07971, section 3; Libra R-CNN's refinement has reduction 1. W starts at zero, so that the
    block starts as nothing.
    """

    def __init__(
        self, channels_in: int, channels_out: int, constants: Norm, *, reduction: int
    ) -> None:
        super().__init__()
        hidden = max(1, channels_in // reduction)
        self.query = nn.Conv2d(channels_in, hidden, 1)
        self.key = nn.Conv2d(channels_in, hidden, 1)
        self.value = nn.Conv2d(channels_in, hidden, 1)
        self.out = ZeroConv(hidden, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            cells_of(layer(x)).unsqueeze(1) for layer in (self.query, self.key, self.value)
        )
        seen = F.scaled_dot_product_attention(query, key, value, scale=1.0).squeeze(1)
        y: Tensor = x + self.out(map_of(seen, x.shape[2], x.shape[3]))
        return y


GATES: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": F.hardsigmoid,
}


class Squeeze(nn.Module):
    """The map's mean through two layers, with channels / reduction and a relu between.

    (N, C, H, W) -> (N, outputs * C, 1, 1).
    """

    def __init__(self, channels: int, reduction: int, outputs: int = 1) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.first = nn.Conv2d(channels, hidden, 1)
        self.second = nn.Conv2d(hidden, outputs * channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(F.relu(self.first(x.mean((2, 3), True))))
        return y


@BLOCKS.register("se")
class SqueezeExcite(nn.Module):
    """Every channel times a gate that all channels' means decide (1709.01507, section 3)."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        reduction: int,
        gate: Literal["sigmoid", "hard_sigmoid"],
    ) -> None:
        super().__init__()
        self.squeeze, self.gate = Squeeze(channels_in, reduction), GATES[gate]

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.squeeze(x))


@BLOCKS.register("dyrelu")
class DynamicReLU(nn.Module):
    """max(a1 x + b1, a2 x + b2), slopes and offsets a channel decided by all channels' means.

    DyReLU-B (2003.10027, section 3) as DyHead has it: a1 = 1 + 2 t, a2 = 2 t, b = t, where t is a
    hard sigmoid less 1/2. With all t = 0 this is a relu.
    """

    def __init__(
        self, channels_in: int, channels_out: int, constants: Norm, *, reduction: int
    ) -> None:
        super().__init__()
        self.squeeze = Squeeze(channels_in, reduction, outputs=4)

    def forward(self, x: Tensor) -> Tensor:
        t = F.hardsigmoid(self.squeeze(x)) - 0.5
        slope, offset, slope_low, offset_low = t.chunk(4, 1)
        return torch.maximum(x * (1 + 2 * slope) + offset, x * (2 * slope_low) + offset_low)
