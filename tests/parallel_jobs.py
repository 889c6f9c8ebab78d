"""What processes of a group are told to do in tests: importable by name in a fresh interpreter."""

import os
import signal
import time
from pathlib import Path

import torch

from harness.data.loader import Share
from harness.detector import build
from harness.detector.targets import Targets
from harness.space.trial import TrialSpec
from harness.training.determinism import deterministic
from harness.training.group import joined
from harness.training.train import Trainer

CPU = torch.device("cpu")
SIZE = 64


class Whole:
    """Random images and boxes in float64, a function of the epoch; a process sees its share."""

    def __init__(self, images: int, share: Share = Share()) -> None:  # noqa: B008
        self.images, self.share = images, share

    def __len__(self) -> int:
        return 2

    def epoch(self, number):
        generator = torch.Generator().manual_seed(number)
        for _ in range(2):
            images = torch.randn(self.images, 3, SIZE, SIZE, generator=generator).double()
            corner = torch.rand(self.images, 3, 2, generator=generator) * SIZE / 2
            sides = 6 + 30 * torch.rand(self.images, 3, 2, generator=generator)
            boxes = torch.cat([corner, corner + sides], dim=-1)
            labels = torch.randint(0, 2, (self.images, 3), generator=generator)
            crowd = torch.zeros(self.images, 3, dtype=torch.bool)
            own = torch.tensor_split(torch.arange(self.images), self.share.size)[self.share.rank]
            yield images[own], Targets(boxes[own], labels[own], crowd[own])


class Noisy(Whole):
    """In float32; ends at an epoch, or has something that is no number."""

    def __init__(self, images, share, stop=None, broken=False):
        super().__init__(images, share)
        self.stop, self.broken = stop, broken

    def epoch(self, number):
        if number == self.stop:
            raise KeyboardInterrupt
        for images, targets in super().epoch(number):
            yield images.float() * (float("nan") if self.broken else 1), targets


def still(detector):
    """In float64, with norms that do not learn from what they see."""
    for module in detector.double().train().modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
            module.train = lambda mode=True, module=module: module
    return detector


def train_still(spec, images, share=Share(), group=None, micro_batches=1):  # noqa: B008
    """Gradients of the first step, losses and weights of a whole training in float64."""
    torch.manual_seed(0)
    feed = Whole(images, share)
    with deterministic(CPU, 1):
        detector = still(build(spec.model, spec.seeds.init))
        trainer = Trainer(detector, feed, spec, CPU, group=group, micro_batches=micro_batches)
        first = {}

        def look(optimizer, *_):
            for name, value in detector.named_parameters():
                if value.grad is not None and name not in first:
                    first[name] = value.grad.clone().numpy()

        trainer.optimizer.register_step_pre_hook(look)
        log = trainer.fit()
        curve = [(row.loss, row.class_loss, row.box_loss) for row in log.curve]
        weights = {name: value.numpy() for name, value in trainer.trained.state_dict().items()}
    return first, curve, weights


def train_part(job, rank, say):
    """One of two. Says what came of: trainings that stand still, are whole, resumed, spoilt."""
    spec, images, folder = job
    spec = TrialSpec.model_validate_json(spec)
    with joined(rank, 2, Path(folder) / "meet", CPU) as group:
        share = Share(rank, 2)
        still = train_still(spec, images, share, group)
        last = Path(folder) / "last.pt"
        whole = train(spec, Noisy(images, share), group)
        train(spec, Noisy(images, share, stop=2), group, last)
        resumed = train(spec, Noisy(images, share), group, last)
        _, _, spoilt = train(spec, Noisy(images, share, broken=rank == 1), group)
        say((rank, still, whole, resumed, spoilt))
        group.sum(torch.ones(1))
        if rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        group.sum(torch.ones(1))


def train(spec, feed, group, checkpoint=None):
    """Weights, losses and why it ended, of a whole training as it is."""
    with deterministic(CPU, 1):
        trainer = Trainer(build(spec.model, spec.seeds.init), feed, spec, CPU, group=group)
        try:
            log = trainer.fit(checkpoint)
        except KeyboardInterrupt:
            return None
        weights = {name: value.numpy() for name, value in trainer.trained.state_dict().items()}
        return weights, [(row.loss, row.images_per_second > 0) for row in log.curve], log.diverged


def wait_in_vain(meet, rank, say):
    """The second does not come to the sum in which the first waits for it."""
    with joined(rank, 2, Path(meet), CPU, patience_s=2.0) as group:
        group.sum(torch.ones(1))
        if rank == 1:
            time.sleep(600)
        group.sum(torch.ones(1))
