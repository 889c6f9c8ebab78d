"""Curves of a trial as TensorBoard's files, for who asks: `results/tensorboard/<name>/`.

They are for watching. Nothing is read back from them, and what goes wrong with them ends no trial.
"""

import contextlib
import logging
import math
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.files import is_local, write_whole
from harness.records import TrialRecord
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace

log = logging.getLogger(__name__)

SCALARS = {
    "loss": "loss/total",
    "class_loss": "loss/class",
    "box_loss": "loss/box",
    "learning_rate": "learning_rate",
    "images_per_second": "speed/images_per_second",
    "data_wait_share": "speed/data_wait_share",
    "peak_memory_mb": "speed/peak_memory_mb",
    "ap": "ap",
}
"""What a trial tells at the end of an epoch, and what TensorBoard calls it."""


class Curves:
    """A trial's scalars by epoch. Files are opened with the first, and none is if not asked for."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._writer: Any = None

    def tell(self, facts: Mapping[str, Any]) -> None:
        """facts: of `EpochLog`, with the AP where the trial was evaluated."""
        found = {tag: facts[name] for name, tag in SCALARS.items() if facts.get(name) is not None}
        for node, weights in facts.get("fusion_weights", {}).items():
            found |= {f"fusion/{node}/{place}": weight for place, weight in enumerate(weights)}
        self._write(found, int(facts["epoch"]))

    def end(self, record: TrialRecord) -> None:
        """The metrics that a finished trial ends with."""
        if record.metrics is None or record.epochs_done is None:
            return
        names = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
        values = {name: getattr(record.metrics, name) for name in names}
        found = {"ap" if name == "ap" else f"ap/{name}": value for name, value in values.items()}
        self._write({tag: value for tag, value in found.items() if value is not None},
                    record.epochs_done)  # fmt: skip

    def close(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()

    def _write(self, values: Mapping[str, float], epoch: int) -> None:
        if self.folder is None:
            return
        try:
            self._writer = self._writer or _opened(self.folder, epoch)
            for tag, value in values.items():
                if math.isfinite(value):
                    self._writer.write_event(_event(tag, value, epoch))
            self._writer.flush()
        except (ImportError, OSError) as error:
            log.warning("no more TensorBoard files: %s", error)
            self.folder = None


def _opened(folder: Path, epoch: int) -> Any:
    """tensorboardX's writer that writes at once: its usual one has a thread, and waits for ever
    where that has met a full disk."""
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    folder.mkdir(parents=True, exist_ok=True)
    writer = EventsWriter(str(folder / "events"), f".{uuid.uuid4().hex[:8]}")
    # Of an attempt before this one, what comes later than here is void.
    begun = SessionLog(status=SessionLog.START)
    writer.write_event(Event(wall_time=time.time(), step=epoch, session_log=begun))
    return writer


def _event(tag: str, value: float, epoch: int) -> Any:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
    return Event(wall_time=time.time(), step=epoch, summary=summary)


def run_name(spec: TrialSpec) -> str:
    """What TensorBoard lists: the network in a few words, the seed, and the trial's id."""
    network = spec.model.feature_network
    name = f"{network.graph['name']}_w{network.width}_seed{spec.seeds.init}_{spec.id}"
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name)


@contextmanager
def curves_of(spec: TrialSpec, where: Workplace) -> Iterator[Curves]:
    """Curves for the length of a trial; in a store they are there when it has ended."""
    if not where.tensorboard:
        yield Curves(None)
        return
    name = run_name(spec)
    folder = where.scratch / "tensorboard" / name
    curves = Curves(folder)
    try:
        yield curves
    finally:
        curves.close()
        if not is_local(where.results) and folder.is_dir():
            for file in folder.iterdir():
                with contextlib.suppress(OSError):
                    kept = where.results / "tensorboard" / name / file.name
                    write_whole(kept, file.read_bytes())
