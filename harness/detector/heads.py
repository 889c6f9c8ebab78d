"""Towers of heads: one over all levels that it reads. Facts without torch: `space.heads`."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from harness.registry import Table
from harness.space.streams import stream_seed

NORM_EPS = 1e-3
NORM_MOMENTUM = 0.01
"""In torch's sense: what TensorFlow calls 0.99."""

TRUNCATION = 0.87962566103423978
"""Standard deviation of a unit normal cut at two standard deviations."""


Conv = Callable[[int, int], nn.Module]
"""Makes a convolution from its inputs and outputs."""


class SeparableConv(nn.Sequential):
    """3x3 depthwise without bias, then 1x1 with bias: (N, inputs, H, W) -> (N, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)


def plain_conv(inputs: int, outputs: int) -> nn.Module:
    """3x3 with bias: (N, inputs, H, W) -> (N, outputs, H, W)."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def pointwise(inputs: int, outputs: int) -> nn.Module:
    """1x1 with bias: (N, inputs, H, W) -> (N, outputs, H, W)."""
    return nn.Conv2d(inputs, outputs, 1)


class NormedHead(nn.Module):
    """`depth` x [convolution, norm of the level, activation], then a convolution.

    The convolutions are shared by the levels, the norms are not.
    conv: makes a 3x3 convolution of so many inputs and outputs. predict: makes the last one, None
    is as `conv`. norm: eps and momentum.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        depth: int,
        levels: int,
        outputs: int,
        *,
        conv: Conv = SeparableConv,
        predict: Conv | None = None,
        act: Callable[..., nn.Module] = nn.SiLU,
        norm: tuple[float, float] = (NORM_EPS, NORM_MOMENTUM),
    ) -> None:
        super().__init__()
        widths = [channels, *[width] * depth]
        self.convs = nn.ModuleList(conv(i, o) for i, o in pairwise(widths))
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.BatchNorm2d(width, *norm) for _ in range(levels)) for _ in range(depth)
        )
        self.act = act(inplace=True)
        self.predict = (predict or conv)(width, outputs)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps (N, channels, h, w), finest first -> (N, outputs, h, w) each."""
        return tuple(self._level(x, level) for level, x in enumerate(maps))

    def _level(self, x: Tensor, level: int) -> Tensor:
        for conv, norms in zip(self.convs, self.norms, strict=True):
            norm = cast(nn.ModuleList, norms)[level]
            x = self.act(norm(conv(x)))
        return cast(Tensor, self.predict(x))


class RetinaNetHead(nn.Module):
    """`depth` x [3x3 convolution, ReLU], then a 3x3 convolution; all shared by the levels."""

    def __init__(self, channels: int, width: int, depth: int, levels: int, outputs: int) -> None:
        super().__init__()
        widths = [channels, *[width] * depth]
        self.convs = nn.ModuleList(plain_conv(i, o) for i, o in pairwise(widths))
        self.act = nn.ReLU(inplace=True)
        self.predict = plain_conv(width, outputs)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps (N, channels, h, w), finest first -> (N, outputs, h, w) each."""
        return tuple(self._level(x) for x in maps)

    def _level(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = self.act(conv(x))
        return cast(Tensor, self.predict(x))


Fill = Callable[[Tensor, torch.Generator], None]


def fill_fan_in(weight: Tensor, generator: torch.Generator) -> None:
    """Normal of variance 1 / fan-in, cut at two standard deviations."""
    std = math.sqrt(1 / weight[0].numel()) / TRUNCATION
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=generator)


def fill_small(weight: Tensor, generator: torch.Generator) -> None:
    """Normal of standard deviation 0.01 (RetinaNet, section 4.1)."""
    nn.init.normal_(weight, std=0.01, generator=generator)


HeadModule = Callable[[int, int, int, int, int], nn.Module]
HEADS: Table[tuple[HeadModule, Fill]] = Table("head")
HEADS.register("efficientdet")((NormedHead, fill_fan_in))
HEADS.register("efficientdet_lite")((partial(NormedHead, act=nn.ReLU6), fill_fan_in))
HEADS.register("retinanet")((RetinaNetHead, fill_small))
HEADS.register("retinanet_norm")(
    (partial(NormedHead, conv=plain_conv, act=nn.ReLU, norm=(1e-4, 0.003)), fill_small)
)
HEADS.register("segmentation")((partial(NormedHead, predict=pointwise), fill_fan_in))
HEADS.register("segmentation_plain")(
    (partial(NormedHead, conv=plain_conv, predict=pointwise), fill_fan_in)
)


def build_head(
    kind: str,
    *,
    channels: int,
    width: int,
    depth: int,
    levels: int,
    outputs: int,
    stream: Sequence[object],
    prior: float | None = None,
) -> nn.Module:
    """A tower with its first weights drawn from `stream`, each parameter from its own.

    prior: first probability of every output (the class head's foreground prior); None is 0 bias.
    """
    module, fill = HEADS.get(kind)
    head = module(channels, width, depth, levels, outputs)
    for name, parameter in head.named_parameters():
        if parameter.dim() == 4:
            generator = torch.Generator().manual_seed(stream_seed(*stream, name))
            fill(parameter.data, generator)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    if prior is not None:
        bias = [p for n, p in head.named_parameters() if n.startswith("predict.")][-1]
        nn.init.constant_(bias, -math.log((1 - prior) / prior))
    return head
