"""A trial between its epochs: evaluated, its partial record kept, its progress told."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any

from harness.detector import Detector
from harness.errors import TrialError
from harness.ledger import Ledger
from harness.records import EpochLog, Rung, TrialRecord
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.training.checkpoint import save_whole
from harness.training.logs import TrainLog
from harness.training.parallel import train_together
from harness.training.train import Trainer

log = logging.getLogger(__name__)

OnEpoch = Callable[[Mapping[str, Any]], None]


class Underway:
    """Called after each epoch. Evaluating on the way changes nothing of what is trained."""

    def __init__(
        self,
        trainer: Trainer,
        ap_of: Callable[[Detector], float | None],
        record: TrialRecord,
        where: Workplace,
        on_epoch: OnEpoch | None,
        peak_mb: Callable[[], float] | None = None,
    ) -> None:
        """record: all that is known before training, as a `stopped` record.

        on_epoch: told the fields of `EpochLog`, `epochs`, `ap` where there was an evaluation,
        `host`, `device` and `peak_memory_mb`.
        """
        self.trainer, self.ap_of, self.where, self.on_epoch = trainer, ap_of, where, on_epoch
        self.record, self.ledger, self.peak_mb = record, Ledger(where.results), peak_mb
        left = self.ledger.partial(record.id)
        self.found = {rung.epoch: rung for rung in left.rungs} if left else {}

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Evaluations so far, those before an interruption included."""
        return tuple(self.found[epoch] for epoch in sorted(self.found))

    def __call__(self, row: EpochLog) -> None:
        epochs = self.trainer.recipe.schedule.epochs
        self._log(row, epochs)
        ap = None
        if self.is_due(row.epoch):
            ap = self._evaluated(row.epoch)
        if self.on_epoch:
            place = self.record.environment
            self.on_epoch(
                {
                    **dataclasses.asdict(row),
                    "epochs": epochs,
                    "ap": ap,
                    "host": place.host,
                    "device": place.device,
                    "peak_memory_mb": self.peak_mb() if self.peak_mb else None,
                }
            )

    def is_due(self, epoch: int) -> bool:
        """Whether there is an evaluation after an epoch. The last epoch's is the trial's own."""
        asked = epoch in self.where.evaluate_at or self.where.keep == "best"
        return asked and epoch < self.trainer.recipe.schedule.epochs

    def _evaluated(self, epoch: int) -> float | None:
        ap = self.ap_of(self.trainer.trained)
        self.trainer.detector.train()
        self.keep_best(epoch, ap)
        log.info("epoch %d: AP %s", epoch, ap)
        known = dataclasses.replace(
            self.record,
            epochs_done=epoch,
            rungs=tuple(rung for rung in self.rungs if rung.epoch <= epoch),
            curve=self.trainer.curve,
            seconds=self.trainer.seconds,
        )
        self.ledger.write_partial(known)
        return ap

    def keep_best(self, epoch: int, ap: float | None) -> None:
        """Note an evaluation; keep the weights if they are the best so far and are asked for."""
        earlier = [rung.ap for at, rung in self.found.items() if at < epoch and rung.ap is not None]
        self.found[epoch] = Rung(epoch, ap)
        if self.where.keep == "best" and ap is not None and ap > max(earlier, default=-1.0):
            save_whole(self.trainer.trained.state_dict(), self.where.best(self.record.id))

    @staticmethod
    def _log(row: EpochLog, epochs: int) -> None:
        log.info(
            "epoch %d of %d: loss %.4f (class %.4f, box %.4f), %.1f images/s, %.1f%% waiting",
            row.epoch,
            epochs,
            row.loss,
            row.class_loss,
            row.box_loss,
            row.images_per_second,
            100 * (row.data_wait_share or 0.0),
        )


def train(
    trainer: Trainer, spec: TrialSpec, where: Workplace, underway: Underway
) -> tuple[TrainLog, float]:
    """Train to the end, here or by several processes; and the peak memory of those, megabytes."""
    checkpoint = where.checkpoint(spec.id)
    if where.devices == 1:
        return trainer.fit(checkpoint, underway), 0.0

    def tell(row: EpochLog) -> None:
        if underway.is_due(row.epoch):
            trainer.resume(checkpoint)
        underway(row)

    together = train_together(spec, where, trainer.device, tell, trainer.look)
    trainer.resume(checkpoint)
    if not together.log.diverged and trainer.epoch < spec.recipe.schedule.epochs:
        raise TrialError(f"{where.devices} processes have trained, and left no {checkpoint}")
    return together.log, together.peak_memory_mb


def altered(spec: TrialSpec, micro_batches: int, processes: int = 1) -> str | None:
    """What was not as the spec says: norms that learn see a part of the batch at a time."""
    if micro_batches == 1:
        return None
    batch = min(spec.recipe.batch_size, spec.facts.train_images)
    shown = -(-batch // (processes * micro_batches))
    return f"batch of {batch} in micro-batches of {shown}"


def tidy(spec: TrialSpec, where: Workplace) -> None:
    """After a trial is done: leave the checkpoint that is to be kept, and no other."""
    Ledger(where.results).forget_partial(spec.id)
    if where.keep != "last":
        where.checkpoint(spec.id).unlink(missing_ok=True)
    if where.keep != "best":
        where.best(spec.id).unlink(missing_ok=True)
