"""Plain and separable convolutions, and the projection of an edge."""

from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.blocks.unit import (
    ACTIVATIONS,
    Activation,
    Form,
    Order,
    Unit,
    batch_norm,
    convolved,
    fixed,
    folded,
    normed,
)
from harness.ops.tables import BLOCKS


@BLOCKS.register("none")
class Identity(nn.Identity):
    """Nothing: the node is its fuse."""

    def __init__(self, channels_in: int, channels_out: int, constants: Norm) -> None:
        super().__init__()


@BLOCKS.register("act")
class Activated(nn.Module):
    """An activation alone, or behind a norm: for a sum that no convolution follows."""

    def __init__(
        self, channels_in: int, channels_out: int, constants: Norm, *, act: str, norm: bool
    ) -> None:
        super().__init__()
        self.norm, self.act = batch_norm(channels_in, constants, norm), ACTIVATIONS[act]

    def forward(self, x: Tensor) -> Tensor:
        return self.act(normed(x, self.norm))

    def fold(self) -> None:
        """A norm with no convolution before it becomes one: a number for each channel."""
        if isinstance(self.norm, nn.BatchNorm2d):
            like, channels = self.norm.weight, self.norm.num_features
            conv = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
            nn.init.ones_(conv.weight)
            self.norm, _ = folded(conv.to(like).eval(), self.norm)


@BLOCKS.register("conv")
class Conv(Unit):
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
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        super().__init__(channels_in, channels_out, constants, kernel, **form)


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
        self.norm = batch_norm(channels_out, constants, norm)

    def forward(self, x: Tensor) -> Tensor:
        if self.act_first:
            x = self.act(x)
        x = convolved(x, self.depthwise)
        x = normed(convolved(x, self.pointwise), self.norm)
        return x if self.act_first else self.act(x)

    def fold(self) -> None:
        self.pointwise, self.norm = folded(self.pointwise, self.norm)

    def fixed(self) -> Activation:
        depthwise, pointwise = fixed(self.depthwise), fixed(self.pointwise)
        act, act_first = self.act, self.act_first

        def block(x: Tensor) -> Tensor:
            if act_first:
                x = act(x)
            x = depthwise(x)
            x = pointwise(x)
            return x if act_first else act(x)

        return block


class Separable(nn.Sequential):
    """A depthwise and a pointwise convolution, a norm and an activation with each.

    MobileNet's (1704.04861, figure 3), which PP-PicoDet calls DP.
    """

    def __init__(
        self, channels_in: int, channels_out: int, constants: Norm, kernel: int, form: Form
    ) -> None:
        super().__init__(
            Unit(channels_in, channels_in, constants, kernel, groups=channels_in, **form),
            Unit(channels_in, channels_out, constants, **form),
        )


@BLOCKS.register("lc")
class LC(nn.Sequential):
    """n of PP-LCNet's blocks (2109.15099, figure 2), without squeeze and excitation.

    The last one makes the channels: PP-PicoDet's LC-PAN has 2C -> 2C -> C behind a concatenation.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        n: int,
        kernel: int,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        made = [channels_in] * (n - 1) + [channels_out]
        super().__init__(*(Separable(channels_in, c, constants, kernel, form) for c in made))


class Projection(nn.Module):
    """The 1x1 convolution that brings an edge to the node's channels, with a norm or without.

    It runs at the source's resolution, before resampling (EfficientDet, section 3.6).
    """

    def __init__(
        self, channels_in: int, channels_out: int, constants: Norm, *, bias: bool, norm: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 1, bias=bias)
        self.norm = batch_norm(channels_out, constants, norm)

    def forward(self, x: Tensor) -> Tensor:
        return normed(convolved(x, self.conv), self.norm)

    def fold(self) -> None:
        self.conv, self.norm = folded(self.conv, self.norm)
