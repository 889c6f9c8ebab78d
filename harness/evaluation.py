"""COCO AP of a detector with known weights on a COCO-form folder, and the record of it.

Post-processing as EfficientDet's was published (google/automl): 5,000 candidates, class-wise
Gaussian soft suppression with sigma 0.5, scores above 0.001, 100 detections an image.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.data.coco import Validation, open_validation
from harness.data.loader import eval_batches
from harness.data.transforms import MEAN, STD
from harness.detector import Detector
from harness.environment import describe, find_device
from harness.errors import SpecError, did_you_mean
from harness.evaluate import Detections, coco_metrics
from harness.exchange import read_detector
from harness.exchange.models import MODELS
from harness.files import write_whole
from harness.ledger import Ledger, find_trial, safe_name
from harness.space.recipe import Postprocess, Recipe
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.training.determinism import deterministic
from harness.training.predict import ValBatch, predict
from harness.trial import load_trained
from harness.weights import file_digest

PUBLISHED = Postprocess(
    nms="soft", soft_sigma=0.5, score_threshold=0.001, candidates=5000, max_detections=100
)
BATCH = 4
"""Images at a time."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Subject:
    """What is evaluated. weights: where they are from, for the record.

    categories: names of the classes of a trained network, in order; None: class k is COCO's
    category k + 1. is_lite: it sees pixels from -1 to 1.
    """

    name: str
    detector: Detector
    weights: dict[str, str]
    categories: tuple[str, ...] | None = None
    is_lite: bool = False

    @property
    def image_size(self) -> int:
        return self.detector.spec.image_size


def evaluation_path(
    results: Path, subject: Subject, record: Mapping[str, Any], limit: int | None = None
) -> Path:
    """`evals/<model>[-<size>px][-<limit>].json`: size where it is not the model's own.

    Where the record there is of other weights or data, 8 digits of these are added: it stays.
    """
    size = record["image_size"]
    sized = "" if size == subject.image_size else f"-{size}px"
    limited = "" if limit is None else f"-{limit}"
    name = safe_name(f"{subject.name}{sized}{limited}", "model")
    path = results / "evals" / f"{name}.json"
    own = _digest_of(record)
    if path.exists() and _digest_in(path) != own:
        return path.with_name(f"{name}-{own[:8]}.json")
    return path


def _digest_of(record: Mapping[str, Any]) -> str:
    """Of what is evaluated and on what. A file of weights counts by content, not by name."""
    weights = record["weights"]
    key = f"{weights.get('sha256') or weights['trial']} {record['data']['fingerprint']}"
    return hashlib.sha256(key.encode()).hexdigest()


def _digest_in(path: Path) -> str | None:
    """The same of a record that was kept, None where it cannot be read."""
    try:
        return _digest_of(json.loads(path.read_bytes()))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def open_subject(model: str, weights: Path | None, results: Path) -> Subject:
    """A released model with its file of weights, or a finished trial by its id or its beginning.

    A `SpecError` where there is neither, or where the file is of another model.
    """
    known = {name: one.name for one in MODELS.values() for name in (one.name, one.member)}
    if weights is not None:
        return _imported(model, weights, known)
    if model in known:
        raise SpecError(f"--weights: {model} has none here; `harness import` makes such a file")
    record = find_trial(model, Ledger(results), known)
    spec = TrialSpec.model_validate_json(json.dumps(record.spec))
    detector = load_trained(spec, Workplace(results))
    return Subject(record.id, detector, {"trial": record.id}, spec.facts.categories)


def _imported(model: str, weights: Path, known: Mapping[str, str]) -> Subject:
    if model not in known:
        raise SpecError(f"{model}: no such model{did_you_mean(model, known)}")
    kept = read_detector(weights)
    released = MODELS.get(kept.model)
    if released is None or model not in (released.name, released.member):
        raise SpecError(f"--weights {weights}: is of {kept.model}, not of {model}")
    source = {"file": weights.name, "sha256": file_digest(weights), "source": kept.source}
    return Subject(kept.model, kept.detector(), source, is_lite=released.is_lite)


def places_of(subject: Subject, data: Validation) -> np.ndarray[Any, np.dtype[np.int64]]:
    """For each class of the network the label in the data, -1 where it has none."""
    classes = subject.detector.spec.num_classes
    if subject.categories is not None:
        if subject.categories != tuple(data.categories.values()):
            here, there = ", ".join(data.categories.values()), ", ".join(subject.categories)
            raise SpecError(f"--root: has the categories {here}; the trial's are {there}")
        return np.arange(classes)
    beyond = [f"{i} {name!r}" for i, name in data.categories.items() if not 1 <= i <= classes]
    if beyond:
        raise SpecError(
            f"--root: {subject.name} knows COCO's category ids 1 to {classes}; "
            f"the folder has {', '.join(beyond)}"
        )
    labels = {number - 1: label for label, number in enumerate(data.categories)}
    return np.array([labels.get(k, -1) for k in range(classes)])


def evaluate(
    subject: Subject, data: Validation, image_size: int | None = None, device: str = "auto"
) -> dict[str, Any]:
    """The record of an evaluation, as plain values. AP are fractions of 1."""
    size, where = image_size or subject.image_size, find_device(device)
    places = places_of(subject, data)
    environment = describe(where, torch.get_num_threads(), "eval")
    started = time.perf_counter()
    with deterministic(where, torch.get_num_threads()):
        recipe = Recipe(postprocess=PUBLISHED)
        batches = _batches(subject, data, size)
        found = predict(subject.detector.to(where).eval(), batches, recipe, size, where)
    seconds = time.perf_counter() - started
    detections = _labelled(found, places)
    metrics = coco_metrics(data.truth, detections, max_detections=PUBLISHED.max_detections)
    return {
        "version": VERSION,
        "model": subject.name,
        "weights": subject.weights,
        "image_size": size,
        "data": {
            "fingerprint": data.fingerprint,
            "images": len(data.images),
            "categories": len(data.categories),
        },
        "postprocess": PUBLISHED.model_dump(mode="json"),
        "metrics": asdict(metrics),
        "detections": len(detections["score"]),
        "seconds": seconds,
        "environment": asdict(environment),
    }


def _labelled(found: Detections, places: Any) -> Detections:
    """With the labels of the data; what is of no category there is left out."""
    labels = places[found["category"]].astype(np.int16)
    kept = labels >= 0
    return {**{name: column[kept] for name, column in found.items()}, "category": labels[kept]}


def _batches(subject: Subject, data: Validation, size: int) -> Iterator[ValBatch]:
    for batch in eval_batches(data.images, size, BATCH):
        images = _to_unit(batch.images, batch.sizes) if subject.is_lite else batch.images
        yield ValBatch(images, batch.ids, batch.sizes, batch.scales)


def _to_unit(images: Tensor, sizes: Tensor) -> Tensor:
    """Images (N, 3, S, S) normalised by ImageNet -> from -1 to 1, what is padding staying 0."""
    mean, std = (torch.from_numpy(x).view(3, 1, 1) / 127.5 for x in (MEAN, STD))
    out = torch.zeros_like(images)
    for one, image, (height, width) in zip(out, images, sizes.tolist(), strict=True):
        one[:, :height, :width] = image[:, :height, :width] * std + mean - 1
    return out


def evaluate_model(
    model: str,
    root: Path,
    results: Path,
    *,
    weights: Path | None = None,
    image_size: int | None = None,
    device: str = "auto",
    limit: int | None = None,
) -> tuple[dict[str, Any], Path]:
    """The record and its file, which is named by `evaluation_path`."""
    subject = open_subject(model, weights, results)
    data = open_validation(root, limit)
    record = evaluate(subject, data, image_size, device)
    path = evaluation_path(results, subject, record, limit)
    write_whole(path, json.dumps(record, indent=1) + "\n")
    return record, path
