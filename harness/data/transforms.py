"""What is done to an image before the network: a view of it, drawn from (seed, epoch, image id).

The image keeps to the top left corner of a square input; what is left over at the right and the
bottom is zero after normalisation. No torch here.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.data.base import Objects
from harness.space.recipe import Augmentation
from harness.space.streams import stream_seed

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32) * 255
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32) * 255
"""ImageNet's, on pixels from 0 to 255."""
LEAST_SIDE = 1.0
"""Boxes of which less than this is left (input pixels, either side) are left out."""


@dataclass(frozen=True, slots=True)
class View:
    """How an image lies in the input: scaled, then cut at (left, top), then mirrored."""

    scale: float
    """Input pixels to a pixel of the image."""
    left: int
    top: int
    height: int
    """Input pixels that the image covers; the rest is padding."""
    width: int
    flip: bool

    @property
    def is_whole(self) -> bool:
        return self.scale == 1 and not self.left and not self.top


class Drawn(NamedTuple):
    """What chance decides for one image in one epoch."""

    flip: bool
    scale: float
    """In [0, 1): where in the range of the jitter."""
    top: float
    left: float
    """In [0, 1): where the cut lies, of the room there is."""


def draw(seed: int, epoch: int, image_id: int) -> Drawn:
    """A function of (seed, epoch, image id) alone: workers and resume change nothing."""
    chance = np.random.default_rng(stream_seed("augmentation", seed, epoch, image_id))
    flip, scale, top, left = chance.random(4).tolist()
    return Drawn(flip < 0.5, scale, top, left)


def eval_view(size: tuple[int, int], image_size: int) -> View:
    """The whole image, its longer side as long as the input's. size: (height, width)."""
    scale = image_size / max(size)
    height, width = (max(1, min(image_size, round(side * scale))) for side in size)
    return View(scale, 0, 0, height, width, flip=False)


def train_view(
    size: tuple[int, int], image_size: int, augmentation: Augmentation, drawn: Drawn
) -> View:
    """A view as the recipe and chance have it. size: (height, width)."""
    low, high = augmentation.scale
    scale = image_size / max(size) * (low + (high - low) * drawn.scale)
    scaled = [max(1, round(side * scale)) for side in size]
    height, width = (min(image_size, side) for side in scaled)
    top = int(drawn.top * (scaled[0] - height + 1))
    left = int(drawn.left * (scaled[1] - width + 1))
    return View(scale, left, top, height, width, augmentation.flip and drawn.flip)


def view_image(
    image: npt.NDArray[np.uint8], view: View, image_size: int
) -> npt.NDArray[np.float32]:
    """(H, W, 3) uint8 -> normalised (image_size, image_size, 3)."""
    pixels = image[: view.height, : view.width] if view.is_whole else _resized(image, view)
    if view.flip:
        pixels = pixels[:, ::-1]
    out = np.zeros((image_size, image_size, 3), dtype=np.float32)
    part = out[: view.height, : view.width]
    np.subtract(pixels, MEAN, out=part)
    part /= STD
    return out


def _resized(image: npt.NDArray[np.uint8], view: View) -> npt.NDArray[np.uint8]:
    """Only the part that is seen: (view.height, view.width, 3)."""
    height, width = image.shape[:2]
    left, top = view.left / view.scale, view.top / view.scale
    right = min(width, (view.left + view.width) / view.scale)
    bottom = min(height, (view.top + view.height) / view.scale)
    shape = (view.width, view.height)
    box = (left, top, right, bottom)
    return np.asarray(Image.fromarray(image).resize(shape, Image.Resampling.BILINEAR, box=box))


def view_objects(objects: Objects, view: View) -> Objects:
    """Boxes in input pixels, cut to what is seen; those that hardly show are left out."""
    offset = np.array([view.left, view.top] * 2, dtype=np.float32)
    boxes = objects.boxes * np.float32(view.scale) - offset
    limit = np.array([view.width, view.height] * 2, dtype=np.float32)
    boxes = np.clip(boxes, 0, limit)
    if view.flip:
        boxes = np.stack(
            [view.width - boxes[:, 2], boxes[:, 1], view.width - boxes[:, 0], boxes[:, 3]], 1
        )
    seen = (boxes[:, 2:] - boxes[:, :2]).min(1) >= LEAST_SIDE
    return Objects(
        boxes[seen].astype(np.float32),
        objects.labels[seen],
        objects.iscrowd[seen],
        objects.area[seen] * np.float32(view.scale**2),
    )
