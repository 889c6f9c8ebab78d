"""One trial from spec to record: the meeting point of what describes and what does.

Needs neither Ray nor Optuna. Nothing that goes wrong in a trial is raised, except what stops the
process: it becomes a record with its reason and traceback.
"""

import dataclasses
import io
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import torch

from harness.claims import held
from harness.cost import count
from harness.data import Dataset
from harness.detector import Detector
from harness.draws import draws_of
from harness.engines.base import reason_of
from harness.environment import PeakMemory, capped, describe, find_device, precision_of
from harness.errors import TrialError
from harness.evaluate import coco_matches
from harness.latency import measure
from harness.ledger import LOG, Ledger
from harness.logs import logged
from harness.matches import Evidence
from harness.records import Cost, Environment, Latency, Metrics, TrialRecord
from harness.space.costing import closed_form
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.supplies import standing
from harness.training.checkpoint import load
from harness.training.determinism import deterministic
from harness.training.failures import classify
from harness.training.feeds import Feeds, open_feeds
from harness.training.handover import store_backbone
from harness.training.logs import timed
from harness.training.predict import predict
from harness.training.prepare import build_detector, keep_truth_of, open_dataset
from harness.training.stops import Stops, heeded
from harness.training.tensorboard import curves_of
from harness.training.train import Trainer
from harness.underway import Underway, altered, tidy, train

log = logging.getLogger(__name__)

OnEpoch = Callable[[Mapping[str, Any]], None]

COUNTED_MACS = 8e9
"""Multiply-adds above which fvcore is not asked: it takes 10 s and 5 GB at D3 (25e9)."""


def run_trial(spec: TrialSpec, where: Workplace, on_epoch: OnEpoch | None = None) -> TrialRecord:
    """Build, count, train, evaluate; keep the record and what it rests on in the ledger.

    Two processes do not train one trial at once: the second waits, and takes the first's record.
    So does one that comes later; but a trial that is wanted for its backbone is trained again where
    that is gone. An earlier record that is not `done` is no reason not to train.
    SIGTERM ends it between two steps, and takes its effect when the record is written.
    on_epoch: told plain values after each epoch, those of its `EpochLog` first (see `Underway`).
    """
    ledger = Ledger(where.results)
    with held(ledger.folder(spec.id), is_over=where.is_over) as (claim, _):
        if kept := standing(spec, ledger, where):
            return kept
        with heeded(Stops(where)) as stops, curves_of(spec, where) as curves:

            def tell(facts: Mapping[str, Any]) -> None:
                curves.tell(facts)
                claim.tell(facts)
                if on_epoch:
                    on_epoch({name: facts[name] for name in facts if name != "fusion_weights"})

            record, evidence = _logged_attempt(spec, where, tell, stops)
            curves.end(record)
            record = ledger.write(record, evidence)
            if record.status == "done":
                draws_of(where.results, record)  # here, where cores are many, not in the report
                tidy(spec, where)
    return record


def _logged_attempt(
    spec: TrialSpec, where: Workplace, on_epoch: OnEpoch, stops: Stops
) -> tuple[TrialRecord, Evidence | None]:
    started = time.perf_counter()
    folder = Ledger(where.results).folder(spec.id)
    with logged(folder / LOG, where.scratch / "logs" / spec.id / LOG):
        record, evidence = _attempt(spec, where, on_epoch, stops)
        record = dataclasses.replace(record, seconds=time.perf_counter() - started)
        log.info("%s after %.1f s%s", record.status, record.seconds, _because(record))
    return record, evidence


def _because(record: TrialRecord) -> str:
    return f": {record.reason}" if record.reason else ""


def _attempt(
    spec: TrialSpec, where: Workplace, on_epoch: OnEpoch, stops: Stops
) -> tuple[TrialRecord, Evidence | None]:
    """The trial, or the record of its failure with what was known by then."""
    facts: dict[str, Any] = {
        "environment": describe(torch.device("cpu"), where.threads, where.engine, where.devices),
        "altered": altered(spec, where.micro_batches, where.devices),
    }
    evidence = None
    try:
        device = find_device(where.device)
        environment = describe(device, where.threads, where.engine, where.devices)
        facts["environment"] = environment
        log.info("trial %s on %s, %d threads", spec.id, environment.device, where.threads)
        with deterministic(device, where.threads), capped(device, where.memory_gb):
            evidence = _perform(spec, where, device, on_epoch, stops, facts)
    except Exception as error:
        log.exception("failed")
        facts |= _progress(spec, where) | {
            "status": classify(error),
            "reason": reason_of(error),
            "traceback": "".join(traceback.format_exception(error)),
        }
    tree = spec.model_dump(mode="json")
    record = TrialRecord(id=spec.id, spec=tree, seconds=0.0, **facts)
    return record, evidence


def _progress(spec: TrialSpec, where: Workplace) -> dict[str, Any]:
    """What a trial that failed has left for the next attempt."""
    left = Ledger(where.results).partial(spec.id)
    kept = load(where.checkpoint(spec.id), spec.id)
    return {
        "rungs": left.rungs if left else (),
        "curve": kept.curve if kept else (),
        "epochs_done": kept.epoch if kept else 0,
    }


def _perform(
    spec: TrialSpec,
    where: Workplace,
    device: torch.device,
    on_epoch: OnEpoch,
    stops: Stops,
    facts: dict[str, Any],
) -> Evidence | None:
    """Fill in the fields of the record; what it rests on, of a trial that came to its end."""
    precision_of(spec.recipe, device)
    with timed("data"):
        dataset = open_dataset(spec, where)
    with timed("network"):
        detector = build_detector(spec, where)
    with timed("cost"):
        facts["cost"] = _cost(spec, detector)
    memory = PeakMemory(device)
    with timed("feeds"):
        feeds = open_feeds(detector.to(device), dataset, spec, where, device)
    trainer = Trainer(
        detector, feeds.train, spec, device, micro_batches=where.micro_batches, look=stops.look
    )

    def evaluate(network: Detector) -> tuple[Metrics, Evidence]:
        return _evaluate(network, feeds, dataset, spec, device)

    known = unfinished(spec, facts["environment"], facts["cost"])
    underway = Underway(
        trainer, lambda network: evaluate(network)[0].ap, known, where, on_epoch, memory.megabytes
    )
    with timed("training"):
        trained, peak_mb = train(trainer, spec, where, underway)
    facts |= {
        "curve": trained.curve,
        "images_per_second": trained.images_per_second,
        "data_wait_share": trained.data_wait_share,
        "peak_memory_mb": max(peak_mb, memory.megabytes()),
        "epochs_done": len(trained.curve),
        "rungs": underway.rungs,
        **_ways(spec, trainer, facts["environment"]),
    }
    if trained.diverged:
        facts |= {"status": "diverged", "reason": trained.diverged}
        return None
    if where.for_backbone:  # at once: who took this claim over may still write the checkpoint
        store_backbone(trainer.trained.state_dict(), where, spec.id)
    with timed("evaluation"):
        metrics, evidence = evaluate(trainer.trained)
    keep_truth_of(dataset, where)
    underway.keep_best(trainer.epoch, metrics.ap)
    facts |= {
        "peak_memory_mb": max(peak_mb, memory.megabytes()),
        "kept": where.keep,
        "rungs": underway.rungs,
    }
    with timed("latency"):
        latency = _latency(trainer.trained, spec, device)
    facts |= {"status": "done", "metrics": metrics, "latency": latency}
    return evidence


def _ways(spec: TrialSpec, trainer: Trainer, environment: Environment) -> dict[str, Any]:
    """How it was trained, the parts before an interruption included."""
    processes, micro_batches = trainer.most_processes, trainer.most_micro_batches
    return {
        "environment": dataclasses.replace(environment, processes=processes),
        "altered": altered(spec, micro_batches, processes),
    }


def unfinished(spec: TrialSpec, environment: Environment, cost: Cost) -> TrialRecord:
    """What is known of a trial before it is trained."""
    tree = spec.model_dump(mode="json")
    return TrialRecord(spec.id, "stopped", tree, environment, 0.0, cost=cost)


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


def _evaluate(
    detector: Detector, feeds: Feeds, dataset: Dataset, spec: TrialSpec, device: torch.device
) -> tuple[Metrics, Evidence]:
    """Metrics on the validation images, and what they were computed from."""
    size = spec.model.image_size
    detections = predict(detector, feeds.val(), spec.recipe, size, device)
    metrics, matches = coco_matches(
        dataset.val_ground_truth(),
        detections,
        needs=spec.facts.needs,
        bands=dataset.bands,
        max_detections=spec.recipe.postprocess.max_detections,
    )
    return metrics, Evidence(detections, matches)


def _latency(detector: Detector, spec: TrialSpec, device: torch.device) -> Latency:
    precision = precision_of(spec.recipe, device)
    return measure(detector, spec.model.image_size, device, precision=precision)


def load_trained(spec: TrialSpec, where: Workplace) -> Detector:
    """The network of a finished trial in eval mode, on the CPU, from the checkpoint kept."""
    detector = build_detector(spec, where)
    best = where.best(spec.id)
    if best.exists():
        content = io.BytesIO(best.read_bytes())
        detector.load_state_dict(torch.load(content, map_location="cpu", weights_only=True))
        return detector.eval()
    kept = load(where.checkpoint(spec.id), spec.id)
    if kept is None or kept.epoch < spec.recipe.schedule.epochs:
        raise TrialError(f"no finished checkpoint of trial {spec.id} in {where.results}")
    detector.load_state_dict(kept.average or kept.model)
    return detector.eval()
