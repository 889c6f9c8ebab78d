"""The processes that train one network, each on its part of every batch; mostly there is one.

Gradients of the parts are added up, not averaged: each part's loss is divided by what the whole
batch has (`harness.detector.losses`), so their sum is the gradient of one process with that batch.
Norms see the part of their process, as a smaller batch; their running statistics are averaged
after every step. So all processes hold the same network at every step, to the last bit, and any
of them can keep it. torch's SyncBatchNorm, which would see the whole batch, is not for CPUs.
"""

import contextlib
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from harness.detector.model import Detector
from harness.detector.outputs import Outputs
from harness.training.inputs import Inputs, run

Forward = Callable[[Inputs], Outputs]

PATIENCE_S = 1800.0
"""Longest that a process waits for the others in one step: one of them may wait for an evaluation
on the way. That a process has ended is seen at once."""


class AbstractGroup(ABC):
    """What a trainer asks of its group."""

    rank: int = 0
    size: int = 1

    @abstractmethod
    def wrap(self, detector: Detector) -> Forward:
        """How the detector is run in training. Called once."""

    @abstractmethod
    def sum(self, x: Tensor) -> Tensor:
        """A tensor added up over the processes."""

    @abstractmethod
    def unsynced(self) -> AbstractContextManager[object]:
        """Inside, gradients are gathered in each process, to be added up with later ones."""

    @abstractmethod
    def settle(self) -> None:
        """Make what a step has changed beside the parameters the same in all processes."""


class Alone(AbstractGroup):
    """One process: nothing to agree on, and no cost."""

    def wrap(self, detector: Detector) -> Forward:
        return partial(run, detector)

    def sum(self, x: Tensor) -> Tensor:
        return x

    def unsynced(self) -> AbstractContextManager[object]:
        return nullcontext()

    def settle(self) -> None:
        pass


class _Running(nn.Module):
    """A detector as one module whose forward takes images or maps."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, inputs: Inputs) -> Outputs:
        return run(self.detector, inputs)


class Several(AbstractGroup):
    """The processes of torch's default process group."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def wrap(self, detector: Detector) -> Forward:
        modules = [module for module in detector.modules() if module.training]
        buffers = [buffer for module in modules for buffer in module.buffers(recurse=False)]
        self._buffers = [buffer for buffer in buffers if buffer.is_floating_point()]
        self._wrapped = DistributedDataParallel(
            _Running(detector), broadcast_buffers=False, gradient_as_bucket_view=True
        )
        self._wrapped.register_comm_hook(None, _added)
        return self._wrapped

    def sum(self, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    def unsynced(self) -> AbstractContextManager[object]:
        return self._wrapped.no_sync()

    def settle(self) -> None:
        if self._buffers:
            flat = self.sum(torch.cat([buffer.flatten() for buffer in self._buffers])) / self.size
            parts = torch.split(flat, [buffer.numel() for buffer in self._buffers])
            means = [part.view_as(own) for part, own in zip(parts, self._buffers, strict=True)]
            torch._foreach_copy_(self._buffers, means)


def _added(
    _: object,
    bucket: dist.GradBucket,  # type: ignore[name-defined]
) -> torch.futures.Future[Tensor]:
    """DistributedDataParallel's gradients, added up where it would average them."""
    work: Any = dist.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda done: done.value()[0])  # type: ignore[no-any-return]


@contextmanager
def joined(
    rank: int, size: int, meet: Path, device: torch.device, patience_s: float = PATIENCE_S
) -> Iterator[AbstractGroup]:
    """This process as one of `size` on this machine; they find each other by the file `meet`."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with contextlib.suppress(OSError, StopIteration):
        loop = next(name for _, name in socket.if_nameindex() if name in ("lo", "lo0"))
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loop)
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=f"file://{meet}",
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=patience_s),
    )
    yield Several()
    dist.destroy_process_group()
