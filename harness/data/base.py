"""What every dataset offers: two splits of images with boxes, and the truth in COCO form."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.space.data import DataFacts

COCO_BANDS = (32.0**2, 96.0**2)
"""Areas (pixels) that part small, medium and large in COCO."""


class Sample(NamedTuple):
    """One image and its n objects."""

    image: npt.NDArray[np.uint8]
    """(H, W, 3)."""
    boxes: npt.NDArray[np.float32]
    """(n, 4) x0 y0 x1 y1 in pixels."""
    labels: npt.NDArray[np.int64]
    """(n,) from 0, in the order of the categories."""
    iscrowd: npt.NDArray[np.bool_]
    area: npt.NDArray[np.float32]
    """(n,) as the annotations state it, square pixels."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The boxes of one image, without its pixels."""

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    iscrowd: npt.NDArray[np.bool_]
    area: npt.NDArray[np.float32]

    def with_pixels(self, image: npt.NDArray[np.uint8]) -> Sample:
        return Sample(image, self.boxes, self.labels, self.iscrowd, self.area)


def objects_of(rows: Sequence[tuple[Sequence[float], int, bool, float]]) -> Objects:
    """From (x0 y0 x1 y1, label, crowd, area) of each object."""
    return Objects(
        np.array([row[0] for row in rows], dtype=np.float32).reshape(-1, 4),
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=np.bool_),
        np.array([row[3] for row in rows], dtype=np.float32),
    )


class AbstractSplit(ABC):
    """Images in a fixed order. Reading from several threads at once is safe."""

    ids: tuple[int, ...]
    """Image ids, ascending."""
    sizes: tuple[tuple[int, int], ...]
    """(height, width) of each image, pixels."""

    def __len__(self) -> int:
        return len(self.ids)

    @abstractmethod
    def load(self, index: int) -> Sample:
        """The image at a place of `ids`, with its objects."""

    @abstractmethod
    def objects(self, index: int) -> Objects:
        """Its objects alone: no pixel is read."""


Split = AbstractSplit


@dataclass(frozen=True)
class Dataset:
    """Training and validation images, and what the describing side knows of them."""

    facts: DataFacts
    train: AbstractSplit
    val: AbstractSplit
    truth: dict[str, Any]
    bands: tuple[float, float] = COCO_BANDS
    """Areas (pixels) that part small, medium and large."""

    def val_ground_truth(self) -> dict[str, Any]:
        """COCO document of the validation images; categories in the order of their labels."""
        return self.truth
