"""`shapes`: the generated dataset. Made on first use, the same bytes for the same seed everywhere.

Image i of a split is a function of (SHAPES_VERSION, seed, split, i) and of the side alone, so that
a smaller set is the beginning of a larger one. Splits have streams of their own. Kept in
`cache/shapes/<key>/` as one uint8 array a split beside COCO JSON whose categories carry `need`.
"""

import hashlib
import json
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from harness.data.base import AbstractSplit, Dataset, Objects, Sample, objects_of
from harness.data.paint import Pixels, paint, texture_bank
from harness.data.scene import CATEGORIES, UNIT, lay_out
from harness.space.data import DataFacts, DataSpec
from harness.space.streams import stream_seed

SHAPES_VERSION = 1
"""Raised whenever a pixel or a box comes out differently."""
TRAIN_IMAGES, VAL_IMAGES = 1200, 300
BANDS = (16.0, 40.0)
"""Sides, in units of 1/128 of the image, that part small, medium and large."""


class ShapesSplit(AbstractSplit):
    """A memory-mapped array of images and their boxes."""

    def __init__(self, images: npt.NDArray[np.uint8], truth: dict[str, Any]) -> None:
        self.images = images
        self.ids = tuple(row["id"] for row in truth["images"])
        self.sizes = tuple((row["height"], row["width"]) for row in truth["images"])
        rows: list[list[Any]] = [[] for _ in self.ids]
        for one in truth["annotations"]:
            x, y, w, h = one["bbox"]
            box = (x, y, x + w, y + h)
            rows[one["image_id"] - 1].append((box, one["category_id"] - 1, False, one["area"]))
        self._objects = tuple(map(objects_of, rows))

    def load(self, index: int) -> Sample:
        return self._objects[index].with_pixels(np.asarray(self.images[index]))

    def objects(self, index: int) -> Objects:
        return self._objects[index]


def open_shapes(spec: DataSpec, image_size: int, cache: Path) -> Dataset:
    """The dataset of a spec, generated where it is not there yet."""
    side = spec.image_size or image_size
    counts = {"train": spec.train_images or TRAIN_IMAGES, "val": spec.val_images or VAL_IMAGES}
    about = {"name": "shapes", "version": SHAPES_VERSION, "seed": spec.seed, "side": side, **counts}
    fingerprint = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache / "shapes" / fingerprint
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        with FileLock(folder.with_suffix(".lock")):
            if not folder.is_dir():
                _write(folder, about, counts)
    splits, truths = {}, {}
    for name in counts:
        truths[name] = json.loads((folder / f"instances_{name}.json").read_text())
        images = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        splits[name] = ShapesSplit(images, truths[name])
    small, medium = ((band * side / UNIT) ** 2 for band in BANDS)
    facts = DataFacts(
        fingerprint=f"shapes-{fingerprint}",
        categories=tuple(name for name, _ in CATEGORIES),
        needs=tuple(need for _, need in CATEGORIES),
        train_images=counts["train"],
        val_images=counts["val"],
    )
    return Dataset(facts, splits["train"], splits["val"], truths["val"], (small, medium))


def _write(folder: Path, about: dict[str, Any], counts: dict[str, int]) -> None:
    """All files of a set, beside their place, then renamed into it."""
    for left in folder.parent.glob(f".{folder.name}.*.part"):
        shutil.rmtree(left, ignore_errors=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    beside.mkdir()
    for name, count in counts.items():
        shape = (count, about["side"], about["side"], 3)
        images = np.lib.format.open_memmap(beside / f"{name}.npy", "w+", np.uint8, shape)
        truth = render(name, about["seed"], about["side"], images)
        images.flush()
        (beside / f"instances_{name}.json").write_text(json.dumps(truth))
    (beside / "about.json").write_text(json.dumps(about, indent=1) + "\n")
    beside.rename(folder)


def render(split: str, seed: int, side: int, images: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Fill `images` (n, side, side, 3) with the first n of a split. Returns their COCO document."""
    annotations: list[dict[str, Any]] = []
    for index in range(len(images)):
        images[index], boxes = picture(split, seed, side, index)
        for category, (x0, y0, x1, y1) in boxes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": index + 1,
                    "category_id": category + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                }
            )
    return {
        "info": {"description": "shapes", "version": str(SHAPES_VERSION), "seed": seed},
        "images": [
            {"id": i + 1, "file_name": f"{split}_{i + 1:06d}.png", "width": side, "height": side}
            for i in range(len(images))
        ],
        "annotations": annotations,
        "categories": [
            {"id": i, "name": name, "need": need} for i, (name, need) in enumerate(CATEGORIES, 1)
        ],
    }


def picture(
    split: str, seed: int, side: int, index: int
) -> tuple[npt.NDArray[np.uint8], list[tuple[int, tuple[int, int, int, int]]]]:
    """Image (side, side, 3), and (category, box x0 y0 x1 y1) of every thing that shows."""
    rng = np.random.default_rng(stream_seed("shapes", SHAPES_VERSION, seed, split, index))
    things = lay_out(rng)
    image, boxes = paint(things, side, _bank(seed), rng)
    found = zip((thing.category for thing in things), boxes, strict=True)
    return image, [(category, box) for category, box in found if box]


@cache
def _bank(seed: int) -> Pixels:
    return texture_bank(np.random.default_rng(stream_seed("textures", SHAPES_VERSION, seed)))
