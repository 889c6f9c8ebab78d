"""Errors of one trial under draws of the test images, kept in `results/draws/` once computed.

A file is named by what it was made of: the digest in the name of the detections, the fingerprint of
the truth, the number of draws. So it is never stale, and losing it loses nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.draws import keep, read_kept
from harness.ledger import Ledger, safe_name
from harness.records import TrialRecord
from harness.statistics.images import image_weights
from harness.statistics.kinds import find_kinds
from harness.statistics.oracles import error_draws
from harness.truths import Truth

DRAWS = 200
VERSION = 1
"""Of the arithmetic: raised where the same detections would give other errors."""
NAMED = "detections-"
"""How a name begins that says what the file holds; records of version 1 have another."""
Drawn = Mapping[str, Any]
"""Of one trial, by name: its value on the test images, then its value on each draw, (1 + B,)."""


def trial_errors(ledger: Ledger, truth: Truth, trial: str, draws: int = DRAWS) -> Drawn | None:
    """Errors of one trial; None where its detections were not kept. About .7 s at 30,000 boxes."""
    detections = ledger.detections(trial)
    if detections is None:
        return None
    weights = image_weights(len(truth.images), draws)
    whole = np.ones((1, len(truth.images)), weights.dtype)
    return error_draws(find_kinds(detections, truth), np.concatenate([whole, weights]))


def kept_errors(ledger: Ledger, truth: Truth, trial: str, draws: int = DRAWS) -> Drawn | None:
    """As `trial_errors`, from where they are kept; computed and kept where they are not."""
    record = ledger.get(trial)
    path = None if record is None else _path(ledger.root.parent, record, truth, draws)
    if path is None:
        return trial_errors(ledger, truth, trial, draws)
    if (kept := read_kept(path)) is not None:
        return kept
    made = trial_errors(ledger, truth, trial, draws)
    if made is not None:
        keep(path, made)
    return made


def _path(results: Path, record: TrialRecord, truth: Truth, draws: int) -> Path | None:
    """Where they are kept; None where the name of the detections does not say what they are."""
    if record.detections is None or not record.detections.startswith(NAMED):
        return None
    made_of = safe_name(record.detections, "detections").removesuffix(".npz")
    return results / "draws" / f"{made_of}-{truth.fingerprint}-{draws}.{VERSION}.npz"
