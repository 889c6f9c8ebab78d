"""Blocks that add to their input (ResNet, 1512.03385; pre-activated, 1603.05027)."""

from torch import Tensor, nn

from harness.graph.spec import Norm
from harness.ops.blocks.unit import ACTIVATIONS, Form, Order, Unit, awaited, ending, share
from harness.ops.tables import BLOCKS


class Added(nn.Module):
    """act(branch(x) + shortcut(x))."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, act: str = "none") -> None:
        super().__init__()
        self.branch, self.shortcut, self.act = branch, shortcut, ACTIVATIONS[act]

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.branch(x) + self.shortcut(x))


def shortcut_for(channels_in: int, channels_out: int, constants: Norm, form: Form) -> nn.Module:
    """The input itself, or a 1x1 convolution with norm where it has other channels."""
    if channels_in == channels_out:
        return nn.Identity()
    return Unit(channels_in, channels_out, constants, **{**form, "act": "none"})


@BLOCKS.register("residual")
class Residual(nn.Sequential):
    """n basic blocks: two k x k convolutions and the input.

    In the order conv, norm, act the second activation follows the addition; in the order act, conv,
    norm each comes first and the sum is left as it is.
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
        blocks = []
        for given in [channels_in] + [channels_out] * (n - 1):
            branch = nn.Sequential(
                Unit(given, channels_out, constants, kernel, **form),
                Unit(channels_out, channels_out, constants, kernel, **ending(form)),
            )
            shortcut = shortcut_for(given, channels_out, constants, form)
            blocks.append(Added(branch, shortcut, awaited(form)))
        super().__init__(*blocks)


@BLOCKS.register("bottleneck")
class Bottleneck(nn.Sequential):
    """n bottlenecks: 1x1, k x k, 1x1, and the input (unless there is no shortcut).

    hidden: channels of the k x k convolution, as a part of those that come out.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        hidden: float,
        shortcut: bool,
        n: int,
        kernel: int,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        middle, last = share(channels_out, hidden), ending(form) if shortcut else form
        blocks = []
        for given in [channels_in] + [channels_out] * (n - 1):
            branch = nn.Sequential(
                Unit(given, middle, constants, **form),
                Unit(middle, middle, constants, kernel, **form),
                Unit(middle, channels_out, constants, **last),
            )
            beside = shortcut_for(given, channels_out, constants, form)
            blocks.append(Added(branch, beside, awaited(form)) if shortcut else branch)
        super().__init__(*blocks)


@BLOCKS.register("dilated")
class Dilated(Added):
    """YOLOF's residual block (2103.09460, section 4.2): 1x1, 3x3 dilated, 1x1, and the input.

    Each convolution has its activation before the addition. hidden: channels of the dilated one,
    as a part of the others.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        constants: Norm,
        *,
        rate: int,
        hidden: float,
        act: str,
        order: Order,
        bias: bool,
        norm: bool,
    ) -> None:
        form: Form = {"act": act, "order": order, "bias": bias, "norm": norm}
        middle = share(channels_in, hidden)
        branch = nn.Sequential(
            Unit(channels_in, middle, constants, **form),
            Unit(middle, middle, constants, 3, dilation=rate, **form),
            Unit(middle, channels_out, constants, **form),
        )
        super().__init__(branch, nn.Identity())
