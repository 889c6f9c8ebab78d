"""Detections of a trained network on the validation images, in pixels of the images themselves."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from harness.detector.model import Detector
from harness.detector.postprocess import detect
from harness.environment import autocast, precision_of
from harness.evaluate import Array, Detections, collect
from harness.space.recipe import Recipe
from harness.training.inputs import Inputs, move, run


class ValBatch(NamedTuple):
    """Inputs of N images and how they lie in them."""

    inputs: Inputs
    ids: list[int]
    sizes: Tensor
    """(N, 2) height and width that each image covers, input pixels; the rest is padding."""
    scales: Tensor
    """(N,) input pixels to a pixel of the image itself."""


@torch.inference_mode()
def predict(
    detector: Detector,
    batches: Iterable[ValBatch],
    recipe: Recipe,
    image_size: int,
    device: torch.device,
) -> Detections:
    """What a detector in eval mode finds, as arrays in a fixed order."""
    anchors = detector.anchors((image_size, image_size), device)
    dtype = precision_of(recipe, device)

    def rows() -> Iterator[tuple[int, Array, Array, Array]]:
        for batch in batches:
            with autocast(device, dtype):
                outputs = run(detector, move(batch.inputs, device))
            found = detect(outputs, anchors, recipe.postprocess, batch.sizes.to(device))
            scales = batch.scales.tolist()
            for image, one, scale in zip(batch.ids, found, scales, strict=True):
                boxes = one.boxes / scale
                yield image, boxes.cpu().numpy(), one.scores.cpu().numpy(), one.labels.cpu().numpy()

    return collect(rows())
