"""AP of trials on draws of the test images, kept in `results/draws/` by the matches they rest on.

A file is named by what it was made of (the digest in the name of the match records, the number of
draws and their seed), so it is never stale, and losing it loses nothing.
"""

import io
import logging
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from harness.files import create_whole
from harness.ledger import Ledger, safe_name
from harness.records import TrialRecord
from harness.statistics.images import DRAWS, ap_draws, image_weights

log = logging.getLogger(__name__)

SEED = 0
VERSION = 1
"""Of the arithmetic: raised where the same matches would give other draws."""

Draws = dict[str, NDArray[np.float64]]


def draws_of(
    results: Path, record: TrialRecord, draws: int = DRAWS, seed: int = SEED
) -> Draws | None:
    """By metric (see `harness.statistics.images.ap_draws`), (B,) each; None without matches.

    Made where they are not there yet, and kept where the folder can be written to.
    draws, seed: how many draws of the images, and which.
    """
    if record.matches is None:
        return None
    made_of = safe_name(record.matches, "matches").removesuffix(".npz")
    path = results / "draws" / f"{made_of}-{draws}-{seed}.{VERSION}.npz"
    if (kept := read_kept(path)) is not None:
        return kept
    matches = Ledger(results).matches_of(record)
    if matches is None:
        return None
    log.info("AP of trial %s on %d draws of the test images", record.id, draws)
    made = ap_draws(matches, image_weights(len(matches.images), draws, seed))
    keep(path, made)
    return made


def read_kept(path: Path) -> Draws | None:
    """Arrays by name from a file of `keep`; None where there is none, or none that can be read."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            return dict(zip(map(str, held["names"]), held["values"], strict=True))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def keep(path: Path, made: Mapping[str, NDArray[np.float64]]) -> None:
    """Keep arrays of one length by name, whole or not at all; not where nothing can be written."""
    buffer = io.BytesIO()
    names = np.array(list(made), dtype=np.str_)
    np.savez_compressed(buffer, names=names, values=np.stack(list(made.values())))
    try:
        create_whole(path, buffer.getvalue())
    except OSError:
        return
