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
    assigned = assign(anchors, targets)
    image, anchor = torch.nonzero(assigned.labels >= 0, as_tuple=True)
    normaliser = float(len(image)) + 1.0
    classes = flatten(outputs.classes, len(anchors)).float()
    focal = _focal_sum(classes, assigned.labels, (image, anchor), spec) / normaliser
    boxes = flatten(outputs.boxes, len(anchors))[image, anchor].float()
    wanted = encode(assigned.boxes[image, anchor], anchors[anchor])
    huber = F.huber_loss(boxes, wanted, reduction="sum", delta=spec.huber_delta)
    huber = huber / (4 * normaliser)
    return Losses(focal + spec.box_weight * huber, focal, huber)


def _focal_sum(
    logits: Tensor, labels: Tensor, positive: tuple[Tensor, Tensor], spec: Loss
) -> Tensor:
    """Sum over all anchors and classes: all as background, then put right where they are not."""
    negative = (1 - spec.focal_alpha) * _focal(-logits, spec.focal_gamma)
    if (labels == -2).any():
        negative = negative * (labels != -2)[..., None]
    image, anchor = positive
    hit = logits[image, anchor, labels[image, anchor]]
    as_object = spec.focal_alpha * _focal(hit, spec.focal_gamma)
    as_background = (1 - spec.focal_alpha) * _focal(-hit, spec.focal_gamma)
    return negative.sum() + as_object.sum() - as_background.sum()


def _focal(margin: Tensor, gamma: float) -> Tensor:
    """(1 - p)^gamma * -log p, where p = sigmoid(margin): finite with its gradient everywhere."""
    return torch.exp(-gamma * F.softplus(margin)) * F.softplus(-margin)
