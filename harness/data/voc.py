"""PASCAL VOC 2012's segmentation, as far as costs need it: its classes. No image is read yet."""

from pathlib import Path

from harness.data.base import AbstractSplit, Dataset, Objects, Sample
from harness.errors import Fault, SpecError, TrialError
from harness.space.data import DataFacts, DataSpec

NAME = "voc_segmentation"
CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip
IMAGES = (1464, 1449)
"""Training and validation images with labelled pixels, of the challenge's own two lists."""


class _Unread(AbstractSplit):
    """Images that are known by number alone."""

    def __init__(self, count: int) -> None:
        self.ids = tuple(range(1, count + 1))
        self.sizes = ()

    def load(self, index: int) -> Sample:
        raise _unread()

    def objects(self, index: int) -> Objects:
        raise _unread()


def _unread() -> TrialError:
    return TrialError(f"{NAME} is costed, not trained yet: its images are not read")


def open_voc(spec: DataSpec, image_size: int, cache: Path) -> Dataset:
    """The dataset without its images; a `SpecError` where a folder or number of them is said."""
    said = [name for name in ("root", "train_images", "val_images") if getattr(spec, name)]
    if said:
        reason = f"{NAME} is costed, not trained yet: its images are not read"
        raise SpecError([Fault(f"data.{name}", reason) for name in said])
    facts = DataFacts(
        fingerprint=f"{NAME}-2012",
        categories=CLASSES,
        train_images=IMAGES[0],
        val_images=IMAGES[1],
    )
    return Dataset(facts, _Unread(IMAGES[0]), _Unread(IMAGES[1]), {})
