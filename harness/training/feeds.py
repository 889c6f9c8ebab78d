"""What a trial is trained and evaluated on: images, or kept features where the backbone is frozen.

Where no weight of the backbone changes and images keep their scale, its maps are a function of
the image and its flip. They are computed once and shared by all trials with that backbone.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np
import torch
from torch import Tensor

from harness.data import Dataset
from harness.data.base import Split
from harness.data.loader import Rows, Share, TrainBatches, ahead, eval_batches, read, stack
from harness.data.transforms import View, eval_view, view_image, view_objects
from harness.detector import Detector
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.training.batches import FeatureFeed
from harness.training.features import Features, Part, open_features, weights_digest
from harness.training.inputs import Feed
from harness.training.predict import ValBatch

log = logging.getLogger(__name__)

VAL_BATCH = 16
"""Images at a time where nothing is trained."""


@dataclass(frozen=True, slots=True)
class Feeds:
    """Training batches, and the validation images in the order of their ids."""

    train: Feed
    val: Callable[[], Iterator[ValBatch]]


def keeps_features(spec: TrialSpec) -> bool:
    """Whether a trial sees its images through a backbone that never changes, at one scale."""
    return spec.model.backbone.frozen == "all" and spec.recipe.augmentation.scale == (1.0, 1.0)


def open_feeds(
    detector: Detector,
    dataset: Dataset,
    spec: TrialSpec,
    where: Workplace,
    device: torch.device,
    share: Share = Share(),  # noqa: B008
) -> Feeds:
    """The feeds of a trial. detector: on its device. share: of every training batch."""
    size, recipe = spec.model.image_size, spec.recipe
    batches = TrainBatches(
        dataset.train,
        size,
        recipe.batch_size,
        recipe.augmentation,
        order_seed=spec.seeds.order,
        augmentation_seed=spec.seeds.augmentation,
        workers=where.data_workers,
        share=share,
    )
    features = _features(detector, dataset, spec, where, device) if keeps_features(spec) else None
    if features is None:
        log.info("the network sees images")
        return Feeds(batches, lambda: _val_images(dataset.val, size, where.data_workers))
    log.info("the network sees kept features of the frozen backbone")
    sides = _sides(dataset.train, spec)
    objects = [view_objects(dataset.train.objects(i), view) for side in sides for i, view in side]
    train = FeatureFeed(features, objects, _plan(batches))
    return Feeds(train, lambda: _val_features(dataset.val, size, features))


Seen = list[tuple[int, View]]
"""Places of images in a split, and how each is seen."""


def _sides(split: Split, spec: TrialSpec) -> list[Seen]:
    """All training images, then (with flips) all of them mirrored."""
    plain = [(i, eval_view(size, spec.model.image_size)) for i, size in enumerate(split.sizes)]
    if not spec.recipe.augmentation.flip:
        return [plain]
    return [plain, [(i, replace(view, flip=True)) for i, view in plain]]


def _plan(batches: TrainBatches) -> Callable[[int], list[Rows]]:
    """The rows of each batch of an epoch: image i at i, its mirror image after all images."""

    def plan(epoch: int) -> list[Rows]:
        images = len(batches.split)
        return [
            np.array([i + images * batches.view(int(i), epoch).flip for i in rows])
            for rows in batches.rows(epoch)
        ]

    return plan


def _features(
    detector: Detector, dataset: Dataset, spec: TrialSpec, where: Workplace, device: torch.device
) -> Features | None:
    """The backbone's maps of all images; None where they are too large to keep."""
    size, workers = spec.model.image_size, where.data_workers

    def images(split: Split, seen: Seen) -> Iterator[Tensor]:
        def load(row: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
            index, view = seen[row]
            return view_image(read(split, index).image, view, size)

        rows = np.arange(len(seen))
        batches = [rows[i : i + VAL_BATCH] for i in range(0, len(rows), VAL_BATCH)]
        yield from map(stack, ahead(batches, load, workers))

    sides = _sides(dataset.train, spec)
    train = [place for side in sides for place in side]
    val = [(i, eval_view(shape, size)) for i, shape in enumerate(dataset.val.sizes)]
    parts = {
        "train": Part(len(train), lambda: images(dataset.train, train)),
        "val": Part(len(val), lambda: images(dataset.val, val)),
    }
    identity = {
        "backbone": spec.model.backbone.name,
        "levels": list(detector.backbone.levels),
        "weights": weights_digest(detector.backbone),
        "data": dataset.facts.fingerprint,
        "flip": len(sides) == 2,
        "code_epoch": spec.code_epoch,
        "timm": version("timm"),
    }
    backbone = detector.backbone.eval()
    return open_features(backbone, parts, identity, where.cache, size, device)


def _val_images(split: Split, size: int, workers: int) -> Iterator[ValBatch]:
    for batch in eval_batches(split, size, VAL_BATCH, workers):
        yield ValBatch(batch.images, batch.ids, batch.sizes, batch.scales)


def _val_features(split: Split, size: int, features: Features) -> Iterator[ValBatch]:
    views = [eval_view(shape, size) for shape in split.sizes]
    places = np.arange(len(split))
    for start in range(0, len(places), VAL_BATCH):
        rows = places[start : start + VAL_BATCH]
        chosen = [views[i] for i in rows]
        yield ValBatch(
            features.batch("val", rows),
            [split.ids[i] for i in rows],
            torch.tensor([[view.height, view.width] for view in chosen]),
            torch.tensor([view.scale for view in chosen]),
        )
