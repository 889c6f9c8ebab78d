"""`shapes`: the same bytes for the same seed, boxes where things are, cues out of sight."""

import hashlib
import itertools
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from harness.data import open_data
from harness.data.scene import BANNER, BEAD, CATEGORIES, CLEARANCE, MAST, UNIT, lay_out
from harness.data.shapes import open_shapes, picture
from harness.space.data import DataSpec
from harness.space.streams import stream_seed

SMALL = DataSpec(train_images=6, val_images=4)
GOLDEN = "b4cf53c9c102e811"
"""Of the pixels and boxes of four images. Changes with SHAPES_VERSION, never without."""


@pytest.fixture
def dataset(tmp_path):
    return open_data(SMALL, 64, tmp_path)


def scenes(count=300):
    for i in range(count):
        yield lay_out(np.random.default_rng(stream_seed("test", i)))


def test_pixels_and_boxes_are_golden():
    digest = hashlib.sha256()
    for split, side, index in [
        ("train", 128, 0),
        ("train", 128, 7),
        ("val", 128, 0),
        ("val", 96, 3),
    ]:
        image, boxes = picture(split, 0, side, index)
        digest.update(image.tobytes() + json.dumps(boxes).encode())
    assert digest.hexdigest()[:16] == GOLDEN


def test_two_makings_are_identical(dataset, tmp_path):
    again = open_data(SMALL, 64, tmp_path / "elsewhere")
    assert again.facts == dataset.facts
    assert again.val_ground_truth() == dataset.val_ground_truth()
    for i in range(6):
        assert all(map(np.array_equal, again.train.load(i), dataset.train.load(i)))


def test_a_smaller_set_is_the_beginning_of_a_larger(dataset, tmp_path):
    larger = open_data(DataSpec(train_images=8, val_images=4), 64, tmp_path)
    assert larger.facts.fingerprint != dataset.facts.fingerprint
    for i in range(6):
        assert np.array_equal(larger.train.load(i).image, dataset.train.load(i).image)


def test_seed_and_side_are_identity(dataset, tmp_path):
    others = [
        open_data(DataSpec(train_images=6, val_images=4, seed=1), 64, tmp_path),
        open_data(DataSpec(train_images=6, val_images=4, image_size=96), 64, tmp_path),
    ]
    assert len({d.facts.fingerprint for d in [dataset, *others]}) == 3
    assert others[1].train.load(0).image.shape == (96, 96, 3)
    assert not np.array_equal(others[0].train.load(0).image, dataset.train.load(0).image)


def test_training_and_validation_are_apart(dataset):
    train = {dataset.train.load(i).image.tobytes() for i in range(6)}
    val = {dataset.val.load(i).image.tobytes() for i in range(4)}
    assert len(train) == 6
    assert len(val) == 4
    assert not train & val


def test_annotations_are_coco(dataset):
    truth = dataset.val_ground_truth()
    assert [row["id"] for row in truth["annotations"]] == list(
        range(1, len(truth["annotations"]) + 1)
    )
    assert dataset.val.ids == (1, 2, 3, 4)
    for row in truth["annotations"]:
        x, y, w, h = row["bbox"]
        assert 0 <= x < x + w <= 64
        assert 0 <= y < y + h <= 64
        assert row["area"] == w * h
        assert row["iscrowd"] == 0
    assert [(c["id"], c["name"], c["need"]) for c in truth["categories"]] == [
        (i, name, need) for i, (name, need) in enumerate(CATEGORIES, 1)
    ]
    assert dataset.facts.needs == tuple(need for _, need in CATEGORIES)
    assert set(dataset.facts.needs) == {"context", "extent", "none"}


def test_objects_of_a_split_are_its_annotations(dataset):
    rows = [r for r in dataset.val_ground_truth()["annotations"] if r["image_id"] == 2]
    sample = dataset.val.load(1)
    assert sample.labels.tolist() == [r["category_id"] - 1 for r in rows]
    widths = sample.boxes[:, 2:] - sample.boxes[:, :2]
    assert np.array_equal(widths, [r["bbox"][2:] for r in rows])


def test_boxes_are_where_things_are():
    """Where a thing is painted over a plain scene, its box holds every pixel that changed much."""
    from harness.data.paint import paint, texture_bank
    from harness.data.scene import Thing

    bank = texture_bank(np.random.default_rng(0))
    for category in range(len(CATEGORIES)):
        look = (0.4,) * 8
        thing = Thing(
            category,
            (30.3, 40.6, 90.2, 95.1) if category in (3, 4) else (30.3, 40.6, 80.3, 90.6),
            look,
            1.0,
        )
        empty, _ = paint([], 128, bank, np.random.default_rng(1))
        image, (box,) = paint([thing], 128, bank, np.random.default_rng(1))
        changed = np.abs(image.astype(int) - empty).max(2) > 40
        ys, xs = np.nonzero(changed)
        seen = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
        assert np.abs(seen - box).max() <= 1, CATEGORIES[category]


def test_sizes_span_more_than_a_decade():
    sides = [max(t.box[2] - t.box[0], t.box[3] - t.box[1]) for s in scenes() for t in s]
    assert min(sides) < 10
    assert max(sides) > 100


def test_beads_are_out_of_sight_of_every_banner():
    seen = 0
    for things in scenes():
        banners = [t for t in things if BANNER <= t.category < BANNER + 3]
        beads = [t for t in things if t.category < MAST]
        assert bool(banners) or not beads
        for bead, banner in itertools.product(beads, banners):
            assert bead.category - BEAD == banner.category - BANNER
            gap = max(
                banner.box[0] - bead.box[2],
                bead.box[0] - banner.box[2],
                banner.box[1] - bead.box[3],
                bead.box[1] - banner.box[3],
            )
            assert gap >= CLEARANCE
            seen += 1
    assert seen > 600


def test_cues_are_graded_and_classes_even():
    things = [t for s in scenes(600) for t in s if BANNER <= t.category < BANNER + 3]
    strengths = np.array([t.strength for t in things])
    assert np.allclose(np.quantile(strengths, [0, 0.5, 1]), [0.3, 0.65, 1], atol=0.05)
    counts = np.bincount([t.category - BANNER for t in things])
    assert counts.min() > 0.25 * counts.sum()


def test_looks_of_beads_tell_nothing():
    """The painter gives the three classes the same pixels."""
    from harness.data.paint import paint, texture_bank
    from harness.data.scene import Thing

    bank = texture_bank(np.random.default_rng(0))
    images = [
        paint([Thing(c, (20, 20, 32, 32), (0.3,) * 8, 0.8)], 64, bank, np.random.default_rng(1))[0]
        for c in range(3)
    ]
    assert np.array_equal(images[0], images[1])
    assert np.array_equal(images[0], images[2])


def test_two_at_once_make_one_set(tmp_path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(open_shapes(SMALL, 64, tmp_path)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({d.facts.fingerprint for d in found}) == 1
    folders = [p for p in (tmp_path / "shapes").iterdir() if p.is_dir()]
    assert len(folders) == 1
    assert not list((tmp_path / "shapes").glob("*.part"))


def test_a_broken_making_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("power cut")

    monkeypatch.setattr("harness.data.shapes.render", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        open_shapes(SMALL, 64, tmp_path)
    monkeypatch.undo()
    assert len(open_shapes(SMALL, 64, tmp_path).train) == 6
    assert [p for p in (tmp_path / "shapes").iterdir() if p.name.endswith(".part")] == []


def test_bands_follow_the_side(tmp_path):
    assert open_data(SMALL, 64, tmp_path).bands == (8.0**2, 20.0**2)
    assert open_data(SMALL, 128, tmp_path).bands == (16.0**2, 40.0**2)


def test_images_lie_on_disk(dataset):
    assert isinstance(dataset.train.images, np.memmap)
    assert Path(dataset.train.images.filename).name == "train.npy"
    assert UNIT == 128
