"""Which anchor answers for which object: one tensor operation over the whole batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

POSITIVE_IOU = 0.5
CROWD_SHARE = 0.5
"""An anchor with more of its area than this in a crowd box says nothing."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Objects of a batch, padded to the fullest image.

    boxes: (N, M, 4) x0 y0 x1 y1 in input pixels.
    labels: (N, M) from 0; -1 is padding.
    crowd: (N, M) bool; a crowd is no object, it excuses the anchors inside it.
    """

    boxes: Tensor
    labels: Tensor
    crowd: Tensor

    @classmethod
    def pad(
        cls,
        boxes: Sequence[Tensor],
        labels: Sequence[Tensor],
        crowd: Sequence[Tensor] | None = None,
    ) -> "Targets":
        """One (n, 4), (n,) and (n,) an image -> a batch."""
        crowd = crowd or [torch.zeros(len(x), dtype=torch.bool) for x in labels]
        return cls(
            _pad([x.reshape(-1, 4).float() for x in boxes], 0.0),
            _pad([x.long() for x in labels], -1),
            _pad([x.bool() for x in crowd], False),
        )

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Targets":
        fields = (self.boxes, self.labels, self.crowd)
        return Targets(*(x.to(device, non_blocking=non_blocking) for x in fields))


def _pad(rows: Sequence[Tensor], value: float) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value)


class Assignment(NamedTuple):
    """What each anchor should say, (N, anchors): `labels` -1 is background, -2 is nothing at all.

    boxes: (N, anchors, 4), the object's box in pixels; only read where `labels` >= 0.
    """

    labels: Tensor
    boxes: Tensor


@torch.no_grad()
def assign(anchors: Tensor, targets: Targets, negative_iou: float | None = None) -> Assignment:
    """Anchors (A, 4) to objects: by IoU of 0.5 or more, and each object's best anchor besides.

    Where two objects have the same best anchor, the first keeps it.
    negative_iou: anchors with an IoU from this up to 0.5 say nothing; None is 0.5, no such anchor.
    """
    real = (targets.labels >= 0) & ~targets.crowd
    count = targets.labels.shape[1]
    if not count:
        shape = (len(targets.labels), len(anchors))
        return Assignment(anchors.new_full(shape, -1, dtype=torch.long), anchors.expand(*shape, 4))
    overlap = _intersection(anchors, targets.boxes)
    iou = overlap / _union(anchors, targets.boxes, overlap)
    iou = iou.mul_(real[..., None])
    best_iou, best = iou.max(dim=1)
    forced = _forced(iou, count)
    index = torch.where(forced < count, forced, best)
    positive = (forced < count) | (best_iou >= POSITIVE_IOU)
    labels = torch.where(positive, targets.labels.gather(1, index), -1)
    excused = _inside_crowd(anchors, targets, overlap)
    if negative_iou is not None:
        excused |= best_iou >= negative_iou
    labels = torch.where(excused & ~positive, -2, labels)
    return Assignment(labels, targets.boxes.gather(1, index[..., None].expand(-1, -1, 4)))


def _forced(iou: Tensor, count: int) -> Tensor:
    """The first object whose best anchor each anchor is, else `count`: (N, anchors)."""
    top, anchor = iou.max(dim=2)
    objects = torch.arange(count, device=iou.device).expand_as(anchor)
    forced = iou.new_full((iou.shape[0], iou.shape[2]), count, dtype=torch.long)
    objects = torch.where(top > 0, objects, count)
    return forced.scatter_reduce(1, anchor, objects, "amin")


def _inside_crowd(anchors: Tensor, targets: Targets, overlap: Tensor) -> Tensor:
    """Anchors mostly inside one crowd box: (N, anchors)."""
    most = (overlap * targets.crowd[..., None]).amax(dim=1)
    return most > CROWD_SHARE * _area(anchors)


def _intersection(anchors: Tensor, boxes: Tensor) -> Tensor:
    """(A, 4) and (N, M, 4) -> shared area (N, M, A): anchors innermost, for long loops."""
    ax0, ay0, ax1, ay1 = anchors.T.contiguous()
    x0, y0, x1, y1 = boxes.unsqueeze(-1).unbind(2)
    wide = torch.minimum(ax1, x1).sub_(torch.maximum(ax0, x0)).clamp_(min=0)
    high = torch.minimum(ay1, y1).sub_(torch.maximum(ay0, y0)).clamp_(min=0)
    return wide.mul_(high)


def _union(anchors: Tensor, boxes: Tensor, overlap: Tensor) -> Tensor:
    """(N, M, A)."""
    return (_area(anchors) + _area(boxes)[..., None]).sub_(overlap)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
