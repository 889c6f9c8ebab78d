"""What each kind of error costs: the AP50 that comes back when an oracle mends it, and it alone.

The oracles are those of TIDE (see `kinds.py`, section 2.3 there):

    classification    gets the class of its object; of two on one object the better score stays
    localisation      gets the box of its object; of two on one object the better score stays
    both, duplicate, background     are taken away
    missed            objects are taken out of what is to be found
    false positives   all are taken away
    false negatives   every object that nothing hits is taken out

An oracle is written as rows (which detections count, as which class, whether as hits) and the
objects of each image and class, so its AP50 can be had under weights of the images too. Classes
are those with objects before the fix: a class of which no object is left counts with AP 0.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.statistics.images import average_precision
from harness.statistics.kinds import (
    BACKGROUND,
    BOTH,
    CLASSIFICATION,
    DUPLICATE,
    HIT,
    KINDS,
    LOCALISATION,
    OUT,
    SIZES,
    Found,
)

Array = NDArray[Any]
TOTALS = ("false positives", "false negatives")
ORACLES = (*KINDS, *TOTALS)
COUNTED = (*KINDS, "hits", "objects")


@dataclass(frozen=True, slots=True, eq=False)
class Mended:
    """What is left to be evaluated: r detections in the order of `Found`, and the objects."""

    image: Array
    category: Array
    score: Array
    hit: Array
    positives: Array
    """(I, K) objects to be found."""


def as_found(found: Found) -> Mended:
    """What was found, nothing mended."""
    return _mended(found, found.kind != OUT)


def mended(found: Found, oracle: str) -> Mended:
    """What is left when one of ORACLES has done its work."""
    counts = found.kind != OUT
    if oracle == "classification":
        return _corrected(found, CLASSIFICATION)
    if oracle == "localisation":
        return _corrected(found, LOCALISATION)
    if oracle == "missed":
        return _mended(found, counts, found.wanted & ~found.missed)
    if oracle == "false negatives":
        return _mended(found, counts, found.wanted & (found.hit_by < len(found.kind)))
    if oracle == "false positives":
        return _mended(found, found.kind == HIT)
    kind = {"both": BOTH, "duplicate": DUPLICATE, "background": BACKGROUND}[oracle]
    return _mended(found, counts & (found.kind != kind))


def _mended(found: Found, kept: Array, wanted: Array | None = None) -> Mended:
    return Mended(
        found.image[kept],
        found.category[kept],
        found.score[kept],
        found.kind[kept] == HIT,
        _positives(found, found.wanted if wanted is None else wanted),
    )


def _positives(found: Found, wanted: Array) -> Array:
    truth = found.truth
    made = np.zeros((len(truth.images), len(truth.categories)), np.int64)
    np.add.at(made, (truth.image[wanted], truth.category[wanted]), 1)
    return made


def _corrected(found: Found, kind: int) -> Mended:
    """Errors of a kind become hits of their objects, where no better score claims these."""
    claims = np.flatnonzero((found.kind == kind) | (found.kind == HIT))
    winner = np.full(len(found.truth.image), len(found.kind))
    np.minimum.at(winner, found.object[claims], claims)
    won = winner[found.object[claims]] == claims
    hit = np.zeros(len(found.kind), np.bool_)
    hit[claims[won]] = True
    kept = found.kind != OUT
    kept[claims[~won]] = False
    category = found.category.copy()
    category[claims] = found.truth.category[found.object[claims]]
    return Mended(
        found.image[kept],
        category[kept],
        found.score[kept],
        hit[kept],
        _positives(found, found.wanted),
    )


def error_draws(found: Found, weights: Array) -> dict[str, NDArray[np.float64]]:
    """Under each of B weightings (B, I) of the images, (B,) each: `ap50`, what each oracle adds to
    it (`kind.<oracle>`), and `size.<size>.<counted>`, numbers an object of that size.

    Numbers by size are of the detections shown at one's own cut (see `shown`).
    """
    base = as_found(found)
    classes = weights @ base.positives > 0
    ap50 = ap50_draws(base, weights, classes)
    made = {"ap50": ap50}
    for oracle in ORACLES:
        made[f"kind.{oracle}"] = ap50_draws(mended(found, oracle), weights, classes) - ap50
    totals = np.einsum("bi,isc->bsc", weights, counts_by_size(found), optimize=True)
    for s, size in enumerate(SIZES):
        objects = totals[:, s, -1]
        for c, name in enumerate(COUNTED[:-1]):
            none = np.full(len(weights), np.nan)
            made[f"size.{size}.{name}"] = np.divide(
                totals[:, s, c], objects, out=none, where=objects > 0
            )
    return made


def ap50_draws(mended: Mended, weights: Array, classes: Array | None = None) -> Array:
    """(B,) AP50 under weights (B, I) of the images, the mean over classes; NaN where none counts.

    classes: (B, K) bool, those that count; None is those with objects.
    """
    wanted = weights @ mended.positives
    classes = wanted > 0 if classes is None else classes
    order = np.lexsort((-mended.score, mended.category))
    ends = np.searchsorted(mended.category[order], np.arange(wanted.shape[1] + 1))
    by_image = np.ascontiguousarray(weights.T, dtype=np.int32)
    total = np.zeros(len(weights))
    for label in range(wanted.shape[1]):
        rows = order[ends[label] : ends[label + 1]]
        ap = _ap_of_class(by_image, mended.image[rows], mended.hit[rows], wanted[:, label])
        total += np.where(classes[:, label], ap, 0)
    n = classes.sum(axis=1)
    mean = np.divide(total, n, out=np.full(len(weights), np.nan), where=n > 0)
    return np.asarray(mean)


def _ap_of_class(by_image: Array, image: Array, hit: Array, wanted: Array) -> Array:
    """(B,) of one class whose rows are in the order of scores; 0 where nothing is wanted.

    by_image: (I, B) weights. What comes between two hits is summed at once.
    """
    hits = np.flatnonzero(hit)
    if not len(hits):
        return np.zeros(len(wanted))
    starts = np.append(0, hits[:-1] + 1)
    ranks = np.cumsum(np.add.reduceat(by_image[image[: hits[-1] + 1]], starts, axis=0), axis=0)
    return np.nan_to_num(average_precision(by_image[image[hits]].T, ranks.T, wanted))


def shown(found: Found) -> Array:
    """Rows of the best detections, as many as there are objects: a cut that needs no scale.

    Scores of two networks mean different things; how many boxes are shown does not.
    """
    counting = np.flatnonzero(found.kind != OUT)
    best = np.argsort(-found.score[counting], kind="stable")[: int(found.wanted.sum())]
    return np.sort(counting[best])


def counts_by_size(found: Found) -> Array:
    """(I, sizes, COUNTED) numbers in each image at the cut of `shown`."""
    truth, size, rows = found.truth, found.object_size, shown(found)
    made = np.zeros((len(truth.images), len(SIZES), len(COUNTED)), np.int64)
    _count(made, found.image[rows], found.size[rows], found.kind[rows])
    lost, wanted = missed_at(found, rows), found.wanted
    _count(made, truth.image[lost], size[lost], KINDS.index("missed"))
    _count(made, truth.image[wanted], size[wanted], COUNTED.index("objects"))
    return made


def _count(made: Array, image: Array, size: Array, what: Array | int) -> None:
    np.add.at(made, (image, size, np.broadcast_to(what, image.shape)), 1)


def missed_at(found: Found, rows: Array) -> Array:
    """(m,) bool: objects that these detections neither hit nor point at by class or place."""
    points = np.isin(found.kind[rows], (HIT, CLASSIFICATION, LOCALISATION))
    lost = found.wanted.copy()
    lost[found.object[rows[points]]] = False
    return lost
