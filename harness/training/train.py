"""The training loop: one epoch after another, each ending in a row of the curve and a checkpoint.

Nothing in a step waits for the device: losses are added up as tensors and read now and then.
"""

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from harness.detector.losses import detection_loss
from harness.detector.model import Detector
from harness.detector.outputs import Outputs
from harness.detector.targets import Targets
from harness.environment import autocast, precision_of
from harness.records import EpochLog
from harness.space.streams import stream_seed
from harness.space.trial import TrialSpec
from harness.training.average import Average, NormRamp
from harness.training.checkpoint import Checkpoint, load, save
from harness.training.optimizer import build_optimizer, peak_rate, set_rate, share_of_peak

log = logging.getLogger(__name__)

Inputs = Tensor | Mapping[str, Tensor]
"""Normalised images (N, 3, H, W), or the backbone's maps of them by name."""
LOOK_EVERY = 200
"""Steps between two looks at whether the loss is still finite."""


class Feed(Protocol):
    """Training batches. What an epoch holds is a function of its number alone."""

    def __len__(self) -> int:
        """Batches an epoch."""

    def epoch(self, number: int) -> Iterator[tuple[Inputs, Targets]]:
        """The batches of an epoch, numbered from 1."""


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


def run(detector: Detector, inputs: Inputs) -> Outputs:
    """The detector on images, or its later parts on the backbone's maps."""
    if isinstance(inputs, Tensor):
        outputs: Outputs = detector(inputs)
        return outputs
    return detector.from_features(inputs)


def move(inputs: Inputs, device: torch.device) -> Inputs:
    """Inputs on the device, channels last."""

    def one(x: Tensor) -> Tensor:
        return x.to(device, non_blocking=True, memory_format=torch.channels_last)

    if isinstance(inputs, Tensor):
        return one(inputs)
    return {name: one(value) for name, value in inputs.items()}


class _Diverged(Exception):
    pass


class Trainer:
    """A detector on its device and all that changes while it is trained."""

    def __init__(
        self, detector: Detector, feed: Feed, spec: TrialSpec, device: torch.device
    ) -> None:
        self.recipe, self.seeds, self.trial = spec.recipe, spec.seeds, spec.id
        self.detector, self.feed, self.device = detector.to(device).train(), feed, device
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
        """Train to the end, from `checkpoint` where there is one."""
        if checkpoint and (found := load(checkpoint, self.trial)) and self._suits(found):
            self._restore(found)
        try:
            while self.epoch < self.recipe.schedule.epochs:
                row = self._epoch(self.epoch + 1)
                self.epoch, self.curve = row.epoch, (*self.curve, row)
                self.seconds += row.seconds
                if checkpoint:
                    save(self._checkpoint(), checkpoint)
                if on_epoch:
                    on_epoch(row)
            self._demand_finite_weights()
        except _Diverged as end:
            return TrainLog(self.curve, self.seconds, diverged=str(end))
        return TrainLog(self.curve, self.seconds)

    def _epoch(self, number: int) -> EpochLog:
        """One pass over the feed."""
        torch.manual_seed(stream_seed("noise", self.seeds.augmentation, number))
        total = torch.zeros(3, device=self.device)
        started, waited, images, rate = time.perf_counter(), 0.0, 0, 0.0
        batches = self.feed.epoch(number)
        for i in range(1, len(self.feed) + 1):
            asked = time.perf_counter()
            inputs, targets = next(batches)
            waited += time.perf_counter() - asked
            rate = self._set_rate()
            total += self._step(move(inputs, self.device), targets.to(self.device, True))
            images += len(targets.labels)
            if i % LOOK_EVERY == 0:
                self._look(total, number)
        self._look(total, number)
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
        """One update. Returns the losses (total, classes, boxes): (3,)."""
        self.norms.set(self.step + 1)
        with autocast(self.device, self.dtype):
            outputs = run(self.detector, inputs)
        losses = detection_loss(outputs, self.anchors, targets, self.recipe.loss)
        self.scaler.scale(losses.total).backward()  # type: ignore[no-untyped-call]
        if self.recipe.optimizer.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            norm = self.recipe.optimizer.clip_norm
            torch.nn.utils.clip_grad_norm_(self.parameters, norm, foreach=True)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        if self.average:
            self.average.update(self.step)
        return torch.stack(losses).detach()

    def _set_rate(self) -> float:
        share = share_of_peak(self.recipe.schedule, self.step, len(self.feed))
        rate = peak_rate(self.recipe) * share
        set_rate(self.optimizer, rate)
        return rate

    def _look(self, total: Tensor, epoch: int) -> None:
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
        )

    def _suits(self, found: Checkpoint) -> bool:
        """Whether a checkpoint is of this very network; a warning where it is not."""

        def shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
            return {name: value.shape for name, value in state.items()}

        own = shapes(self.detector.state_dict())
        if shapes(found.model) == own and shapes(found.average) == (own if self.average else {}):
            return True
        log.warning("checkpoint ignored, starting again: it is of another network")
        return False

    def _restore(self, found: Checkpoint) -> None:
        self.detector.load_state_dict(found.model)
        if self.average:
            self.average.network.load_state_dict(found.average)
        self.optimizer.load_state_dict(found.optimizer)
        self.scaler.load_state_dict(found.scaler)
        self.step, self.epoch = found.step, found.epoch
        self.curve, self.seconds = found.curve, found.seconds
        log.info("going on from the checkpoint after epoch %d", self.epoch)
