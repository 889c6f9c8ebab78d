"""Detections matched with the truth, some images at a time, and AP on draws of the images."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.comparing.detections import Answers
from harness.comparing.measured import Draws
from harness.comparing.truth import Truth
from harness.matches import Matches
from harness.statistics.images import ap_draws, image_weights

IMAGES = 1000
"""Images matched at once: COCOeval takes some 2 kB for each image, category and area."""


def match(truth: Truth, answers: Answers, draws: int, seed: int) -> tuple[dict[str, Any], Draws]:
    """COCO's figures of one file, and the same on draws of the images.

    seed: of the draws, which are the same for every file.
    """
    matches = matches_of(truth, answers)
    images = len(matches.images)
    own = ap_draws(matches, np.ones((1, images), np.int64))
    drawn = ap_draws(matches, image_weights(images, draws, seed))
    return {name: _known(value[0]) for name, value in own.items()}, drawn


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def matches_of(truth: Truth, answers: Answers, at_once: int = IMAGES) -> Matches:
    """As `harness.evaluate.coco_matches` of all images; it is asked for some at a time."""
    from harness.evaluate import coco_matches

    parts = [
        coco_matches(document, detections)[1]
        for document, detections in _blocks(truth.document, answers, at_once)
    ]
    return joined(parts)


def _blocks(
    document: Mapping[str, Any], answers: Answers, at_once: int
) -> Iterator[tuple[dict[str, Any], dict[str, NDArray[Any]]]]:
    ids = np.array([row["id"] for row in document["images"]], np.int64)
    by_image: dict[int, list[Any]] = {}
    for row in document["annotations"]:
        by_image.setdefault(row["image_id"], []).append(row)
    for start in range(0, len(ids), at_once):
        some = ids[start : start + at_once]
        low, high = np.searchsorted(answers.image, [some[0], some[-1] + 1])
        part = {
            "images": document["images"][start : start + at_once],
            "categories": document["categories"],
            "annotations": [row for one in some for row in by_image.get(int(one), ())],
        }
        yield part, _detections(answers, slice(low, high))


def _detections(answers: Answers, rows: slice) -> dict[str, NDArray[Any]]:
    """In the form of `harness.evaluate.Detections`; scores and boxes stay float64."""
    size = answers.box[rows]
    return {
        "image": answers.image[rows],
        "category": answers.category[rows],
        "score": answers.score[rows],
        "box": np.concatenate([size[:, :2], size[:, :2] + size[:, 2:]], axis=1),
    }


def joined(parts: list[Matches]) -> Matches:
    """Matches of blocks of images, in order, as one."""
    starts = np.cumsum([0, *(len(part.images) for part in parts)])
    together: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("images", "category", "score", "hit", "ignored", "positives")
    }
    shifted = [part.image + start for part, start in zip(parts, starts, strict=False)]
    image = np.concatenate(shifted).astype(np.int32)
    return replace(parts[0], image=image, **together)
