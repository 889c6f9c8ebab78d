"""`coco`: a folder with COCO-form annotations. Every fault is named; what can be mended is.

Two layouts: `images/` with `annotations/instances_{train,val}.json` (images may also lie in
`images/train`, `images/val`), and COCO 2017's own (`annotations/instances_train2017.json`,
`train2017/`). The fingerprint is of the annotations, file names and sizes, wherever they lie. It
reads no pixels: images that are changed in place must be given other names.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.data.base import AbstractSplit, Dataset, Objects, Sample, objects_of
from harness.data.coco_file import Annotated, read_annotated
from harness.data.findings import Findings
from harness.errors import DataFault, Fault, SpecError
from harness.space.data import DataFacts, DataSpec
from harness.space.streams import stream_seed

log = logging.getLogger(__name__)

KEPT_BYTES = 2**30
"""Decoded images of a split are kept in memory where they fit in this."""


class CocoSplit(AbstractSplit):
    """Photographs in a folder, decoded when asked for and kept where they are few."""

    def __init__(self, folder: Path, data: Annotated) -> None:
        self.folder, self.names = folder, [image.file_name for image in data.images]
        self.ids = tuple(image.id for image in data.images)
        self.sizes = tuple((image.height, image.width) for image in data.images)
        place = {image.id: k for k, image in enumerate(data.images)}
        rows: list[list[Any]] = [[] for _ in self.ids]
        for one in data.annotations:
            rows[place[one.image_id]].append((one.box, one.label, one.iscrowd, one.area))
        self._objects = tuple(map(objects_of, rows))
        keep = sum(3 * h * w for h, w in self.sizes) <= KEPT_BYTES
        self._kept: dict[int, npt.NDArray[np.uint8]] | None = {} if keep else None

    def load(self, index: int) -> Sample:
        return self._objects[index].with_pixels(self._image(index))

    def objects(self, index: int) -> Objects:
        return self._objects[index]

    def _image(self, index: int) -> npt.NDArray[np.uint8]:
        if self._kept is not None and index in self._kept:
            return self._kept[index]
        image = self._decode(index)
        if self._kept is not None:
            self._kept[index] = image
        return image

    def _decode(self, index: int) -> npt.NDArray[np.uint8]:
        name = self.names[index]
        try:
            with Image.open(self.folder / name) as file:
                image = np.asarray(file.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataFault(f"data.root: image {name!r} cannot be read: {error}") from None
        if image.shape[:2] != self.sizes[index]:
            h, w = self.sizes[index]
            raise DataFault(
                f"data.root: image {name!r} is {image.shape[1]} x {image.shape[0]} pixels, "
                f"its annotations say {w} x {h}"
            )
        return image


@dataclass(frozen=True, slots=True)
class Place:
    """Where a split lies."""

    annotations: Path
    images: Path


SPLITS = ("train", "val")


def find_splits(root: Path, splits: Sequence[str] = SPLITS) -> dict[str, Place]:
    """Splits of a folder in either layout; a `SpecError` naming what is not there."""
    if not root.is_dir():
        raise SpecError(Fault("data.root", f"no folder {str(root)!r}"))
    notes, found = root / "annotations", {}
    missing = []
    for split in splits:
        plain, official = notes / f"instances_{split}.json", notes / f"instances_{split}2017.json"
        if plain.is_file():
            shared = root / "images"
            own = shared / split
            found[split] = Place(plain, own if own.is_dir() else shared)
        elif official.is_file():
            found[split] = Place(official, root / f"{split}2017")
        else:
            what = f"neither annotations/{plain.name} nor annotations/{official.name} in {root}"
            missing.append(Fault("data.root", what))
            continue
        if not found[split].images.is_dir():
            missing.append(Fault("data.root", f"no folder {str(found[split].images)!r}"))
    if missing:
        raise SpecError(missing)
    return found


def open_coco(spec: DataSpec, image_size: int, cache: Path) -> Dataset:
    """The dataset in `spec.root`, read and checked whole before anything is trusted."""
    if spec.root is None:
        raise SpecError(Fault("data.root", "is not given: --set data.root=FOLDER, in COCO form"))
    places = find_splits(Path(spec.root).expanduser())
    faults, read = _read(places)
    if not faults and read["train"].categories != read["val"].categories:
        faults.append(Fault("data.root", _difference(read["train"], read["val"])))
    if faults:
        raise SpecError(faults)
    train = _subset(read["train"], spec.train_images, "train", spec.seed)
    val = _subset(read["val"], spec.val_images, "val", spec.seed)
    return Dataset(
        facts=DataFacts(
            fingerprint=f"coco-{_digest(places, {'train': train, 'val': val})}",
            categories=tuple(name for _, name in train.categories),
            train_images=len(train.images),
            val_images=len(val.images),
        ),
        train=CocoSplit(places["train"].images, train),
        val=CocoSplit(places["val"].images, val),
        truth=val.document(),
    )


@dataclass(frozen=True, slots=True)
class Validation:
    """The validation images alone, to evaluate on."""

    images: CocoSplit
    truth: dict[str, Any]
    """COCO document; categories in the order of their labels."""
    fingerprint: str

    @property
    def categories(self) -> dict[int, str]:
        """Names by id, in the order of labels."""
        return {int(row["id"]): str(row["name"]) for row in self.truth["categories"]}


def open_validation(root: Path, count: int | None = None, seed: int = 0) -> Validation:
    """The validation images of a folder, which may have no others. count: a fixed subset of it."""
    places = find_splits(root.expanduser(), ("val",))
    faults, read = _read(places)
    if faults:
        raise SpecError(faults)
    val = _subset(read["val"], count, "val", seed)
    fingerprint = f"coco-val-{_digest(places, {'val': val})}"
    return Validation(CocoSplit(places["val"].images, val), val.document(), fingerprint)


def _read(places: Mapping[str, Place]) -> tuple[list[Fault], dict[str, Annotated]]:
    """The annotations of each split, and what forbids to trust them."""
    faults: list[Fault] = []
    read = {}
    for split, place in places.items():
        findings = Findings(place.annotations.name)
        read[split] = read_annotated(place.annotations, place.images, findings)
        faults += findings.fatal()
        if summary := findings.summary():
            log.warning("data.root: %s", summary)
    return faults, read


def _difference(train: Annotated, val: Annotated) -> str:
    one = next(iter(sorted(set(train.categories) ^ set(val.categories))))
    where = "training" if one in train.categories else "validation"
    return f"category {one[0]} {one[1]!r} stands in the {where} annotations alone"


def _subset(data: Annotated, count: int | None, split: str, seed: int) -> Annotated:
    """The same images for the same seed; a smaller subset is part of a larger one."""
    if count is None or count >= len(data.images):
        return data
    ids = sorted((image.id for image in data.images), key=lambda i: _rank(split, seed, i))
    return data.only(set(ids[:count]))


def _rank(split: str, seed: int, image: int) -> tuple[int, int]:
    return stream_seed("subset", split, seed, image), image


def _digest(places: Mapping[str, Place], splits: Mapping[str, Annotated]) -> str:
    """Of annotations, names and sizes (pixels and bytes) of the images; not of their content."""
    digest = hashlib.sha256()
    for split, data in splits.items():
        folder = places[split].images
        images = [(*one.row(), (folder / one.file_name).stat().st_size) for one in data.images]
        tree = (data.categories, images, data.rows())
        digest.update(json.dumps(tree, separators=(",", ":")).encode())
    return digest.hexdigest()[:16]
