"""The weighted image bootstrap held to COCOeval, on images drawn with replacement."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.doctor.finding import Finding, Setting
from harness.evaluate import Detections, coco_matches, coco_metrics
from harness.records import Metrics
from harness.statistics.images import ap_draws, image_weights

Array = NDArray[Any]
IMAGES, CLASSES, EQUAL = 40, 4, 1e-12
FEW, MANY = 3, 40
"""Draws that are compared: COCOeval takes a tenth of a second for each."""
NAMES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


def average_precision(setting: Setting) -> Finding:
    """AP by image weights against COCOeval on the resampled images, copies next to each other.

    Made-up boxes and detections, with crowds, images without objects and a class that most draws
    lack. Holds where every metric of every draw agrees to 1e-12.
    """
    rng = np.random.default_rng(setting.seed)
    truth, detections = made_up(rng)
    _, matches = coco_matches(truth, detections)
    weights = image_weights(IMAGES, MANY if setting.full else FEW, setting.seed)
    drawn = ap_draws(matches, weights)
    apart = [
        (name, abs(_number(value) - float(drawn[name][row])))
        for row, weight in enumerate(weights)
        for name, value in figures(coco_metrics(*resampled(truth, detections, weight))).items()
        if not (value is None and np.isnan(drawn[name][row]))
    ]
    worst, most = max(apart, key=lambda one: (np.isnan(one[1]), one[1]))
    said = f"{len(weights)} draws of {IMAGES} images: {len(apart)} figures, none off by more than "
    if most <= EQUAL:
        return Finding.of(True, f"{said}{EQUAL:g}", draws=len(weights), worst=most)
    return Finding.of(False, f"{worst} is off by {most:.2g}", draws=len(weights), worst=most)


def figures(found: Metrics) -> dict[str, float | None]:
    """Under the names of `ap_draws`."""
    whole = {name: getattr(found, name) for name in NAMES}
    return whole | {f"class.{name}": value for name, value in found.ap_per_class.items()}


def made_up(rng: np.random.Generator) -> tuple[dict[str, Any], Detections]:
    """A truth in COCO's form, and detections near to it and beside it."""
    annotations, rows = [], []
    for image in range(1, IMAGES + 1):
        for _ in range(rng.integers(0, 6)):
            label = int(rng.choice(CLASSES, p=[0.5, 0.3, 0.18, 0.02]))
            box = np.concatenate([rng.uniform(0, 300, 2), np.exp(rng.uniform(2, 5, 2))])
            crowd = int(rng.random() < 0.1)
            annotations.append(
                {"image_id": image, "category_id": label + 1, "bbox": box.tolist(),
                 "area": float(box[2] * box[3]), "iscrowd": crowd}
            )  # fmt: skip
            rows += list(_near(rng, image, label, box))
    names = [{"id": label + 1, "name": f"class {label}"} for label in range(CLASSES)]
    truth = {
        "images": [{"id": image} for image in range(1, IMAGES + 1)],
        "annotations": annotations,
        "categories": names,
    }
    columns: list[Array] = [np.array(column) for column in zip(*rows, strict=True)]
    order = np.lexsort((-columns[2], columns[0]))
    kinds = {"image": np.int64, "category": np.int16, "score": np.float32, "box": np.float32}
    found = {
        name: column.astype(kind)
        for (name, kind), column in zip(kinds.items(), columns, strict=True)
    }
    return truth, {name: column[order] for name, column in found.items()}


def _near(
    rng: np.random.Generator, image: int, label: int, box: Array
) -> Iterator[tuple[int, int, float, Array]]:
    """Detections of one object: moved a little, some of another class, some twice."""
    corners = np.concatenate([box[:2], box[:2] + box[2:]])
    for _ in range(rng.integers(0, 4)):
        moved = corners + rng.normal(0, 0.12, 4) * np.tile(box[2:], 2)
        moved[2:] = np.maximum(moved[2:], moved[:2] + 1)
        other = int(rng.integers(CLASSES)) if rng.random() < 0.2 else label
        yield image, other, float(rng.random()), moved


def resampled(
    truth: Mapping[str, Any], detections: Detections, weights: Array
) -> tuple[dict[str, Any], Detections]:
    """The images as often as they were drawn, under new ids, copies of one next to each other."""
    old = np.repeat([one["id"] for one in truth["images"]], weights)
    annotations, parts = [], []
    for new, image in enumerate(old, 1):
        held = [one for one in truth["annotations"] if one["image_id"] == image]
        annotations += [{**one, "image_id": new} for one in held]
        rows = np.flatnonzero(detections["image"] == image)
        parts.append((np.full(len(rows), new), rows))
    rows = np.concatenate([rows for _, rows in parts])
    copied = {name: column[rows] for name, column in detections.items()}
    copied["image"] = np.concatenate([ids for ids, _ in parts]).astype(np.int64)
    images = [{"id": new} for new in range(1, len(old) + 1)]
    return {**truth, "images": images, "annotations": annotations}, copied


def _number(value: float | None) -> float:
    return np.nan if value is None else value
