"""Match records: which detection found which object, kept so that any two trials can be compared.

COCO matches image by image, so matching is done once; what AP would be on other images, or on a
resample of these, follows from the matches alone (see `harness.statistics.images`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU thresholds of COCO's AP. Bit t of a row of `hit` is of threshold t."""
AREAS = ("all", "small", "medium", "large")
"""Columns of `hit`, `ignored` and `positives`."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """n detections of one network on I images of K categories, matched with the truth.

    Rows are in the order of the images, within an image by falling score.
    """

    images: NDArray[np.int64]
    """(I,) ids of the evaluated images, ascending."""
    categories: tuple[str, ...]
    """K names, in the order of the labels."""
    needs: tuple[str, ...] | None
    """`shapes`: what each category needs to be told (`context`, `extent`, `none`)."""
    image: NDArray[np.int32]
    """(n,) place in `images`."""
    category: NDArray[np.int16]
    """(n,) label, from 0."""
    score: NDArray[np.floating[Any]]
    """(n,) float32; float64 where they came from a file of such."""
    hit: NDArray[np.uint16]
    """(n, 4) bit t: found an object at IoU threshold t, among all, small, medium, large ones."""
    ignored: NDArray[np.uint16]
    """(n, 4) bit t: neither hit nor false positive (of a crowd, or out of the area range)."""
    positives: NDArray[np.int32]
    """(I, K, 4) objects to be found."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a record rests on, as arrays that are kept beside it."""

    detections: Mapping[str, Any]
    """By name: see `harness.evaluate.Detections`."""
    matches: Matches | None = None


def to_arrays(matches: Matches) -> dict[str, Any]:
    """As arrays by name, for a file: the objects of images are kept where there are any."""
    held = {one.name: getattr(matches, one.name) for one in fields(Matches)}
    where = np.argwhere(matches.positives).astype(np.int32)
    held |= {
        "categories": np.array(matches.categories, dtype=np.str_),
        "needs": np.array(matches.needs or (), dtype=np.str_),
        "positives": matches.positives[tuple(where.T)],
        "where": where,
    }
    return held


def from_arrays(held: Mapping[str, Any]) -> Matches:
    """The inverse of `to_arrays`."""
    images, categories = held["images"], tuple(map(str, held["categories"]))
    positives = np.zeros((len(images), len(categories), len(AREAS)), np.int32)
    positives[tuple(held["where"].T)] = held["positives"]
    rows = {name: held[name] for name in ("image", "category", "score", "hit", "ignored")}
    needs = tuple(map(str, held["needs"])) or None
    return Matches(images, categories, needs, positives=positives, **rows)
