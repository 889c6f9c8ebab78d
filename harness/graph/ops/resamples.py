"""Resamples as facts: how a map gets the size of another level.

`up` where the source is coarser than the node, `down` where it is finer. `stride` is 2 ** (levels
between the two). A resample with convolutions is told by its parts, as blocks are.
"""

from collections.abc import Callable
from dataclasses import replace

from harness.graph.args import Arg, choice, flag, whole
from harness.graph.names import is_free
from harness.graph.ops.blocks.parts import (
    Part,
    act,
    acted,
    convolution,
    depthwise_separable,
    unit,
    whole_of,
)
from harness.graph.ops.blocks.table import FORM, no_order, without
from harness.graph.opspec import OpSpec, Shape
from harness.graph.spec import Op
from harness.graph.tally import Tally
from harness.registry import Table

RESAMPLES: Table[OpSpec] = Table("resample", is_free)

Parts = Callable[[Op, Shape], Part]


def _kernel(op: Op, stride: int) -> int:
    """Cells a side of a kernel that an op says in strides."""
    said = {"stride": stride, "stride_plus_1": stride + 1, "twice_stride": 2 * stride}
    return said[str(op["kernel"])]


def _pool(*args: Arg, kernel: Callable[[Op, int], int]) -> OpSpec:
    """A pool whose windows have `kernel` cells a side, those at the borders too."""

    def tally(op: Op, shape: Shape) -> Tally:
        return Tally(pool=kernel(op, shape.stride) ** 2 * shape.channels_out * shape.cells)

    return OpSpec(args=args, arity=(1, 1), directions=("down",), kernel=kernel, tally=tally)


def _nearest_tally(op: Op, shape: Shape) -> Tally:
    made = shape.channels_out * shape.cells
    return Tally(nearest=made, expanded=made if shape.cells_in == 1 else 0)


def _bilinear_tally(op: Op, shape: Shape) -> Tally:
    """A single cell is expanded, which is no interpolation."""
    return Tally(bilinear=shape.channels_out * shape.cells if shape.cells_in > 1 else 0)


RESAMPLES.register("nearest")(
    OpSpec(
        arity=(1, 1),
        directions=("up",),
        tally=_nearest_tally,
    )
)
RESAMPLES.register("bilinear")(
    OpSpec(
        arity=(1, 1),
        directions=("up", "down"),
        kernel=lambda op, stride: 3,
        ahead=lambda op, stride: 1 - stride // 2,
        tally=_bilinear_tally,
    )
)
RESAMPLES.register("subsample")(
    OpSpec(arity=(1, 1), directions=("down",), kernel=lambda op, stride: 1)
)
RESAMPLES.register("max_pool")(_pool(choice("kernel", "stride_plus_1", "stride"), kernel=_kernel))
RESAMPLES.register("max_pool_centred")(
    replace(_pool(kernel=lambda op, stride: stride + 1), ahead=lambda op, stride: (stride + 1) // 2)
)
RESAMPLES.register("avg_pool")(_pool(choice("kernel", "stride", "stride_plus_1"), kernel=_kernel))
RESAMPLES.register("adaptive_pool")(
    _pool(choice("kind", "max", "avg"), kernel=lambda op, stride: stride)
)


def _strided_kernel(op: Op, stride: int) -> int:
    return stride if op["patches"] else whole_of(op, "kernel")


def _strided_ahead(op: Op, stride: int) -> int:
    kernel = _strided_kernel(op, stride)
    return kernel // 2 if op["pad"] == "centre" else max(kernel - stride, 0) // 2


def _strided_conv(op: Op, shape: Shape) -> Part:
    """At the target's cells."""
    channels, kernel = shape.channels_in, _strided_kernel(op, shape.stride)
    made = depthwise_separable if op["separable"] else unit
    return made(op, channels, shape.channels_out, kernel)


def _strided_tally(op: Op, shape: Shape) -> Tally:
    """The activation before it sees all cells of the source."""
    made = _strided_conv(op, shape)
    first = act(op, shape.channels_in).cell if op["order"] == "act_conv_norm" else Tally()
    return made.tally(shape.cells) + first * (shape.cells_in - shape.cells)


def _strided_idle(op: Op) -> tuple[str, ...]:
    return ("kernel", *no_order(op)) if op["patches"] else no_order(op)


RESAMPLES.register("strided_conv")(
    OpSpec(
        args=(
            whole("kernel", 3, odd=True),
            flag("patches", False),
            flag("separable", False),
            choice("pad", "same", "centre"),
            *FORM,
        ),
        arity=(1, 1),
        directions=("down",),
        any_channels=True,
        params=lambda op, shape: _strided_conv(op, shape).params,
        macs=lambda op, shape: shape.cells * _strided_conv(op, shape).macs,
        acts=lambda op, shape: _strided_conv(op, shape).acts_over(shape.cells),
        tally=_strided_tally,
        kernel=_strided_kernel,
        ahead=_strided_ahead,
        normalises=lambda op: bool(op["norm"]),
        meaning=without(_strided_idle),
    )
)


def _deconv(op: Op, shape: Shape) -> Part:
    """Every source cell is multiplied with the whole kernel."""
    return unit(op, shape.channels_in, shape.channels_out, _kernel(op, shape.stride))


def _deconv_tally(op: Op, shape: Shape) -> Tally:
    """The kernel works at the source's cells; bias, norm and an activation after at the map's."""
    made, work = _deconv(op, shape), Tally(macs=_deconv(op, shape).macs)
    after = replace(made.cell, macs=0, acts=0, swish=0)
    acting = act(op, acted(op, shape.channels_in, shape.channels_out)).cell
    cells = shape.cells_in if op["order"] == "act_conv_norm" else shape.cells
    put_out = Tally(acts=_deconv_acts(op, shape))
    return work * shape.cells_in + after * shape.cells + acting * cells + made.image + put_out


def _deconv_acts(op: Op, shape: Shape) -> int:
    """Stride cells a side for each of the source's, one more of an odd kernel, before any cut."""
    high = -(-shape.sides[0] // shape.stride)
    if shape.cells_in % high:
        high = max(1, shape.sides[0] // shape.stride)  # a backbone that rounds down
    odd = int(op["kernel"] == "stride_plus_1")
    sides = [side * shape.stride + odd for side in (high, shape.cells_in // high)]
    return shape.channels_out * sides[0] * sides[1]


def _carafe_tally(op: Op, shape: Shape) -> Tally:
    """What makes the kernels, and the products and sums of the source cells that they weigh."""
    weighed = whole_of(op, "kernel") ** 2 * shape.channels_out * shape.cells
    sums = Tally(scale=weighed, add=weighed - shape.channels_out * shape.cells)
    return _carafe(op, shape).tally(shape.cells_in) + sums


def _deconv_kernel(op: Op, stride: int) -> int:
    return 1 if op["kernel"] == "stride" else 3


def _pixel_shuffle(op: Op, shape: Shape) -> Part:
    made = shape.channels_out * shape.stride**2
    return convolution(shape.channels_in, made, whole_of(op, "kernel"))


def _carafe(op: Op, shape: Shape) -> Part:
    """What makes the kernels; the sums of source cells that they weight count nothing."""
    compressed, made = whole_of(op, "compressed"), (whole_of(op, "kernel") * shape.stride) ** 2
    compress = convolution(shape.channels_in, compressed)
    return compress + convolution(compressed, made, whole_of(op, "encoder"))


def _carafe_kernel(op: Op, stride: int) -> int:
    return max(whole_of(op, "kernel"), whole_of(op, "encoder"))


def _up(
    parts: Parts,
    *args: Arg,
    kernel: Callable[[Op, int], int],
    any_channels: bool = True,
    normed: bool = False,
    acts: Callable[[Op, Shape], int] | None = None,
    tally: Callable[[Op, Shape], Tally] | None = None,
) -> OpSpec:
    """An up-sampler, whose convolutions work at the source's cells."""
    return OpSpec(
        args=args,
        arity=(1, 1),
        directions=("up",),
        any_channels=any_channels,
        params=lambda op, shape: parts(op, shape).params,
        macs=lambda op, shape: shape.cells_in * parts(op, shape).macs,
        acts=acts or (lambda op, shape: parts(op, shape).acts_over(shape.cells_in)),
        tally=tally or (lambda op, shape: parts(op, shape).tally(shape.cells_in)),
        kernel=kernel,
        normalises=lambda op: normed and bool(op["norm"]),
        meaning=without(no_order if normed else lambda op: ()),
    )


RESAMPLES.register("deconv")(
    _up(
        _deconv,
        choice("kernel", "stride", "stride_plus_1", "twice_stride"),
        *FORM,
        kernel=_deconv_kernel,
        normed=True,
        acts=_deconv_acts,
        tally=_deconv_tally,
    )
)
RESAMPLES.register("pixel_shuffle")(
    _up(
        _pixel_shuffle,
        whole("kernel", 3, odd=True),
        kernel=lambda op, stride: whole_of(op, "kernel"),
    )
)
RESAMPLES.register("carafe")(
    _up(
        _carafe,
        whole("kernel", 5, odd=True),
        whole("encoder", 3, odd=True),
        whole("compressed", 64),
        kernel=_carafe_kernel,
        any_channels=False,
        tally=_carafe_tally,
    )
)
