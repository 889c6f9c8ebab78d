"""How a map gets the height and width of another level. Total: any size to any size.

Sizes are (height, width) in cells. Names are those of `harness.graph.ops`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.ops.tables import RESAMPLES as RESAMPLES

Size = tuple[int, int]

COPIES = frozenset({"nearest"})
"""Ops that only copy cells: scaling before them is scaling after them, to the bit."""


def size_of(x: Tensor) -> Size:
    """Height and width. Plain numbers under `torch.jit.trace`, whose program is of one size."""
    height, width = x.shape[2], x.shape[3]
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return int(height), int(width)
    return height, width


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
    overlap = 1 if kernel == "stride_plus_1" else 0
    rows, stride_y, top = _windows(height, size[0], overlap)
    columns, stride_x, left = _windows(width, size[1], overlap)
    if top < 0 or left < 0:
        x = x[:, :, : height + min(top, 0), : width + min(left, 0)]
    return F.max_pool2d(
        x, (rows, columns), (stride_y, stride_x), (max(top, 0), max(left, 0)), ceil_mode=True
    )


def _windows(source: int, target: int, overlap: int) -> tuple[int, int, int]:
    """Kernel, stride, and the padding before the first cell (negative: cells cut off the end)."""
    if source == target:
        return 1, 1, 0
    stride = -(-source // target)
    if -(-source // stride) < target:
        stride = source // target
    kernel = stride + overlap
    padding = (target - 1) * stride + kernel - source
    return kernel, stride, padding if padding < 0 else padding // 2
