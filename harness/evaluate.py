"""COCO metrics by pycocotools, from detections kept as arrays. The only file that imports it."""

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from harness.data.base import COCO_BANDS
from harness.records import Metrics

Array = npt.NDArray[Any]
Detections = dict[str, Array]
"""`image` (n,) int64 ids, `category` (n,) int16 from 0, `score` (n,) float32 and `box` (n, 4)
float32 (x0, y0, x1, y1) in pixels of the original image; images in id order, best score first."""

EVERYTHING = 1e10


def collect(found: Iterable[tuple[int, Array, Array, Array]]) -> Detections:
    """Arrays from (image id, boxes (n, 4), scores (n,), categories (n,)) of each image.

    The order is fixed, since AP depends on it where scores tie: image id, then score downwards,
    then the order in which they came.
    """
    rows = sorted(found, key=lambda row: row[0])
    image = np.repeat([row[0] for row in rows], [len(row[2]) for row in rows]).astype(np.int64)
    box = _joined([np.asarray(row[1]).reshape(-1, 4) for row in rows], (0, 4), np.float32)
    score = _joined([row[2] for row in rows], (0,), np.float32)
    category = _joined([row[3] for row in rows], (0,), np.int16)
    order = np.lexsort((-score, image))
    return {
        "image": image[order],
        "category": category[order],
        "score": score[order],
        "box": box[order],
    }


def _joined(parts: Sequence[Array], empty: tuple[int, ...], dtype: type) -> Array:
    return np.concatenate([np.empty(empty, dtype), *parts]).astype(dtype)


def coco_metrics(
    truth: Mapping[str, Any],
    detections: Detections,
    *,
    needs: Sequence[str] | None = None,
    bands: tuple[float, float] = COCO_BANDS,
    max_detections: int = 100,
) -> Metrics:
    """Box AP of `detections` on a COCO-form ground truth, fractions of 1.

    needs: what each category asks for, in the order of `truth["categories"]`.
    bands: areas between small and medium, medium and large boxes.
    """
    categories = [int(category["id"]) for category in truth["categories"]]
    precision = _precision(truth, detections, categories, bands, max_detections)
    names = [str(category["name"]) for category in truth["categories"]]
    per_class = {name: _mean(precision[:, :, k, 0]) for k, name in enumerate(names)}
    return Metrics(
        ap=_mean(precision[..., 0]),
        ap50=_mean(precision[0, ..., 0]),
        ap75=_mean(precision[5, ..., 0]),
        ap_small=_mean(precision[..., 1]),
        ap_medium=_mean(precision[..., 2]),
        ap_large=_mean(precision[..., 3]),
        ap_per_class=per_class,
        ap_by_need=_by_need(needs, list(per_class.values())),
    )


def _by_need(needs: Sequence[str] | None, aps: Sequence[float | None]) -> dict[str, float | None]:
    """Mean AP over the classes of each need that have one."""
    groups: dict[str, list[float]] = {need: [] for need in dict.fromkeys(needs or ())}
    for need, ap in zip(needs or (), aps, strict=bool(needs)):
        if ap is not None:
            groups[need].append(ap)
    return {need: float(np.mean(group)) if group else None for need, group in groups.items()}


def _mean(precision: Array) -> float | None:
    """COCO's mean over what is there: absent categories are -1."""
    present = precision[precision > -1]
    return float(present.mean()) if present.size else None


def _precision(
    truth: Mapping[str, Any],
    detections: Detections,
    categories: list[int],
    bands: tuple[float, float],
    max_detections: int,
) -> Array:
    """Interpolated precision (10 IoUs, 101 recalls, categories, [all, small, medium, large])."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            _truth(truth), _answers(truth, detections, categories, max_detections), "bbox"
        )
        # Categories stay in the order of the file; COCOeval sorts them.
        evaluation.params.catIds = sorted(categories)
        evaluation.params.maxDets = [max_detections]
        evaluation.params.areaRng = [
            [0, EVERYTHING],
            [0, bands[0]],
            [bands[0], bands[1]],
            [bands[1], EVERYTHING],
        ]
        evaluation.evaluate()
        evaluation.accumulate()
    precision: Array = evaluation.eval["precision"][..., 0]
    place = {category: k for k, category in enumerate(sorted(categories))}
    return precision[:, :, [place[category] for category in categories]]


def _index(tree: dict[str, Any]) -> Any:
    coco = COCO()
    coco.dataset = tree
    coco.createIndex()
    return coco


def _truth(truth: Mapping[str, Any]) -> Any:
    """The ground truth with annotations numbered from 1: COCOeval takes id 0 for "no match"."""
    annotations = [
        {"iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3], **row, "id": number}
        for number, row in enumerate(truth["annotations"], 1)
    ]
    return _index({**truth, "annotations": annotations})


def _answers(
    truth: Mapping[str, Any], detections: Detections, categories: list[int], most: int
) -> Any:
    """Detections in the form of `COCO.loadRes`, which fails on none at all."""
    boxes = detections["box"].astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    areas = boxes[:, 2] * boxes[:, 3]
    columns = (detections["image"], detections["category"], detections["score"], boxes, areas)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    annotations = [
        {
            "id": number,
            "image_id": image,
            "category_id": categories[category],
            "score": score,
            "bbox": box,
            "area": area,
            "iscrowd": 0,
        }
        for number, (image, category, score, box, area) in enumerate(rows, 1)
    ]
    return _index({**truth, "annotations": annotations})
