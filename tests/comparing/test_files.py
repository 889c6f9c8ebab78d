"""`harness compare --gt`: from files to the printed table, the document and the page."""

import contextlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from comparing.conftest import jitter, make_truth
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from harness.cli import main
from harness.comparing.compare import compare as make
from harness.comparing.detections import read_answers
from harness.comparing.matching import figures_and_draws, matches_of
from harness.comparing.measured import Measured, Network
from harness.comparing.truth import read_truth
from harness.evaluate import coco_matches

A, B = ["a0.json", "a1.json", "a2.json"], ["b0.json", "b1.json", "b2.json"]


def compare(*args, ok=True):
    result = CliRunner().invoke(main, ["compare", "--gt", "val.json", "--draws", "100", *args])
    assert "Traceback" not in result.output
    assert result.exit_code == (0 if ok else 2), result.output
    return result


def cocoeval(truth, found):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(truth)
        run = COCOeval(coco, coco.loadRes(found), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats


def test_figures_are_cocoeval_s(files):
    truth = read_truth(files / "val.json")
    for name in ("a0.json", "b1.json"):
        matches = matches_of(truth, read_answers(files / name, truth))
        own, _ = figures_and_draws(matches, 2, 0)
        expected = cocoeval("val.json", name)[:6]
        given = [own[k] for k in ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")]
        assert given == pytest.approx(list(expected), abs=1e-12)


def in_eighths(rows):
    """Boxes that pass through corners and back without the loss of a digit; scores that tie."""
    for row in rows:
        row["bbox"] = [max(round(8 * one), 8) / 8 for one in row["bbox"]]
        if "score" in row:
            row["score"] = round(row["score"], 1)
        else:
            row["area"] = 0.8 * row["bbox"][2] * row["bbox"][3]
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_matches_are_cocoeval_s_to_the_last_bit(tmp_path, seed):
    """With ties, crowds, boxes found twice, and more than 100 to an image and class."""
    tree = make_truth(images=12, objects=12, categories=2, seed=seed, crowd=0.2)
    in_eighths(tree["annotations"])
    found = in_eighths(jitter(tree, 0.03, seed=seed) + jitter(tree, 0.1, false=20, seed=seed + 1))
    found += in_eighths(jitter(tree, 0.2, missed=0, seed=seed + 2)) + found[:40]
    one = tree["annotations"][0]
    found += [{**one, "score": 0.5, "bbox": [k, k, 50, 50]} for k in range(120)]
    (tmp_path / "val.json").write_text(json.dumps(tree))
    (tmp_path / "a.json").write_text(json.dumps(found))
    truth = read_truth(tmp_path / "val.json")
    answers = read_answers(tmp_path / "a.json", truth)
    corners = np.concatenate([answers.box[:, :2], answers.box[:, :2] + answers.box[:, 2:]], axis=1)
    rows = {name: getattr(answers, name) for name in ("image", "category", "score")}
    _, expected = coco_matches(truth.document, rows | {"box": corners})
    for held in (matches_of(truth, answers), matches_of(truth, answers, at_once=50)):
        for name in ("images", "image", "category", "score", "hit", "ignored", "positives"):
            own, other = getattr(held, name), getattr(expected, name)
            assert own.dtype == other.dtype, name
            assert np.array_equal(own, other), name
    assert expected.hit.any(axis=0).all()


def test_the_document_and_the_page(files):
    result = compare(*A, ":", *B, "--json", "--out", "out")
    found = json.loads(result.stdout)
    one = found["verdicts"][0]
    means = [np.mean([cocoeval("val.json", f)[0] for f in arm]) for arm in (A, B)]
    assert one["difference"] == pytest.approx(means[1] - means[0], abs=1e-12)
    assert one["low"] < one["difference"] < one["high"]
    assert one["seed_se"] > 0
    assert one["image_se"] > 0
    assert one["floor"] == pytest.approx(0.1)
    assert one["words"].startswith("not separated (needs about ")
    assert found["baseline"] == "a"
    assert found["images"] == 40
    assert len(found["classes"]) == 3
    names = {path.name for path in Path("out").iterdir()}
    assert names >= {"index.html", "figures.csv", "differences.csv", "classes.csv", "networks.csv"}
    page = Path("out/index.html").read_text()
    assert found["answer"] in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_what_is_printed(files):
    three = [*A, ":", *B, ":", "a0.json", "a2.json", "b0.json", "--names", "A,B,C"]
    out = compare(*three, "--wide").stdout
    assert "40 test images; 100 draws of them, seed 0" in out
    assert "AP minus that of A" in out
    assert "test: exact permutation of seeds between the two arms, two-sided" in out
    assert "note: a0.json (arm C) holds what a0.json (arm A) holds" in out
    assert re.search(
        r"\d of 3 intervals leave out zero, about 0\.\d would by", " ".join(out.split())
    )


@pytest.mark.parametrize("columns", ["80", None])
def test_the_table_fits_eighty_columns(files, monkeypatch, columns):
    """In a terminal, or where COLUMNS says so, so does all else; in a pipe sentences stay whole."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    long = "a_detector_with_a_name_that_goes_on_and_on"
    words = [*A, ":", *B, ":", "a0.json", "--names", f"base,{long},once"]
    out = compare(*words).stdout
    one = json.loads(compare(*words, "--json").stdout)["verdicts"][0]
    table = out[out.index("\n", out.index("seed 0")) : out.index("test: ")]
    assert max(map(len, table.splitlines())) <= 80
    numbers = [f"{one['difference']:+.4f}", f"[{one['low']:+.4f}, {one['high']:+.4f}]",
               f"{one['p_holm']:.4f}"]  # fmt: skip
    assert all(number in table for number in numbers)
    letters = "".join(table.split())
    assert not set("…") & set(letters)
    rows = [line.split("  ")[0].strip() for line in table.splitlines()]
    assert long in "".join(rows)
    assert (max(map(len, out.splitlines())) <= 80) is (columns == "80")
    said = " ".join(out.split())
    assert "the other figures, classes and settings: --wide, or --out FOLDER" in said
    assert said.endswith(json.loads(compare(*words, "--json").stdout)["answer"])


def test_one_file_an_arm_claims_nothing_of_methods(files):
    out = compare("a0.json", ":", "b0.json").stdout
    assert (
        "note: a0, b0 have one network each: the images alone are resampled, so training noise is "
        "not in the interval, and nothing is claimed about the method; another seed may turn it"
    ) in out
    assert (
        "test: none over seeds; what two networks found is exchanged image by image at random "
        "(100 times), two-sided, Holm-adjusted; and the 95% normal interval over the test images "
        "must leave out zero"
    ) in out
    assert "not of their methods; p 0.0099 after Holm." in out


def test_networks_alone_are_one_family_and_those_of_seeds_another(files):
    words = ("a0.json", ":", "b0.json", ":", "b1.json", ":", "a1.json")
    found = json.loads(compare(*words, "--draws", "200", "--json").stdout)["verdicts"]
    assert [one["p_holm"] for one in found[:2]] == pytest.approx(
        [3 * one["p"] for one in found[:2]]
    )
    assert found[0]["p"] == found[0]["floor"] == 1 / 201
    assert found[2]["words"] == "not told apart on images like these"
    mixed = json.loads(compare("a0.json", "a1.json", ":", "b0.json", "--json").stdout)["verdicts"]
    assert (mixed[0]["p"], mixed[0]["words"]) == (None, "not separated (n=1 and 2)")


def test_the_same_file_on_both_sides_differs_by_nothing(files):
    Path("copy.json").write_text(Path("a0.json").read_text())
    found = json.loads(compare("a0.json", ":", "copy.json", "--json").stdout)
    one = found["verdicts"][0]
    assert (one["difference"], one["low"], one["high"]) == (0, None, None)  # nothing spreads
    assert one["words"] == "not told apart on images like these"
    assert "copy.json (arm copy) holds what a0.json (arm a0) holds" in found["notes"]


def test_one_image_claims_nothing(files):
    """Every draw of one image is that image: a spread of nothing is no certainty."""
    truth = json.loads(Path("val.json").read_text())
    image = truth["annotations"][0]["image_id"]
    truth["images"] = [row for row in truth["images"] if row["id"] == image]
    truth["annotations"] = [row for row in truth["annotations"] if row["image_id"] == image]
    Path("val.json").write_text(json.dumps(truth))
    for name in ("a0.json", "b0.json"):
        rows = json.loads(Path(name).read_text())
        Path(name).write_text(json.dumps([row for row in rows if row["image_id"] == image]))
    found = json.loads(compare("a0.json", ":", "b0.json", "--json").stdout)
    one = found["verdicts"][0]
    assert one["difference"]
    assert (one["low"], one["high"]) == (None, None)
    assert one["words"] == "not told apart on images like these"
    said = "1 test image: intervals over so few are too narrow, and over one there is none"
    assert said in found["notes"]
    out = compare("a0.json", ":", "b0.json", "--out", "page").stdout
    assert "1 test image; 100 draws" in out
    page = Path("page/index.html").read_text()
    assert "with 95% intervals over test images alone. Only AP is tested." in page


def test_a_truth_of_crowds_alone_compares_nothing(files):
    truth = json.loads(Path("val.json").read_text())
    for row in truth["annotations"]:
        row["iscrowd"] = 1
    Path("val.json").write_text(json.dumps(truth))
    out = compare("a0.json", ":", "b0.json").stdout
    assert out.rstrip().endswith("Nothing is compared: it takes two arms that both have an AP.")


@pytest.mark.parametrize(
    ("higher", "said"),
    [
        (0, "None of 5 arms is separated from base."),
        (1, "1 of 5 arms is separated from base: arm 0 (higher)."),
        (2, "2 of 5 arms are separated from base: arm 0 (higher), arm 1 (higher)."),
    ],
)
def test_an_answer_of_many_arms_is_a_sentence(higher, said):
    arms = [
        Measured(name, tuple(Network("file", seed, {"ap": ap + seed / 100}) for seed in range(6)))
        for name, ap in [("base", 0.3), *((f"arm {i}", 0.3 + (i < higher)) for i in range(5))]
    ]
    assert make(arms, kind="files", title="").answer == said


def test_networks_alone_that_are_parted_are_counted_too():
    """Their verdict has more words than `higher`."""
    drawn = np.random.default_rng(0).normal(0, 0.01, 100)
    arms = [
        Measured(name, (Network("file", 0, {"ap": ap}, {"ap": ap + drawn}),))
        for name, ap in [("base", 0.3), *((f"arm {i}", 0.3 + 0.1 * (i < 1)) for i in range(5))]
    ]
    for one in arms:
        one.networks[0].draws["ap"] += np.random.default_rng(len(one.name)).normal(0, 0.01, 100)
    assert make(arms, kind="files", title="").answer == (
        "1 of 5 arms is separated from base: arm 0 (higher on images like these; of these two "
        "networks, not of their methods)."
    )


def test_arms_that_share_no_seed_are_not_paired():
    """Nor are they taken for one network each."""
    arms = [
        Measured(name, tuple(Network("trial", s, {"ap": ap + s / 1000}) for s in seeds))
        for name, ap, seeds in (("one", 0.3, range(6)), ("same", 0.4, range(10, 16)))
    ]
    (found,) = make(arms, kind="arms", title="", test="paired_t").verdicts
    assert found.words == "not tested: no seed is on both sides"
    assert found.test == "none: the test is by seed, and the two share none"
    assert found.p is None
    assert found.seed_se > 0


def test_copies_are_not_seeds(files):
    Path("copy.json").write_text(json.dumps(json.loads(Path("a0.json").read_text()), indent=1))
    result = compare("a0.json", "copy.json", ":", "b0.json", ok=False)
    assert result.stderr == (
        "copy.json  holds what a0.json holds, in arm A both; copies are not seeds\n"
    )


def test_faults_of_all_files_come_at_once(files):
    Path("x.json").write_text("[{]")
    Path("y.json").write_text('[{"image_id": 3, "category_id": 1, "bbox": [1, 1, 1, -1],'
                              ' "score": 1}]')  # fmt: skip
    result = compare("x.json", "a0.json", ":", "y.json", ok=False)
    assert result.stderr.splitlines() == [
        "x.json:1  not JSON: Expecting property name enclosed in double quotes",
        "y.json  [0].bbox: [1, 1, 1, -1] has a negative size; a box is x, y, width, height",
    ]


def test_no_detections_have_ap_zero(files):
    Path("none.json").write_text("[]")
    found = json.loads(compare("none.json", ":", "b0.json", "--json").stdout)
    assert found["arms"][0]["figures"]["ap"]["value"] == 0
    assert "none.json has no detections: its AP is 0" in found["notes"]


def test_names_from_outside_stay_text(files, truth):
    tree = json.loads(json.dumps(truth))
    tree["categories"][0]["name"] = "<script>alert(1)</script>[bold]$x$"
    Path("val.json").write_text(json.dumps(tree))
    names = "<script>a</script>,[red]b[/red]"
    out = compare("a0.json", ":", "b0.json", "--names", names, "--out", "out").stdout
    assert "[red]b[/red] minus <script>a</script>: " in out
    page = Path("out/index.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;[bold]$x$" in page


def test_result_files_need_a_truth(files):
    result = CliRunner().invoke(main, ["compare", "a0.json", ":", "b0.json"])
    assert result.exit_code == 2
    assert result.stderr == "result files need a ground truth: --gt val.json\n"


def test_the_draws_are_seeded(files):
    first, again, other = (
        json.loads(compare("a0.json", ":", "b0.json", "--json", "--seed", seed).stdout)
        for seed in ("1", "1", "2")
    )
    assert first == again
    assert first["verdicts"][0]["low"] != other["verdicts"][0]["low"]


def test_the_example_of_the_docs_runs_as_written(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "compare.md").read_text()
    script, command = (
        re.search(rf"```{kind}\n({start}.*?)```", page, re.DOTALL)[1]
        for kind, start in (("python", "# make_files.py"), ("bash", "python make_files.py"))
    )
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "make_files.py", "exec"), {})
    words = command.splitlines()[1].split()
    assert words[:2] == ["harness", "compare"]
    out = CliRunner().invoke(main, words[1:]).stdout
    quoted = " ".join(re.search(r"`(b minus a: .*?)`", page, re.DOTALL)[1].split())
    assert quoted in out.splitlines()
    assert Path("compared/index.html").is_file()
