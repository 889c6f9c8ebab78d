"""What a trial logs, to a file of its own as well, and what came of its training."""

import dataclasses
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.files import is_local, write_whole
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
        images = sum(row.images_per_second * row.seconds for row in self.curve)
        return images / self.seconds if self.seconds and images else None

    @property
    def data_wait_share(self) -> float | None:
        waited = sum(row.data_wait_share * row.seconds for row in self.curve)
        return waited / self.seconds if self.seconds and self.curve else None


@contextmanager
def logged(path: Path, scratch: Path) -> Iterator[None]:
    """What the harness logs inside goes to a file as well: to `scratch` first if `path` is in a
    store, where nothing can be added to a file."""
    written = path if is_local(path) else scratch
    written.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(written, encoding="utf-8")
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
        if written != path:
            write_whole(path, written.read_bytes())


@contextmanager
def timed(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    log.info("%s: %.2f s", what, time.perf_counter() - started)
