"""One trial trained by several processes of this machine, each with a device of its own.

The process that does the trial starts them and listens; it trains nothing itself. The first of
them keeps the checkpoint, from which the trial goes on to its evaluation as one that was resumed.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from harness import plugins
from harness.data.loader import Share
from harness.environment import PeakMemory, capped, device_of
from harness.errors import TrialError
from harness.plurals import many
from harness.records import EpochLog
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.training.determinism import deterministic
from harness.training.feeds import open_feeds
from harness.training.group import joined
from harness.training.logs import TrainLog
from harness.training.prepare import build_detector, open_dataset
from harness.training.processes import run_together
from harness.training.train import Trainer

MEMBER = "harness.training.parallel:train_member"


@dataclass(frozen=True, slots=True)
class Job:
    """What each process is given."""

    spec: str
    """As JSON."""
    where: Workplace
    device: str
    meet: Path
    """A file by which the processes find each other."""
    plugins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a process has to tell in the end."""

    log: TrainLog
    peak_memory_mb: float


def train_together(
    spec: TrialSpec,
    where: Workplace,
    device: torch.device,
    on_epoch: Callable[[EpochLog], None],
    look: Callable[[], None],
) -> Trained:
    """Train to the end by `where.devices` processes; the trained network is in the checkpoint.

    look: called now and then; what it raises ends training.
    """
    count = where.devices
    images = min(spec.recipe.batch_size, spec.facts.train_images)
    if count > images:
        raise TrialError(f"{count} devices a trial, and {many(images, 'image')} a batch")
    device_of(0, count, device.type)
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        meet = Path(folder) / "meet"
        job = Job(spec.model_dump_json(), where, device.type, meet, plugins.loaded())
        first: Trained = run_together(MEMBER, job, count, on_epoch, look)[0]
    return first


def train_member(job: Job, rank: int, say: Callable[[EpochLog], None]) -> Trained:
    """What one of the processes does."""
    plugins.load(job.plugins)
    spec, where = TrialSpec.model_validate_json(job.spec), job.where
    count = where.devices
    device = device_of(rank, count, job.device)
    with (
        deterministic(device, where.threads),
        capped(device, where.memory_gb),
        joined(rank, count, job.meet, device) as group,
    ):
        dataset = open_dataset(spec, where)
        detector = build_detector(spec, where).to(device)
        memory = PeakMemory(device)
        feeds = open_feeds(detector, dataset, spec, where, device, Share(rank, count))
        trainer = Trainer(
            detector, feeds.train, spec, device, group=group, micro_batches=where.micro_batches
        )
        log = trainer.fit(where.checkpoint(spec.id), None if rank else say)
        return Trained(log, memory.megabytes())
