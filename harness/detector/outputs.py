"""What a detector says, as its heads give it."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Outputs(NamedTuple):
    """Maps by level, finest first: classes (N, A * K, h, w) logits, boxes (N, A * 4, h, w) codes.

    A anchors a cell; channel a * K + k is class k of anchor a; a box is coded ty tx th tw.
    """

    classes: tuple[Tensor, ...]
    boxes: tuple[Tensor, ...]


def flatten(maps: Sequence[Tensor], anchors: int) -> Tensor:
    """Maps of all levels -> (N, anchors, numbers an anchor), in the order of the anchors."""
    rows = torch.cat([m.permute(0, 2, 3, 1).flatten(1) for m in maps], dim=1)
    return rows.view(len(rows), anchors, rows.shape[1] // anchors)
