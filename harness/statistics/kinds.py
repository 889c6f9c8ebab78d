"""What is wrong with each detection: the six exclusive kinds of error of TIDE, at IoU .5.

After Bolya, Foley, Hays and Hoffman, "TIDE: A General Toolbox for Identifying Object Detection
Errors", ECCV 2020, section 2.2, with foreground from IoU .5 on and background below .1. Hits are
COCO's: the best scores choose first, each the object of its class that it overlaps most. A
detection that is no hit is the first of these that fits:

    localisation    .1 <= IoU < .5 with the object of its class that it overlaps most
    classification  IoU >= .5 with an object of another class
    duplicate       IoU >= .5 with an object of its class, which a better score has taken
    background      IoU < .1 with every object
    both            what is left: .1 <= IoU < .5 with an object of another class, no more

and an object is `missed` where nothing hits it and no localisation or classification error is of
it. Crowd boxes are no objects here, neither found nor missed nor overlapped; a detection that hits
nothing and lies in a crowd box of its class (by half of its own area, as in COCO) does not count.

An error is of the object that it overlaps (hits, localisation, classification, duplicate, both),
and has its size; background errors have the size of their own box.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
KINDS = ("classification", "localisation", "both", "duplicate", "background", "missed")
CLASSIFICATION, LOCALISATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(len(KINDS))
HIT, OUT = len(KINDS), len(KINDS) + 1
"""Kinds of detections that are no errors: hits, and what a crowd box takes out."""
SIZES = ("small", "medium", "large")
FOREGROUND, BACK = 0.5, 0.1
"""IoU from which on a box is on an object, and below which it is on none."""


class Objects(Protocol):
    """The ground truth, as `harness.truths.Truth` has it: objects by place of their image."""

    @property
    def images(self) -> Array: ...
    @property
    def categories(self) -> tuple[str, ...]: ...
    @property
    def image(self) -> Array: ...
    @property
    def category(self) -> Array: ...
    @property
    def box(self) -> Array: ...
    @property
    def crowd(self) -> Array: ...
    @property
    def area(self) -> Array: ...
    @property
    def bands(self) -> tuple[float, float]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """n detections with their kinds, and what became of m objects. Rows: image, then score down."""

    image: Array
    """(n,) place of the image among I images."""
    category: Array
    score: Array
    box: Array
    kind: Array
    """(n,) place in KINDS, or HIT, or OUT."""
    object: Array
    """(n,) the object it is of; -1 for background and what does not count."""
    size: Array
    """(n,) place in SIZES."""
    hit_by: Array
    """(m,) the detection that hits an object; n where none does."""
    missed: Array
    """(m,) bool."""
    truth: Objects

    @property
    def wanted(self) -> Array:
        """(m,) bool: objects to be found; crowd boxes are none."""
        return ~np.asarray(self.truth.crowd)

    @property
    def object_size(self) -> Array:
        """(m,) place in SIZES, by annotated area."""
        return size_of(self.truth.area, self.truth.bands)


def size_of(area: Array, bands: tuple[float, float]) -> Array:
    """Places in SIZES: small below the first band, large above the second."""
    return np.where(area < bands[0], 0, np.where(area <= bands[1], 1, 2)).astype(np.int8)


def find_kinds(detections: Mapping[str, Array], truth: Objects) -> Found:
    """Kinds of all detections (`image` ids, `category`, `score`, `box` x0 y0 x1 y1), IoU .5.

    A ValueError for detections of an image that the truth does not have.
    """
    foreign = np.setdiff1d(detections["image"], truth.images)
    if len(foreign):
        raise ValueError(f"detections of image {foreign[0]}, which is not in the ground truth")
    order = np.lexsort((-detections["score"], detections["image"]))
    image = np.searchsorted(truth.images, detections["image"][order])
    category = np.asarray(detections["category"][order])
    box = np.asarray(detections["box"][order], np.float64).reshape(-1, 4)
    pairs = _pairs(image, category, box, truth)
    n, m = len(order), len(truth.image)
    on_it = pairs.own & (pairs.iou >= FOREGROUND)
    hit_by = _first_come(pairs.only(on_it), n, m)
    kind, of = _sorted_out(pairs, hit_by, n)
    kind[(kind < HIT) & _in_crowd(image, category, box, truth)] = OUT
    of[kind == OUT] = -1
    missed = ~np.asarray(truth.crowd) & (hit_by == n)
    missed[of[(kind == LOCALISATION) | (kind == CLASSIFICATION)]] = False
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    area[of >= 0] = truth.area[of[of >= 0]]
    return Found(
        image=image,
        category=category,
        score=np.asarray(detections["score"][order]),
        box=box,
        kind=kind,
        object=of,
        size=size_of(area, truth.bands),
        hit_by=hit_by,
        missed=missed,
        truth=truth,
    )


class _Pairs(NamedTuple):
    """Detections and objects of one image with IoU >= .1; a detection's best overlap first."""

    row: Array
    object: Array
    iou: Array
    own: Array
    """Whether both have one class."""

    def only(self, which: Array) -> "_Pairs":
        return _Pairs(*(column[which] for column in self))

    def best(self, which: Array, n: int) -> tuple[Array, Array]:
        """(n,) the highest IoU of each detection among these pairs, and the object; 0 and -1."""
        kept = self.only(which)
        rows, first = np.unique(kept.row, return_index=True)
        iou, of = np.zeros(n), np.full(n, -1, np.int64)
        iou[rows], of[rows] = kept.iou[first], kept.object[first]
        return iou, of


def _pairs(image: Array, category: Array, box: Array, truth: Objects) -> _Pairs:
    """Pairs sorted by detection, then IoU downwards, then the later object, as COCOeval takes."""
    row, of = _together(image, np.asarray(truth.image), len(truth.images), ~truth.crowd)
    shared = _shared(box[row], truth.box[of])
    union = _areas(box)[row] + _areas(truth.box)[of] - shared
    iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    row, of, iou = (column[iou >= BACK] for column in (row, of, iou))
    order = np.lexsort((-of, -iou, row))
    row, of, iou = row[order], of[order], iou[order]
    return _Pairs(row, of, iou, category[row] == truth.category[of])


def _together(image: Array, objects: Array, images: int, which: Array) -> tuple[Array, Array]:
    """Every pair of a detection and one of these objects that lie in one image."""
    kept = np.flatnonzero(which)
    starts = np.searchsorted(objects[kept], np.arange(images + 1))
    count = np.diff(starts)[image]
    row = np.repeat(np.arange(len(image)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, kept[starts[image[row]] + within]


def _shared(a: Array, b: Array) -> Array:
    """Areas that boxes have in common, one by one."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    return np.asarray(np.maximum(sides, 0).prod(axis=1))


def _areas(box: Array) -> Array:
    return np.asarray((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]))


def _first_come(pairs: _Pairs, n: int, m: int) -> Array:
    """(m,) the detection that gets each object when the best scores choose first; n for none.

    Choosing in turn is the one stable matching where every object prefers the better score, so
    all may propose at once, go on to their next where they are turned down, and end there.
    """
    holder = np.full(m, n, np.int64)
    rows, start, count = np.unique(pairs.row, return_index=True, return_counts=True)
    at = np.zeros(n + 1, np.int64)
    end = np.zeros(n + 1, np.int64)
    at[rows], end[rows] = start, start + count
    asking = rows
    while len(asking):
        wish = pairs.object[at[asking]]
        before = holder[wish]
        np.minimum.at(holder, wish, asking)
        put_out = before[holder[wish] != before]
        refused = np.concatenate([asking[holder[wish] != asking], put_out[put_out < n]])
        refused = np.unique(refused)
        at[refused] += 1
        asking = refused[at[refused] < end[refused]]
    return holder


def _sorted_out(pairs: _Pairs, hit_by: Array, n: int) -> tuple[Array, Array]:
    """(n,) kind and object of every detection, by the order that the page's head states."""
    own, own_object = pairs.best(pairs.own, n)
    other, other_object = pairs.best(~pairs.own, n)
    tests = (own >= FOREGROUND, other >= FOREGROUND, own >= BACK, other >= BACK)
    taken, elsewhere, near, near_other = tests
    kinds = [near & ~taken, elsewhere, taken, ~near & ~near_other]
    names = [LOCALISATION, CLASSIFICATION, DUPLICATE, BACKGROUND]
    kind = np.select(kinds, names, BOTH).astype(np.int8)
    of = np.where((kind == LOCALISATION) | (kind == DUPLICATE), own_object, other_object)
    of[kind == BACKGROUND] = -1
    objects = np.flatnonzero(hit_by < n)
    kind[hit_by[objects]], of[hit_by[objects]] = HIT, objects
    return kind, of


def _in_crowd(image: Array, category: Array, box: Array, truth: Objects) -> Array:
    """(n,) bool: by half of its own area in a crowd box of its class."""
    inside = np.zeros(len(image), np.bool_)
    row, of = _together(image, np.asarray(truth.image), len(truth.images), truth.crowd)
    same = category[row] == truth.category[of]
    row, of = row[same], of[same]
    own = _areas(box)[row]
    share = np.divide(_shared(box[row], truth.box[of]), own, out=np.zeros(len(row)), where=own > 0)
    inside[row[share >= FOREGROUND]] = True
    return inside
