"""`shapes`: the same bytes for the same seed, boxes where things are, cues out of sight."""

import hashlib
import itertools
import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.data import open_data
from harness.data.paint import paint, texture_bank
from harness.data.scene import (
    BANNER,
    BEAD,
    CATEGORIES,
    CLEARANCE,
    MAST,
    UNIT,
    WEDGE,
    Thing,
    lay_out,
)
from harness.data.shapes import open_shapes, picture
from harness.graph import expand, receptive_field
from harness.space.backbones import backbone_facts
from harness.space.data import DataSpec
from harness.space.load import read_yaml
from harness.space.streams import stream_seed
from harness.space.zoo import load_topology

SMALL = DataSpec(train_images=6, val_images=4)
GOLDEN = "4c855091a66655ad"
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
    """The box in pixels is the thing's own place, and nothing outside of it is painted."""
    bank = texture_bank(np.random.default_rng(0))
    for category, (name, _) in enumerate(CATEGORIES):
        place = (30.3, 40.6, 80.3, 90.6)
        thing = Thing(category, place, (0.4,) * 8, 1.0)
        empty, _ = paint([], 128, bank, np.random.default_rng(1))
        image, (box,) = paint([thing], 128, bank, np.random.default_rng(1))
        assert np.abs(np.array(box) - place).max() <= 1, name
        if not name.startswith("banner"):
            ys, xs = np.nonzero((image != empty).any(2))
            seen = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
            assert np.abs(seen - box).max() <= 1, name


def test_sizes_span_more_than_a_decade():
    sides = [max(t.box[2] - t.box[0], t.box[3] - t.box[1]) for s in scenes() for t in s]
    assert min(sides) < 10
    assert max(sides) > 100


def test_beads_are_out_of_sight_of_every_banner():
    seen = 0
    for things in scenes():
        banners = [t for t in things if BANNER <= t.category < WEDGE]
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
    things = [t for s in scenes(600) for t in s if BANNER <= t.category < WEDGE]
    strengths = np.array([t.strength for t in things])
    assert np.allclose(np.quantile(strengths, [0, 0.5, 1]), [0.3, 0.65, 1], atol=0.05)
    counts = np.bincount([t.category - BANNER for t in things])
    assert counts.min() > 0.25 * counts.sum()


def recast(things, shift):
    """The same scene with every bead and banner of another class."""
    count = MAST - BEAD
    for thing in things:
        for first in (BEAD, BANNER):
            if first <= thing.category < first + count:
                thing = replace(thing, category=first + (thing.category - first + shift) % count)
                break
        yield thing


def lateral_sees():
    """Side in pixels of what the control study's `lateral` sees at p3: tower, then prediction."""
    study = Path(__file__).parents[2] / "search_spaces" / "control.yaml"
    tree = read_yaml(study).tree
    usual = tree["model"]["feature_network"].get("repeats", 1)
    repeats = tree["arms"]["lateral"].get("model.feature_network.repeats", usual)
    base = backbone_facts("test_efficientnet", (3, 4, 5)).receptive_field
    own = receptive_field(expand(load_topology("lateral"), repeats=repeats), base)[3]
    return own + 2 * 2 * 8


def test_nothing_that_lateral_sees_tells_the_class():
    """Pixel by pixel: within half its field of a bead, a scene is the same whatever the class."""
    reach = lateral_sees() / 2
    assert reach < CLEARANCE
    bank = texture_bank(np.random.default_rng(0))
    beads = 0
    for k, things in enumerate(scenes(40)):
        image, _ = paint(things, 128, bank, np.random.default_rng(k))
        others = [
            paint(list(recast(things, shift)), 128, bank, np.random.default_rng(k))[0]
            for shift in range(1, MAST - BEAD)
        ]
        for thing in things:
            if thing.category < MAST:
                box = np.array(thing.box)
                x0, y0 = np.floor(box[:2] - reach).clip(0).astype(int)
                x1, y1 = np.ceil(box[2:] + reach).astype(int)
                near = np.s_[y0:y1, x0:x1]
                assert all(np.array_equal(image[near], other[near]) for other in others)
                assert all(not np.array_equal(image, other) for other in others)
                beads += 1
    assert beads > 80


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
