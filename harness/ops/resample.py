"""How a map gets the height and width of another level, without parameters.

Each is a function (map (N, C, h, w), size, **arguments) -> map (N, C, *size). Up-samplers and the
adaptive pool take any size to any size, the others any to any that is no larger. Those with
parameters are in `resample_conv`, `resample_up` and `resample_carafe`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.ops.sizes import Size, centred_windows, size_of, stride_of, windows
from harness.ops.tables import RESAMPLES

__all__ = ["COPIES", "RESAMPLES", "max_pool", "nearest", "size_of"]

COPIES = frozenset({"nearest"})
"""Ops that only copy cells to finer ones: scaling before them is scaling after, to the bit."""


@RESAMPLES.register("nearest")
def nearest(x: Tensor, size: Size) -> Tensor:
    """Each cell takes the value of the source cell it lies in: floor(i * h / height).

    In single precision, as torch and TensorFlow have it: where the sizes are no multiples, a cell
    at a border may take the neighbour's value. A single cell is expanded as a view, for it has no
    memory format to hand on.
    """
    height, width = size_of(x)
    if height == size[0] and width == size[1]:
        return x
    if height == 1 and width == 1:
        return x.expand(-1, -1, size[0], size[1])
    return F.interpolate(x, size)


@RESAMPLES.register("bilinear")
def bilinear(x: Tensor, size: Size) -> Tensor:
    """Each cell lies at its centre among the source's centres: (i + 1/2) * h / height - 1/2.

    Up or down; beyond the outermost centres the outermost cell counts. Downwards two cells a side
    are read, whatever lies between (no antialiasing).
    """
    height, width = size_of(x)
    if height == size[0] and width == size[1]:
        return x
    if height == 1 and width == 1:
        return x.expand(-1, -1, size[0], size[1])
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


@RESAMPLES.register("subsample")
def subsample(x: Tensor, size: Size) -> Tensor:
    """Cells 0, s, 2 s, ...: max pooling with kernel 1, as torchvision and detectron2 make p6.

    A copy: a view would keep the whole source, and its layout in memory.
    """
    height, width = size
    source = size_of(x)
    down, across = stride_of(source[0], height), stride_of(source[1], width)
    kept = x[:, :, : (height - 1) * down + 1 : down, : (width - 1) * across + 1 : across]
    last = x.is_contiguous(memory_format=torch.channels_last)
    return kept.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


@RESAMPLES.register("max_pool")
def max_pool(x: Tensor, size: Size, kernel: str = "stride_plus_1") -> Tensor:
    """Max pooling, stride s = ceil(source / target), kernel s + 1 (or s), padding as in TF SAME.

    SAME pads the least that covers the map, an odd cell of it at the bottom and right; torch's
    `ceil_mode` gives just that cell. Where stride s cannot give the target's size (a backbone that
    rounds down), it is floor(source / target) and the cells left over at the end are not seen.
    An axis that has the size already is left alone.
    """
    height, width = size_of(x)
    if height == size[0] and width == size[1]:
        return x
    x, kernels, strides, pads = _cut(x, size, kernel)
    return F.max_pool2d(x, kernels, strides, pads, ceil_mode=True)


@RESAMPLES.register("max_pool_centred")
def max_pool_centred(x: Tensor, size: Size) -> Tensor:
    """Max pooling, stride s = ceil(source / target), kernel s + 1, padded on both sides.

    As torch's pools have it, s // 2 cells before the first; `max_pool` pads the least that covers
    the map. effdet's own EfficientDets. What the target's size does not need is not seen.
    """
    height, width = size_of(x)
    if height == size[0] and width == size[1]:
        return x
    rows, down, top, bottom = centred_windows(height, size[0])
    columns, across, left, right = centred_windows(width, size[1])
    x = F.pad(x, (left, right, top, bottom), value=-torch.inf)
    return F.max_pool2d(x, (rows, columns), (down, across))


@RESAMPLES.register("avg_pool")
def avg_pool(x: Tensor, size: Size, kernel: str = "stride") -> Tensor:
    """The mean of the cells that `max_pool` takes the largest of; padding does not count."""
    height, width = size_of(x)
    if height == size[0] and width == size[1]:
        return x
    x, kernels, strides, pads = _cut(x, size, kernel)
    return F.avg_pool2d(x, kernels, strides, pads, ceil_mode=True, count_include_pad=False)


def _cut(x: Tensor, size: Size, kernel: str) -> tuple[Tensor, Size, Size, Size]:
    """The part of the map that pooling sees; kernel, stride and padding of its two axes."""
    height, width = size_of(x)
    overlap = 1 if kernel == "stride_plus_1" else 0
    rows, down, top = windows(height, size[0], overlap)
    columns, across, left = windows(width, size[1], overlap)
    if top < 0 or left < 0:
        x = x[:, :, : height + min(top, 0), : width + min(left, 0)]
    return x, (rows, columns), (down, across), (max(top, 0), max(left, 0))


@RESAMPLES.register("adaptive_pool")
def adaptive_pool(x: Tensor, size: Size, kind: str = "max") -> Tensor:
    """Cell i is the largest, or the mean, of cells floor(i h / H) to ceil((i + 1) h / H).

    Where sizes divide, the largest is by plain pooling: torch's adaptive one has no symbolic sizes.
    """
    height, width = size_of(x)
    if height == size[0] and width == size[1]:
        return x
    if kind == "avg":
        return F.adaptive_avg_pool2d(x, size)
    if height % size[0] == 0 and width % size[1] == 0:
        return F.max_pool2d(x, (height // size[0], width // size[1]))
    return F.adaptive_max_pool2d(x, size)
