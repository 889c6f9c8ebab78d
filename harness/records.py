"""What is known of a trial, and the ledger that keeps it: `results/ledger/<id>/`.

A record is facts of the trial alone: it names no study, arm or profile. `record.json` is
written beside its place and renamed into it, so it is there whole or not at all.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from harness.outcomes import Status

RECORD_VERSION = 3


@dataclass(frozen=True, slots=True)
class PartCost:
    """Parameters, multiply-adds and activations (of convolutions, linear layers), batch 1."""

    params: int
    macs: int
    acts: int | None = None
    """Outputs of convolutions and linear layers; None in records from before they were counted."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Closed-form cost by part, and fvcore's own count with what it left out."""

    params: int
    macs: int
    parts: dict[str, PartCost]
    """`backbone`, `feature_network`, and the towers of the head: `class_head`, `box_head`."""
    fvcore_total: int | None = None
    fvcore_params: int | None = None
    fvcore_uncounted: dict[str, int] = field(default_factory=dict)
    acts: int | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """COCO metrics by pycocotools, fractions of 1. None where COCOeval has nothing to say (-1)."""

    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ap_per_class: dict[str, float | None]
    ap_by_need: dict[str, float | None] = field(default_factory=dict)
    """`shapes`: mean AP over the classes of each need (`context`, `extent`, `none`)."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Forward pass of the network, milliseconds an image."""

    median_ms: float
    p90_ms: float
    runs: int
    batch: int
    device: str
    conditions: str


@dataclass(frozen=True, slots=True)
class EpochLog:
    """One row of the training curve. None is what a trainer of one's own did not tell."""

    epoch: int
    step: int | None
    loss: float
    class_loss: float | None
    box_loss: float | None
    learning_rate: float | None
    seconds: float
    images_per_second: float | None
    data_wait_share: float | None
    """Share of the epoch's time spent waiting for data."""
    fusion_weights: dict[str, list[float]] = field(default_factory=dict)
    """Normalised fusion weights by node key, in the order of the node's inputs
    (per channel: their mean)."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a trial ran. Never identity."""

    host: str
    device: str
    threads: int
    versions: dict[str, str]
    git_commit: str | None
    started: str
    """UTC, ISO 8601."""
    engine: str = "inline"
    processes: int = 1
    """Processes the trial was trained by (DistributedDataParallel)."""


@dataclass(frozen=True, slots=True)
class Rung:
    """An evaluation on the way, at the end of an epoch."""

    epoch: int
    ap: float | None


Kept = Literal["last", "best", "none"]
"""The checkpoint of a finished trial that stays: its last, that of its best evaluation, or none."""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """All that is known of one trial."""

    id: str
    status: Status
    spec: dict[str, Any]
    """`TrialSpec.model_dump(mode="json")`."""
    environment: Environment
    seconds: float
    metrics: Metrics | None = None
    cost: Cost | None = None
    latency: Latency | None = None
    peak_memory_mb: float | None = None
    images_per_second: float | None = None
    data_wait_share: float | None = None
    curve: tuple[EpochLog, ...] = ()
    reason: str | None = None
    traceback: str | None = None
    epochs_done: int | None = None
    """Epochs trained. Only a `done` record has all of its schedule's."""
    rungs: tuple[Rung, ...] = ()
    altered: str | None = None
    """What was not as the spec says, such as a halved micro-batch: outside every contrast."""
    attempt: int = 1
    """How often this trial was recorded; earlier records lie beside this one."""
    kept: Kept | None = None
    detections: str | None = None
    """Name of the file beside the record that holds its detections."""
    matches: str | None = None
    """Name of the file beside the record that holds its match records (`harness.matches`)."""
    version: int = RECORD_VERSION
