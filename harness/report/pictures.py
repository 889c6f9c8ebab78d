"""Pictures of detections beside the truth: the same images and one seed for every arm.

From the kept sample alone (`harness.truths`), which is drawn by lot, whatever the results. Each arm
shows its best detections over all test images, as many as there are objects, so that networks
whose scores mean different things show equally much. First come the images on which arms differ
most: by the greatest difference between two shown arms in hits minus false positives.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from harness.errors import LedgerError
from harness.ledger import Ledger
from harness.report.errors import NO_TRUTH, on_one_dataset, trials_of
from harness.report.summary import ArmSummary
from harness.statistics.kinds import HIT, Found, find_kinds
from harness.statistics.oracles import shown
from harness.truths import Picture, Truth, picture_bytes, read_truth

MOST_IMAGES, MOST_ARMS = 8, 5
MOST_BYTES = 1_000_000
"""Most that the images of one page take together."""
Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A box as it is drawn: x0 y0 x1 y1 in pixels of the kept image."""

    box: Corners
    category: int
    what: str
    """`object`, `crowd`, `hit`, `false` or `missed`."""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One image as one arm sees it."""

    boxes: tuple[Box, ...]
    hits: int
    false: int
    missed: int


@dataclass(frozen=True, slots=True)
class Shown:
    """One image: its truth and a panel for each arm of the section."""

    image: int
    width: int
    height: int
    data: bytes
    """WebP."""
    truth: tuple[Box, ...]
    panels: tuple[Panel, ...]
    spread: int
    """Greatest difference between two arms in hits minus false positives."""


@dataclass(frozen=True, slots=True)
class PicturesInfo:
    """What the section shows; `missing` says why it shows nothing."""

    arms: tuple[str, ...] = ()
    """The baseline first."""
    cuts: tuple[float, ...] = ()
    """The lowest score each shows."""
    seed: int | None = None
    categories: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
    sample: int = 0
    """Images that were looked at."""
    missing: str = ""


def pictures_info(
    results: Path, cells: pd.DataFrame, arms: Sequence[ArmSummary]
) -> PicturesInfo | None:
    """The images on which shown arms differ most; None where no arm has results.

    cells: as `harness.report.table.study_table`; arms: their summaries. Shown are the baseline and
    what is not separated from the best, then others, by falling mean AP.
    """
    trials = trials_of(cells, arms)
    if not trials:
        return None
    fingerprint, trials = on_one_dataset(cells, trials)
    try:
        truth = read_truth(results, fingerprint)
    except LedgerError:
        return PicturesInfo(missing=NO_TRUTH)
    seed, chosen = _chosen(trials, arms)
    found = _found(Ledger(results), truth, {label: trials[label][seed] for label in chosen})
    if not found:
        return PicturesInfo(missing="the detections of these trials were not kept")
    rows = {label: shown(one) for label, one in found.items()}
    everything = [_shown(truth, one, found, rows) for one in truth.pictures]
    everything.sort(key=lambda one: (-one.spread, one.image))
    return PicturesInfo(
        arms=tuple(found),
        cuts=tuple(_cut(one, rows[label]) for label, one in found.items()),
        seed=seed,
        categories=truth.categories,
        shown=_with_pixels(results, truth, everything),
        sample=len(truth.pictures),
    )


def _chosen(
    trials: Mapping[str, Mapping[int, str]], arms: Sequence[ArmSummary]
) -> tuple[int, list[str]]:
    """The seed that most arms have, the lowest of those; and the arms that are shown."""
    seeds = [seed for held in trials.values() for seed in held]
    seed = min(set(seeds), key=lambda one: (-seeds.count(one), one))
    there = [arm for arm in arms if seed in trials.get(arm.label, {})]

    def rank(arm: ArmSummary) -> tuple[bool, bool, float]:
        return not arm.is_baseline, not arm.in_best_set, -(arm.ap.mean if arm.ap else 0.0)

    return seed, [arm.label for arm in sorted(there, key=rank)[:MOST_ARMS]]


def _found(ledger: Ledger, truth: Truth, trials: Mapping[str, str]) -> dict[str, Found]:
    """Kinds by arm, of those whose detections were kept."""
    kept = {label: ledger.detections(trial) for label, trial in trials.items()}
    return {label: find_kinds(one, truth) for label, one in kept.items() if one is not None}


def _cut(found: Found, rows: np.ndarray) -> float:
    return float(found.score[rows].min()) if len(rows) else 1.0


def _shown(
    truth: Truth,
    picture: Picture,
    found: Mapping[str, Found],
    rows: Mapping[str, np.ndarray],
) -> Shown:
    place = int(np.searchsorted(truth.images, picture.image))
    panels = tuple(_panel(found[label], rows[label], place, picture.scale) for label in found)
    worth = [panel.hits - panel.false for panel in panels]
    objects = np.flatnonzero(truth.image == place)
    drawn = tuple(
        _box(truth.box[m], truth.category[m], "crowd" if truth.crowd[m] else "object", picture)
        for m in objects
    )
    return Shown(
        picture.image, picture.width, picture.height, b"", drawn, panels, max(worth) - min(worth)
    )


def _panel(found: Found, rows: np.ndarray, place: int, scale: float) -> Panel:
    """Hits and false positives among the shown rows, and every object that has no hit there."""
    here = rows[found.image[rows] == place]
    is_hit = found.kind[here] == HIT
    truth = found.truth
    lost = found.wanted & (np.asarray(truth.image) == place)
    lost[found.object[here[is_hit]]] = False
    boxes = [
        Box(
            _scaled(found.box[row], scale),
            int(found.category[row]),
            "hit" if hit else "false",
            float(found.score[row]),
        )
        for row, hit in zip(here, is_hit, strict=True)
    ]
    boxes += [
        Box(_scaled(truth.box[m], scale), int(truth.category[m]), "missed")
        for m in np.flatnonzero(lost)
    ]
    return Panel(tuple(boxes), int(is_hit.sum()), int((~is_hit).sum()), int(lost.sum()))


def _box(corners: np.ndarray, category: int, what: str, picture: Picture) -> Box:
    return Box(_scaled(corners, picture.scale), int(category), what)


def _scaled(corners: np.ndarray, scale: float) -> Corners:
    x0, y0, x1, y1 = (round(float(value) * scale, 1) for value in corners)
    return x0, y0, x1, y1


def _with_pixels(results: Path, truth: Truth, ordered: Sequence[Shown]) -> tuple[Shown, ...]:
    """The first few whose images are there, as many as a page may carry."""
    pictures = {one.image: one for one in truth.pictures}
    made: list[Shown] = []
    room = MOST_BYTES
    for one in ordered:
        data = picture_bytes(results, truth, pictures[one.image])
        if data is None or len(data) > room:
            continue
        made.append(replace(one, data=data))
        room -= len(data)
        if len(made) == MOST_IMAGES:
            break
    return tuple(made)


def data_uri(data: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(data).decode()
