"""What lets one doubt that result files can be compared: nothing that is wrong in itself.

A file may be in order and yet be of fewer images than its opponent's, cut at another score, or in
other ids or units than the ground truth's. All is told from arrays that are held anyway.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.comparing.detections import Answers
from harness.comparing.matching import Objects, objects_of, overlap
from harness.comparing.truth import Truth

Array = NDArray[Any]
FEWER = 0.9
"""A file that has detections on less than this share of its opponent's images is told."""
CUT_SHARE, CUT_FROM = 0.05, 0.01
"""A file whose lowest score is `CUT_FROM` or more is told where more than `CUT_SHARE` of an
opponent's detections score less than that."""
LOW = 0.01
"""An AP under this is asked after."""
LOOKED_AT = 2000
"""Best detections of a file that are looked at to see why its AP is low."""
MANY = 0.2
"""Share of these that lie on an object (IoU .5) where a reading of them makes sense."""
SHOWN = 3
"""Files that a note lists."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a file's detections span."""

    file: str
    images: int
    """Images that have one."""
    lowest: float
    """Lowest score."""
    full: bool
    """Whether most of its images have as many as any has: it keeps the best so many of each."""
    answers: Answers


def _extent(one: Answers) -> Extent:
    counts = np.unique(one.image, return_counts=True)[1]
    full = counts.max() > 1 and float((counts == counts.max()).mean()) > 0.5
    return Extent(one.file, len(counts), float(one.score.min()), full, one)


def uneven(answers: Sequence[Answers], truth: Truth) -> Iterator[str]:
    """Notes of files that have detections on fewer images than others, or from a higher score."""
    images = len(truth.document["images"])
    held = [_extent(one) for one in answers if len(one)]
    if not held:
        return
    most = max(held, key=lambda one: one.images)
    with_objects = len({row["image_id"] for row in truth.document["annotations"]})
    if most.images < FEWER * with_objects:
        yield (
            f"no file has detections on more than {most.images:,} of {images:,} images, of which "
            f"{with_objects:,} have objects: are they of this ground truth's images?"
        )
    for told in _cut([one for one in held if one.images < FEWER * most.images]):
        counts = f"{told[0].file} has detections on {told[0].images:,} of {images:,} images"
        others = f"{_more(told)}, {most.file} on {most.images:,}"
        yield f"{counts}{others}: AP counts what is not found on the others as missed"
    low = min(held, key=lambda one: one.lowest)
    high = [one for one in held if one.lowest >= CUT_FROM and not one.full]
    cut = [one for one in high if _below(low, one) > CUT_SHARE]
    for told in _cut(sorted(cut, key=lambda one: -one.lowest)):
        yield (
            f"lowest score of {told[0].file} is {told[0].lowest:.3g}{_more(told)}, of {low.file} "
            f"{low.lowest:.3g}: another threshold may be why they differ"
        )


def _below(low: Extent, other: Extent) -> float:
    """Share of the detections of `low` that score less than the least of `other`."""
    return float((low.answers.score < other.lowest).mean())


def _cut(found: Sequence[Extent]) -> Iterator[list[Extent]]:
    """Each alone, or all as one where they are many."""
    if len(found) > SHOWN:
        yield list(found)
    else:
        yield from ([one] for one in found)


def _more(told: Sequence[Extent]) -> str:
    return f" (and {len(told) - 1} more files are like it)" if len(told) > 1 else ""


def low_words(truth: Truth, answers: Answers, ap: float | None) -> str | None:
    """What is asked of a file whose AP is under `LOW`, with what its best boxes show; else None."""
    if ap is None or ap >= LOW or not len(answers):
        return None
    why = _why(truth, answers)
    return f"{answers.file}: AP under {LOW:g}: {why}" if why else None


def _why(truth: Truth, answers: Answers) -> str | None:
    """None where the best boxes lie on objects of their category: the network is bad, no more."""
    best = np.argsort(-answers.score, kind="stable")[:LOOKED_AT]
    box = answers.box[best]
    if float(np.abs(box).max()) <= 1.5:
        return "its boxes seem to be fractions of the image; pixels are wanted"
    corners = np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1)
    as_is, own_class = _on_objects(truth, answers, best, box)
    as_corners, _ = _on_objects(truth, answers, best, corners)
    of = f"of its {len(best):,} best boxes"
    if as_corners >= MANY and as_corners > 2 * as_is:
        return (
            f"its boxes seem to be corners: read as x1, y1, x2, y2, {as_corners:.0%} {of} lie on "
            f"an object, as x, y, width, height {as_is:.0%}"
        )
    if as_is >= MANY and own_class >= as_is / 2:
        return None
    if as_is >= MANY:
        return (
            f"{as_is:.0%} {of} lie on an object, {own_class:.0%} on one of their category: are "
            "category ids those of the ground truth?"
        )
    return "are category ids those of the ground truth, and boxes x, y, width, height?"


def _on_objects(truth: Truth, answers: Answers, rows: Array, box: Array) -> tuple[float, float]:
    """Shares of boxes that overlap an object of their image by .5: any, and of their category."""
    images = np.array([row["id"] for row in truth.document["images"]], np.int64)
    objects = objects_of(truth, images)
    row, of = _pairs(np.searchsorted(images, answers.image[rows]), objects)
    sides = np.maximum(box, [-np.inf, -np.inf, 0, 0])
    near = overlap(sides[row], objects.box[of], np.zeros(len(of), np.bool_)) >= 0.5
    same = near & (answers.category[rows][row] == objects.category[of])
    return len(np.unique(row[near])) / len(rows), len(np.unique(row[same])) / len(rows)


def _pairs(image: Array, objects: Objects) -> tuple[Array, Array]:
    """Each box with each object of its image, as places of both."""
    order = np.argsort(objects.image, kind="stable")
    start = np.searchsorted(objects.image[order], image)
    count = np.searchsorted(objects.image[order], image, side="right") - start
    row = np.repeat(np.arange(len(image)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, order[np.repeat(start, count) + within]
