"""A trial's checkpoint: written beside its place, renamed into it, read with `weights_only`."""

import dataclasses
import io
import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

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
