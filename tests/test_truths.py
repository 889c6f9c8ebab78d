"""The ground truth beside the records: written once, read without the dataset, never in the way."""

import dataclasses
import gzip
import io
import json
import logging
import uuid

import numpy as np
import pytest
from PIL import Image

from harness import truths
from harness.data import open_data
from harness.errors import LedgerError
from harness.evaluate import coco_metrics, collect
from harness.files import place
from harness.leftovers import Rules, find_leftovers
from harness.space.data import DataSpec
from harness.space.workplace import Workplace
from harness.training.prepare import keep_truth_of
from harness.truths import keep_truth, picture_bytes, read_truth, to_bytes, truth_of, truth_path

DOCUMENT = {
    "info": {"left": "out"},
    "images": [
        {"id": 9, "file_name": "b.png", "width": 640, "height": 400},
        {"id": 4, "file_name": "a.png", "width": 100, "height": 80},
    ],
    "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog", "supercategory": "pets"}],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": 3, "bbox": [1, 2, 30.5, 40], "area": 99.5,
         "iscrowd": 1, "segmentation": []},
        {"id": 2, "image_id": 4, "category_id": 7, "bbox": [0, 0, 10, 10]},
        {"id": 3, "image_id": 9, "category_id": 7, "bbox": [5, 5, 5, 5], "area": 20, "iscrowd": 0},
    ],
}  # fmt: skip
BANDS = (64.0, 400.0)
IDS = (4, 9)


def pixels(at):
    side = ((80, 100, 3), (400, 640, 3))[at]
    return np.random.default_rng(at).integers(0, 256, side, np.uint8)


def keep(results, document=DOCUMENT, ids=IDS, images=pixels):
    return keep_truth(results, "data-1", document, BANDS, ids, images)


def test_what_is_kept_is_read_as_arrays(tmp_path):
    assert keep(tmp_path)
    truth = read_truth(tmp_path, "data-1")
    assert truth.images.tolist() == [4, 9]
    assert truth.categories == ("cat", "dog")
    assert truth.image.tolist() == [0, 1, 1]
    assert truth.category.tolist() == [0, 1, 0]
    assert truth.box.tolist() == [[0, 0, 10, 10], [1, 2, 31.5, 42], [5, 5, 10, 10]]
    assert truth.crowd.tolist() == [False, True, False]
    assert truth.area.tolist() == [100, 99.5, 20]
    assert truth.bands == BANDS
    assert set(truth.document["images"][0]) == {"id", "width", "height"}
    assert "segmentation" not in truth.document["annotations"][0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        truth.bands = (0, 1)


def test_bytes_are_the_same_for_the_same_truth(tmp_path):
    keep(tmp_path / "a"), keep(tmp_path / "b")
    kept = [truth_path(tmp_path / name, "data-1").read_bytes() for name in "ab"]
    assert kept[0] == kept[1]
    assert to_bytes(DOCUMENT, BANDS) == to_bytes(DOCUMENT, BANDS)
    assert truth_of("x", DOCUMENT, BANDS).area.tolist() == [100, 99.5, 20]


def test_pictures_are_small_and_say_their_scale(tmp_path):
    keep(tmp_path)
    truth = read_truth(tmp_path, "data-1")
    small, large = truth.pictures
    assert (small.image, small.width, small.height, small.scale) == (4, 100, 80, 1.0)
    assert (large.image, large.width, large.height, large.scale) == (9, 320, 200, 0.5)
    with Image.open(io.BytesIO(picture_bytes(tmp_path, truth, large))) as image:
        assert image.size == (320, 200)
    (tmp_path / "truths/data-1/9.webp").unlink()
    assert picture_bytes(tmp_path, truth, large) is None


def test_pictures_are_drawn_from_the_ids_and_fit(tmp_path, monkeypatch):
    ids = tuple(range(1, 201))
    images = [{"id": number, "width": 64, "height": 64} for number in ids]
    document = {**DOCUMENT, "images": images, "annotations": []}
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    keep(tmp_path / "all", document, ids, lambda at: noise)
    shown = [one.image for one in read_truth(tmp_path / "all", "data-1").pictures]
    assert len(shown) == 48
    assert shown == sorted(shown) != list(range(1, 49))
    assert (
        json.loads(gzip.decompress(truth_path(tmp_path / "all", "data-1").read_bytes()))["sample"][
            "seed"
        ]
        == 0
    )
    monkeypatch.setattr(truths, "SAMPLE_BYTES", 20_000)
    keep(tmp_path / "few", document, ids, lambda at: noise)
    few = [one.image for one in read_truth(tmp_path / "few", "data-1").pictures]
    files = list((tmp_path / "few/truths/data-1").glob("*.webp"))
    assert 0 < len(few) < 48
    assert few == shown[: len(few)]
    assert sum(file.stat().st_size for file in files) <= 20_000


def test_it_is_written_once(tmp_path):
    keep(tmp_path)
    before = truth_path(tmp_path, "data-1").stat()

    def never(at):
        raise AssertionError("read again")

    assert keep(tmp_path, images=never)
    assert truth_path(tmp_path, "data-1").stat() == before


@pytest.mark.parametrize("error", [OSError(28, "No space left"), ValueError("torn image")])
def test_no_trial_fails_by_it(tmp_path, caplog, error):
    def broken(at):
        raise error

    with caplog.at_level(logging.WARNING):
        assert not keep(tmp_path, images=broken)
    [told] = caplog.messages
    assert told == f"the ground truth could not be kept: {type(error).__name__}: {error}"
    assert not truth_path(tmp_path, "data-1").exists()
    assert not keep_truth(tmp_path, "../out", DOCUMENT, BANDS, IDS, pixels)


def test_a_truth_that_is_missing_or_damaged_is_told(tmp_path):
    path = truth_path(tmp_path, "data-1")
    with pytest.raises(LedgerError) as error:
        read_truth(tmp_path, "data-1")
    assert str(error.value) == f"{path}: the ground truth of these trials was not kept"
    keep(tmp_path)
    whole = path.read_bytes()
    for torn in (whole[:-9], b"", b"no gzip", gzip.compress(b"{}"), gzip.compress(b"[1]")):
        path.write_bytes(torn)
        with pytest.raises(LedgerError, match="damaged: "):
            read_truth(tmp_path, "data-1")


def test_it_lies_in_a_store_as_well():
    results = place(f"memory://truths-{uuid.uuid4().hex}")
    assert keep(results)
    truth = read_truth(results, "data-1")
    assert truth.image.tolist() == [0, 1, 1]
    assert picture_bytes(results, truth, truth.pictures[0])[8:12] == b"WEBP"


def test_gc_leaves_it(tmp_path):
    keep(tmp_path)
    (tmp_path / "ledger").mkdir()
    assert not find_leftovers(tmp_path, Rules(days=0, cache=True), lambda: 4e9).leftovers


def test_detections_and_truth_are_evaluated_without_the_dataset(tmp_path):
    """The figures of a record come again, to the last digit, from `results/` alone."""
    where = Workplace(tmp_path / "results")
    data = open_data(DataSpec(train_images=1, val_images=12), 64, where.cache)
    rng = np.random.default_rng(1)
    rows = []
    for at, number in enumerate(data.val.ids):
        held = data.val.objects(at)
        noise = rng.normal(0, 2, held.boxes.shape).astype(np.float32)
        score = rng.random(len(held.labels)).astype(np.float32)
        rows.append((number, held.boxes + noise, score, held.labels))
    found = collect(rows)
    told = {"needs": data.facts.needs, "bands": data.bands}
    asked = coco_metrics(data.val_ground_truth(), found, **told)
    assert asked.ap > 0.1
    assert keep_truth_of(data, where)
    truth = read_truth(where.results, data.facts.fingerprint)
    told = {"needs": data.facts.needs, "bands": truth.bands}
    assert coco_metrics(truth.document, found, **told) == asked
    assert len(truth.pictures) == 12
