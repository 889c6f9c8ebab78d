"""Convolutions that are trained as several and run as one (RepVGG, 2101.03697)."""

import torch
from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.blocks.unit import ACTIVATIONS, Form, Order, Unit, batch_norm
from harness.ops.tables import BLOCKS


class RepUnit(nn.Module):
    """act(k x k + 1x1 + input), each with a norm of its own; the input where it has the channels.

    narrow, same: None once folded into `wide`.
    """

    narrow: Unit | None
    same: nn.Module | None

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        kernel: int,
        form: Form,
        *,
        identity: bool = False,
    ) -> None:
        super().__init__()
        self.act_first, self.act = form["order"] == "act_conv_norm", ACTIVATIONS[form["act"]]
        linear = {**form, "act": "none"}
        self.wide = Unit(channels_in, channels_out, constants, kernel, **linear)
        self.narrow = Unit(channels_in, channels_out, constants, **linear)
        self.same = None
        if identity and channels_in == channels_out:
            self.same = batch_norm(channels_out, constants, form["norm"])

    def forward(self, x: Tensor) -> Tensor:
        if self.act_first:
            x = self.act(x)
        y: Tensor = self.wide(x)
        if self.narrow is not None:
            y = y + self.narrow(x)
        if self.same is not None:
            y = y + self.same(x)
        return y if self.act_first else self.act(y)

    @torch.no_grad()
    def fold(self) -> None:
        """All into one convolution: kernels add up, smaller ones in the middle of the largest."""
        self.wide.fold()
        if self.narrow is None:
            return
        self.narrow.fold()
        conv, middle = self.wide.conv, self.wide.conv.kernel_size[0] // 2
        weight, bias = conv.weight.clone(), bias_of(conv) + bias_of(self.narrow.conv)
        weight[:, :, middle, middle] += self.narrow.conv.weight[:, :, 0, 0]
        if self.same is not None:
            scale, shift = scale_and_shift(self.same, bias)
            weight[:, :, middle, middle] += scale.diag()
            bias = bias + shift
        conv.weight, conv.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.narrow = self.same = None


def bias_of(conv: nn.Conv2d) -> Tensor:
    return conv.weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias


def scale_and_shift(norm: nn.Module, like: Tensor) -> tuple[Tensor, Tensor]:
    """What a norm does in eval mode to each channel; 1 and 0 where there is none."""
    if not isinstance(norm, nn.BatchNorm2d):
        return torch.ones_like(like), torch.zeros_like(like)
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale


@BLOCKS.register("rep")
class Rep(nn.Sequential):
    """n RepVGG convolutions. identity: the input counts too; not so in PP-YOLOE and RT-DETR."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        n: int,
        kernel: int,
        identity: bool,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        given = [channels_in] + [channels_out] * (n - 1)
        super().__init__(
            *(RepUnit(c, channels_out, constants, kernel, form, identity=identity) for c in given)
        )
