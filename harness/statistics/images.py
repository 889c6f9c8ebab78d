"""AP on resamples of the test images, from match records: a weighted image bootstrap.

COCO matches image by image, so an image that is drawn w times counts w times: in the objects to be
found, and wherever its detections stand in the ranking. AP under such weights equals COCOeval's on
the resampled list, with the copies of an image next to each other. (Of two detections of one image
and class with one score, COCOeval's own order over copies is arbitrary; here they stay in theirs.)

AP is the mean over IoUs and classes of precision at 101 recalls (pycocotools), a class without an
object in a draw left out, as COCOeval leaves it out.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.matches import AREAS, IOUS, Matches

Array = NDArray[Any]
DRAWS = 1000
RECALLS = np.linspace(0.0, 1.0, 101)
"""As `pycocotools.cocoeval.Params.recThrs`."""
ABOVE = np.append(RECALLS[1:], np.inf)
ALL_IOUS = (1 << len(IOUS)) - 1
AT_ONCE = 1 << 22
"""Numbers of one array held at a time."""


def image_weights(images: int, draws: int = DRAWS, seed: int = 0) -> NDArray[np.int64]:
    """(B, I) how often each image is drawn: the same for every trial on as many images."""
    generator = np.random.default_rng([seed, images])
    return generator.multinomial(images, np.full(images, 1 / images), size=draws)


def ap_draws(matches: Matches, weights: Array) -> dict[str, NDArray[np.float64]]:
    """AP under each of B weightings of the images, by metric, each (B,); NaN where it has none.

    `ap`, `ap50`, `ap75`, `ap_small`, `ap_medium`, `ap_large`, and `class.<name>`, `need.<need>`.
    weights: (B, I) whole numbers. `np.ones((1, I))` gives COCOeval's own figures.
    """
    return _named(matches, _cells(matches, weights, len(AREAS)))


def ap_alone(matches: Matches, weights: Array) -> NDArray[np.float64]:
    """(B,) COCO's AP alone, as `ap_draws` has it, in about a quarter of the time."""
    return _mean(_cells(matches, weights, 1)[:, :, 0])


def _cells(matches: Matches, weights: Array, areas: int) -> Array:
    """(B, K, areas, 10) AP of each class, of so many of `AREAS`, and IoU."""
    step = max(1, AT_ONCE // max(len(matches.score), 1))
    parts = [_some(matches, weights[at : at + step], areas) for at in range(0, len(weights), step)]
    return np.concatenate(parts)


def _some(matches: Matches, weights: Array, areas: int) -> Array:
    """The cells of as many weightings as are held at a time."""
    cells = np.full((len(weights), len(matches.categories), areas, len(IOUS)), np.nan)
    for label, rows in _ranked(matches):
        by_row = weights[:, matches.image[rows]].astype(np.float32)
        for area in range(areas):
            wanted = weights @ matches.positives[:, label, area]
            if wanted.any():
                hit, out = matches.hit[rows, area], matches.ignored[rows, area]
                cells[:, label, area] = _by_iou(by_row, wanted, hit, out)
    return cells


def _ranked(matches: Matches) -> Iterator[tuple[int, Array]]:
    """The rows of each class, the best score first, ties in the order of the images."""
    order = np.lexsort((-matches.score, matches.category))
    ends = np.searchsorted(matches.category[order], np.arange(len(matches.categories) + 1))
    for label in range(len(matches.categories)):
        yield label, order[ends[label] : ends[label + 1]]


def _by_iou(by_row: Array, wanted: Array, hit: Array, out: Array) -> Array:
    """(B, 10) AP of one class and area.

    Most rows count at every IoU or at none: their running count is made once, and what the few
    others add is made for each IoU. Rows after the last hit change nothing.
    """
    end = int(np.flatnonzero(hit)[-1]) + 1 if hit.any() else 0
    by_row, hit, out = by_row[:, :end], hit[:end], out[:end]
    some = np.flatnonzero((out != 0) & (out != ALL_IOUS))
    always = np.cumsum(by_row * (out == 0), axis=1)
    found = np.empty((len(by_row), len(IOUS)))
    for iou in range(len(IOUS)):
        rows = np.flatnonzero(hit >> iou & 1)
        ranks = always[:, rows]
        if len(some):
            counts = (out[some] >> iou & 1) == 0
            running = np.cumsum(by_row[:, some] * counts, axis=1)
            before = np.searchsorted(some, rows, side="right")
            ranks = ranks + np.where(before > 0, running[:, before - 1], 0)
        found[:, iou] = average_precision(by_row[:, rows], ranks, wanted)
    return found


def average_precision(hits: Array, ranks: Array, wanted: Array) -> Array:
    """(B,) mean precision at 101 recalls; NaN where nothing is wanted.

    hits: (B, T) weight of each hit, in order; ranks: (B, T) weight of all that counts up to it;
    wanted: (B,) objects. Precision at a recall is the highest at that recall or beyond, so each
    hit's is multiplied by the number of recalls that it is the first to reach.
    """
    if not hits.shape[1]:
        return np.where(wanted > 0, 0.0, np.nan)
    found = np.cumsum(hits, axis=1, dtype=np.float64)
    precision = found / np.maximum(ranks, 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = _recalls_reached(found / np.maximum(wanted, 1)[:, None])
    first = np.diff(reached, axis=1, prepend=0)
    ap = np.einsum("bt,bt->b", envelope, first) / len(RECALLS)
    return np.where(wanted > 0, ap, np.nan)


def _recalls_reached(recall: Array) -> Array:
    """How many of the 101 recalls are not above each one: a guess, then set right by a step."""
    guess = (recall * 100).astype(np.int64)
    guess += ABOVE[guess] <= recall
    guess -= RECALLS[guess] > recall
    return guess + 1


def _named(matches: Matches, cells: Array) -> dict[str, NDArray[np.float64]]:
    """Means of cells as COCO's metrics are: over all that is there."""
    named = {
        "ap": _mean(cells[:, :, 0]),
        "ap50": _mean(cells[:, :, 0, :1]),
        "ap75": _mean(cells[:, :, 0, 5:6]),
        "ap_small": _mean(cells[:, :, 1]),
        "ap_medium": _mean(cells[:, :, 2]),
        "ap_large": _mean(cells[:, :, 3]),
    }
    by_class = np.stack([_mean(cells[:, k, 0]) for k in range(cells.shape[1])], axis=1)
    named |= {f"class.{name}": by_class[:, k] for k, name in enumerate(matches.categories)}
    for need in dict.fromkeys(matches.needs or ()):
        of = [k for k, one in enumerate(matches.needs or ()) if one == need]
        named[f"need.{need}"] = _mean(by_class[:, of])
    return named


def _mean(cells: Array) -> NDArray[np.float64]:
    """(B,) the mean of what is not NaN in each draw."""
    flat = cells.reshape(len(cells), -1)
    there = np.isfinite(flat)
    n = there.sum(axis=1)
    total = np.where(there, flat, 0.0).sum(axis=1)
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), np.nan))
