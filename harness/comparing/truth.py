"""A ground truth in COCO form, whoever wrote it, read without its images."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.comparing.findings import Findings
from harness.comparing.nearest import nearest, nearest_file
from harness.errors import Fault, SpecError

LARGEST = 1e9
"""No number of a box, nor a score, is beyond this."""
Key = int | str
"""An id as a file has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is to be found, in the form that `harness.evaluate` takes."""

    file: str
    document: dict[str, Any]
    """Images ascend by id; ids that are texts became numbers from 1, in the order of the texts."""
    images: dict[Key, int]
    """Number of an image by its id in the file."""
    labels: dict[Key, int]
    """Place of a category by its id in the file."""

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(row["name"] for row in self.document["categories"])


def read_truth(path: Path) -> Truth:
    """A COCO file's images, categories and boxes; a `SpecError` with every fault of it."""
    tree = _tree(path)
    found = Findings(str(path))
    for part in ("images", "annotations", "categories"):
        if not isinstance(tree.get(part), list):
            found.add("list that is missing", part, "no such list; this is no COCO ground truth")
    _stop(found)
    labels, names = _categories(tree["categories"], found)
    images = _images(tree["images"], found)
    if not tree["annotations"]:
        found.add("no annotations", "annotations", "is empty: nothing is there to be found")
    rows = _annotations(tree["annotations"], images, labels, found)
    _stop(found)
    document = {
        "images": [{"id": number} for number in images.values()],
        "categories": [
            {"id": number, "name": name} for number, name in zip(names, names.values(), strict=True)
        ],
        "annotations": rows,
    }
    return Truth(str(path), document, images, labels)


def _stop(found: Findings) -> None:
    if found.counts:
        raise SpecError(found.all())


KEPT = ("image_id", "category_id", "bbox", "area", "iscrowd")


def _lean(row: dict[str, Any]) -> dict[str, Any]:
    """An annotation without its outline, as it is read: most of a file is outlines."""
    return {name: row[name] for name in KEPT if name in row} if "bbox" in row else row


def _tree(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        tree = json.loads(text, object_hook=_lean)
    except UnicodeDecodeError as error:
        raise SpecError(Fault("", f"not text in UTF-8: {error.reason}", str(path))) from None
    except json.JSONDecodeError as error:
        raise SpecError(Fault("", f"not JSON: {error.msg}", str(path), error.lineno)) from None
    except RecursionError:
        raise SpecError(Fault("", "not JSON that can be read: nested too deeply", str(path))) from (
            None
        )
    except OSError as error:
        near = "" if path.exists() else nearest_file(path)
        raise SpecError(Fault("", f"cannot be read: {error.strerror}{near}", str(path))) from None
    if isinstance(tree, list):
        what = "is a list; a ground truth is an object with images, annotations and categories"
        raise SpecError(Fault("", what, str(path)))
    if not isinstance(tree, dict):
        raise SpecError(Fault("", "is no COCO ground truth", str(path)))
    return tree


def _categories(rows: Sequence[Any], found: Findings) -> tuple[dict[Key, int], dict[int, str]]:
    """Places by id as in the file, and names by number (which is the id where ids are numbers)."""
    kept: dict[Key, str] = {}
    for place, row in enumerate(rows):
        where = f"categories[{place}]"
        key, name = _get(row, "id"), _get(row, "name")
        if not is_key(key) or not isinstance(name, str) or not name:
            found.add("category without an id and a name", where, "has no id or no name")
        elif key in kept:
            found.add("category id given twice", f"{where}.id", f"{key!r} is there twice")
        elif name in kept.values():
            found.add("category name given twice", f"{where}.name", f"{name!r} is there twice")
        else:
            kept[key] = name
    numbers = _numbers(kept, "categories", found)
    labels = {key: place for place, key in enumerate(numbers)}
    return labels, {number: kept[key] for key, number in numbers.items()}


def _images(rows: Sequence[Any], found: Findings) -> dict[Key, int]:
    keys: dict[Key, None] = {}
    for place, row in enumerate(rows):
        key = _get(row, "id")
        if not is_key(key):
            found.add("image without an id", f"images[{place}].id", f"{key!r} is no id")
        elif key in keys:
            found.add("image id given twice", f"images[{place}].id", f"{key!r} is there twice")
        else:
            keys[key] = None
    return _numbers(keys, "images", found)


def _numbers(keys: Mapping[Key, Any], part: str, found: Findings) -> dict[Key, int]:
    """A number for each id, ascending: itself, or its place from 1 where ids are texts."""
    if len({type(key) for key in keys}) > 1:
        found.add("ids of two kinds", part, "some ids are numbers, some are texts")
        return dict.fromkeys(keys, 0)
    ordered = sorted(keys)
    texts = bool(ordered) and isinstance(ordered[0], str)
    return {key: place if texts else int(key) for place, key in enumerate(ordered, 1)}


def _annotations(
    rows: Sequence[Any], images: Mapping[Key, int], labels: Mapping[Key, int], found: Findings
) -> list[dict[str, Any]]:
    numbers = dict(zip(labels, _category_numbers(labels), strict=True))
    known_images, known_labels = sorted(images), sorted(labels)
    kept = []
    for place, row in enumerate(rows):
        where = f"annotations[{place}]"
        image, category = _get(row, "image_id"), _get(row, "category_id")
        box, area = _get(row, "bbox"), _get(row, "area")
        if not hashable(image) or image not in images:
            what = f"no image {image!r}{nearest(image, known_images)}"
            found.add("annotation of an unknown image", f"{where}.image_id", what)
        elif not hashable(category) or category not in labels:
            what = f"no category {category!r}{nearest(category, known_labels)}"
            found.add("annotation of an unknown category", f"{where}.category_id", what)
        elif fault := box_fault(box):
            found.add("box that is none", f"{where}.bbox", fault)
        elif area is not None and not is_number(area):
            found.add("area that is no number", f"{where}.area", f"{area!r} is no number")
        else:
            x, y, w, h = map(float, box)
            made: dict[str, Any] = {"image_id": images[image], "category_id": numbers[category]}
            made |= {"bbox": [x, y, w, h], "area": w * h if area is None else float(area)}
            kept.append(made | {"iscrowd": int(bool(row.get("iscrowd")))})
    return kept


def _category_numbers(labels: Mapping[Key, int]) -> list[int]:
    return [key if isinstance(key, int) else place + 1 for key, place in labels.items()]


def box_fault(box: Any) -> str | None:
    """Why this is no box (x, y, width, height), or None."""
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        return f"{_short(box)} is not four finite numbers"
    if box[2] < 0 or box[3] < 0:
        return f"{_short(box)} has a negative size; a box is x, y, width, height"
    return None


def _short(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:57]}..."


def is_key(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool) and value != ""


def hashable(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) < LARGEST and math.isfinite(value)


def _get(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, dict) else None
