"""Stages in which a part of the channels passes by (CSPNet, 1911.11929)."""

from typing import Literal

import torch
from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.blocks.attention import SqueezeExcite
from harness.ops.blocks.context import PoolPyramid
from harness.ops.blocks.conv import Separable
from harness.ops.blocks.rep import RepUnit
from harness.ops.blocks.residual import Added
from harness.ops.blocks.unit import Form, Order, Unit, share
from harness.ops.tables import BLOCKS

Inner = Literal["bottleneck", "sepconv", "rep", "conv_rep", "rep_conv"]
Join = Literal["concat", "all", "add"]


def inner_block(
    inner: Inner, channels: int, middle: int, kernel: int, constants: Norm, form: Form
) -> nn.Module:
    """One of the blocks that follow each other inside a stage.

    bottleneck (YOLOv5, YOLOX): 1x1, k x k. sepconv (PP-PicoDet): 1x1, separable k x k.
    rep (RT-DETR): re-parameterisable. conv_rep (PP-YOLOE), rep_conv (DAMO-YOLO): k x k and that.
    """
    match inner:
        case "bottleneck":
            first: nn.Module = Unit(channels, middle, constants, **form)
            second: nn.Module = Unit(middle, channels, constants, kernel, **form)
        case "sepconv":
            first = Unit(channels, middle, constants, **form)
            second = Separable(middle, channels, constants, kernel, form)
        case "rep":
            return RepUnit(channels, channels, constants, kernel, form)
        case "conv_rep":
            first = Unit(channels, middle, constants, kernel, **form)
            second = RepUnit(middle, channels, constants, kernel, form)
        case _:
            first = RepUnit(channels, middle, constants, kernel, form)
            second = Unit(middle, channels, constants, kernel, **form)
    return nn.Sequential(first, second)


@BLOCKS.register("csp")
class CSP(nn.Module):
    """Two 1x1 convolutions to `hidden` channels, n blocks behind one of them, joined, 1x1.

    join: `concat` the channels that passed and those that were worked on; of `all` blocks
    (DAMO-YOLO); or `add` the two (RT-DETR, without a last 1x1 where the channels are right).
    shortcut: inner blocks add to their input. expand: channels in the middle of an inner block, as
    a part of `hidden`. spp: pools of 5, 9 and 13 cells behind the middle block (PP-YOLOE).
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        n: int,
        hidden: float,
        inner: Inner,
        kernel: int,
        shortcut: bool,
        join: Join,
        expand: float,
        spp: bool,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        super().__init__()
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        width, self.join = share(channels_out, hidden), join
        middle = share(width, expand)
        self.passed = Unit(channels_in, width, constants, **form)
        self.worked = Unit(channels_in, width, constants, **form)
        blocks = [inner_block(inner, width, middle, kernel, constants, form) for _ in range(n)]
        if shortcut:
            blocks = [Added(block, nn.Identity()) for block in blocks]
        if spp:
            pools = PoolPyramid(width, width, constants, form)
            blocks[(n - 1) // 2] = nn.Sequential(blocks[(n - 1) // 2], pools)
        self.blocks = nn.ModuleList(blocks)
        joined = width * {"concat": 2, "all": n + 1, "add": 1}[join]
        done = join == "add" and joined == channels_out
        self.last = nn.Identity() if done else Unit(joined, channels_out, constants, **form)

    def forward(self, x: Tensor) -> Tensor:
        passed, worked = self.passed(x), [self.worked(x)]
        for block in self.blocks:
            worked.append(block(worked[-1]))
        y: Tensor = self.last(self.joined(passed, worked[1:]))
        return y

    def joined(self, passed: Tensor, worked: list[Tensor]) -> Tensor:
        if self.join == "add":
            return passed + worked[-1]
        return torch.cat((passed, *(worked if self.join == "all" else worked[-1:])), 1)


@BLOCKS.register("es")
class ES(nn.Module):
    """PP-PicoDet's block of enhanced shuffling (2111.00902, section 2.1), as its ES-PAN has it.

    One branch is a 1x1 convolution. The other is a ghost (1x1 to half the channels, and a depthwise
    k x k of these), squeezed and excited, 1x1. Both are concatenated; 1x1.
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
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        half = max(1, channels_out // 2)
        linear = {**form, "act": "none"}
        self.passed = Unit(channels_in, channels_out, constants, **form)
        self.thin = Unit(channels_in, half, constants, **form)
        self.ghost = Unit(half, half, constants, kernel, groups=half, **linear)
        self.excite = SqueezeExcite(2 * half, 2 * half, constants, reduction=4, gate="hard_sigmoid")
        self.worked = Unit(2 * half, channels_out, constants, **form)
        self.last = Unit(2 * channels_out, channels_out, constants, **form)

    def forward(self, x: Tensor) -> Tensor:
        thin = self.thin(x)
        worked = self.worked(self.excite(torch.cat((thin, self.ghost(thin)), 1)))
        y: Tensor = self.last(torch.cat((self.passed(x), worked), 1))
        return y
