"""From raw outputs to boxes: candidates, decoding, class-wise suppression.

The order of what comes back is fixed: by score, and where scores tie by class map position.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import nms

from harness.detector.anchors import decode
from harness.detector.outputs import Outputs, flatten
from harness.space.recipe import Postprocess

FIRST_TRY = 8
"""Candidates a wanted detection that hard suppression looks at first."""


class Detections(NamedTuple):
    """Of one image, best first: boxes (n, 4) x0 y0 x1 y1 pixels, scores (n,), labels (n,) int."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor


@torch.no_grad()
def detect(
    outputs: Outputs, anchors: Tensor, spec: Postprocess, sizes: Tensor | None = None
) -> list[Detections]:
    """Detections of each image of a batch, on the outputs' device.

    anchors: (A, 4) of the batch's image size.
    sizes: (N, 2) height and width in input pixels that the image covers; boxes are clipped to
    it. None leaves them as they are.
    """
    logits = flatten(outputs.classes, len(anchors)).float()
    codes = flatten(outputs.boxes, len(anchors)).float()
    suppress = _hard if spec.nms == "hard" else _soft
    found = []
    for i in range(len(logits)):
        candidates = _candidates(logits[i], codes[i], anchors, spec)
        if sizes is not None:
            candidates = _clip(candidates, sizes[i])
        found.append(suppress(candidates, spec))
    return found


def _candidates(logits: Tensor, codes: Tensor, anchors: Tensor, spec: Postprocess) -> Detections:
    """The best (anchor, class) pairs of one image, decoded: logits (A, K), codes (A, 4)."""
    flat = logits.flatten()
    top = _top(flat, spec.candidates)
    scores = flat[top].sigmoid()
    top, scores = top[scores > spec.score_threshold], scores[scores > spec.score_threshold]
    anchor = top // logits.shape[1]
    boxes = decode(codes[anchor], anchors[anchor])
    return Detections(boxes, scores, top % logits.shape[1])


def _top(values: Tensor, count: int) -> Tensor:
    """Indices of the `count` greatest, greatest first, ties in index order (`topk` fixes none)."""
    if count >= len(values):
        return values.argsort(descending=True, stable=True)
    least = values.topk(count).values[-1]
    enough = torch.nonzero(values >= least).flatten()
    order = values[enough].argsort(descending=True, stable=True)
    return enough[order][:count]


def _clip(found: Detections, size: Tensor) -> Detections:
    """Cut boxes at the image's edge and drop those with nothing left."""
    height, width = size.to(found.boxes).unbind()
    limit = torch.stack([width, height, width, height])
    boxes = torch.minimum(found.boxes.clamp(min=0), limit)
    left = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    return Detections(boxes[left], found.scores[left], found.labels[left])


def _hard(found: Detections, spec: Postprocess) -> Detections:
    """Drop what overlaps a better box of its class by more than the IoU threshold.

    What is kept of the best candidates does not depend on the others, so where they give enough
    the others are not looked at.
    """
    suppress = _class_by_class if found.boxes.device.type == "cpu" else _all_at_once
    wanted = spec.max_detections
    for tried in (FIRST_TRY * wanted, len(found.scores)):
        best = Detections(*(x[:tried] for x in found))
        kept = suppress(best, spec.iou_threshold)[:wanted]
        if len(kept) == wanted or tried >= len(found.scores):
            break
    return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])


def _class_by_class(found: Detections, threshold: float) -> Tensor:
    """Places of what is kept, in order: on a CPU much the quicker, pairs being fewer."""
    kept = torch.zeros_like(found.labels, dtype=torch.bool)
    for label in torch.unique(found.labels):
        places = torch.nonzero(found.labels == label).flatten()
        boxes, scores = found.boxes[places].double(), found.scores[places].double()
        kept[places[nms(boxes, scores, threshold)]] = True
    return torch.nonzero(kept).flatten()


def _all_at_once(found: Detections, threshold: float) -> Tensor:
    """The same in one call: classes are moved apart, far enough that they never meet."""
    boxes = found.boxes.double()
    if not len(boxes):
        return found.labels
    span = boxes.max() - boxes.min() + 1
    kept: Tensor = nms(boxes + found.labels[:, None] * span, found.scores.double(), threshold)
    return kept


def _soft(found: Detections, spec: Postprocess) -> Detections:
    """Gaussian soft suppression: the scores of a class fall by exp(-IoU^2 / sigma) of the best.

    Taking the best over all classes each time gives what suppression class by class would.
    """
    scores = found.scores.clone()
    kept: list[int] = []
    values: list[float] = []
    for _ in range(min(spec.max_detections, len(scores))):
        best = int(scores.argmax())
        score = float(scores[best])
        if score <= spec.score_threshold:
            break
        kept.append(best)
        values.append(score)
        iou = _iou(found.boxes[best], found.boxes)
        decay = torch.exp(-iou.square() / spec.soft_sigma)
        scores = torch.where(found.labels == found.labels[best], scores * decay, scores)
        scores[best] = -1.0
    index = torch.tensor(kept, dtype=torch.long, device=scores.device)
    return Detections(found.boxes[index], scores.new_tensor(values), found.labels[index])


def _iou(box: Tensor, boxes: Tensor) -> Tensor:
    """(4,) against (n, 4) -> (n,)."""
    sides = torch.minimum(box[2:], boxes[:, 2:]) - torch.maximum(box[:2], boxes[:, :2])
    shared = sides.clamp(min=0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    return shared / ((box[2:] - box[:2]).prod() + area - shared).clamp(min=1e-9)
