"""Ground truths and result files, made by moving true boxes about."""

import json

import numpy as np
import pytest


def make_truth(images=40, categories=3, objects=4, seed=0, crowd=0.05):
    """A COCO document: image ids with gaps, category ids 1, 3, 5, ... and some crowds."""
    random = np.random.default_rng(seed)
    rows = []
    for image in range(images):
        for _ in range(random.integers(0, 2 * objects)):
            x, y = random.uniform(0, 400, 2)
            w, h = np.exp(random.uniform(np.log(8), np.log(200), 2))
            box = [round(float(one), 2) for one in (x, y, w, h)]
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": 7 * image + 3,
                    "category_id": 2 * int(random.integers(categories)) + 1,
                    "bbox": box,
                    "area": 0.8 * box[2] * box[3],
                    "iscrowd": int(random.random() < crowd),
                    "segmentation": [[1, 2, 3, 4, 5, 6]],
                }
            )
    return {
        "images": [
            {"id": 7 * image + 3, "file_name": f"{image}.jpg", "width": 640, "height": 640}
            for image in range(images)
        ],
        "categories": [{"id": 2 * k + 1, "name": f"class {k}"} for k in range(categories)],
        "annotations": rows,
    }


def jitter(truth, noise=0.1, missed=0.2, false=2, seed=0):
    """Detections: true boxes moved by `noise` of their size, some missed, some out of thin air."""
    random = np.random.default_rng(seed)
    found = []
    for row in truth["annotations"]:
        if random.random() < missed:
            continue
        x, y, w, h = row["bbox"]
        moved = np.array([x, y, w, h]) + noise * np.array([w, h, w, h]) * random.normal(size=4)
        found.append((row["image_id"], row["category_id"], moved, random.beta(4, 2)))
    kinds = [row["id"] for row in truth["categories"]]
    for image in truth["images"]:
        for _ in range(random.poisson(false)):
            box = np.array([*random.uniform(0, 400, 2), *random.uniform(5, 150, 2)])
            found.append((image["id"], int(random.choice(kinds)), box, random.beta(2, 4)))
    return [
        {
            "image_id": image,
            "category_id": kind,
            "bbox": [round(float(one), 3) for one in np.maximum(box, 0.5)],
            "score": round(float(score), 3),
        }
        for image, kind, box, score in found
    ]


@pytest.fixture(scope="session")
def truth():
    return make_truth()


@pytest.fixture
def files(tmp_path, monkeypatch, truth):
    """A folder with val.json, three files of a good arm `b` and three of a worse one `a`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "val.json").write_text(json.dumps(truth))
    for arm, noise in (("a", 0.12), ("b", 0.06)):
        for seed in range(3):
            found = jitter(truth, noise, seed=seed + 10 * (arm == "b"))
            (tmp_path / f"{arm}{seed}.json").write_text(json.dumps(found))
    return tmp_path
