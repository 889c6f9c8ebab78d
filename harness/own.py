"""What a trainer of one's own needs of the harness: data, network, and a record at the end.

`docs/own-trainer.md` tells how; `examples/own_trainer.py` is one that runs.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.data import Dataset
from harness.detector import Detector
from harness.environment import describe, find_device
from harness.errors import TrialError
from harness.evaluate import Detections, coco_matches, collect
from harness.matches import Evidence
from harness.outcomes import Status
from harness.records import Kept, TrialRecord
from harness.space.costing import closed_form
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.trainers import began
from harness.training.prepare import build_detector, keep_truth_of, open_dataset

SHOWN = 5
"""Faults of detections that an error names."""


def trial_data(spec: TrialSpec, where: Workplace) -> Dataset:
    """The images of a trial and their boxes; a `DataFault` where they have changed."""
    return open_dataset(spec, where)


def trial_network(spec: TrialSpec, where: Workplace) -> Detector:
    """The detector of a trial before training, with the backbone it takes over.

    `.backbone` and `.feature_network` serve alone as well: images (N, 3, S, S) to maps by level.
    """
    return build_detector(spec, where)


def trial_record(
    spec: TrialSpec,
    where: Workplace,
    *,
    detections: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None,
    dataset: Dataset | None = None,
    status: Status = "done",
    reason: str | None = None,
    **facts: Any,
) -> tuple[TrialRecord, Evidence | None]:
    """A record and what it rests on, as a trial function hands them back.

    detections: on the validation images, as rows of a COCO result file (`image_id`,
    `category_id`, `bbox` as x, y, width, height in pixels of the image, `score`), or as arrays by
    name (`harness.evaluate.Detections`). AP is computed from them; a `done` trial needs them.
    dataset: the trial's, where it is open already.
    status, reason: of a trial without a result; what is raised becomes a `failed` record.
    facts: other fields of `TrialRecord`. Cost is the spec's in closed form unless it is said.
    """
    evidence = metrics = None
    if detections is None and status == "done":
        raise TrialError("a trial that is done has detections, if only an empty list")
    if detections is not None:
        dataset = dataset or trial_data(spec, where)
        truth = dataset.val_ground_truth()
        found = _arrays(detections, truth)
        metrics, matches = coco_matches(
            truth,
            found,
            needs=spec.facts.needs,
            bands=dataset.bands,
            max_detections=spec.recipe.postprocess.max_detections,
        )
        evidence = Evidence(found, matches)
        keep_truth_of(dataset, where)
    environment = describe(find_device(where.device), where.threads, where.engine)
    known = {
        "environment": environment,
        "seconds": 0.0,
        "metrics": metrics,
        "cost": closed_form(spec.model),
        "kept": _kept(spec, where) if status == "done" else None,
        **facts,
    }
    if "environment" not in facts and (start := began.get()) is not None:
        known["environment"] = dataclasses.replace(environment, started=start)
    tree = spec.model_dump(mode="json")
    return TrialRecord(id=spec.id, status=status, spec=tree, reason=reason, **known), evidence


def _kept(spec: TrialSpec, where: Workplace) -> Kept:
    """Which checkpoint lies where the harness would have put it."""
    if where.checkpoint(spec.id).exists():
        return "last"
    return "best" if where.best(spec.id).exists() else "none"


def _arrays(
    detections: Sequence[Mapping[str, Any]] | Mapping[str, Any], truth: Mapping[str, Any]
) -> Detections:
    """Detections in the harness's form and order; a `TrialError` names what is wrong with them."""
    rows: Sequence[Mapping[str, Any]]
    images = {int(image["id"]) for image in truth["images"]}
    if isinstance(detections, Mapping):
        rows = _rows_of(detections)
        labels = {place: place for place in range(len(truth["categories"]))}
    else:
        rows = detections
        labels = {int(one["id"]): place for place, one in enumerate(truth["categories"])}
    found: dict[int, list[tuple[list[float], float, int]]] = {}
    faults = []
    for number, row in enumerate(rows):
        if (wrong := _fault(row, images, labels)) is not None:
            faults.append(f"detection {number}: {wrong}")
            continue
        x, y, width, height = map(float, row["bbox"])
        one = ([x, y, x + width, y + height], float(row["score"]), labels[row["category_id"]])
        found.setdefault(int(row["image_id"]), []).append(one)
    if faults:
        more = f"\nand {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise TrialError("\n".join(faults[:SHOWN]) + more)
    return collect(
        (image, *(np.array(part) for part in zip(*ones, strict=True)))  # type: ignore[misc]
        for image, ones in found.items()
    )


def _fault(row: Any, images: set[int], labels: Mapping[int, int]) -> str | None:
    """What is wrong with a row of a COCO result file."""
    if not isinstance(row, Mapping):
        return f"should have image_id, category_id, bbox and score, not {row!r}"
    lacking = [name for name in ("image_id", "category_id", "bbox", "score") if name not in row]
    if lacking:
        return f"has no {', '.join(lacking)}"
    if row["image_id"] not in images:
        return f"image_id {row['image_id']!r} is no validation image"
    if row["category_id"] not in labels:
        known = ", ".join(map(str, list(labels)[:12]))
        return f"category_id {row['category_id']!r} is none of {known}"
    try:
        numbers = [float(one) for one in (*row["bbox"], row["score"])]
    except (TypeError, ValueError):
        return f"bbox {row['bbox']!r} and score {row['score']!r} should be numbers"
    if len(numbers) != 5 or not all(map(math.isfinite, numbers)) or min(numbers[2:4]) < 0:
        return f"bbox {row['bbox']!r}, score {row['score']!r}: x, y, width, height and a number"
    return None


def _rows_of(arrays: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Arrays by name as rows, so that one check serves both."""
    names = ("image", "category", "score", "box")
    if lacking := [name for name in names if name not in arrays]:
        raise TrialError(f"detections have no array {', '.join(lacking)}")
    image, category, score, box = (np.asarray(arrays[name]) for name in names)
    if len({len(image), len(category), len(score), len(box)}) > 1:
        sizes = f"{len(image)}, {len(category)}, {len(score)} and {len(box)}"
        raise TrialError(f"detections should be arrays of one length, not {sizes}")
    return list(_each(image, category, score, box.reshape(-1, 4)))


def _each(image: Any, category: Any, score: Any, box: Any) -> Iterator[dict[str, Any]]:
    box = np.asarray(box, dtype=np.float64)
    sides = np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1)
    columns = (image.tolist(), category.tolist(), score.tolist(), sides.tolist())
    for i, c, s, b in zip(*columns, strict=True):
        yield {"image_id": i, "category_id": c, "score": s, "bbox": b}
