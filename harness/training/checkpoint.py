"""A trial's checkpoint: written beside its place, renamed into it, read with `weights_only`."""

import dataclasses
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.files import write_whole
from harness.records import EpochLog

log = logging.getLogger(__name__)
VERSION = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that training goes on from. Random streams are functions of the epoch: none is kept."""

    trial: str
    epoch: int
    """Epochs done."""
    step: int
    """Optimiser steps done; the learning rate is a function of it."""
    model: dict[str, Tensor]
    average: dict[str, Tensor]
    """Averaged weights; empty where there is no average."""
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    curve: tuple[EpochLog, ...] = ()
    seconds: float = 0.0
    """Spent on training so far."""
    processes: int = 1
    """Most that trained any part of it."""
    micro_batches: int = 1
    """Most that a batch was seen in, in any part of it."""


def save_whole(content: object, path: Path) -> None:
    """`torch.save`, there whole or not at all (see `harness.files`)."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_whole(path, buffer.getvalue())


def save(checkpoint: Checkpoint, path: Path) -> None:
    tree = {field.name: getattr(checkpoint, field.name) for field in dataclasses.fields(checkpoint)}
    tree["curve"] = [dataclasses.asdict(row) for row in checkpoint.curve]
    save_whole({"version": VERSION, **tree}, path)


def load(path: Path, trial: str) -> Checkpoint | None:
    """The checkpoint of this trial on the CPU; None, with a warning, where it is of no use."""
    if not path.exists():
        return None
    try:
        tree = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        version = tree.pop("version")
        if version != VERSION or tree["trial"] != trial:
            raise ValueError(f"version {version} of trial {tree['trial']}")
        tree["curve"] = tuple(EpochLog(**row) for row in tree["curve"])
        return Checkpoint(**tree)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:200]
        log.warning(
            "checkpoint %s ignored, starting again: %s: %s",
            path.name,
            type(error).__name__,
            reason,
        )
        return None


def suits(found: Checkpoint, network: nn.Module, average: nn.Module | None) -> bool:
    """Whether a checkpoint is of this very network; a warning where it is not."""

    def shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
        return {name: value.shape for name, value in state.items()}

    averaged = average.state_dict() if average else {}
    pairs = ((found.model, network.state_dict()), (found.average, averaged))
    if all(shapes(kept) == shapes(own) for kept, own in pairs):
        return True
    log.warning("checkpoint ignored, starting again: it is of another network")
    return False
