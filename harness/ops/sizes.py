"""Sizes of maps, and how a map is cut and padded to one. Sizes are (height, width) in cells.

Level L covers the image from its first pixel on, so what is missing or too much lies at the end:
at the bottom and right.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

Size = tuple[int, int]


def size_of(x: Tensor) -> Size:
    """Height and width. Plain numbers under `torch.jit.trace`, whose program is of one size."""
    height, width = x.shape[2], x.shape[3]
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return int(height), int(width)
    return height, width


def fitted(x: Tensor, size: Size) -> Tensor:
    """Cells too many are cut off the end; cells too few repeat the last. For up-samplers."""
    height, width = size_of(x)
    below, right = size[0] - height, size[1] - width
    if below < 0 or right < 0:
        x = x[:, :, : size[0], : size[1]]
    if below > 0 or right > 0:
        x = F.pad(x, (0, max(right, 0), 0, max(below, 0)), mode="replicate")
    return x


def padded(x: Tensor, size: Size, kernel: int, stride: int, centred: bool = False) -> Tensor:
    """What an unpadded convolution of this kernel and stride makes a map of just `size` from.

    Zeros as in TF SAME: the least that will do, half before and half (and an odd one) behind. Where
    fewer cells do, as of a map that was rounded down, those left over at the end are cut off.
    centred: kernel // 2 before, as torch's convolutions have it.
    """
    height, width = size_of(x)
    top, bottom = _ends(height, size[0], kernel, stride, centred)
    left, right = _ends(width, size[1], kernel, stride, centred)
    if top == bottom == left == right == 0:
        return x
    return F.pad(x, (left, right, top, bottom))


def _ends(source: int, target: int, kernel: int, stride: int, centred: bool) -> tuple[int, int]:
    """Cells to add before and behind (negative: to cut off)."""
    total = (target - 1) * stride + kernel - source
    before = kernel // 2 if centred else max(total, 0) // 2
    return before, total - before


def windows(source: int, target: int, overlap: int) -> tuple[int, int, int]:
    """Kernel, stride, and the padding before the first cell (negative: cells cut off the end).

    Of pooling an axis: stride s = ceil(source / target), kernel s + overlap, padding as in TF SAME.
    Where s cannot give the target (a backbone that rounds down), it is floor(source / target).
    """
    if source == target:
        return 1, 1, 0
    stride = stride_of(source, target)
    kernel = stride + overlap
    padding = (target - 1) * stride + kernel - source
    return kernel, stride, padding if padding < 0 else padding // 2


def centred_windows(source: int, target: int) -> tuple[int, int, int, int]:
    """Kernel s + 1, stride s, and the padding (negative: cells cut off) before and behind an axis.

    Of pooling as torch's own is padded: s // 2 cells before the first.
    """
    if source == target:
        return 1, 1, 0, 0
    stride = stride_of(source, target)
    return stride + 1, stride, *_ends(source, target, stride + 1, stride, centred=True)


def stride_of(source: int, target: int) -> int:
    """Cells to go on for each cell of the target: of an axis that gets no longer."""
    stride = -(-source // target)
    return stride if -(-source // stride) >= target else source // target
