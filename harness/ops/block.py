"""What follows the fuse in a node. Names are those of `harness.graph.ops`.

A block is built from its channels in and out, its norm's constants and its arguments.
"""

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.tables import BLOCKS as BLOCKS

Order = Literal["act_conv_norm", "conv_norm_act"]
Activation = Callable[[Tensor], Tensor]


def _same(x: Tensor) -> Tensor:
    return x


ACTIVATIONS: dict[str, Activation] = {
    "silu": F.silu,
    "relu": F.relu,
    "relu6": F.relu6,
    "none": _same,
}


def _batch_norm(channels: int, constants: Norm, norm: bool) -> nn.Module:
    if not norm:
        return nn.Identity()
    return nn.BatchNorm2d(channels, eps=constants.eps, momentum=constants.momentum)


@BLOCKS.register("none")
class Identity(nn.Identity):
    """Nothing: the node is its fuse."""

    def __init__(self, channels_in: int, channels_out: int, constants: Norm) -> None:
        super().__init__()


@BLOCKS.register("conv")
class Conv(nn.Module):
    """A convolution with norm and activation, in either order; same size out as in."""

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
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=bias)
        self.norm = _batch_norm(channels_out, constants, norm)

    def forward(self, x: Tensor) -> Tensor:
        if self.act_first:
            x = self.act(x)
        x = self.norm(self.conv(x))
        return x if self.act_first else self.act(x)


@BLOCKS.register("sepconv")
class SepConv(nn.Module):
    """A depthwise convolution (no bias), then a pointwise one, with one norm and activation."""

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
        self.depthwise = nn.Conv2d(
            channels_in, channels_in, kernel, padding=kernel // 2, groups=channels_in, bias=False
        )
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=bias)
        self.norm = _batch_norm(channels_out, constants, norm)

    def forward(self, x: Tensor) -> Tensor:
        if self.act_first:
            x = self.act(x)
        x = self.norm(self.pointwise(self.depthwise(x)))
        return x if self.act_first else self.act(x)


class Projection(nn.Module):
    """The 1x1 convolution that brings an edge to the node's channels, with a norm or without.

    It runs at the source's resolution, before resampling (EfficientDet, section 3.6).
    """

    def __init__(
        self, channels_in: int, channels_out: int, constants: Norm, *, bias: bool, norm: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 1, bias=bias)
        self.norm = _batch_norm(channels_out, constants, norm)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(x))
        return normed


def fold_norms(module: nn.Module) -> None:
    """Put every norm that follows a convolution of its block into it, as eval mode has it."""
    for block in module.modules():
        if isinstance(block, Conv | SepConv | Projection) and isinstance(
            block.norm, nn.BatchNorm2d
        ):
            name = "pointwise" if isinstance(block, SepConv) else "conv"
            conv = nn.utils.fuse_conv_bn_eval(getattr(block, name), block.norm)
            setattr(block, name, conv)
            block.norm = nn.Identity()
