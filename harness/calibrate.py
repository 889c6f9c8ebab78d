"""Seconds from a short run on the device at hand: a few steps of each network, far from its end.

The pieces are those of a trial (feeds, trainer, prediction, metrics) on its first images, with
drawn weights where another trial's are still to be trained: time does not depend on them.
"""

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from harness.calibrations import (
    Calibration,
    Rates,
    between,
    calibration_path,
    family_key,
    group_key,
    group_of,
    read_calibration,
    write_calibration,
)
from harness.cost import count
from harness.data import Dataset, open_data
from harness.detector import Detector, build
from harness.engines.base import reason_of
from harness.environment import device_name, find_device, precision_of
from harness.evaluate import coco_metrics
from harness.latency import measure
from harness.space.costing import closed_form
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.training.determinism import deterministic
from harness.training.feeds import Feeds, keeps_features, open_feeds
from harness.training.predict import predict
from harness.training.short import Short, first_of
from harness.training.train import Trainer
from harness.trial import COUNTED_MACS

log = logging.getLogger(__name__)

STRETCHES = 3
"""Timed one by one, after two steps that are not."""
WARM_UP = 2
LEAST, MOST = 2, 10
"""Steps of a stretch."""
TRAIN_IMAGES, VAL_IMAGES = 64, 32
"""Images that are seen, over and over; of the first more where a batch has more."""
AT_MOST = 8
"""Networks of one family that are measured; others stand between them."""

Say = Callable[[str], None]


def calibrate(
    specs: Iterable[TrialSpec], where: Workplace, say: Say = lambda line: None, budget: float = 8.0
) -> dict[str, Calibration]:
    """Calibrations by group key, of every group that the trials belong to.

    What an earlier call left for this device is taken from its file. budget: seconds of training
    steps that a network may take (at least `WARM_UP + STRETCHES * LEAST` steps are made).
    """
    device = find_device(where.device)
    name = f"{device.type}: {device_name(device)}"
    groups = {group_key(spec): spec for spec in specs}
    families: dict[str, dict[str, TrialSpec]] = {}
    for key, spec in groups.items():
        families.setdefault(family_key(spec), {})[key] = spec
    found: dict[str, Calibration] = {}
    for family in families.values():
        chosen = chosen_of(family, len(groups) > AT_MOST)
        for key in chosen:
            path = calibration_path(where.results, family[key], name, where.threads)
            kept = read_calibration(path, torch.__version__)
            if kept is None:
                say(f"timing a few steps of network {len(found) + 1}")
                kept = _measured(family[key], where, device, name, budget)
                write_calibration(path, kept)
            found[key] = kept
        found |= _interpolated(family, found)
    return found


def chosen_of(family: Mapping[str, TrialSpec], many: bool) -> list[str]:
    """Groups to measure: all, or of many `AT_MOST` evenly along multiply-adds, both ends in."""
    ordered = sorted(family, key=lambda key: (closed_form(family[key].model).macs, key))
    if not many or len(ordered) <= AT_MOST:
        return ordered
    last = len(ordered) - 1
    return list(dict.fromkeys(ordered[round(i * last / (AT_MOST - 1))] for i in range(AT_MOST)))


def _interpolated(
    family: Mapping[str, TrialSpec], found: Mapping[str, Calibration]
) -> dict[str, Calibration]:
    """Those of a family that were not measured."""
    macs = {key: closed_form(spec.model).macs for key, spec in family.items()}
    known: dict[float, Rates] = {}
    for key in family.keys() & found.keys():
        rates = found[key].rates
        if rates is not None:
            known[macs[key]] = rates
    if not known:
        return {}
    some = next(found[key] for key in family if key in found)
    return {
        key: replace(
            some,
            group=group_of(spec),
            rates=between(macs[key], known),
            steps=0,
            reason=None,
            interpolated=True,
        )
        for key, spec in family.items()
        if key not in found
    }


def _load() -> float | None:
    """Processes that want to run, a core of this machine."""
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        return None


def _measured(
    spec: TrialSpec, where: Workplace, device: torch.device, name: str, budget: float
) -> Calibration:
    """Rates of one group. What goes wrong is its reason, as it would be a trial's."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    told = Calibration(group_of(spec), name, where.threads, torch.__version__, now, load=_load())
    try:
        with tempfile.TemporaryDirectory() as folder, deterministic(device, where.threads):
            rates, steps = _rates(spec, where, Path(folder), device, budget)
    except Exception as error:
        log.info("could not be timed", exc_info=True)
        return replace(told, reason=reason_of(error))
    return replace(told, rates=rates, steps=steps)


def _rates(
    spec: TrialSpec, where: Workplace, folder: Path, device: torch.device, budget: float
) -> tuple[Rates, int]:
    size = spec.model.image_size
    open_data(spec.data, size, where.cache)
    _built(spec)  # what first calls cost: a worker that is warm does not pay it
    clock = _Clock()
    dataset = open_data(spec.data, size, where.cache)
    detector = _built(spec)
    fixed = clock.lap()
    batch = spec.recipe.batch_size
    few = first_of(dataset, max(batch, min(MOST * batch, TRAIN_IMAGES)), VAL_IMAGES)
    place = replace(where, results=folder)
    detector = detector.to(device)
    open_feeds(detector, first_of(dataset, 1, 1), spec, place, device)
    clock.lap()
    feeds = open_feeds(detector, few, spec, place, device)
    opened = clock.lap()
    step, save, steps, trained = _steps(detector, feeds, spec, folder, device, budget)
    clock.lap()
    found = predict(trained, feeds.val(), spec.recipe, size, device)
    metrics_of = few.val_ground_truth()
    coco_metrics(metrics_of, found, max_detections=spec.recipe.postprocess.max_detections)
    evaluation = clock.lap() / len(few.val)
    rates = Rates(
        step=step,
        evaluation=evaluation,
        save=save,
        fixed=fixed + _latency(trained, spec, device),
        features=opened / _seen(spec, few) if keeps_features(spec) else 0.0,
    )
    return rates, steps


def _built(spec: TrialSpec) -> Detector:
    """The network, counted as a trial counts it."""
    detector = build(spec.model.without_weights(), spec.seeds.init)
    if closed_form(spec.model).macs <= COUNTED_MACS:
        count(detector, spec.model.image_size)
    return detector


def _seen(spec: TrialSpec, dataset: Dataset) -> int:
    """Images that go through a frozen backbone."""
    return (2 if spec.recipe.augmentation.flip else 1) * len(dataset.train) + len(dataset.val)


def _latency(detector: Detector, spec: TrialSpec, device: torch.device) -> float:
    """Seconds that a trial takes to measure its latency: a warm-up, then a second or ten runs."""
    precision = precision_of(spec.recipe, device)
    found = measure(detector, spec.model.image_size, device, precision=precision, budget=0.0)
    once = found.median_ms / 1e3
    return 5 * once + once * max(10, min(200, int(1 / max(once, 1e-9))))


def _steps(
    detector: Detector, feeds: Feeds, spec: TrialSpec, folder: Path, device: torch.device,
    budget: float,
) -> tuple[tuple[float, ...], float, int, Detector]:  # fmt: skip
    """Seconds a step by stretch, seconds of an epoch's end, steps timed, the network."""
    schedule = spec.recipe.schedule.model_copy(update={"epochs": 1 + STRETCHES, "drop": None})
    recipe = spec.recipe.model_copy(update={"schedule": schedule})
    feed = Short(feeds.train, WARM_UP)
    trainer = Trainer(detector, feed, spec.model_copy(update={"recipe": recipe}), device)
    clock, first = _Clock(), 0.0

    def on_epoch(row: object) -> None:
        nonlocal first
        if not first:
            first = clock.lap()
            each = trainer.curve[0].seconds / len(feed)
            feed.steps = max(LEAST, min(MOST, int(budget / STRETCHES / max(each, 1e-9))))

    log_ = trainer.fit(folder / "last.pt", on_epoch)
    whole = clock.lap()
    rows = log_.curve[1:]
    if len(rows) < STRETCHES:
        raise ValueError(log_.diverged or "no stretch of steps came to its end")
    save = max(0.0, whole - sum(row.seconds for row in rows)) / STRETCHES
    step = tuple(row.seconds / len(feed) for row in rows)
    return step, save, STRETCHES * len(feed), trainer.trained


class _Clock:
    """Seconds since it was last asked."""

    def __init__(self) -> None:
        self.at = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        self.at, before = now, self.at
        return now - before
