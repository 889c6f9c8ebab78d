"""Random scenes in COCO form: crowds, absent classes, scores that tie over images."""

from typing import Any

import numpy as np

from harness.evaluate import collect

Rows = list[tuple[int, Any, Any, Any]]


def scene(seed: int, images: int = 24, classes: int = 5) -> tuple[dict[str, Any], Rows]:
    """A ground truth, and detections by image as `harness.evaluate.collect` takes them.

    The last class has no object, the last but one is in one image alone.
    """
    draw = np.random.default_rng(seed)
    annotations, found = [], []
    for place in range(images):
        rows = []
        for _ in range(int(draw.integers(0, 6))):
            label = int(draw.integers(classes - 2)) if place else classes - 2
            x, y, w, h = *draw.uniform(0, 200, 2), *draw.uniform(5, 150, 2)
            crowd = int(draw.random() < 0.15)
            annotations.append(
                {"image_id": 3 * place + 1, "category_id": 7 * label + 2, "bbox": [x, y, w, h]}
                | {"iscrowd": crowd}
            )
            for _ in range(int(draw.integers(0, 4))):
                dx, dy, dw, dh = draw.normal(0, 0.12, 4) * [w, h, w, h]
                box = (x + dx, y + dy, x + dx + abs(w + dw) + 1, y + dy + abs(h + dh) + 1)
                seen = label if draw.random() < 0.8 else int(draw.integers(classes))
                rows.append((*box, draw.random(), seen))
        for _ in range(8):
            x, y, w, h = *draw.uniform(0, 200, 2), *draw.uniform(5, 150, 2)
            rows.append((x, y, x + w, y + h, draw.random() ** 3, int(draw.integers(classes))))
        rows = [
            (*row[:4], round(row[4], 2) + len(rows) * 1e-6 * n, row[5])
            for n, row in enumerate(rows)
        ]
        rows.sort(key=lambda row: -row[4])
        array = np.array(rows)
        found.append((3 * place + 1, array[:, :4], array[:, 4], array[:, 5]))
    truth = {
        "images": [{"id": 3 * n + 1, "width": 400, "height": 400} for n in range(images)],
        "categories": [{"id": 7 * n + 2, "name": f"class {n}"} for n in range(classes)],
        "annotations": annotations,
    }
    return truth, found


def drawn(truth: dict[str, Any], found: Rows, counts: Any) -> tuple[dict[str, Any], Any]:
    """The resampled scene: image n as often as counts[n], its copies next to each other."""
    by_image: dict[int, list[Any]] = {}
    for one in truth["annotations"]:
        by_image.setdefault(one["image_id"], []).append(one)
    images, annotations, rows = [], [], []
    for image, row, count in zip(truth["images"], found, counts, strict=True):
        for _ in range(int(count)):
            number = len(images) + 1
            images.append({**image, "id": number})
            annotations += [{**a, "image_id": number} for a in by_image.get(image["id"], [])]
            rows.append((number, *row[1:]))
    return {**truth, "images": images, "annotations": annotations}, collect(rows)
