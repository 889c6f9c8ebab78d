"""What blocks are made of: activations, norms, and a convolution with both."""

from collections.abc import Callable
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.graph.spec import Norm

Order = Literal["act_conv_norm", "conv_norm_act"]
Activation = Callable[[Tensor], Tensor]
Form = dict[str, Any]
"""How a convolution stands in a block: `act`, `order`, `bias` and `norm`."""


def same(x: Tensor) -> Tensor:
    return x


def leaky_relu(x: Tensor) -> Tensor:
    """With the slope of Darknet, 0.1."""
    return F.leaky_relu(x, 0.1)


ACTIVATIONS: dict[str, Activation] = {
    "silu": F.silu,
    "relu": F.relu,
    "relu6": F.relu6,
    "hswish": F.hardswish,
    "leaky_relu": leaky_relu,
    "gelu": F.gelu,
    "none": same,
}


def batch_norm(channels: int, constants: Norm, norm: bool) -> nn.Module:
    if not norm:
        return nn.Identity()
    return nn.BatchNorm2d(channels, eps=constants.eps, momentum=constants.momentum)


def convolved(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """`conv(x)` to the bit, with less Python: for small maps that is what takes the time.

    Not so where its weight is made anew at each call (pruned, parametrised), or it is no `Conv2d`.
    """
    own = conv._parameters
    weight = own.get("weight")
    if weight is None or type(conv) is not nn.Conv2d:
        return cast(Tensor, conv(x))
    padding = cast(tuple[int, ...], conv.padding)
    return torch.conv2d(x, weight, own["bias"], conv.stride, padding, conv.dilation, conv.groups)


def normed(x: Tensor, norm: nn.Module) -> Tensor:
    """`norm(x)` likewise, where it is a batch norm as `batch_norm` made it.

    One cell a channel is left to the norm, which refuses to learn from it: it has no variance.
    """
    learns = norm.training
    if type(norm) is not nn.BatchNorm2d or (learns and x.numel() == norm.num_features):
        return cast(Tensor, norm(x))
    own, seen, momentum = norm._parameters, norm._buffers, norm.momentum
    mean, variance, count = seen["running_mean"], seen["running_var"], seen["num_batches_tracked"]
    if mean is None or variance is None or momentum is None:
        return cast(Tensor, norm(x))
    if learns and count is not None:
        count.add_(1)
    return torch.batch_norm(
        x, own["weight"], own["bias"], mean, variance, learns, momentum, norm.eps, True
    )


def folded(conv: nn.Conv2d, norm: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    """A convolution with the norm behind it in its weights, and what is left of the norm."""
    if not isinstance(norm, nn.BatchNorm2d):
        return conv, norm
    return nn.utils.fuse_conv_bn_eval(conv, norm), nn.Identity()


def fixed(conv: nn.Conv2d) -> Activation:
    """What a convolution computes with the tensors it has now: no module, no look-ups."""
    weight, bias, padding = conv.weight, conv.bias, cast(tuple[int, ...], conv.padding)
    stride, dilation, groups = conv.stride, conv.dilation, conv.groups
    return lambda x: torch.conv2d(x, weight, bias, stride, padding, dilation, groups)


def share(channels: int, ratio: float) -> int:
    """Channels inside a block: a part of those outside, rounded down, but one at least."""
    return max(1, int(channels * ratio))


def ending(form: Form) -> Form:
    """Of a convolution whose activation waits until branches have been joined."""
    return form if form["order"] == "act_conv_norm" else {**form, "act": "none"}


def awaited(form: Form) -> str:
    """The activation that has waited, if any has."""
    name: str = "none" if form["order"] == "act_conv_norm" else form["act"]
    return name


def laid_out_like(y: Tensor, x: Tensor) -> Tensor:
    """The same map, channels last in memory if those of x are."""
    if x.is_contiguous(memory_format=torch.channels_last):
        return y.contiguous(memory_format=torch.channels_last)
    return y


class Unit(nn.Module):
    """A convolution with norm and activation, in either order; same size out as in."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        kernel: int = 1,
        *,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.act_first, self.act = order == "act_conv_norm", ACTIVATIONS[act]
        self.conv = nn.Conv2d(
            channels_in,
            channels_out,
            kernel,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        self.norm = batch_norm(channels_out, constants, norm)

    def forward(self, x: Tensor) -> Tensor:
        if self.act_first:
            x = self.act(x)
        x = normed(convolved(x, self.conv), self.norm)
        return x if self.act_first else self.act(x)

    def fold(self) -> None:
        self.conv, self.norm = folded(self.conv, self.norm)


class ZeroConv(nn.Conv2d):
    """A convolution that starts at zero."""

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
