"""What came of a training, and how long parts of a trial take."""

import dataclasses
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.records import EpochLog

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class TrainLog:
    """What came of training, resumed parts included."""

    curve: tuple[EpochLog, ...]
    seconds: float
    diverged: str | None = None
    """Why it ended early."""

    @property
    def images_per_second(self) -> float | None:
        images = sum((row.images_per_second or 0.0) * row.seconds for row in self.curve)
        return images / self.seconds if self.seconds and images else None

    @property
    def data_wait_share(self) -> float | None:
        waited = sum((row.data_wait_share or 0.0) * row.seconds for row in self.curve)
        return waited / self.seconds if self.seconds and self.curve else None


@contextmanager
def timed(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    log.info("%s: %.2f s", what, time.perf_counter() - started)
