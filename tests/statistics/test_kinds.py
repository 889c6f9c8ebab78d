"""Kinds of error: every rule on a scene made by hand, and all of them against plain loops."""

import time

import numpy as np
import pytest

from harness.evaluate import coco_metrics, collect
from harness.statistics.kinds import HIT, KINDS, OUT, SIZES, find_kinds
from harness.statistics.oracles import (
    ORACLES,
    ap50_draws,
    as_found,
    counts_by_size,
    error_draws,
    mended,
    missed_at,
    shown,
)
from harness.truths import truth_of

BANDS = (400.0, 1600.0)
NAMES = (*KINDS, "hit", "out")


def scene(objects, found, images=1, classes=2):
    """Objects (class, x, y, width, height[, crowd[, image]]), found (class, score, x, y, w, h[,
    image])."""
    rows = []
    for one in objects:
        label, x, y, w, h, crowd, image = (*one, *(0, 1)[len(one) - 5 :])
        box = {"bbox": [x, y, w, h], "area": w * h, "iscrowd": crowd}
        rows.append({"image_id": image, "category_id": label + 1, **box})
    document = {
        "images": [{"id": i + 1, "width": 200, "height": 200} for i in range(images)],
        "categories": [{"id": k + 1, "name": f"class {k}"} for k in range(classes)],
        "annotations": rows,
    }
    by_image = {}
    for one in found:
        label, score, x, y, w, h, image = (*one, *(1,)[len(one) - 6 :])
        by_image.setdefault(image, []).append(([x, y, x + w, y + h], score, label))
    arrays = collect(
        (image, *(np.array(part) for part in zip(*ones, strict=True)))
        for image, ones in by_image.items()
    )
    return arrays, truth_of("scene", document, BANDS), document


def kinds(objects, found, **more):
    made = find_kinds(*scene(objects, found, **more)[:2])
    return [NAMES[kind] for kind in made.kind], made


def worth(objects, found, **more):
    """What each oracle gives back on the images as they are, without what gives nothing."""
    detections, truth, _ = scene(objects, found, **more)
    weights = np.ones((1, len(truth.images)), int)
    drawn = error_draws(find_kinds(detections, truth), weights)
    gains = {name: round(float(drawn[f"kind.{name}"][0]), 3) for name in ORACLES}
    return {name: gain for name, gain in gains.items() if gain}


OBJECT = (0, 0, 0, 100, 100)
"""Boxes of height 100 at 0, 0 overlap it by their width / 100."""


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ((0, 0.9, 0, 0, 100, 100), "hit"),
        ((0, 0.9, 0, 0, 50, 100), "hit"),
        ((0, 0.9, 0, 0, 49.99, 100), "localisation"),
        ((0, 0.9, 0, 0, 10, 100), "localisation"),
        ((0, 0.9, 0, 0, 9.99, 100), "background"),
        ((0, 0.9, 150, 150, 20, 20), "background"),
        ((1, 0.9, 0, 0, 100, 100), "classification"),
        ((1, 0.9, 0, 0, 50, 100), "classification"),
        ((1, 0.9, 0, 0, 49.99, 100), "both"),
        ((1, 0.9, 0, 0, 10, 100), "both"),
        ((1, 0.9, 0, 0, 9.99, 100), "background"),
        ((0, 0.9, 5, 5, 0, 0), "background"),
    ],
)
def test_one_box_and_one_object(found, kind):
    [told], made = kinds([OBJECT], [found])
    assert told == kind
    assert made.missed.tolist() == [kind in ("both", "background")]
    assert made.object.tolist() == [-1 if kind == "background" else 0]


def test_a_second_box_on_a_hit_is_a_duplicate():
    told, made = kinds([OBJECT], [(0, 0.8, 0, 0, 90, 100), (0, 0.9, 0, 0, 60, 100)])
    assert told == ["hit", "duplicate"]  # the better score, not the better box
    assert made.object.tolist() == [0, 0]
    assert made.hit_by.tolist() == [0]


def test_of_one_score_the_first_row_is_first():
    told, _ = kinds([OBJECT], [(0, 0.9, 0, 0, 60, 100), (0, 0.9, 0, 0, 90, 100)])
    assert told == ["hit", "duplicate"]


def test_a_box_goes_on_to_an_object_that_is_free():
    objects = [OBJECT, (0, 30, 0, 100, 100)]
    found = [(0, 0.9, 0, 0, 100, 100), (0, 0.8, 10, 0, 100, 100)]
    told, made = kinds(objects, found)
    assert told == ["hit", "hit"]  # it overlaps the first by more, which is taken
    assert made.object.tolist() == [0, 1]


def test_of_equal_overlaps_the_later_object_is_taken_as_by_coco():
    told, made = kinds([OBJECT, OBJECT], [(0, 0.9, 0, 0, 100, 100)])
    assert told == ["hit"]
    assert made.object.tolist() == [1]


def test_the_order_of_kinds():
    """Localisation before classification, and that before duplicate."""
    other = (1, 0, 0, 100, 100)
    near = (0, 70, 0, 100, 100)  # overlaps a box at 0 by .18
    assert kinds([other, near], [(0, 0.9, 0, 0, 100, 100)])[0] == ["localisation"]
    twice = [(0, 0.9, 0, 0, 100, 100), (0, 0.8, 0, 0, 100, 100)]
    assert kinds([OBJECT, other], twice)[0] == ["hit", "classification"]


def test_an_object_that_an_error_points_at_is_not_missed():
    objects = [OBJECT, (1, 0, 150, 40, 40), (0, 150, 150, 40, 40)]
    found = [(1, 0.9, 0, 0, 100, 100), (1, 0.8, 0, 150, 10, 40)]
    told, made = kinds(objects, found)
    assert told == ["classification", "localisation"]
    assert made.missed.tolist() == [False, False, True]


def test_crowds_are_no_objects_and_take_out_what_lies_in_them():
    crowd = (0, 0, 0, 200, 200, 1)
    told, made = kinds(
        [crowd, (0, 100, 0, 40, 40)],
        [
            (0, 0.9, 100, 0, 40, 40),  # hits although it lies in a crowd
            (0, 0.8, 0, 0, 20, 20),  # half of it or more in the crowd of its class
            (1, 0.7, 0, 0, 20, 20),  # another class's crowd is nothing to it
            (0, 0.6, 100, 0, 40, 40),  # a duplicate in a crowd is taken out, as by COCO
            (0, 0.5, 191, 191, 20, 20),
        ],
    )
    assert told == ["hit", "out", "background", "out", "background"]
    assert made.missed.tolist() == [False, False]
    assert made.object.tolist() == [1, -1, -1, -1, -1]


def test_images_are_apart():
    told, made = kinds(
        [(0, 0, 0, 100, 100, 0, 2)],
        [(0, 0.9, 0, 0, 100, 100, 1), (0, 0.8, 0, 0, 100, 100, 2)],
        images=3,
    )
    assert told == ["background", "hit"]
    assert made.image.tolist() == [0, 1]


def test_nothing_found_and_nothing_there():
    nothing = {
        "image": np.empty(0, np.int64), "category": np.empty(0, np.int16),
        "score": np.empty(0, np.float32), "box": np.empty((0, 4), np.float32),
    }  # fmt: skip
    _, truth, _ = scene([OBJECT], [])
    made = find_kinds(nothing, truth)
    assert made.missed.tolist() == [True]
    drawn = error_draws(made, np.array([[1], [0]]))
    assert drawn["ap50"][0] == 0
    assert np.isnan(drawn["ap50"][1])
    _, truth, _ = scene([], [])
    found = {**nothing, "image": np.array([1]), "category": np.array([0], np.int16),
             "score": np.array([0.5]), "box": np.array([[0, 0, 5, 5]])}  # fmt: skip
    made = find_kinds(found, truth)
    assert NAMES[made.kind[0]] == "background"
    assert np.isnan(error_draws(made, np.ones((1, 1), int))["kind.background"]).all()


def test_detections_of_another_dataset_are_refused():
    detections, truth, _ = scene([OBJECT], [(0, 0.9, 0, 0, 9, 9, 7)])
    with pytest.raises(ValueError, match="image 7") as error:
        find_kinds(detections, truth)
    assert str(error.value) == "detections of image 7, which is not in the ground truth"


@pytest.mark.parametrize(
    ("objects", "found", "gains"),
    [
        # One object, one wrong box: only its own oracle gives AP, and the totals what they can.
        ([OBJECT], [(0, 0.9, 0, 0, 30, 100)], {"localisation": 1}),
        ([OBJECT], [(1, 0.9, 0, 0, 100, 100)], {"classification": 1}),
        # Both and background are taken away: no object is found by that.
        ([OBJECT], [(1, 0.9, 0, 0, 30, 100)], {}),
        # A background box above a hit halves precision.
        (
            [OBJECT],
            [(0, 0.9, 150, 0, 20, 20), (0, 0.8, 0, 0, 100, 100)],
            {"background": 0.5, "false positives": 0.5},
        ),
        # A duplicate between two hits; the first half of recall is not its fault.
        (
            [OBJECT, (0, 150, 0, 40, 40)],
            [(0, 0.9, 0, 0, 100, 100), (0, 0.8, 0, 0, 90, 100), (0, 0.7, 150, 0, 40, 40)],
            {"duplicate": 0.165, "false positives": 0.165},
        ),
        # One of two objects is missed: half of all recalls (51 of 101 are reached).
        (
            [OBJECT, (0, 150, 0, 40, 40)],
            [(0, 0.9, 0, 0, 100, 100)],
            {"missed": 0.495, "false negatives": 0.495},
        ),
        # The wrong class with the better score: its oracle makes it the hit, and the hit goes.
        (
            [OBJECT, (1, 150, 0, 40, 40)],
            [(1, 0.9, 0, 0, 100, 100), (0, 0.8, 0, 0, 100, 100), (1, 0.7, 150, 0, 40, 40)],
            {"classification": 0.25, "false positives": 0.25},
        ),
        # A class of which every object is missed: the others stay as they are, none is left out.
        ([OBJECT, (1, 150, 0, 40, 40)], [(0, 0.9, 0, 0, 100, 100)], {}),
    ],
)
def test_what_an_oracle_gives_back(objects, found, gains):
    assert worth(objects, found) == gains


def test_of_two_corrected_boxes_on_one_object_the_better_score_stays():
    found = [(1, 0.9, 0, 0, 100, 100), (1, 0.8, 0, 0, 95, 100), (0, 0.7, 0, 0, 100, 100)]
    made = find_kinds(*scene([OBJECT], found)[:2])
    left = mended(made, "classification")
    assert left.score.tolist() == [pytest.approx(0.9)]
    assert left.category.tolist() == [0]
    assert left.hit.tolist() == [True]
    found = [(0, 0.9, 0, 0, 100, 100), (0, 0.8, 0, 0, 30, 100)]
    left = mended(find_kinds(*scene([OBJECT], found)[:2]), "localisation")
    assert left.score.tolist() == [pytest.approx(0.9)]


def test_numbers_by_size_say_whose_size():
    objects = [(0, 0, 0, 10, 10), (0, 50, 0, 20, 20), (1, 100, 0, 60, 60), (1, 0, 100, 40, 40)]
    found = [
        (0, 0.9, 100, 0, 60, 60),  # classification: the object's size, large
        (0, 0.8, 50, 0, 20, 20),  # hit: an area on the band is medium
        (0, 0.7, 0, 100, 50, 9),  # both: the object's, medium (40 x 40 is on the upper band)
        (0, 0.6, 150, 100, 5, 5),  # background: its own, small
        (0, 0.1, 0, 0, 10, 10),  # below the cut: four objects, four boxes
    ]
    made = find_kinds(*scene(objects, found)[:2])
    assert [NAMES[kind] for kind in made.kind] == [
        "classification", "hit", "both", "background", "hit",
    ]  # fmt: skip
    assert shown(made).tolist() == [0, 1, 2, 3]
    assert missed_at(made, shown(made)).tolist() == [True, False, False, True]
    assert made.missed.tolist() == [False, False, False, True]
    counts = counts_by_size(made)[0]
    assert counts.tolist() == [
        [0, 0, 0, 0, 1, 1, 0, 1],
        [0, 0, 1, 0, 0, 1, 1, 2],
        [1, 0, 0, 0, 0, 0, 0, 1],
    ]
    drawn = error_draws(made, np.array([[1], [2], [0]]))
    assert drawn["size.medium.missed"][:2].tolist() == [0.5, 0.5]
    assert np.isnan(drawn["size.medium.missed"][2])
    assert drawn["size.small.background"][0] == 1


def random_scene(rng, images=4, classes=3):
    objects, found = [], []
    for image in range(1, images + 1):
        for _ in range(rng.integers(0, 6)):
            x, y, w, h = rng.integers(0, 12, 2).tolist() + rng.integers(4, 10, 2).tolist()
            label, crowd = int(rng.integers(classes)), int(rng.random() < 0.15)
            objects.append((label, 5 * x, 5 * y, 5 * w, 5 * h, crowd, image))
        for _ in range(rng.integers(0, 14)):
            x, y, w, h = rng.integers(0, 12, 2).tolist() + rng.integers(4, 10, 2).tolist()
            label, score = int(rng.integers(classes)), float(rng.integers(1, 9)) / 10
            box = (5 * x, 5 * y, 5 * w, 5 * h)
            if objects and objects[-1][-1] == image and rng.random() < 0.5:
                label, *box = objects[int(rng.integers(len(objects)))][:5]
            found.append((label, score, *box, image))
    return scene(objects, found, images, classes)


def overlap(a, b, crowd=False):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return w * h / (areas[0] if crowd else sum(areas) - w * h)


def plain(detections, truth):
    """Kinds and objects of every detection, by loops that follow the definitions."""
    rows = range(len(detections["score"]))
    hits, told = {}, []
    for row in rows:
        box, label = detections["box"][row], detections["category"][row]
        image = truth.images.tolist().index(detections["image"][row])
        there = [m for m in range(len(truth.image)) if truth.image[m] == image]
        iou = {m: overlap(box, truth.box[m]) for m in there if not truth.crowd[m]}
        own = {m: x for m, x in iou.items() if truth.category[m] == label}
        other = {m: x for m, x in iou.items() if truth.category[m] != label}
        free = {m: x for m, x in own.items() if x >= 0.5 and m not in hits}
        in_crowd = any(
            truth.crowd[m] and truth.category[m] == label
            and overlap(box, truth.box[m], crowd=True) >= 0.5
            for m in there
        )  # fmt: skip
        best_own = max(own, key=lambda m: (own[m], m), default=None)
        best_other = max(other, key=lambda m: (other[m], m), default=None)
        near, far = own.get(best_own, 0), other.get(best_other, 0)
        if free:
            choice = max(free, key=lambda m: (free[m], m))
            hits[choice] = row
            told.append(("hit", choice))
        elif in_crowd:
            told.append(("out", -1))
        elif 0.1 <= near < 0.5:
            told.append(("localisation", best_own))
        elif far >= 0.5:
            told.append(("classification", best_other))
        elif near >= 0.5:
            told.append(("duplicate", best_own))
        elif max(near, far) < 0.1:
            told.append(("background", -1))
        else:
            told.append(("both", best_other))
    return told


def plain_ap50(rows, positives, classes):
    """rows: (score, class, hit, image), in order; copies of images are copies of rows."""
    aps = []
    for label in classes:
        mine = sorted((row for row in rows if row[1] == label), key=lambda row: -row[0])
        found, curve = 0, []
        for rank, row in enumerate(mine, 1):
            found += row[2]
            curve.append((found / max(positives[label], 1), found / rank))
        heights = [max((p for r, p in curve if r >= at), default=0) for at in RECALLS]
        aps.append(np.mean(heights) if positives[label] else 0)
    return np.mean(aps)


RECALLS = np.linspace(0, 1, 101)


def plain_gain(oracle, detections, truth, told, draw):
    """AP50 after an oracle minus before, on the list of images that a draw names."""
    scores = detections["score"].tolist()
    labels = detections["category"].tolist()
    places = [truth.images.tolist().index(image) for image in detections["image"]]
    wanted = [m for m in range(len(truth.image)) if not truth.crowd[m]]
    hit_objects = {m for kind, m in told if kind == "hit"}
    pointed = {m for kind, m in told if kind in ("localisation", "classification")}
    rows = [
        [scores[i], labels[i], kind == "hit", places[i], kind, m]
        for i, (kind, m) in enumerate(told)
        if kind != "out"
    ]
    left = wanted
    fixed = [list(row) for row in rows]
    if oracle in ("classification", "localisation"):
        claimed = set()
        fixed = []
        for row in rows:
            if row[4] in ("hit", oracle):
                if row[5] in claimed:
                    continue
                claimed.add(row[5])
                fixed.append([row[0], int(truth.category[row[5]]), True, row[3]])
            else:
                fixed.append(list(row))
    elif oracle == "missed":
        left = [m for m in wanted if m in hit_objects or m in pointed]
    elif oracle == "false negatives":
        left = [m for m in wanted if m in hit_objects]
    elif oracle == "false positives":
        fixed = [row for row in fixed if row[2]]
    else:
        fixed = [row for row in fixed if row[4] != oracle]

    def ap50(rows, objects):
        # Copies of a row stand together, also where scores of an image's rows tie.
        drawn = [row for row in rows for place in draw if row[3] == place]
        count = dict.fromkeys(range(len(truth.categories)), 0)
        for place in draw:
            for m in objects:
                count[int(truth.category[m])] += truth.image[m] == place
        return plain_ap50(drawn, count, classes)

    classes = sorted({int(truth.category[m]) for m in wanted if truth.image[m] in draw})
    return ap50(fixed, left) - ap50(rows, wanted)


@pytest.mark.parametrize("seed", range(8))
def test_random_scenes_against_plain_loops(seed):
    rng = np.random.default_rng(seed)
    detections, truth, document = random_scene(rng)
    made = find_kinds(detections, truth)
    told = plain(detections, truth)
    assert [(NAMES[k], m) for k, m in zip(made.kind, made.object, strict=True)] == told
    hits = {m for kind, m in told if kind == "hit"}
    points = {m for kind, m in told if kind in ("localisation", "classification")}
    assert [
        not truth.crowd[m] and m not in hits | points for m in range(len(truth.image))
    ] == made.missed.tolist()
    draws = [np.arange(4), *np.sort(rng.integers(0, 4, (2, 4)))]
    weights = np.array([np.bincount(draw, minlength=4) for draw in draws])
    drawn = error_draws(made, weights)
    asked = coco_metrics(document, detections, bands=BANDS).ap50
    assert drawn["ap50"][0] == pytest.approx(asked, abs=1e-12)
    for oracle in ORACLES:
        for b, draw in enumerate(draws):
            if np.isfinite(drawn["ap50"][b]):
                plainly = plain_gain(oracle, detections, truth, told, draw)
                assert drawn[f"kind.{oracle}"][b] == pytest.approx(plainly, abs=1e-12), oracle


def test_every_detection_has_one_kind_and_fixes_never_take_away():
    rng = np.random.default_rng(99)
    detections, truth, _ = random_scene(rng, images=40)
    made = find_kinds(detections, truth)
    assert (np.bincount(made.kind, minlength=8)[[*range(5), HIT, OUT]] > 0).all()
    weights = rng.multinomial(40, np.full(40, 1 / 40), 20)
    drawn = error_draws(made, weights)
    for oracle in ORACLES:
        assert (drawn[f"kind.{oracle}"] >= -1e-12).all(), oracle
    assert {name.split(".")[1] for name in drawn if name.startswith("size.")} == set(SIZES)
    assert (ap50_draws(as_found(made), weights) == drawn["ap50"]).all()


def test_a_trial_is_matched_and_drawn_in_a_second():
    """300 images, 30,000 detections: well under a second to match, about one for 200 draws."""
    rng = np.random.default_rng(5)
    images, n = 300, 30_000
    document = {
        "images": [{"id": i, "width": 160, "height": 160} for i in range(images)],
        "categories": [{"id": k, "name": str(k)} for k in range(6)],
        "annotations": [
            {"image_id": i, "category_id": int(rng.integers(6)), "bbox": box.tolist()}
            for i in range(images)
            for box in rng.uniform((0, 0, 6, 6), (100, 100, 60, 60), (9, 4))
        ],
    }
    corner, side = rng.uniform(0, 100, (n, 2)), rng.uniform(6, 60, (n, 2))
    detections = {
        "image": np.repeat(np.arange(images), 100), "category": rng.integers(0, 6, n),
        "score": rng.random(n).astype(np.float32), "box": np.hstack([corner, corner + side]),
    }  # fmt: skip
    truth = truth_of("speed", document, BANDS)
    weights = rng.multinomial(images, np.full(images, 1 / images), 200)
    start = time.process_time()
    made = find_kinds(detections, truth)
    matched = time.process_time()
    error_draws(made, weights)
    assert matched - start < 0.8
    assert time.process_time() - matched < 3
