"""Down by a convolution with a stride."""

from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.blocks.unit import ACTIVATIONS, Order, Unit, batch_norm, folded
from harness.ops.sizes import Size, padded
from harness.ops.tables import RESAMPLES


@RESAMPLES.register("strided_conv")
class StridedConv(nn.Module):
    """A convolution of stride 2 ** (levels between), with norm and activation, in either order.

    kernel: also where the stride is larger (3 at stride 4 skips cells).
    patches: the kernel is the stride, cells are cut into patches that do not overlap (AFPN).
    separable: a depthwise convolution with the stride, then a pointwise one, each with bias, norm
    and activation (MobileNet's; PP-PicoDet).
    pad: `same` as TensorFlow's, or `centre`, torch's own of kernel // 2 before; they differ where
    the source is even: there the cells of the second lie one to the left and up.
    Size: ceil(source / stride), or the size that is asked for, by padding and cutting as `padded`
    says.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        stride: int,
        *,
        kernel: int,
        patches: bool,
        separable: bool,
        pad: str,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        super().__init__()
        self.kernel, self.stride = stride if patches else kernel, stride
        self.centred = pad == "centre"
        self.act_first, self.act = order == "act_conv_norm", ACTIVATIONS[act]
        made, groups = (channels_in, channels_in) if separable else (channels_out, 1)
        self.conv = nn.Conv2d(channels_in, made, self.kernel, stride, groups=groups, bias=bias)
        self.norm = batch_norm(made, constants, norm)
        self.pointwise: nn.Module = nn.Identity()
        if separable:
            self.pointwise = Unit(
                made, channels_out, constants, act=act, order=order, bias=bias, norm=norm
            )

    def forward(self, x: Tensor, size: Size) -> Tensor:
        if self.act_first:
            x = self.act(x)
        x = self.norm(self.conv(padded(x, size, self.kernel, self.stride, self.centred)))
        y: Tensor = self.pointwise(x if self.act_first else self.act(x))
        return y

    def fold(self) -> None:
        """Put the norm into the convolution before it, as eval mode has it."""
        self.conv, self.norm = folded(self.conv, self.norm)
