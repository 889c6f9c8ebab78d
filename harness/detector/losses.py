"""Focal loss on classes and Huber loss on boxes, as EfficientDet trains them.

Everything is computed in float32 at least, whatever precision the network ran in. A batch may be
seen in portions, by one process after another or by several at once: each is divided by what the
whole batch has, so that the portions' losses, and their gradients, add up to the batch's.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.detector.anchors import encode
from harness.detector.outputs import Outputs, flatten
from harness.detector.targets import Assignment, Targets, assign
from harness.space.recipe import Loss


class Losses(NamedTuple):
    """Scalars: `total` = `classes` + box weight * `boxes`."""

    total: Tensor
    classes: Tensor
    boxes: Tensor


def detection_loss(outputs: Outputs, anchors: Tensor, targets: Targets, spec: Loss) -> Losses:
    """Loss of a batch. anchors: (A, 4) of the batch's image size."""
    assigned = assign(anchors, targets, spec.negative_iou)
    return portion_loss(outputs, anchors, assigned, positives(assigned), spec)


def positives(assigned: Assignment) -> Tensor:
    """How many anchors answer for an object: a scalar."""
    return (assigned.labels >= 0).sum()


def portion_loss(
    outputs: Outputs, anchors: Tensor, assigned: Assignment, positives: Tensor, spec: Loss
) -> Losses:
    """What a portion of a batch adds to its loss. positives: of the whole batch.

    Both parts are divided by the batch's positive anchors plus one, the boxes by 4 besides.
    """
    labels, normaliser = assigned.labels, positives + 1
    classes = _precise(flatten(outputs.classes, len(anchors)))
    boxes = _precise(flatten(outputs.boxes, len(anchors)))
    wanted = encode(assigned.boxes, anchors).to(boxes.dtype)
    focal = _focal_sum(classes, labels, spec) / normaliser
    huber = F.huber_loss(boxes, wanted, reduction="none", delta=spec.huber_delta).sum(-1)
    huber = torch.where(labels >= 0, huber, 0).sum() / (4 * normaliser)
    return Losses(focal + spec.box_weight * huber, focal, huber)


def _precise(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _focal_sum(logits: Tensor, labels: Tensor, spec: Loss) -> Tensor:
    """Sum over all anchors and classes: all as background, then put right where they are not.

    logits: (N, A, K). labels: (N, A), as `Assignment` has them. Nothing waits for the device.
    """
    background = (1 - spec.focal_alpha) * _focal(-logits, spec.focal_gamma).sum(-1)
    hit = logits.gather(2, labels.clamp(min=0)[..., None]).squeeze(2)
    as_object = spec.focal_alpha * _focal(hit, spec.focal_gamma)
    as_background = (1 - spec.focal_alpha) * _focal(-hit, spec.focal_gamma)
    putting_right = torch.where(labels >= 0, as_object - as_background, 0)
    return (torch.where(labels == -2, 0, background) + putting_right).sum()


def _focal(margin: Tensor, gamma: float) -> Tensor:
    """(1 - p)^gamma * -log p, where p = sigmoid(margin): finite with its gradient everywhere."""
    surprise = F.softplus(-margin)
    return torch.exp(-gamma * (surprise + margin)) * surprise
