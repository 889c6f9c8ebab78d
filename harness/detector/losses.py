"""Focal loss on classes and Huber loss on boxes, as EfficientDet trains them.

Everything is computed in float32, whatever precision the network ran in.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.detector.anchors import encode
from harness.detector.outputs import Outputs, flatten
from harness.detector.targets import Targets, assign
from harness.space.recipe import Loss


class Losses(NamedTuple):
    """Scalars: `total` = `classes` + box weight * `boxes`."""

    total: Tensor
    classes: Tensor
    boxes: Tensor


def detection_loss(outputs: Outputs, anchors: Tensor, targets: Targets, spec: Loss) -> Losses:
    """Loss of a batch. anchors: (A, 4) of the batch's image size.

    Both parts are divided by the batch's positive anchors plus one, the boxes by 4 besides.
    """
    labels, wanted = assign(anchors, targets, spec.negative_iou)
    normaliser = (labels >= 0).sum() + 1
    classes = flatten(outputs.classes, len(anchors)).float()
    boxes = flatten(outputs.boxes, len(anchors)).float()
    focal = _focal_sum(classes, labels, spec) / normaliser
    huber = F.huber_loss(
        boxes, encode(wanted, anchors), reduction="none", delta=spec.huber_delta
    ).sum(-1)
    huber = torch.where(labels >= 0, huber, 0).sum() / (4 * normaliser)
    return Losses(focal + spec.box_weight * huber, focal, huber)


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
