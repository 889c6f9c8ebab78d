"""A COCO annotation file -> plain values, with every fault noted on the way."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from harness.data.findings import Findings

CHECKED_IMAGES = 5000
"""Up to so many images, every file's header is read; above, only that the file is there."""
OUTSIDE = 1.0
"""Pixels by which a box may leave its image without a word."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that is listed and there."""

    id: int
    file_name: str
    width: int
    height: int

    def row(self) -> tuple[int, str, int, int]:
        return self.id, self.file_name, self.width, self.height


@dataclass(frozen=True, slots=True)
class Labelled:
    """An object: box x0 y0 x1 y1 in pixels, label from 0."""

    image_id: int
    label: int
    box: tuple[float, float, float, float]
    area: float
    iscrowd: bool


@dataclass(frozen=True, slots=True)
class Annotated:
    """What is left of a file once its faults are dealt with. Images ascend by id."""

    categories: tuple[tuple[int, str], ...]
    """(id, name) in the order of labels."""
    images: tuple[Picture, ...]
    annotations: tuple[Labelled, ...]

    def only(self, ids: set[int]) -> "Annotated":
        """These images alone."""
        return replace(
            self,
            images=tuple(image for image in self.images if image.id in ids),
            annotations=tuple(one for one in self.annotations if one.image_id in ids),
        )

    def rows(self) -> list[tuple[Any, ...]]:
        return [(o.image_id, o.label, o.box, o.area, o.iscrowd) for o in self.annotations]

    def document(self) -> dict[str, Any]:
        """COCO form again: annotations numbered from 1, categories in the order of labels."""
        names = ("id", "file_name", "width", "height")
        return {
            "images": [dict(zip(names, image.row(), strict=True)) for image in self.images],
            "categories": [{"id": number, "name": name} for number, name in self.categories],
            "annotations": [
                {
                    "id": number,
                    "image_id": one.image_id,
                    "category_id": self.categories[one.label][0],
                    "bbox": [*one.box[:2], one.box[2] - one.box[0], one.box[3] - one.box[1]],
                    "area": one.area,
                    "iscrowd": int(one.iscrowd),
                }
                for number, one in enumerate(self.annotations, 1)
            ],
        }


NOTHING = Annotated((), (), ())


def read_annotated(path: Path, folder: Path, findings: Findings) -> Annotated:
    """Images in `folder` and their objects. Look at `findings` before trusting it."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        findings.add("file that is not JSON", error)
        return NOTHING
    parts = ("images", "annotations", "categories")
    for part in parts:
        if not isinstance(tree, dict) or not isinstance(tree.get(part), list):
            findings.add("missing list", part)
    if findings.counts:
        return NOTHING
    categories = _categories(tree["categories"], findings)
    images = _images(tree["images"], folder, findings)
    labels = {number: label for label, (number, _) in enumerate(categories)}
    annotations = tuple(_objects(tree["annotations"], images, labels, findings))
    if not annotations and not findings.fatal():
        findings.add("file without a single usable annotation", path.name)
    ordered = tuple(images[key] for key in sorted(images))
    return Annotated(categories, ordered, tuple(sorted(annotations, key=lambda o: o.image_id)))


def _categories(rows: list[Any], findings: Findings) -> tuple[tuple[int, str], ...]:
    found: dict[int, str] = {}
    for row in rows:
        number, name = _field(row, "id"), _field(row, "name")
        if not _whole(number) or not isinstance(name, str) or not name:
            findings.add("category without a whole id and a name", row)
        elif number in found:
            findings.add("category id given twice", number)
        elif name in found.values():
            findings.add("category name given twice", name)
        else:
            found[number] = name
    return tuple(sorted(found.items()))


def _images(rows: list[Any], folder: Path, findings: Findings) -> dict[int, Picture]:
    found: dict[int, Picture] = {}
    listed: dict[str, set[str]] = {}
    look = len(rows) <= CHECKED_IMAGES
    for row in rows:
        number, name = _field(row, "id"), _field(row, "file_name")
        if not _whole(number) or not isinstance(name, str) or not name:
            findings.add("image without a whole id and a file name", row)
        elif number in found:
            findings.add("image id given twice", number)
        elif not _inside(name):
            findings.add("image path that leaves the folder", repr(name))
        elif not _there(folder, name, listed):
            findings.add("missing image file", repr(name))
        else:
            found[number] = Picture(number, name, *_size(row, folder / name, look, findings))
    return found


def _there(folder: Path, name: str, listed: dict[str, set[str]]) -> bool:
    """Whether a file is there; each folder is listed once, and links out of it do not count."""
    parent, _, own = name.rpartition("/")
    if parent not in listed:
        place = folder / parent
        real = place.is_dir() and place.resolve().is_relative_to(folder.resolve())
        listed[parent] = set(os.listdir(place)) if real else set()
    return own in listed[parent]


def _inside(name: str) -> bool:
    """Whether a path stays in its folder, on every system."""
    path = PurePosixPath(name)
    risky = "\\" in name or ":" in name or "\0" in name
    return not (risky or path.is_absolute() or ".." in path.parts)


def _size(row: Any, file: Path, look: bool, findings: Findings) -> tuple[int, int]:
    """(width, height), as stated and, where looked at, as it is."""
    width, height = _field(row, "width"), _field(row, "height")
    stated = _whole(width) and _whole(height) and width > 0 and height > 0
    if stated and not look:
        return width, height
    try:
        with Image.open(file) as image:
            real = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        findings.add("image file that cannot be read", repr(file.name))
        return 1, 1
    if stated and real != (width, height):
        what = f"{file.name!r} is {real[0]} x {real[1]}, listed as {width} x {height}"
        findings.add("image of another size than listed", what)
    return real


def _objects(
    rows: list[Any], images: dict[int, Picture], labels: dict[int, int], findings: Findings
) -> Iterator[Labelled]:
    seen: set[int] = set()
    broken = bool(findings.fatal())
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            findings.add("annotation that is no object", f"entry {place}")
            continue
        name = _name(row, place, seen, findings)
        category, image_id = _field(row, "category_id"), _field(row, "image_id")
        if not _whole(category) or category not in labels:
            findings.add("unknown category", f"{category!r} of {name}")
            continue
        image = images.get(image_id) if _whole(image_id) else None
        if image is None:
            missing = image_id is None
            kind = "without an image" if missing else "of an image that is not listed"
            if not broken:
                findings.add(f"annotation {kind}", name)
            continue
        box = _box(row, image, name, findings)
        if box is not None:
            area = _area(row, box, name, findings)
            yield Labelled(image.id, labels[category], box, area, row.get("iscrowd") in (1, True))


def _name(row: dict[str, Any], place: int, seen: set[int], findings: Findings) -> str:
    """How an annotation is called in messages; notes what is wrong with its id."""
    number: Any = row.get("id")
    if not _whole(number):
        findings.add("annotation id that is no whole number", f"{number!r}, entry {place}")
        return f"entry {place}"
    if number in seen:
        findings.add("annotation id given twice", number)
    elif number == 0:
        findings.add("annotation id 0", f"entry {place}")
    seen.add(number)
    return f"annotation {number}"


def _box(
    row: dict[str, Any], image: Picture, name: str, findings: Findings
) -> tuple[float, float, float, float] | None:
    """x0 y0 x1 y1 inside the image, or None with the fault noted."""
    given = row.get("bbox")
    if given is None:
        findings.add("annotation without a box", name)
        return None
    if not isinstance(given, list) or len(given) != 4 or not all(map(_finite, given)):
        findings.add("box that is not four finite numbers", f"{given!r} of {name}")
        return None
    x, y, w, h = map(float, given)
    if w <= 0 or h <= 0:
        findings.add("box without area", f"{given} of {name}")
        return None
    x0, y0 = max(x, 0.0), max(y, 0.0)
    x1, y1 = min(x + w, float(image.width)), min(y + h, float(image.height))
    if x1 <= x0 or y1 <= y0:
        findings.add("box outside its image", f"{given} of {name}")
        return None
    if max(x0 - x, y0 - y, x + w - x1, y + h - y1) > OUTSIDE:
        findings.add("box partly outside its image", f"{given} of {name}")
    return x0, y0, x1, y1


def _area(
    row: dict[str, Any], box: tuple[float, float, float, float], name: str, findings: Findings
) -> float:
    given: Any = row.get("area")
    if _finite(given) and given > 0:
        return float(given)
    if given is not None:
        findings.add("area that is no number", f"{given!r} of {name}")
    return (box[2] - box[0]) * (box[3] - box[1])


def _field(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, dict) else None


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) < 1e9 and math.isfinite(value)
