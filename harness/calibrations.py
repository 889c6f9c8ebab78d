"""What short runs on a device told of trials' speed: `results/calibrations/<device>/<key>.json`.

A file a group of trials that differ in nothing which takes time: one network, batch size, image
size and way of seeing images. Epochs, numbers of images, rates and seeds are not in a group;
`trial_seconds` brings the first two back.
"""

import dataclasses
import hashlib
import json
import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from harness.files import write_whole
from harness.graph import digest, from_tree
from harness.space.trial import TrialSpec

CALIBRATION_VERSION = 1


class Span(NamedTuple):
    """Seconds: the likeliest, and the least and most that what is known allows for."""

    seconds: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds that the parts of a trial take."""

    step: tuple[float, ...]
    """A training step with its batch: the mean of each stretch that was timed."""
    evaluation: float
    """Prediction and metrics, a validation image."""
    save: float
    """What an epoch takes beside its steps: its checkpoint."""
    fixed: float
    """What a trial takes once: data opened, network built and counted, latency measured."""
    features: float
    """An image through the frozen backbone, once for all trials that share it; else 0."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rates of a group on a device, or why they could not be had."""

    group: dict[str, Any]
    device: str
    threads: int
    torch: str
    measured: str
    """When: UTC, ISO 8601."""
    load: float | None = None
    """Processes a core that wanted to run at the time (one-minute average), where it is known."""
    rates: Rates | None = None
    steps: int = 0
    """Timed."""
    reason: str | None = None
    interpolated: bool = False
    """Over multiply-adds, between networks that were measured. Never kept."""
    version: int = CALIBRATION_VERSION


def group_of(spec: TrialSpec) -> dict[str, Any]:
    """Everything of a trial that a step's time depends on, as plain data."""
    model = spec.model.without_weights().model_dump(mode="json")
    graph = from_tree(spec.model.feature_network.graph)
    model["feature_network"]["graph"] = digest(graph)
    recipe = spec.recipe.model_dump(mode="json", exclude={"loss"})
    recipe["schedule"] = {"average": spec.recipe.schedule.ema_decay is not None}
    optimizer = spec.recipe.optimizer
    recipe["optimizer"] = {"name": optimizer.name, "clip": optimizer.clip_norm is not None}
    data = {"name": spec.data.name, "image_size": spec.data.image_size}
    return {"model": model, "recipe": recipe, "data": data}


def group_key(spec: TrialSpec) -> str:
    """16 hex digits: trials with one key take equal time a step."""
    return _digest(group_of(spec))


def family_key(spec: TrialSpec) -> str:
    """The same for networks that differ in feature network and head alone, so that time may be
    laid along their multiply-adds."""
    group = group_of(spec)
    group["model"]["feature_network"] = None
    group["model"]["head"] = None
    return _digest(group)


def features_key(spec: TrialSpec) -> str:
    """Trials with one key share the kept maps of a frozen backbone."""
    source = spec.model.backbone.source
    told = {
        "backbone": spec.model.backbone.model_dump(mode="json", exclude={"source"}),
        "source": source.id if source else None,
        "image_size": spec.model.image_size,
        "data": spec.facts.fingerprint,
        "flip": spec.recipe.augmentation.flip,
    }
    return _digest(told)


def trial_seconds(rates: Rates, spec: TrialSpec) -> float:
    """How long a trial of a group takes by itself, features of its backbone not among it."""
    images, epochs = spec.facts.train_images, spec.recipe.schedule.epochs
    steps = epochs * (images // min(spec.recipe.batch_size, images))
    rest = rates.fixed + epochs * rates.save + spec.facts.val_images * rates.evaluation
    return steps * statistics.median(rates.step) + rest


def spread(measured: Iterable[Calibration]) -> tuple[float, float]:
    """How far below and above its middle a stretch of steps came, of all that were timed: what
    else a machine does comes and goes, so one network's stretches are too few to tell."""
    ratios = [
        one / statistics.median(found.rates.step)
        for found in measured
        if found.rates and not found.interpolated
        for one in found.rates.step
    ]
    return min([1.0, *ratios]), max([1.0, *ratios])


def feature_seconds(rates: Rates, spec: TrialSpec) -> float:
    """How long it takes to keep the maps of all images, flipped ones with them."""
    sides = 2 if spec.recipe.augmentation.flip else 1
    return rates.features * (sides * spec.facts.train_images + spec.facts.val_images)


def calibration_path(results: Path, spec: TrialSpec, device: str, threads: int) -> Path:
    """The place of a group's calibration. device: as records have it (`cpu: Xeon`)."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", device).strip("-").lower() or "device"
    return results / "calibrations" / f"{name}-{threads}" / f"{group_key(spec)}.json"


def write_calibration(path: Path, found: Calibration) -> None:
    write_whole(path, json.dumps(dataclasses.asdict(found), indent=1) + "\n")


def read_calibration(path: Path, torch: str) -> Calibration | None:
    """What was measured, by this torch and this form of file; else None, to be measured anew."""
    try:
        found = _adapter().validate_json(path.read_bytes(), strict=True)
    except (FileNotFoundError, ValidationError):
        return None
    fits = found.version == CALIBRATION_VERSION and found.torch == torch and found.rates
    return found if fits else None


def between(macs: float, known: Mapping[float, Rates]) -> Rates:
    """Rates of a network by its multiply-adds, on the straight line between measured ones.

    known: by multiply-adds, at least one; beyond the ends the nearest is taken.
    """
    at = sorted(known)
    low = max((m for m in at if m <= macs), default=at[0])
    high = min((m for m in at if m >= macs), default=at[-1])
    share = 0.0 if high == low else (macs - low) / (high - low)
    a, b = known[low], known[high]

    def mix(x: float, y: float) -> float:
        return x + share * (y - x)

    ends = [mix(f(a.step), f(b.step)) for f in (min, statistics.median, max)]
    names = ("evaluation", "save", "fixed", "features")
    rest = {name: mix(getattr(a, name), getattr(b, name)) for name in names}
    return Rates(step=tuple(ends), **rest)


def _digest(tree: Mapping[str, Any]) -> str:
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _adapter() -> TypeAdapter[Calibration]:
    return TypeAdapter(Calibration)
