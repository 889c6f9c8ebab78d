"""One trial from spec to record: the meeting point of what describes and what does.

Needs neither Ray nor Optuna. Nothing that goes wrong in a trial is raised, except what stops the
process: it becomes a record with its reason and traceback.
"""

import dataclasses
import logging
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from harness.cost import count
from harness.data import Dataset
from harness.detector import Detector
from harness.engines.base import reason_of
from harness.environment import PeakMemory, capped, describe, find_device, precision_of
from harness.errors import TrialError
from harness.evaluate import Detections, coco_metrics
from harness.latency import measure
from harness.ledger import LOG, Ledger
from harness.records import Cost, EpochLog, Latency, Metrics, TrialRecord
from harness.space.costing import closed_form
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.training.checkpoint import load
from harness.training.determinism import deterministic
from harness.training.failures import classify
from harness.training.feeds import Feeds, open_feeds
from harness.training.parallel import train_together
from harness.training.predict import predict
from harness.training.prepare import build_detector, open_dataset
from harness.training.stops import Stops, heeded
from harness.training.train import Trainer, TrainLog

log = logging.getLogger(__name__)

OnEpoch = Callable[[Mapping[str, Any]], None]

COUNTED_MACS = 8e9
"""Multiply-adds above which fvcore is not asked: it takes 10 s and 5 GB at D3 (25e9)."""


def run_trial(spec: TrialSpec, where: Workplace, on_epoch: OnEpoch | None = None) -> TrialRecord:
    """Build, count, train, evaluate; keep the record and the detections in the ledger.

    Two processes do not train one trial at once: the second waits, and takes the first's record.
    SIGTERM ends it between two steps, and takes its effect when the record is written.
    on_epoch: told plain values after each epoch (`epoch`, `epochs`, `loss`, ...).
    """
    ledger = Ledger(where.results)
    with _alone(spec, where) as waited:
        kept = ledger.get(spec.id) if waited else None
        if kept is not None and kept.status == "done":
            return kept
        started = time.perf_counter()
        stops = Stops(where)
        with heeded(stops):
            with logged(ledger.folder(spec.id) / LOG):
                record, detections = _attempt(spec, where, on_epoch, stops)
                record = dataclasses.replace(record, seconds=time.perf_counter() - started)
                log.info("%s after %.1f s%s", record.status, record.seconds, _because(record))
            ledger.write(record, detections)
    return record


@contextmanager
def _alone(spec: TrialSpec, where: Workplace) -> Iterator[bool]:
    """Holds the trial's checkpoint; tells whether another process had to be waited for.

    The system gives the lock back when a process ends, however it ends.
    """
    place = where.checkpoint(spec.id).parent
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / "trial.lock")
    waited = False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waited = True
        lock.acquire()
    try:
        yield waited
    finally:
        lock.release()


def _because(record: TrialRecord) -> str:
    return f": {record.reason}" if record.reason else ""


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """What the harness logs inside goes to a file as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("harness")
    before = root.level
    root.addHandler(handler)
    root.setLevel(min(logging.INFO, root.getEffectiveLevel()))
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()


@contextmanager
def _timed(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    log.info("%s: %.2f s", what, time.perf_counter() - started)


def _attempt(
    spec: TrialSpec, where: Workplace, on_epoch: OnEpoch | None, stops: Stops
) -> tuple[TrialRecord, Detections | None]:
    """The trial, or the record of its failure with what was known by then."""
    environment = describe(torch.device("cpu"), where.threads, where.engine, where.devices)
    facts: dict[str, Any] = {}
    detections = None
    try:
        device = find_device(where.device)
        environment = describe(device, where.threads, where.engine, where.devices)
        log.info("trial %s on %s, %d threads", spec.id, environment.device, where.threads)
        with deterministic(device, where.threads), capped(device, where.memory_gb):
            detections = _perform(spec, where, device, on_epoch, stops, facts)
    except Exception as error:
        log.exception("failed")
        facts |= _progress(spec, where) | {
            "status": classify(error),
            "reason": reason_of(error),
            "traceback": "".join(traceback.format_exception(error)),
        }
    tree = spec.model_dump(mode="json")
    record = TrialRecord(id=spec.id, spec=tree, environment=environment, seconds=0.0, **facts)
    return record, detections


def _progress(spec: TrialSpec, where: Workplace) -> dict[str, Any]:
    """What a trial that failed has left for the next attempt."""
    kept = load(where.checkpoint(spec.id), spec.id)
    return {"curve": kept.curve, "epochs_done": kept.epoch} if kept else {"epochs_done": 0}


def _perform(
    spec: TrialSpec,
    where: Workplace,
    device: torch.device,
    on_epoch: OnEpoch | None,
    stops: Stops,
    facts: dict[str, Any],
) -> Detections | None:
    """Fill in the fields of the record; the detections of a trial that came to its end."""
    precision_of(spec.recipe, device)
    with _timed("data"):
        dataset = open_dataset(spec, where)
    with _timed("network"):
        detector = build_detector(spec, where)
    with _timed("cost"):
        facts["cost"] = _cost(spec, detector)
    memory = PeakMemory(device)
    with _timed("feeds"):
        feeds = open_feeds(detector.to(device), dataset, spec, where, device)
    trainer = Trainer(
        detector, feeds.train, spec, device, micro_batch=where.micro_batch, look=stops.look
    )
    with _timed("training"):
        trained, peak_mb = _train(trainer, spec, where, _teller(spec, on_epoch))
    facts |= {
        "curve": trained.curve,
        "epochs_done": len(trained.curve),
        "images_per_second": trained.images_per_second,
        "data_wait_share": trained.data_wait_share,
        "peak_memory_mb": max(peak_mb, memory.megabytes()),
        "altered": altered(spec, where),
    }
    if trained.diverged:
        facts |= {"status": "diverged", "reason": trained.diverged}
        return None
    with _timed("evaluation"):
        metrics, detections = _evaluate(trainer.trained, feeds, dataset, spec, device)
    facts["peak_memory_mb"] = max(peak_mb, memory.megabytes())
    with _timed("latency"):
        latency = _latency(trainer.trained, spec, device)
    facts |= {"status": "done", "metrics": metrics, "latency": latency}
    return detections


def _train(
    trainer: Trainer, spec: TrialSpec, where: Workplace, tell: Callable[[EpochLog], None]
) -> tuple[TrainLog, float]:
    """Train to the end, here or by several processes; and the peak memory of those, megabytes."""
    checkpoint = where.checkpoint(spec.id)
    if where.devices == 1:
        return trainer.fit(checkpoint, tell), 0.0
    together = train_together(spec, where, trainer.device, tell, trainer.look)
    trainer.resume(checkpoint)
    if not together.log.diverged and trainer.epoch < spec.recipe.schedule.epochs:
        raise TrialError(f"{where.devices} processes have trained, and left no {checkpoint}")
    return together.log, together.peak_memory_mb


def altered(spec: TrialSpec, where: Workplace) -> str | None:
    """What is not as the spec says: norms see a micro-batch, not the batch."""
    batch, most = spec.recipe.batch_size, where.micro_batch
    if most is None or -(-batch // where.devices) <= most:
        return None
    return f"micro-batch of {most}, of a batch of {batch}"


def _cost(spec: TrialSpec, detector: Detector) -> Cost:
    """The closed form, and fvcore's count where it can be had."""
    cost = closed_form(spec.model)
    if cost.macs > COUNTED_MACS:
        log.info("fvcore not asked: %.1f billion multiply-adds", cost.macs / 1e9)
        return cost
    try:
        counted = count(detector, spec.model.image_size)
    except Exception as error:
        log.warning("fvcore cannot count this network: %s", reason_of(error))
        return cost
    return dataclasses.replace(
        cost,
        fvcore_total=counted.total,
        fvcore_params=counted.params,
        fvcore_uncounted=counted.uncounted,
    )


def _teller(spec: TrialSpec, on_epoch: OnEpoch | None) -> Callable[[EpochLog], None]:
    epochs = spec.recipe.schedule.epochs

    def tell(row: EpochLog) -> None:
        log.info(
            "epoch %d of %d: loss %.4f (class %.4f, box %.4f), %.1f images/s, %.1f%% waiting",
            row.epoch,
            epochs,
            row.loss,
            row.class_loss,
            row.box_loss,
            row.images_per_second,
            100 * row.data_wait_share,
        )
        if on_epoch:
            facts = dataclasses.asdict(row)
            del facts["fusion_weights"]
            on_epoch({**facts, "epochs": epochs})

    return tell


def _evaluate(
    detector: Detector, feeds: Feeds, dataset: Dataset, spec: TrialSpec, device: torch.device
) -> tuple[Metrics, Detections]:
    """Metrics on the validation images, and what they were computed from."""
    size = spec.model.image_size
    detections = predict(detector, feeds.val(), spec.recipe, size, device)
    metrics = coco_metrics(
        dataset.val_ground_truth(),
        detections,
        needs=spec.facts.needs,
        bands=dataset.bands,
        max_detections=spec.recipe.postprocess.max_detections,
    )
    return metrics, detections


def _latency(detector: Detector, spec: TrialSpec, device: torch.device) -> Latency:
    precision = precision_of(spec.recipe, device)
    return measure(detector, spec.model.image_size, device, precision=precision)


def load_trained(spec: TrialSpec, where: Workplace) -> Detector:
    """The network of a finished trial, from its last checkpoint, in eval mode on the CPU."""
    kept = load(where.checkpoint(spec.id), spec.id)
    if kept is None or kept.epoch < spec.recipe.schedule.epochs:
        raise TrialError(f"no finished checkpoint of trial {spec.id} in {where.results}")
    detector = build_detector(spec, where)
    detector.load_state_dict(kept.average or kept.model)
    return detector.eval()
