"""Trained backbones that other trials take over: `results/backbones/<trial id>.pt`.

A sha256 stands beside each, in `<trial id>.pt.sha256`, and is checked before the file is used.
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from harness.errors import TrialError
from harness.files import write_whole
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.training.checkpoint import load
from harness.weights import file_digest

PREFIX = "backbone."


def store_backbone(state: Mapping[str, Tensor], where: Workplace, trial: str) -> Path:
    """Keep the backbone of a trained detector. state: the detector's (averaged) state dict."""
    backbone = {
        name.removeprefix(PREFIX): value.detach().cpu().clone()
        for name, value in state.items()
        if name.startswith(PREFIX)
    }
    buffer = io.BytesIO()
    torch.save(backbone, buffer)
    content = buffer.getvalue()
    path = where.backbone(trial)
    write_whole(_digest_file(path), hashlib.sha256(content).hexdigest() + "\n")
    write_whole(path, content)
    return path


def backbone_file(source: TrialSpec, where: Workplace) -> Path:
    """The trained backbone of a finished trial, checked; a `TrialError` where it is not there.

    It is taken out of the trial's last checkpoint the first time that it is asked for.
    """
    kept = where.backbone(source.id)
    path = where.scratch / "backbones" / kept.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not kept.exists():
            _take_out(source, where)
        if path != kept and not path.exists():
            write_whole(path, kept.read_bytes())
    try:
        wanted = _digest_file(kept).read_text().strip()
    except OSError:
        wanted = "nothing"
    if file_digest(path) != wanted:
        raise TrialError(f"{path.name}: its sha256 is not the one kept beside it; delete both")
    return path


def _take_out(source: TrialSpec, where: Workplace) -> None:
    kept = load(where.checkpoint(source.id), source.id)
    if kept is None or kept.epoch < source.recipe.schedule.epochs:
        raise TrialError(
            f"the backbone of trial {source.id} is not there: neither {where.backbone(source.id)} "
            f"nor a finished {where.checkpoint(source.id)}; train that trial first (remove its "
            "folder from results/ledger if it is there)"
        )
    store_backbone(kept.average or kept.model, where, source.id)


def _digest_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
