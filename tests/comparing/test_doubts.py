"""What lets one doubt that files can be compared is said under the table; all else is silent."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.comparing.comparison import p_words


def compare(*args, code=0):
    words = ["compare", "--gt", "val.json", "--draws", "100", *args]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code, result.output
    return result


def notes(*args):
    found = json.loads(compare(*args, "--json").stdout)["notes"]
    return [note for note in found if "one network each" not in note]


def rows(name="a0.json"):
    return json.loads(Path(name).read_text())


def put(name, found):
    Path(name).write_text(json.dumps(found))


def as_corners(box):
    x, y, w, h = box
    return [x, y, x + w, y + h]


def test_files_that_can_be_compared_have_no_note(files):
    assert notes("a0.json", "a1.json", ":", "b0.json", "b1.json") == []


def test_detections_on_half_of_the_images_are_noted(files):
    put("half.json", [row for row in rows() if row["image_id"] < 7 * 20])
    assert notes("a0.json", ":", "half.json") == [
        "half.json has detections on 20 of 40 images, a0.json on 40: AP counts what is not found "
        "on the others as missed"
    ]
    assert notes("half.json", ":", "half.json", "--names", "A,B")[0] == (
        "no file has detections on more than 20 of 40 images, of which 39 have objects: are they "
        "of this ground truth's images?"
    )


def test_the_answer_says_that_there_are_doubts(files):
    put("half.json", [row for row in rows() if row["image_id"] < 7 * 20])
    doubt = " But these files may not be comparable: see the notes."
    assert compare("a0.json", ":", "half.json").stdout.rstrip("\n").endswith(doubt)
    assert doubt not in compare("a0.json", ":", "b0.json").stdout


def test_many_files_of_half_the_images_are_one_note(files):
    few = [row for row in rows() if row["image_id"] < 7 * 20]
    names = [f"half{number}.json" for number in range(4)]
    for number, name in enumerate(names):
        put(name, few[number:])
    (said,) = notes("a0.json", "a1.json", ":", *names)
    assert said.startswith(
        "half0.json has detections on 20 of 40 images (and 3 more files are like it), "
    )


def test_another_score_threshold_is_noted(files):
    put("high.json", [row for row in rows() if row["score"] >= 0.3])
    low, high = (min(row["score"] for row in rows(name)) for name in ("a0.json", "high.json"))
    assert notes("a0.json", ":", "high.json") == [
        f"lowest score of high.json is {high:.3g}, of a0.json {low:.3g}: another threshold may be "
        "why they differ"
    ]


def test_the_best_so_many_of_each_image_are_no_threshold(files):
    best = {}
    for row in sorted(rows(), key=lambda row: -row["score"]):
        best.setdefault(row["image_id"], []).append(row)
    put("best.json", [row for found in best.values() if len(found) > 2 for row in found[:2]])
    assert not any("threshold" in note for note in notes("a0.json", ":", "best.json"))


def test_turned_category_ids_are_asked_after(files):
    put("turned.json", [{**row, "category_id": (row["category_id"] + 2) % 6} for row in rows()])
    (said,) = notes("a0.json", ":", "turned.json")
    assert said.startswith("turned.json: AP under 0.01: ")
    assert said.endswith("on one of their category: are category ids those of the ground truth?")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (as_corners, "its boxes seem to be corners: read as x1, y1, x2, y2, "),
        (lambda box: [one / 640 for one in box],
         "its boxes seem to be fractions of the image; pixels are wanted"),
        (lambda box: [one / 3 for one in box],
         "are category ids those of the ground truth, and boxes x, y, width, height?"),
    ],
)  # fmt: skip
def test_boxes_that_are_none_of_the_truth_s_are_asked_after(files, change, said):
    put("odd.json", [{**row, "bbox": change(row["bbox"])} for row in rows()])
    (found,) = notes("a0.json", ":", "odd.json")
    assert found.startswith(f"odd.json: AP under 0.01: {said}")


def test_a_bad_network_is_no_doubt(files, truth):
    """A quarter of its boxes lie on objects of their category, and badly."""
    found = []
    for row in truth["annotations"][:14]:
        (x, y, w, h), kind = row["bbox"], row["category_id"]
        box = {"bbox": [x, y, 0.55 * w, h], "image_id": row["image_id"], "category_id": kind}
        found.append({**box, "score": 0.03})
    for image in truth["images"]:
        box = {"bbox": [700, 700, 20, 20], "image_id": image["id"], "category_id": 1}
        found.append({**box, "score": 0.9})
    put("bad.json", found)
    assert notes("a0.json", ":", "bad.json") == []
    arms = json.loads(compare("a0.json", ":", "bad.json", "--json").stdout)["arms"]
    assert 0 < arms[1]["figures"]["ap"]["value"] < 0.01


def test_a_missing_file_is_told_with_the_nearest(files):
    assert compare("a0.json", ":", "b9.json", code=2).stderr == (
        "b9.json  no such file; did you mean 'b2.json'?\n"
    )
    result = CliRunner().invoke(main, ["compare", "--gt", "vall.json", "a0.json", ":", "b0.json"])
    assert (result.exit_code, result.stderr) == (
        2,
        "vall.json  cannot be read: No such file or directory; did you mean 'val.json'?\n",
    )
    assert compare("a0.json", ":", "b0.json", "--names", "x", code=2).stderr == (
        "--names x: 1 name for 2 arms\n"
    )


def test_what_a_paired_t_leaves_out_and_needs_is_said(files):
    words = ("a0.json", "a1.json", ":", "b0.json", "b1.json", "b2.json", "--test", "paired_t")
    assert notes(*words)[1:] == [
        "b2.json has no partner in a and is left out of the difference, which is over 2 pairs",
        "a paired t separates from six pairs on; b has 2",
    ]
    assert not any("six pairs" in note for note in notes(*words[:-2]))


def test_a_p_is_written_to_be_read():
    said = {0.0001: "< .001", 0.0286: "0.0286", 0.3: "0.30", 1.0: "1.00"}
    assert {p: p_words(p) for p in said} == said
