"""Every fault of a foreign file is named with its place; nothing else is read than is there."""

import json

import numpy as np
import pytest

from harness.comparing import stream
from harness.comparing.detections import read_answers
from harness.comparing.files import arms_of
from harness.comparing.truth import read_truth
from harness.errors import SpecError

GOOD = {"image_id": 3, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}


def faults(make):
    with pytest.raises(SpecError) as caught:
        make()
    return str(caught.value).splitlines()


def test_a_file_is_read_as_it_is(files, truth):
    read = read_truth(files / "val.json")
    answers = read_answers(files / "a0.json", read)
    rows = json.loads((files / "a0.json").read_text())
    assert len(answers) == len(rows)
    order = sorted(range(len(rows)), key=lambda i: (rows[i]["image_id"], -rows[i]["score"]))
    assert answers.box.tolist() == [rows[i]["bbox"] for i in order]
    assert answers.score.tolist() == [rows[i]["score"] for i in order]
    assert [2 * k + 1 for k in answers.category] == [rows[i]["category_id"] for i in order]
    assert read.categories == ("class 0", "class 1", "class 2")


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 22])
def test_blocks_of_any_size_give_the_same(files, monkeypatch, block):
    rows = [
        GOOD,
        {**GOOD, "segmentation": {"size": [1, 2], "counts": "a},{b"}},
        {**GOOD, "score": 1},
    ]
    (files / "few.json").write_text(json.dumps(rows, indent=1) + "\n\n")
    monkeypatch.setattr(stream, "BLOCK", block)
    assert list(stream.entries(files / "few.json")) == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x.json:1  the file is empty; no detections at all are written []"),
        ('{"annotations": []}', "x.json:1  is a ground truth or a whole dataset; detections are a"
         " list [{...}, ...]"),
        ("{}", "x.json:1  is an object; detections are a list [{...}, ...]"),
        ("image_id", "x.json:1  not a JSON list: begins with 'i'"),
        ("[\n{\n]", "x.json:3  not JSON: Expecting property name enclosed in double quotes"),
        ("[1, 2", "x.json:1  not JSON: the file ends within the list"),
        ("[1 2]", "x.json:1  not JSON: expected ',' or ']', not '2'"),
        ("[] []", "x.json:1  more text after the end of the list"),
        ('[{"a": 1}, ]', "x.json:1  not JSON: Expecting value"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_said_with_its_line(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.json").write_text(text)
    from pathlib import Path

    assert faults(lambda: list(stream.entries(Path("x.json")))) == [said]


def test_text_of_another_encoding_is_said(tmp_path):
    (tmp_path / "x.json").write_bytes(b'["\xff"]')
    said = faults(lambda: list(stream.entries(tmp_path / "x.json")))
    assert said == [f"{tmp_path}/x.json  not text in UTF-8: invalid start byte"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_id": 11}, "[1].image_id: no image 11 in val.json; the nearest is 10"),
        ({"image_id": "3"}, "[1].image_id: no image '3' in val.json; ids are whole numbers there, "
         "this one is a text"),
        ({"image_id": True}, "[1].image_id: no image True in val.json"),
        ({"image_id": None}, "[1].image_id: no image None in val.json"),
        ({"category_id": 4}, "[1].category_id: no category 4 in val.json; the nearest is 3"),
        ({"score": float("nan")}, "[1].score: nan is no finite number"),
        ({"score": "0.5"}, "[1].score: '0.5' is no finite number"),
        ({"score": 10**400}, None),
        ({"bbox": [1, 2, -3, 4]}, "[1].bbox: [1, 2, -3, 4] has a negative size; a box is x, y, "
         "width, height"),
        ({"bbox": [1, 2, 3]}, "[1].bbox: [1, 2, 3] is not four finite numbers"),
        ({"bbox": [1, 2, float("inf"), 3]}, "[1].bbox: [1, 2, inf, 3] is not four finite numbers"),
        ({"bbox": "none"}, "[1].bbox: 'none' is not four finite numbers"),
    ],
)  # fmt: skip
def test_a_bad_detection_is_named(files, change, said):
    from pathlib import Path

    truth = read_truth(Path("val.json"))
    Path("x.json").write_text(json.dumps([GOOD, GOOD | change]))
    told = faults(lambda: read_answers(Path("x.json"), truth))
    assert said is None or told[0] == f"x.json  {said}"


def test_all_faults_come_at_once_and_are_counted(files):
    from pathlib import Path

    truth = read_truth(Path("val.json"))
    lacking = {"image": 3, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}
    rows = [GOOD, *[GOOD | {"category_id": 0}] * 5, lacking, 7, GOOD | {"score": None}]
    Path("x.json").write_text(json.dumps(rows))
    assert faults(lambda: read_answers(Path("x.json"), truth)) == [
        "x.json  [1].category_id: no category 0 in val.json; the nearest is 1",
        "x.json  [2].category_id: no category 0 in val.json; the nearest is 1",
        "x.json  [3].category_id: no category 0 in val.json; the nearest is 1",
        "x.json  and 2 more: detection of an unknown category",
        "x.json  [6]: has no image_id; has image, category_id, bbox, score",
        "x.json  [7]: '7' is no detection",
        "x.json  [8].score: None is no finite number",
        "x.json  category_id must be an id of the ground truth; if the trainer numbered classes "
        "from 0, translate them",
    ]


def test_no_detections_are_allowed(files):
    (files / "none.json").write_text("[]")
    assert len(read_answers(files / "none.json", read_truth(files / "val.json"))) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("images"), "images: no such list; this is no COCO ground truth"),
        (lambda t: t.update(annotations=[]),
         "annotations: is empty: nothing is there to be found"),
        (lambda t: t["images"].append({"id": 3}), "images[40].id: 3 is there twice"),
        (lambda t: t["categories"].append({"id": 9}), "categories[3]: has no id or no name"),
        (lambda t: t["categories"].append({"id": 9, "name": "class 0"}),
         "categories[3].name: 'class 0' is there twice"),
        (lambda t: t["annotations"][0].update(category_id=2),
         "annotations[0].category_id: no category 2; the nearest is 1"),
        (lambda t: t["annotations"][0].update(image_id=4),
         "annotations[0].image_id: no image 4; the nearest is 3"),
        (lambda t: t["annotations"][0].update(bbox=[0, 0, -1, 2]),
         "annotations[0].bbox: [0, 0, -1, 2] has a negative size; a box is x, y, width, height"),
    ],
)  # fmt: skip
def test_a_bad_truth_is_named(files, truth, change, said):
    from pathlib import Path

    tree = json.loads(json.dumps(truth))
    change(tree)
    Path("bad.json").write_text(json.dumps(tree))
    assert faults(lambda: read_truth(Path("bad.json"))) == [f"bad.json  {said}"]


def test_ids_may_be_texts(files, truth):
    tree = json.loads(json.dumps(truth))
    for row in [*tree["images"], *tree["annotations"]]:
        name = "id" if "file_name" in row else "image_id"
        row[name] = f"{row[name]:05d}"
    (files / "texts.json").write_text(json.dumps(tree))
    (files / "x.json").write_text(json.dumps([GOOD | {"image_id": "00010"}]))
    answers = read_answers(files / "x.json", read_truth(files / "texts.json"))
    assert answers.image.tolist() == [2]
    assert np.allclose(answers.score, 0.5)


@pytest.mark.parametrize(
    ("words", "names", "said"),
    [
        ("a0.json a1.json", None,
         ["one arm is no comparison: put ':' between arms, a1.json a2.json : b1.json"]),
        ("a0.json : ", None, ["arm 2 has no file"]),
        ("a0.json ./a0.json : b0.json", None,
         ["./a0.json: given twice in arm a; copies are not seeds"]),
        ("a0.json : nothing.json", None, ["nothing.json  no such file"]),
        ("a0.json : b0.json", "x", ["--names x: 1 name for 2 arms"]),
        ("a0.json : b0.json", "x,x", ["--names x,x: every arm needs a name of its own"]),
    ],
)  # fmt: skip
def test_arms_that_are_none_are_refused(files, words, names, said):
    assert faults(lambda: arms_of(words.split(), names)) == said


def test_arms_are_named_after_their_files(files):
    assert list(arms_of(["a0.json", "a1.json", ":", "b0.json", "b1.json"], None)) == ["a", "b"]
    assert list(arms_of(["a0.json", "a1.json", ":", "b0.json"], None)) == ["a", "b0"]
    assert list(arms_of(["a0.json", "a1.json", ":", "b0.json", "a2.json"], None)) == ["A", "B"]
    assert list(arms_of(["a0.json", ":", "b0.json", ":", "a1.json"], "x, y,z")) == ["x", "y", "z"]
    for stem in ("fpn_seed0", "fpn_seed1"):
        (files / f"{stem}.json").write_text("[]")
    assert next(iter(arms_of(["fpn_seed0.json", "fpn_seed1.json", ":", "a0.json"], None))) == "fpn"
