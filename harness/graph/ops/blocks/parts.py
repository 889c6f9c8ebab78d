"""What a block is made of, counted: parts one after the other (`+`, `*`) or side by side (`|`)."""

from dataclasses import astuple, dataclass, replace

from harness.graph.spec import Op


@dataclass(frozen=True, slots=True)
class Part:
    """Costs and reach of a part of a block.

    params: trained numbers. macs: multiply-adds a cell. pairs: multiply-adds a pair of cells
    (attention). once: multiply-adds an image (behind a global pooling).
    reach: cells seen to each side.
    """

    params: int = 0
    macs: int = 0
    pairs: int = 0
    once: int = 0
    reach: int = 0

    def __add__(self, other: "Part") -> "Part":
        return replace(self | other, reach=self.reach + other.reach)

    def __or__(self, other: "Part") -> "Part":
        return Part(
            self.params + other.params,
            self.macs + other.macs,
            self.pairs + other.pairs,
            self.once + other.once,
            max(self.reach, other.reach),
        )

    def __mul__(self, times: int) -> "Part":
        """Itself so many times, one after the other."""
        return Part(*[times * one for one in astuple(self)])


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
    return Part(weights + channels_out * bias, weights, reach=dilation * (kernel // 2))


def norm(op: Op, channels: int) -> Part:
    """The norm of an op that has one."""
    return Part(2 * channels if op["norm"] else 0)


def unit(
    op: Op,
    channels_in: int,
    channels_out: int,
    kernel: int = 1,
    *,
    dilation: int = 1,
    groups: int = 1,
) -> Part:
    """A convolution with the bias and norm the op says."""
    made = convolution(
        channels_in,
        channels_out,
        kernel,
        dilation=dilation,
        groups=groups,
        bias=bool(op["bias"]),
    )
    return made + norm(op, channels_out)


def depthwise_separable(op: Op, channels_in: int, channels_out: int, kernel: int) -> Part:
    """A depthwise and a pointwise convolution, each with bias and norm as the op says."""
    depthwise = unit(op, channels_in, channels_in, kernel, groups=channels_in)
    return depthwise + unit(op, channels_in, channels_out)


def squeeze(channels: int, reduction: int, outputs: int = 1) -> Part:
    """Two biased linear layers behind a global pooling, with channels / reduction between."""
    hidden = max(1, channels // reduction)
    layers = convolution(channels, hidden) + convolution(hidden, outputs * channels)
    return Part(layers.params, once=layers.macs)
