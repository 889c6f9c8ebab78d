"""What a block is made of, counted: parts one after the other (`+`, `*`) or side by side (`|`)."""

from dataclasses import dataclass

from harness.graph.spec import Op
from harness.graph.tally import NOTHING, Tally

GATED = ("silu", "hswish", "gelu")
"""Activations that multiply their input by a gate."""


@dataclass(frozen=True, slots=True)
class Part:
    """Costs and reach of a part of a block.

    params: trained numbers. cell: operations at one cell. image: those of an image, whatever its
    size (behind a global pooling), and its weights. pairs: multiply-adds a pair of cells
    (attention). reach: cells seen to each side.
    """

    params: int = 0
    cell: Tally = NOTHING
    image: Tally = NOTHING
    pairs: int = 0
    reach: int = 0

    @property
    def macs(self) -> int:
        """Multiply-adds a cell."""
        return self.cell.macs

    def acts_over(self, cells: int) -> int:
        """Outputs of convolutions over a map of so many cells."""
        return cells * self.cell.acts + self.image.acts

    @property
    def once(self) -> int:
        """Multiply-adds an image, whatever its size."""
        return self.image.macs

    def __add__(self, other: "Part") -> "Part":
        return self._joined(other, self.reach + other.reach)

    def __or__(self, other: "Part") -> "Part":
        return self._joined(other, max(self.reach, other.reach))

    def _joined(self, other: "Part", reach: int) -> "Part":
        return Part(
            self.params + other.params,
            self.cell + other.cell,
            self.image + other.image,
            self.pairs + other.pairs,
            reach,
        )

    def __mul__(self, times: int) -> "Part":
        """Itself so many times, one after the other."""
        return Part(
            times * self.params,
            self.cell * times,
            self.image * times,
            times * self.pairs,
            times * self.reach,
        )

    def tally(self, cells: int) -> Tally:
        """All of it over a map of so many cells."""
        return self.cell * cells + self.image + Tally(macs=cells**2 * self.pairs)


def each_cell(**counts: int) -> Part:
    """Operations at every cell that need no parameters."""
    return Part(cell=Tally(**counts))


def whole_of(op: Op, name: str) -> int:
    """An argument that is a whole number."""
    return int(op[name] or 0)


def ratio_of(op: Op, name: str) -> float:
    """An argument that is a number above 0."""
    return float(op[name] or 0)


def share(channels: int, ratio: float) -> int:
    """Channels inside a block: a part of those outside, rounded down, but one at least."""
    return max(1, int(channels * ratio))


def convolution(
    channels_in: int,
    channels_out: int,
    kernel: int = 1,
    *,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = True,
) -> Part:
    """A convolution by itself."""
    weights = kernel**2 * channels_in // groups * channels_out
    return Part(
        weights + channels_out * bias,
        Tally(macs=weights, acts=channels_out, bias=channels_out * bias),
        Tally(kernels=weights, layers=1),
        reach=dilation * (kernel // 2),
    )


def norm(op: Op, channels: int) -> Part:
    """The norm of an op that has one."""
    return batch_norm(channels) if op["norm"] else Part()


def batch_norm(channels: int) -> Part:
    return Part(2 * channels, Tally(norm=channels))


def act(op: Op, channels: int) -> Part:
    """The activation of an op, over so many channels."""
    return each_cell(swish=channels) if op["act"] in GATED else Part()


def unit(
    op: Op,
    channels_in: int,
    channels_out: int,
    kernel: int = 1,
    *,
    dilation: int = 1,
    groups: int = 1,
    acts: bool = True,
) -> Part:
    """A convolution with the bias and norm the op says; and its activation, where it acts."""
    made = convolution(
        channels_in,
        channels_out,
        kernel,
        dilation=dilation,
        groups=groups,
        bias=bool(op["bias"]),
    )
    made += norm(op, channels_out)
    return made + act(op, acted(op, channels_in, channels_out)) if acts else made


def acted(op: Op, channels_in: int, channels_out: int) -> int:
    """Channels that the activation of a convolution sees: those before or those after it."""
    return channels_in if op["order"] == "act_conv_norm" else channels_out


def depthwise_separable(op: Op, channels_in: int, channels_out: int, kernel: int) -> Part:
    """A depthwise and a pointwise convolution, each with bias and norm as the op says."""
    depthwise = unit(op, channels_in, channels_in, kernel, groups=channels_in)
    return depthwise + unit(op, channels_in, channels_out)


def squeeze(channels: int, reduction: int, outputs: int = 1) -> Part:
    """Two biased linear layers behind a global pooling, with channels / reduction between."""
    hidden = max(1, channels // reduction)
    layers = convolution(channels, hidden) + convolution(hidden, outputs * channels)
    return Part(layers.params, Tally(mean=channels), layers.cell + layers.image)


def pool_pyramid(channels: int) -> Part:
    """Three max pools of 5 x 5 cells, one after the other."""
    return Part(cell=Tally(pool=3 * 25 * channels), reach=6)
