"""The training loop: one epoch after another, each ending in a row of the curve and a checkpoint.

Nothing in a step waits for the device: losses are added up as tensors and read now and then.
"""

import logging
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import reduce
from operator import add
from pathlib import Path

import torch
from torch import Tensor

from harness.detector.losses import portion_loss, positives
from harness.detector.model import Detector
from harness.detector.targets import Assignment, Targets, assign
from harness.environment import autocast, precision_of
from harness.errors import TrialError
from harness.records import EpochLog
from harness.space.streams import stream_seed
from harness.space.trial import TrialSpec
from harness.training.average import Average, NormRamp
from harness.training.checkpoint import Checkpoint, load, save, suits
from harness.training.failures import building
from harness.training.group import AbstractGroup, Alone
from harness.training.inputs import Feed, Inputs, move, portions
from harness.training.logs import TrainLog
from harness.training.optimizer import build_optimizer, peak_rate, set_rate, share_of_peak

log = logging.getLogger(__name__)

LOOK_EVERY = 200
"""Steps between two looks at whether the loss is still finite."""


class _Diverged(Exception):
    pass


class Trainer:
    """A detector on its device and all that changes while it is trained."""

    def __init__(
        self,
        detector: Detector,
        feed: Feed,
        spec: TrialSpec,
        device: torch.device,
        *,
        group: AbstractGroup | None = None,
        micro_batches: int = 1,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """micro_batches: parts of a batch that go through the network one after another.

        look: called before every step; ends training by what it raises.
        """
        self.recipe, self.seeds, self.trial = spec.recipe, spec.seeds, spec.id
        self.detector, self.feed, self.device = detector.to(device).train(), feed, device
        self.group = group or Alone()
        self.forward = self.group.wrap(self.detector)
        self.micro_batches, self.look = micro_batches, look
        self.most_processes, self.most_micro_batches = self.group.size, micro_batches
        self.dtype = precision_of(spec.recipe, device)
        fusion = detector.feature_network.fusion_parameters()
        self.optimizer = build_optimizer(detector, spec.recipe, fusion)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)
        decay = spec.recipe.schedule.ema_decay
        self.average = None if decay is None else Average(detector, decay)
        self.norms = NormRamp(detector)
        self.anchors = detector.anchors((spec.model.image_size,) * 2, device)
        self.parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        self.step = self.epoch = 0
        self.curve: tuple[EpochLog, ...] = ()
        self.seconds = 0.0

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return len(self.feed) * self.recipe.schedule.epochs

    @property
    def trained(self) -> Detector:
        """The network to evaluate: the average where there is one. In eval mode."""
        return self.average.network if self.average else self.detector.eval()

    def fit(
        self, checkpoint: Path | None = None, on_epoch: Callable[[EpochLog], None] | None = None
    ) -> TrainLog:
        """Train to the end, from `checkpoint` where there is one. The first process keeps it."""
        if checkpoint:
            self.resume(checkpoint)
        if self.epoch:
            log.info("going on from the checkpoint after epoch %d", self.epoch)
        try:
            while self.epoch < self.recipe.schedule.epochs:
                row = self._epoch(self.epoch + 1)
                self.epoch, self.curve = row.epoch, (*self.curve, row)
                self.seconds += row.seconds
                if checkpoint and self.group.rank == 0:
                    save(self._checkpoint(), checkpoint)
                if on_epoch:
                    on_epoch(row)
            self._demand_finite_weights()
        except _Diverged as end:
            return TrainLog(self.curve, self.seconds, diverged=str(end))
        return TrainLog(self.curve, self.seconds)

    def _epoch(self, number: int) -> EpochLog:
        """One pass over the feed."""
        others = [self.group.rank] if self.group.rank else []
        torch.manual_seed(stream_seed("noise", self.seeds.augmentation, number, *others))
        total = torch.zeros(3, device=self.device)
        started, waited, images, rate = time.perf_counter(), 0.0, 0, 0.0
        batches = self.feed.epoch(number)
        for i in range(1, len(self.feed) + 1):
            self.look()
            asked = time.perf_counter()
            inputs, targets = next(batches)
            waited += time.perf_counter() - asked
            rate = self._set_rate()
            total += self._step(move(inputs, self.device), targets.to(self.device, True))
            images += len(targets.labels)
            if i % LOOK_EVERY == 0:
                self._demand_finite(self.group.sum(total), number)
        total = self.group.sum(total)
        self._demand_finite(total, number)
        images = int(self.group.sum(torch.tensor(images, device=self.device)))
        seconds = time.perf_counter() - started
        loss, classes, boxes = (total / len(self.feed)).tolist()
        return EpochLog(
            epoch=number,
            step=self.step,
            loss=loss,
            class_loss=classes,
            box_loss=boxes,
            learning_rate=rate,
            seconds=seconds,
            images_per_second=images / seconds,
            data_wait_share=waited / seconds,
            fusion_weights=self.detector.feature_network.fusion_weights(),
        )

    def _step(self, inputs: Inputs, targets: Targets) -> Tensor:
        """One update. Returns this process's losses (total, classes, boxes): (3,)."""
        self.norms.set(self.step + 1)
        batch = portions(inputs, targets, self.micro_batches)
        said = [assign(self.anchors, seen, self.recipe.loss.negative_iou) for _, seen in batch]
        count = self.group.sum(reduce(add, map(positives, said)))
        losses = []
        for i, (shown, _) in enumerate(batch, 1):
            with self.group.unsynced() if i < len(batch) else nullcontext():
                losses.append(self._backward(shown, said[i - 1], count))
        self._update()
        return reduce(add, losses)

    def _backward(self, shown: Inputs, said: Assignment, count: Tensor) -> Tensor:
        """Gradients of a portion of a batch that has `count` positive anchors; its losses."""
        with building() if self.step == 0 else nullcontext():
            with autocast(self.device, self.dtype):
                outputs = self.forward(shown)
            losses = portion_loss(outputs, self.anchors, said, count, self.recipe.loss)
        self.scaler.scale(losses.total).backward()  # type: ignore[no-untyped-call]
        return torch.stack(losses).detach()

    def _update(self) -> None:
        """Move the weights by what their gradients say."""
        if self.recipe.optimizer.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            norm = self.recipe.optimizer.clip_norm
            torch.nn.utils.clip_grad_norm_(self.parameters, norm, foreach=True)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.group.settle()
        if self.average:
            self.average.update(self.step)

    def _set_rate(self) -> float:
        share = share_of_peak(self.recipe.schedule, self.step, len(self.feed))
        rate = peak_rate(self.recipe) * share
        set_rate(self.optimizer, rate)
        return rate

    def _demand_finite(self, total: Tensor, epoch: int) -> None:
        """Stop where the loss has ceased to be a number."""
        loss = float(total[0])
        if not math.isfinite(loss):
            raise _Diverged(
                f"the loss is {loss} by step {self.step} of {self.steps} (epoch {epoch})"
            )

    def _demand_finite_weights(self) -> None:
        """The last step of all may spoil them after a loss that was still a number."""
        norms = torch._foreach_norm([p.detach() for p in self.parameters])
        if not torch.stack(norms).isfinite().all():
            raise _Diverged(f"a weight is not a number after step {self.step} of {self.steps}")

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            trial=self.trial,
            epoch=self.epoch,
            step=self.step,
            model=self.detector.state_dict(),
            average=self.average.network.state_dict() if self.average else {},
            optimizer=self.optimizer.state_dict(),
            scaler=self.scaler.state_dict(),
            curve=self.curve,
            seconds=self.seconds,
            processes=self.most_processes,
            micro_batches=self.most_micro_batches,
        )

    def resume(self, checkpoint: Path) -> None:
        """Go on from a checkpoint, where there is one that suits; all processes from the same."""
        average = self.average.network if self.average else None
        found = load(checkpoint, self.trial)
        if found and suits(found, self.detector, average):
            self._restore(found)
        told = self.group.sum(torch.tensor(self.epoch, device=self.device))
        if int(told) != self.epoch * self.group.size:
            raise TrialError(f"the processes do not find the same checkpoint {checkpoint}")

    def _restore(self, found: Checkpoint) -> None:
        self.detector.load_state_dict(found.model)
        if self.average:
            self.average.network.load_state_dict(found.average)
        self.optimizer.load_state_dict(found.optimizer)
        self.scaler.load_state_dict(found.scaler)
        self.step, self.epoch = found.step, found.epoch
        self.curve, self.seconds = found.curve, found.seconds
        self.most_processes = max(self.group.size, found.processes)
        self.most_micro_batches = max(self.micro_batches, found.micro_batches)
