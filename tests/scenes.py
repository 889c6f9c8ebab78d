"""A small study with a kept truth, images and detections: what errors and pictures are made of."""

import numpy as np

from harness.evaluate import collect
from harness.ledger import Ledger
from harness.matches import Evidence
from harness.studies import Cell, StudyResults, write_study
from harness.truths import keep_truth

IMAGES, CLASSES = 30, ("bead", "<b>frame</b>")
BANDS = (256.0, 1600.0)
SKILLS = {"base": 0.5, "good": 0.85, "<i>same</i>": 0.5}
"""Share of objects that an arm gives the right class."""


def document():
    rng = np.random.default_rng(0)
    rows = []
    for image in range(1, IMAGES + 1):
        for place in range(4):
            x, y = 5 + 60 * (place % 2), 5 + 60 * (place // 2)
            side = int(rng.integers(8, 50))
            rows.append(
                {
                    "image_id": image,
                    "category_id": int(rng.integers(2)) + 1,
                    "bbox": [x, y, side, side],
                    "area": side * side,
                    "iscrowd": 0,
                }
            )
    return {
        "images": [{"id": i, "width": 120, "height": 120} for i in range(1, IMAGES + 1)],
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(CLASSES)],
        "annotations": rows,
    }


def detections(truth, skill, seed):
    """Every object found, by the right class with a probability; and one box on nothing."""
    rng = np.random.default_rng([seed, int(100 * skill)])
    found = []
    for image in range(1, IMAGES + 1):
        rows = [row for row in truth["annotations"] if row["image_id"] == image]
        boxes = np.array([row["bbox"] for row in rows], float)
        boxes[:, 2:] += boxes[:, :2]
        labels = np.array([row["category_id"] - 1 for row in rows])
        labels = np.where(rng.random(len(labels)) < skill, labels, 1 - labels)
        boxes = np.vstack([boxes, [55, 55, 60, 60]])
        scores = rng.uniform(0.3, 0.9, len(boxes))
        found.append((image, boxes, scores, np.append(labels, 0)))
    return collect(found)


def pixels(at):
    return np.full((120, 120, 3), 40 + 6 * at, np.uint8)


def keep_study(make, results, *, seeds=3, truth=True, arms=SKILLS):
    """Write it; its name and profile. truth: whether the ground truth is kept, too."""
    told, cells = document(), []
    ledger = Ledger(results)
    for place, (arm, skill) in enumerate(arms.items()):
        for seed in range(seeds):
            found = detections(told, skill, seed)
            ap = skill / 2 + seed / 100
            trial = f"t{place}{seed}"
            ledger.write(make.record(trial, seed, ap, 10**9 + place), Evidence(found))
            cells.append(Cell(arm, {}, seed, trial, "done", None, 10, 10**9 + place))
    study = StudyResults(
        "wrong", "laptop", "What goes wrong?", tuple(cells), arms=tuple(arms), baseline="base"
    )
    write_study(results, study)
    if truth:
        ids = tuple(range(1, IMAGES + 1))
        assert keep_truth(results, "f" * 8, told, BANDS, ids, pixels)
    return study
