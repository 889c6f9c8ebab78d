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
from harness.matches import AREAS, IOUS, Matches
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
    evaluation = _evaluated(truth, detections, bands, max_detections)
    return _metrics(truth, _precision(truth, evaluation), needs)


def coco_matches(
    truth: Mapping[str, Any],
    detections: Detections,
    *,
    needs: Sequence[str] | None = None,
    bands: tuple[float, float] = COCO_BANDS,
    max_detections: int = 100,
) -> tuple[Metrics, Matches]:
    """As `coco_metrics`, and the matches that the metrics are of, from one pass of COCOeval."""
    evaluation = _evaluated(truth, detections, bands, max_detections)
    metrics = _metrics(truth, _precision(truth, evaluation), needs)
    return metrics, _matches(truth, detections, evaluation, needs)


def _metrics(truth: Mapping[str, Any], precision: Array, needs: Sequence[str] | None) -> Metrics:
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


def _ids(truth: Mapping[str, Any]) -> list[int]:
    """Ids of the categories, in the order of the file, which is that of the labels."""
    return [int(category["id"]) for category in truth["categories"]]


def _evaluated(
    truth: Mapping[str, Any],
    detections: Detections,
    bands: tuple[float, float],
    max_detections: int,
) -> Any:
    """A COCOeval that has matched and accumulated."""
    categories = _ids(truth)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_truth(truth), _answers(truth, detections, categories), "bbox")
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
    return evaluation


def _precision(truth: Mapping[str, Any], evaluation: Any) -> Array:
    """Interpolated precision (10 IoUs, 101 recalls, categories, [all, small, medium, large])."""
    precision: Array = evaluation.eval["precision"][..., 0]
    categories = _ids(truth)
    place = {category: k for k, category in enumerate(sorted(categories))}
    return precision[:, :, [place[category] for category in categories]]


def _matches(
    truth: Mapping[str, Any],
    detections: Detections,
    evaluation: Any,
    needs: Sequence[str] | None,
) -> Matches:
    """Detections beyond COCOeval's most to an image and category count nowhere: ignored."""
    images = np.array(sorted({int(image["id"]) for image in truth["images"]}), np.int64)
    labels = {category: label for label, category in enumerate(_ids(truth))}
    n, bits = len(detections["score"]), (1 << np.arange(len(IOUS))).astype(np.uint16)
    hit = np.zeros((n, len(AREAS)), np.uint16)
    ignored = np.full((n, len(AREAS)), bits.sum(), np.uint16)
    positives = np.zeros((len(images), len(labels), len(AREAS)), np.int32)
    place = {int(image): at for at, image in enumerate(images)}
    for number, one in enumerate(evaluation.evalImgs):
        if one is None:
            continue
        column = number // len(images) % len(AREAS)  # by category, area, image
        wanted = len(one["gtIgnore"]) - int(np.sum(one["gtIgnore"]))
        positives[place[one["image_id"]], labels[one["category_id"]], column] = wanted
        if one["dtIds"]:
            rows = np.array(one["dtIds"]) - 1
            out = one["dtIgnore"].astype(bool)
            ignored[rows, column] = bits @ out
            hit[rows, column] = bits @ ((one["dtMatches"] != 0) & ~out)
    return Matches(
        images,
        tuple(str(category["name"]) for category in truth["categories"]),
        tuple(needs) if needs else None,
        np.searchsorted(images, detections["image"]).astype(np.int32),
        detections["category"],
        detections["score"],
        hit,
        ignored,
        positives,
    )


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


def _answers(truth: Mapping[str, Any], detections: Detections, categories: list[int]) -> Any:
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
