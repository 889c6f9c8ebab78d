"""`coco`: layouts, every fault by name, and what is left once they are dealt with."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data import open_data
from harness.errors import SpecError, TrialError
from harness.space.data import DataSpec

CATEGORIES = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]


def tree(split):
    images = [
        {"id": i, "file_name": f"{split}{i}.png", "width": 40, "height": 30} for i in (5, 2, 9)
    ]
    boxes = [
        {
            "id": 11,
            "image_id": 2,
            "category_id": 7,
            "bbox": [1, 2, 10, 20],
            "area": 90,
            "iscrowd": 0,
        },
        {
            "id": 12,
            "image_id": 9,
            "category_id": 3,
            "bbox": [0, 0, 40, 30],
            "area": 1200,
            "iscrowd": 1,
        },
        {"id": 13, "image_id": 2, "category_id": 3, "bbox": [5.5, 5, 4, 4]},
    ]
    return {"images": images, "annotations": boxes, "categories": list(CATEGORIES)}


def write(root: Path, train=None, val=None, official=False):
    """A dataset of three 40 x 30 images a split; image 5 is empty, box 12 a crowd."""
    year = "2017" if official else ""
    (root / "annotations").mkdir(parents=True)
    for split, given in (("train", train), ("val", val)):
        folder = root / (f"{split}2017" if official else "images")
        folder.mkdir(exist_ok=True)
        for i in (2, 5, 9):
            Image.new("RGB", (40, 30), (i * 20, 0, 255)).save(folder / f"{split}{i}.png")
        text = json.dumps(given or tree(split))
        (root / "annotations" / f"instances_{split}{year}.json").write_text(text)
    return DataSpec(name="coco", root=str(root))


def opened(spec):
    return open_data(spec, 64, Path("unused"))


@pytest.mark.parametrize("official", [False, True])
def test_both_layouts(tmp_path, official):
    dataset = opened(write(tmp_path / "d", official=official))
    assert dataset.train.ids == (2, 5, 9)
    assert dataset.train.sizes == ((30, 40),) * 3
    sample = dataset.train.load(0)
    assert sample.image[0, 0].tolist() == [40, 0, 255]
    assert sample.boxes.tolist() == [[1, 2, 11, 22], [5.5, 5, 9.5, 9]]
    assert sample.labels.tolist() == [1, 0]
    assert sample.area.tolist() == [90, 16]
    assert len(dataset.train.load(1).boxes) == 0
    assert dataset.train.load(1).boxes.shape == (0, 4)
    assert dataset.train.load(2).iscrowd.tolist() == [True]
    assert dataset.facts.categories == ("cat", "dog")
    assert dataset.facts.needs is None
    assert (dataset.facts.train_images, dataset.facts.val_images) == (3, 3)


def test_ground_truth_is_numbered_from_one(tmp_path):
    truth = opened(write(tmp_path / "d")).val_ground_truth()
    assert [c["id"] for c in truth["categories"]] == [3, 7]
    assert [(a["id"], a["image_id"], a["category_id"]) for a in truth["annotations"]] == [
        (1, 2, 7),
        (2, 2, 3),
        (3, 9, 3),
    ]
    assert [a["iscrowd"] for a in truth["annotations"]] == [0, 0, 1]
    assert truth["annotations"][0]["bbox"] == [1, 2, 10, 20]


def test_the_fingerprint_is_content_not_place(tmp_path):
    one, other = opened(write(tmp_path / "a")), opened(write(tmp_path / "b", official=True))
    assert one.facts.fingerprint == other.facts.fingerprint
    moved = tree("train")
    moved["annotations"][0]["bbox"] = [1, 2, 10, 19]
    changed = opened(write(tmp_path / "c", train=moved))
    assert changed.facts.fingerprint != one.facts.fingerprint


def test_the_fingerprint_knows_images_that_were_replaced(tmp_path):
    spec = write(tmp_path)
    before = opened(spec).facts.fingerprint
    image = next(Path(spec.root).rglob("*.png"))
    image.write_bytes(image.read_bytes() + b" ")
    assert opened(spec).facts.fingerprint != before


def test_subsets_are_fixed_and_nested(tmp_path):
    spec = write(tmp_path / "d")

    def ids(count, seed=0):
        return set(opened(spec.model_copy(update={"train_images": count, "seed": seed})).train.ids)

    assert ids(2) == ids(2)
    assert ids(1) < ids(2) < ids(3) == ids(50) == {2, 5, 9}
    assert len({frozenset(ids(1, seed)) for seed in range(20)}) > 1


HARMLESS = [
    ({"id": 0}, "annotation id 0", "numbered anew", 3),
    ({"id": 11}, "annotation id given twice", "numbered anew", 3),
    ({"id": "x"}, "annotation id that is no whole number", "numbered anew", 3),
    ({"bbox": None}, "annotation without a box", "left out", 2),
    ({"bbox": [1, 2, 3]}, "box that is not four finite numbers", "left out", 2),
    ({"bbox": ["1", 2, 3, 4]}, "box that is not four finite numbers", "left out", 2),
    ({"bbox": [1, 2, float("nan"), 4]}, "box that is not four finite numbers", "left out", 2),
    ({"bbox": [1, 2, 0, 4]}, "box without area", "left out", 2),
    ({"bbox": [1, 2, -5, 4]}, "box without area", "left out", 2),
    ({"bbox": [50, 2, 5, 4]}, "box outside its image", "left out", 2),
    ({"bbox": [30, 2, 50, 4]}, "box partly outside its image", "cut to the image", 3),
    ({"image_id": 77}, "annotation of an image that is not listed", "left out", 2),
    ({"image_id": None}, "annotation without an image", "left out", 2),
    ({"area": "big"}, "area that is no number", "taken from the box", 3),
]


@pytest.mark.parametrize(("change", "kind", "remedy", "left"), HARMLESS)
def test_harmless_faults_are_mended_and_told(tmp_path, caplog, change, kind, remedy, left):
    given = tree("train")
    given["annotations"][2].update(change)
    with caplog.at_level(logging.WARNING):
        dataset = opened(write(tmp_path / "d", train=given))
    assert sum(len(dataset.train.objects(i).labels) for i in range(3)) == left
    (message,) = caplog.messages
    assert f"instances_train.json: 1 x {kind} (first: " in message
    assert message.endswith(remedy)


def test_good_data_says_nothing(tmp_path, caplog):
    opened(write(tmp_path / "d"))
    assert not caplog.messages


def test_boxes_are_cut_to_the_image(tmp_path):
    given = tree("train")
    given["annotations"][0].update(bbox=[-5, 20, 15, 40], area=-1)
    objects = opened(write(tmp_path / "d", train=given)).train.objects(0)
    assert objects.boxes[0].tolist() == [0, 20, 10, 30]
    assert objects.area[0] == 100


def _with(part, place, **change):
    given = tree("train")
    given[part][place] = {**given[part][place], **change}
    return given


FATAL = [
    (_with("images", 0, file_name="no.png"), "1 x missing image file (first: 'no.png')"),
    (_with("images", 0, id=2), "1 x image id given twice (first: 2)"),
    (_with("images", 0, id="2"), "image without a whole id and a file name"),
    (_with("images", 0, width=41), "'train5.png' is 40 x 30, listed as 41 x 30"),
    (_with("images", 0, file_name="../train5.png"), "image path that leaves the folder"),
    (_with("images", 0, file_name="/etc/passwd"), "image path that leaves the folder"),
    (_with("images", 0, file_name="..\\train5.png"), "image path that leaves the folder"),
    (_with("annotations", 0, category_id=4), "1 x unknown category (first: 4 of annotation 11)"),
    (_with("categories", 0, id=7), "category id given twice (first: 7)"),
    (_with("categories", 0, name="dog"), "category name given twice (first: dog)"),
    ({**tree("train"), "annotations": []}, "file without a single usable annotation"),
    ({"images": [], "annotations": []}, "1 x missing list (first: categories)"),
    ([1], "3 x missing list (first: images)"),
]


@pytest.mark.parametrize(("given", "said"), FATAL)
def test_what_cannot_be_trusted_is_refused(tmp_path, given, said):
    with pytest.raises(SpecError) as caught:
        opened(write(tmp_path / "d", train=given))
    assert {fault.path for fault in caught.value.faults} == {"data.root"}
    (fault,) = (fault for fault in caught.value.faults if said in fault.message)
    assert fault.message.startswith("instances_train.json: ")


def test_all_fatal_faults_come_at_once(tmp_path):
    given = _with("images", 0, file_name="no.png")
    given["annotations"][0]["category_id"] = 4
    with pytest.raises(SpecError) as caught:
        opened(write(tmp_path / "d", train=given, val={"images": []}))
    kinds = [str(fault) for fault in caught.value.faults]
    assert len(kinds) == 3
    assert "unknown category" in str(caught.value)
    assert "missing image file" in str(caught.value)
    assert "instances_val.json: 2 x missing list" in str(caught.value)


def test_categories_of_both_splits_agree(tmp_path):
    val = tree("val")
    val["categories"] = [*CATEGORIES, {"id": 8, "name": "cow"}]
    with pytest.raises(SpecError, match="category 8 'cow' stands in the validation annotations"):
        opened(write(tmp_path / "d", val=val))


def test_text_that_is_no_json(tmp_path):
    spec = write(tmp_path / "d")
    (tmp_path / "d/annotations/instances_val.json").write_text("{")
    with pytest.raises(SpecError, match=r"instances_val.json: 1 x file that is not JSON"):
        opened(spec)


def test_links_do_not_lead_out(tmp_path):
    given = _with("images", 0, file_name="out/secret.png")
    spec = write(tmp_path / "d", train=given)
    (tmp_path / "outside").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "outside/secret.png")
    (tmp_path / "d/images/out").symlink_to(tmp_path / "outside")
    with pytest.raises(SpecError, match="missing image file"):
        opened(spec)


def test_missing_folders_are_named(tmp_path):
    with pytest.raises(SpecError, match=r"^data\.root: no folder '.*nowhere'$"):
        opened(DataSpec(name="coco", root=str(tmp_path / "nowhere")))
    with pytest.raises(SpecError, match=r"^data\.root: is not given"):
        opened(DataSpec(name="coco"))
    with pytest.raises(SpecError, match=r"neither annotations/instances_train.json nor") as caught:
        opened(DataSpec(name="coco", root=str(tmp_path)))
    assert len(caught.value.faults) == 2


def test_an_unknown_dataset_has_a_nearest_name():
    with pytest.raises(SpecError, match="no dataset 'shape'; did you mean 'shapes'"):
        opened(DataSpec(name="shape"))


def test_a_file_that_is_no_image(tmp_path):
    spec = write(tmp_path / "d")
    (tmp_path / "d/images/train5.png").write_bytes(b"not a picture")
    with pytest.raises(SpecError, match="1 x image file that cannot be read"):
        opened(spec)


def test_a_picture_that_changes_later_is_a_failed_trial(tmp_path):
    dataset = opened(write(tmp_path / "d"))
    Image.new("RGB", (10, 10)).save(tmp_path / "d/images/train2.png")
    with pytest.raises(
        TrialError, match=r"'train2\.png' is 10 x 10 pixels, its annotations say 40"
    ):
        dataset.train.load(0)


def test_decoded_images_are_kept_where_few(tmp_path, monkeypatch):
    spec = write(tmp_path / "d")
    split = opened(spec).train
    assert split.load(0).image is split.load(0).image
    monkeypatch.setattr("harness.data.coco.KEPT_BYTES", 10)
    split = opened(spec).train
    assert split.load(0).image is not split.load(0).image
    assert np.array_equal(split.load(0).image, split.load(0).image)
