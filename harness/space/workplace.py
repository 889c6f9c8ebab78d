"""Where trials run: everything an engine decides and no result depends on."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workplace:
    """Folders and device of a run. Crosses to workers; never part of a trial's identity."""

    results: Path
    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu` or `cuda`."""
    threads: int = 1
    data_workers: int = 0
    engine: str = "inline"
    memory_gb: float | None = None
    """Most of a GPU's memory that a trial may take."""
    devices: int = 1
    """Processes a trial is trained by, each with a device of its own."""
    micro_batch: int | None = None
    """Images that go through the network at once; None is the whole batch."""
    timeout_s: float | None = None
    """Longest that one trial may take."""
    deadline: float | None = None
    """When training ends for today, in seconds of `time.time`."""

    @property
    def cache(self) -> Path:
        return self.results / "cache"

    def checkpoint(self, trial_id: str) -> Path:
        return self.results / "checkpoints" / trial_id / "last.pt"

    def backbone(self, trial_id: str) -> Path:
        return self.results / "backbones" / f"{trial_id}.pt"
