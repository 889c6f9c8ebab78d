"""Reference boxes, and the code between them and boxes in pixels.

Order, everywhere: finest level first, then cells row by row, then octave by octave the ratios
of a cell. Channel a * K + k of a class map is class k of anchor a of its cell.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from harness.space.model import AnchorSpec

MAX_LOG_SIDE = math.log(1000 / 16)
"""Decoded sides stop at 62.5 times the anchor's, so that no output can overflow."""


def per_cell(spec: AnchorSpec) -> int:
    """Anchors at every cell of every level."""
    return spec.octaves * len(spec.ratios)


def make_anchors(
    spec: AnchorSpec, levels: tuple[int, ...], image_size: tuple[int, int], device: str = "cpu"
) -> Tensor:
    """All anchors of an image of `image_size` (height, width): (n, 4), x0 y0 x1 y1 in pixels.

    Computed once for each set of arguments: do not write to what comes back.
    """
    return _make_anchors(spec, tuple(levels), image_size, str(torch.device(device)))


@lru_cache(maxsize=32)
def _make_anchors(
    spec: AnchorSpec, levels: tuple[int, ...], image_size: tuple[int, int], device: str
) -> Tensor:
    boxes = torch.cat([_level_anchors(spec, level, image_size) for level in levels])
    return boxes.float().to(device)


def _level_anchors(spec: AnchorSpec, level: int, image_size: tuple[int, int]) -> Tensor:
    """(ceil(H / stride) * ceil(W / stride) * per_cell, 4), in float64."""
    cells = [math.ceil(side / 2**level) for side in image_size]
    strides = [2.0**level] * 2
    if spec.strides == "of_map":
        strides = [side / count for side, count in zip(image_size, cells, strict=True)]
    y, x = (
        (torch.arange(count, dtype=torch.float64) + 0.5) * stride
        for count, stride in zip(cells, strides, strict=True)
    )
    centres = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).flip(-1)
    half = _sides(spec) * torch.tensor(strides[::-1], dtype=torch.float64) / 2
    boxes = torch.cat([centres[:, :, None] - half, centres[:, :, None] + half], dim=-1)
    return boxes.reshape(-1, 4)


def _sides(spec: AnchorSpec) -> Tensor:
    """Width and height of the anchors of a cell, in strides: (per_cell, 2)."""
    squares = [spec.scale * 2 ** (i / spec.octaves) for i in range(spec.octaves)]
    if spec.sides is None:
        roots = [math.sqrt(ratio) for ratio in spec.ratios]
        sides = [(side / root, side * root) for side in squares for root in roots]
    else:
        sides = [(side * width, side * height) for side in squares for width, height in spec.sides]
    return torch.tensor(sides, dtype=torch.float64)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Boxes as seen from their anchors: (..., 4) x0 y0 x1 y1 -> (..., 4) ty tx th tw, float32."""
    (x, y, w, h), (ax, ay, aw, ah) = _centred(boxes), _centred(anchors)
    tiny = 1e-6
    return torch.stack(
        [
            (y - ay) / ah,
            (x - ax) / aw,
            torch.log(h.clamp(min=tiny) / ah),
            torch.log(w.clamp(min=tiny) / aw),
        ],
        dim=-1,
    )


def decode(codes: Tensor, anchors: Tensor) -> Tensor:
    """The inverse of `encode`, in float32 whatever comes in. Sides stop at 62.5 x the anchor's."""
    ty, tx, th, tw = codes.float().unbind(-1)
    ax, ay, aw, ah = _centred(anchors)
    x, y = tx * aw + ax, ty * ah + ay
    w = torch.exp(tw.clamp(max=MAX_LOG_SIDE)) * aw / 2
    h = torch.exp(th.clamp(max=MAX_LOG_SIDE)) * ah / 2
    return torch.stack([x - w, y - h, x + w, y + h], dim=-1)


def _centred(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Centre x, centre y, width, height."""
    x0, y0, x1, y1 = boxes.float().unbind(-1)
    return (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
