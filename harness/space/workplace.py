"""Where trials run: everything an engine decides and no result depends on."""

import time
from dataclasses import dataclass
from pathlib import Path

from harness.files import scratch_of
from harness.records import Kept


@dataclass(frozen=True, slots=True)
class Workplace:
    """Folders and device of a run. Crosses to workers; never part of a trial's identity."""

    results: Path
    """A folder, or a store (see `harness.files.place`)."""
    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu` or `cuda`."""
    threads: int = 1
    data_workers: int = 0
    engine: str = "inline"
    address: str | None = None
    """Of a Ray cluster that is there already; None starts one on this machine."""
    must_see: tuple[str, ...] = ()
    """Folders that have to be there on every node of it, such as a dataset's."""
    cpus: float | None = None
    """CPU cores a trial is counted for; None is its threads, or its GPU's share."""
    gpus: float | None = None
    """GPUs a trial is counted for: 0.25 puts four on one; None is one where there are any."""
    memory_gb: float | None = None
    """Most of a GPU's memory that a trial may take."""
    devices: int = 1
    """Processes a trial is trained by, each with a device of its own."""
    alone: bool = False
    """One trial at a time, with all of a device: for what did not fit beside others."""
    micro_batches: int = 1
    """Parts of a batch that go through the network one after another, where it does not fit."""
    timeout_s: float | None = None
    """Longest that one trial may take."""
    deadline: float | None = None
    """When training ends for today, in seconds of `time.time`."""
    keep: Kept = "last"
    """The checkpoint of a finished trial that stays."""
    evaluate_at: tuple[int, ...] = ()
    """Epochs after which a trial is evaluated on its way."""
    tensorboard: bool = False

    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.time() >= self.deadline

    @property
    def scratch(self) -> Path:
        """A folder of this machine's for what no other machine needs."""
        return scratch_of(self.results)

    @property
    def cache(self) -> Path:
        return self.scratch / "cache"

    def checkpoint(self, trial_id: str) -> Path:
        return self.results / "checkpoints" / trial_id / "last.pt"

    def best(self, trial_id: str) -> Path:
        """Weights of the best evaluation, where those are kept."""
        return self.results / "checkpoints" / trial_id / "best.pt"

    def backbone(self, trial_id: str) -> Path:
        return self.results / "backbones" / f"{trial_id}.pt"
