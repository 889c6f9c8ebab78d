"""Detections matched with the truth as COCOeval does, all at once; AP on draws of the images.

COCOeval goes through the detections of an image and class from the best score down. Each takes, of
the objects it overlaps by the threshold and that nobody took, the one it overlaps most, of equals
the later; objects that do not count (crowds, or out of the range of areas) only where no other is
left; and a crowd may be taken any number of times (`pycocotools.cocoeval.COCOeval.evaluateImg`).
Nobody takes what a better score could have: that is the one stable matching in which objects prefer
better scores, so all detections may ask at once and go on to their next where they are turned down.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.comparing.detections import Answers
from harness.comparing.measured import Draws
from harness.comparing.truth import Truth
from harness.data.base import COCO_BANDS
from harness.matches import AREAS, IOUS, Matches
from harness.statistics.images import ap_draws, image_weights

Array = NDArray[Any]
MOST = 100
"""Detections of an image and class that count, as in COCO's AP."""
RANGES = ((0.0, 1e10), (0.0, COCO_BANDS[0]), COCO_BANDS, (COCO_BANDS[1], 1e10))
"""Least and greatest area, for each of `AREAS`."""
THRESHOLDS = np.linspace(0.5, 0.95, len(IOUS))
"""As `pycocotools.cocoeval.Params.iouThrs`: the ninth is a last digit under .9."""
ALL_IOUS = (1 << len(IOUS)) - 1
PAIRS = 1 << 22
"""Pairs of a detection and an object looked at in one go."""


def figures_and_draws(matches: Matches, draws: int, seed: int) -> tuple[dict[str, Any], Draws]:
    """COCO's figures of one file, and the same on draws of the images.

    seed: of the draws, which are the same for every file.
    """
    images = len(matches.images)
    own = ap_draws(matches, np.ones((1, images), np.int64))
    drawn = ap_draws(matches, image_weights(images, draws, seed))
    return {name: _known(value[0]) for name, value in own.items()}, drawn


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """m objects, in the order of the file. Boxes: x, y, width, height, as in the file."""

    image: Array
    """(m,) places among the images."""
    category: Array
    """(m,) places among the categories."""
    box: Array
    area: Array
    crowd: Array


def matches_of(truth: Truth, answers: Answers, at_once: int = PAIRS) -> Matches:
    """As `harness.evaluate.coco_matches`, bit by bit, but that boxes are as in the file.

    at_once: pairs of a detection and an object looked at in one go.
    """
    images = np.array([row["id"] for row in truth.document["images"]], np.int64)
    objects = objects_of(truth, images)
    image = np.searchsorted(images, answers.image)
    group = image * len(truth.categories) + answers.category
    counting = _places(group) < MOST
    pairs = _pairs(np.flatnonzero(counting), group, answers.box, objects, truth, at_once)
    n = len(answers)
    hit, ignored = (np.zeros((n, len(AREAS)), np.uint16) for _ in range(2))
    positives = np.zeros((len(images), len(truth.categories), len(AREAS)), np.int32)
    area = answers.box[:, 2] * answers.box[:, 3]
    for column, (least, greatest) in enumerate(RANGES):
        out = objects.crowd | (objects.area < least) | (objects.area > greatest)
        np.add.at(positives[:, :, column], (objects.image[~out], objects.category[~out]), 1)
        outside = (area < least) | (area > greatest)
        hit[:, column], ignored[:, column] = _bits(pairs, objects.crowd, out, outside)
    ignored[~counting] = ALL_IOUS
    return Matches(
        images,
        truth.categories,
        None,
        image.astype(np.int32),
        answers.category,
        answers.score,
        hit,
        ignored,
        positives,
    )


def objects_of(truth: Truth, images: Array) -> Objects:
    rows = truth.document["annotations"]
    place = {row["id"]: at for at, row in enumerate(truth.document["categories"])}
    return Objects(
        np.searchsorted(images, np.array([row["image_id"] for row in rows], np.int64)),
        np.array([place[row["category_id"]] for row in rows], np.int64),
        np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4),
        np.array([row["area"] for row in rows], np.float64),
        np.array([row["iscrowd"] for row in rows], np.bool_),
    )


def _places(group: Array) -> Array:
    """(n,) how many rows of the same group stand before each."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(group)))
    place = np.empty(len(group), np.int64)
    place[order] = np.arange(len(group)) - np.repeat(starts, sizes)
    return place


class _Pairs(NamedTuple):
    """Detections and objects of one image and class that overlap by the least threshold."""

    row: Array
    of: Array
    iou: Array

    def only(self, which: Array) -> "_Pairs":
        return _Pairs(*(column[which] for column in self))


def _pairs(
    rows: Array, group: Array, box: Array, objects: Objects, truth: Truth, at_once: int
) -> _Pairs:
    """Rows ascend, and with them fall the scores within an image and class."""
    own = objects.image * len(truth.categories) + objects.category
    order = np.argsort(own, kind="stable")
    start = np.searchsorted(own[order], group[rows])
    count = np.searchsorted(own[order], group[rows], side="right") - start
    parts = [_Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    cuts = np.searchsorted(np.cumsum(count), np.arange(at_once, count.sum(), at_once))
    for some in np.split(np.arange(len(rows)), np.unique(cuts)):
        row = np.repeat(rows[some], count[some])
        within = np.arange(len(row)) - np.repeat(np.cumsum(count[some]) - count[some], count[some])
        of = order[np.repeat(start[some], count[some]) + within]
        iou = overlap(box[row], objects.box[of], objects.crowd[of])
        parts.append(_Pairs(row, of, iou).only(iou >= THRESHOLDS[0]))
    return _Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def overlap(found: Array, true: Array, crowd: Array) -> Array:
    """IoU, one by one, in the order of `bbIou` of pycocotools; of a crowd, the share of the found
    box that lies in it."""
    low = np.maximum(found[:, :2], true[:, :2])
    side = np.minimum(found[:, 2:] + found[:, :2], true[:, 2:] + true[:, :2]) - low
    shared = np.where((side > 0).all(axis=1), side[:, 0] * side[:, 1], 0.0)
    own = found[:, 2] * found[:, 3]
    whole = np.where(crowd, own, own + true[:, 2] * true[:, 3] - shared)
    return np.divide(shared, whole, out=np.zeros(len(shared)), where=shared > 0)


def _bits(pairs: _Pairs, crowd: Array, out: Array, outside: Array) -> tuple[Array, Array]:
    """(n,) hit and (n,) ignored of one range of areas, a bit for each threshold.

    out: (m,) objects that do not count; outside: (n,) detections that do not where they find none.
    """
    wishes = pairs.only(np.lexsort((-pairs.of, -pairs.iou, out[pairs.of], pairs.row)))
    hit, ignored = (np.zeros(len(outside), np.uint16) for _ in range(2))
    for bit, iou in enumerate(THRESHOLDS):
        got = _taken(wishes.only(wishes.iou >= iou), crowd, len(outside))
        lost = np.where(got < 0, outside, out[got] if len(out) else True)
        hit |= ((got >= 0) & ~lost).astype(np.uint16) << np.uint16(bit)
        ignored |= lost.astype(np.uint16) << np.uint16(bit)
    return hit, ignored


def _taken(wishes: _Pairs, crowd: Array, n: int) -> Array:
    """(n,) the object that each detection takes, -1 for none. Wishes: by row, the dearest first."""
    got = np.full(n, -1, np.int64)
    holder = np.full(len(crowd), n, np.int64)
    starts = np.flatnonzero(np.diff(wishes.row, prepend=-1))
    asking = wishes.row[starts]
    at, end = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    at[asking], end[asking] = starts, np.append(starts[1:], len(wishes.row))
    while len(asking):
        wish = wishes.of[at[asking]]
        free = crowd[wish]
        got[asking[free]] = wish[free]
        asking, wish = asking[~free], wish[~free]
        before = holder[wish]
        np.minimum.at(holder, wish, asking)
        put_out = before[holder[wish] != before]
        refused = np.unique(np.append(asking[holder[wish] != asking], put_out[put_out < n]))
        at[refused] += 1
        asking = refused[at[refused] < end[refused]]
    held = np.flatnonzero(holder < n)
    got[holder[held]] = held
    return got
