"""A COCO result file, `[{image_id, category_id, bbox, score}, ...]`, as arrays, fully checked."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.comparing.findings import Findings
from harness.comparing.nearest import nearest
from harness.comparing.stream import entries
from harness.comparing.truth import LARGEST, Truth, box_fault, hashable, is_number
from harness.errors import Fault, SpecError

Array = NDArray[Any]
ROWS = 20_000
"""Entries turned into arrays at once."""
KEYS = ("image_id", "category_id", "bbox", "score")


@dataclass(frozen=True, eq=False)
class Answers:
    """What one network found. Rows: by image, score downwards, then as in the file."""

    file: str
    image: Array
    """(n,) int64 numbers of `Truth.images`."""
    category: Array
    """(n,) int16 places in `Truth.categories`."""
    score: Array
    """(n,) float64."""
    box: Array
    """(n, 4) float64: x, y, width, height, as in the file."""

    def __len__(self) -> int:
        return len(self.score)

    @cached_property
    def digest(self) -> str:
        """Of what was found: equal for two files that say the same in other words."""
        made = hashlib.sha256()
        for column in (self.image, self.category, self.score, self.box):
            made.update(np.ascontiguousarray(column).tobytes())
        return made.hexdigest()


def read_answers(path: Path, truth: Truth) -> Answers:
    """The detections of a file; a `SpecError` with every fault of it."""
    found = Findings(str(path))
    parts, start = [], 0
    for rows in _blocks(path, found):
        parts.append(_fast(rows, truth) or _slow(rows, start, truth, found))
        start += len(rows)
    if found.counts:
        raise SpecError([*found.all(), *_hint(found, truth)])
    image, category, score, box = (
        np.concatenate([empty, *(part[k] for part in parts)]) for k, empty in enumerate(_nothing())
    )
    order = np.lexsort((-score, image))
    columns = (column[order] for column in (image, category, score, box))
    return Answers(str(path), *columns)


def _nothing() -> tuple[Array, Array, Array, Array]:
    return (
        np.empty(0, np.int64),
        np.empty(0, np.int16),
        np.empty(0, np.float64),
        np.empty((0, 4), np.float64),
    )


def _blocks(path: Path, found: Findings) -> Iterator[list[Any]]:
    """Entries by thousands; where the text breaks off, that is one more fault."""
    stream = entries(path)
    try:
        while rows := list(islice(stream, ROWS)):
            yield rows
    except SpecError as error:
        for fault in error.faults:
            found.add(fault.message, fault.path, fault.message, fault.line)


def _fast(rows: Sequence[Any], truth: Truth) -> tuple[Array, Array, Array, Array] | None:
    """The columns of rows that are all in order; None where any is not."""
    try:
        images = [truth.images[row["image_id"]] for row in rows]
        labels = [truth.labels[row["category_id"]] for row in rows]
        scores = [row["score"] for row in rows]
        boxes = [row["bbox"] for row in rows]
        if bool in {type(row[name]) for row in rows for name in ("image_id", "category_id")}:
            return None
        kinds = {*map(type, scores), *map(type, chain.from_iterable(boxes))}
        if not kinds <= {int, float} or not {*map(len, boxes)} <= {4}:
            return None
        score, box = np.array(scores, np.float64), np.array(boxes, np.float64).reshape(-1, 4)
    except (KeyError, TypeError, ValueError, OverflowError, IndexError):
        return None
    if not (
        (np.abs(score) < LARGEST).all()
        and (np.abs(box) < LARGEST).all()
        and (box[:, 2:] >= 0).all()
    ):
        return None
    return np.array(images, np.int64), np.array(labels, np.int16), score, box


def _slow(
    rows: Sequence[Any], start: int, truth: Truth, found: Findings
) -> tuple[Array, Array, Array, Array]:
    """Name what is wrong, row by row."""
    known = _known(truth)
    for place, row in enumerate(rows, start):
        where = f"[{place}]"
        if not isinstance(row, dict):
            found.add("entry that is no object", where, f"{str(row)[:40]!r} is no detection")
        elif missing := [name for name in KEYS if name not in row]:
            there = ", ".join(map(str, list(row)[:8])) or "nothing"
            what = f"has no {', '.join(missing)}; has {there}"
            found.add("detection that lacks a key", where, what)
        else:
            _ids(row, where, truth, known, found)
            if fault := box_fault(row["bbox"]):
                found.add("box that is none", f"{where}.bbox", fault)
            if not is_number(row["score"]):
                found.add(
                    "score that is none", f"{where}.score", f"{row['score']!r} is no finite number"
                )
    return _nothing()


def _ids(
    row: dict[str, Any],
    where: str,
    truth: Truth,
    known: tuple[list[Any], list[Any]],
    found: Findings,
) -> None:
    image, category = row["image_id"], row["category_id"]
    if not hashable(image) or image not in truth.images:
        what = f"no image {image!r} in {truth.file}{nearest(image, known[0])}"
        found.add("detection on an unknown image", f"{where}.image_id", what)
    if not hashable(category) or category not in truth.labels:
        what = f"no category {category!r} in {truth.file}{nearest(category, known[1])}"
        found.add("detection of an unknown category", f"{where}.category_id", what)


def _known(truth: Truth) -> tuple[list[Any], list[Any]]:
    return sorted(truth.images), sorted(truth.labels)


def _hint(found: Findings, truth: Truth) -> list[Fault]:
    """Trainers number classes from 0; the ground truth need not."""
    if "detection of an unknown category" not in found.counts or 0 in truth.labels:
        return []
    what = (
        "category_id must be an id of the ground truth; "
        "if the trainer numbered classes from 0, translate them"
    )
    return [Fault("", what, found.file)]
