"""`harness compare A B`: sides of the ledger, ranked where that may be done."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.ledger import Ledger
from harness.matches import Evidence, Matches
from harness.records import Environment, Metrics, TrialRecord
from harness.studies import Cell, StudyResults, read_study, write_study

ROOT = Path(__file__).parents[2]


def record(trial, ap, seed, width=16, device="cpu", **more):
    spec = {
        "model": {"image_size": 64, "feature_network": {"width": width, "graph": {"name": "x"}}},
        "recipe": {"batch_size": 8, "schedule": {"epochs": 2}, "loss": {"focal_gamma": 0.0}},
        "facts": {"fingerprint": "data-1", "val_images": 12},
        "seeds": {"init": seed},
        "code_epoch": 1,
        "trainer": None,
    }
    for path, value in more.items():
        *steps, name = path.split("__")
        holder = spec
        for step in steps:
            holder = holder[step]
        holder[name] = value
    place = Environment("here", device, 1, {"torch": "2"}, None, "2026-01-01T00:00:00+00:00")
    metrics = Metrics(ap, ap, ap, None, ap, ap, {"a": ap, "b": ap})
    return TrialRecord(trial, "done", spec, place, 1.0, metrics)


def some_matches(ap, seed):
    """Twelve images with one object each, of which about a share of `ap` is found."""
    random = np.random.default_rng([round(1000 * ap), seed])
    found = (random.random(12) < ap)[:, None]
    return Matches(
        images=np.arange(1, 13),
        categories=("a", "b"),
        needs=None,
        image=np.arange(12, dtype=np.int32),
        category=np.arange(12).astype(np.int16) % 2,
        score=random.random(12).astype(np.float32),
        hit=np.repeat(np.where(found, 1023, 0), 4, 1).astype(np.uint16),
        ignored=np.zeros((12, 4), np.uint16),
        positives=np.eye(2, dtype=np.int32)[np.arange(12) % 2][:, :, None].repeat(4, 2),
    )


def make_study(results, name, arms, profile="laptop", matches=True, **more):
    """A study with six seeds an arm; arms: AP by name."""
    ledger, cells = Ledger(results), []
    for place, (arm, ap) in enumerate(arms.items()):
        for seed in range(6):
            trial = f"{name[:2]}{profile[0]}{place}{seed}".ljust(16, "0")
            one = record(trial, ap + seed / 100, seed, 16 + place, **more)
            ledger.write(one, Evidence({}, some_matches(ap, seed)) if matches else None)
            cells.append(Cell(arm, {}, seed, trial, "done"))
    write_study(results, StudyResults(name, profile, "Which?", tuple(cells), arms=tuple(arms),
                                      baseline=next(iter(arms))))  # fmt: skip


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results"
    make_study(folder, "one", {"fpn": 0.3, "bifpn": 0.5, "lateral": 0.1, "panet": 0.4})
    make_study(folder, "two", {"wide": 0.6, "fpn": 0.3}, matches=False)
    return folder


def compare(*args, code=0):
    result = CliRunner().invoke(main, ["compare", "--draws", "200", *args])
    assert "Traceback" not in result.output
    assert result.exit_code == code, result.output
    return result


def test_two_arms_of_a_study(results):
    found = json.loads(compare("one:fpn", "one:bifpn", "--json").stdout)
    one = found["verdicts"][0]
    assert (one["arm"], one["against"]) == ("bifpn", "fpn")
    assert one["difference"] == pytest.approx(0.2)
    assert one["floor"] == pytest.approx(2 / 924)
    assert one["seed_se"] > 0
    assert one["image_se"] > 0
    assert found["draws"] == 200
    assert [d["path"] for d in found["differs"]] == ["model.feature_network.width"]
    assert found["differs"][0]["effect"] == "is compared"


def test_a_second_comparison_makes_no_draws(results, monkeypatch):
    first = compare("one:fpn", "one:bifpn", "--json", "--seed", "3").stdout
    assert len(list((results / "draws").iterdir())) == 12
    monkeypatch.setattr("harness.draws.ap_draws", lambda *_: pytest.fail("drawn again"))
    assert compare("one:fpn", "one:bifpn", "--json", "--seed", "3").stdout == first


def test_a_study_has_its_own_baseline(results):
    out = compare("one", "two").stdout
    assert "AP minus that of one/laptop:fpn" in out
    assert (
        "note: no match records of wide, two/laptop:fpn: seeds alone carry the intervals; that the "
        "test images are a sample, too, is not in them"
    ) in out


def test_one_proposal_of_a_search_is_one(results):
    """A network that a search tried once is left out, and counted as one says it."""
    study = read_study(results, "two", "laptop")
    cells = (*study.cells, Cell("proposal 0", {}, 0, "p" * 16, "done"))
    write_study(results, replace(study, cells=cells))
    assert "note: two: 1 proposal of its search, left out" in compare("one", "two").stdout


def test_a_damaged_record_is_left_out_and_said(results):
    file = results / "ledger" / "onl0000000000000" / "record.json"
    file.write_text("{")
    for _ in range(2):
        found = json.loads(compare("one:fpn", "one:bifpn", "--json").stdout)
        assert found["arms"][0]["n"] == 5
        assert "fpn, seed 0: its record is damaged, left out" in found["notes"]


def test_two_trials_by_how_they_begin(results):
    out = compare("onl00", "onl10").stdout
    assert "onl0000000000000, onl1000000000000 have one network each" in out
    assert "of these two networks" in out or "not told apart on images like these" in out


def test_one_network_trained_twice_is_called_so(results, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = compare("onl00", "onl01").stdout
    assert "note: the same network, trained twice: what parts them is the seed" in out
    table = out[: out.index("test: ")]
    assert {"onl0000000000000", "onl0100000000000"} <= set(table.split())
    assert "the same network" not in compare("onl00", "onl10").stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"facts__fingerprint": "data-2"},
         "the data differ: one/laptop data-1, other/laptop data-2"),
        ({"code_epoch": 2},
         "the training code differs (code epoch): one/laptop 1, other/laptop 2"),
        ({"trainer": "mine:train@2"},
         "the training code differs (trainer): one/laptop –, other/laptop mine:train@2"),
        ({"recipe__loss__focal_gamma": 1.5},
         "the recipe differs (recipe.loss.focal_gamma): one/laptop 0.0, other/laptop 1.5"),
    ],
)  # fmt: skip
def test_what_forbids_a_ranking_is_said(results, change, said):
    make_study(results, "other", {"deep": 0.5}, **change)
    result = compare("one", "other", code=1)
    assert f"Not ranked: {said}." in result.stdout.splitlines()
    assert "AP minus that of" not in result.stdout
    found = json.loads(compare("one", "other", "--json", code=1).stdout)
    assert found["verdicts"] == found["gaps"] == found["classes"] == []
    assert found["refused"] == [said]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"device": "cuda"}, "environment.device"),
        ({"recipe__batch_size": 16}, "recipe.batch_size"),
        ({"recipe__schedule__epochs": 9}, "recipe.schedule.epochs"),
        ({"model__image_size": 96}, "model.image_size"),
        ({"model__backbone": {"pretrained": True}}, "model.backbone.pretrained"),
    ],
)
def test_what_confounds_is_warned_of(results, change, path):
    make_study(results, "other", {"deep": 0.5}, **change)
    found = json.loads(compare("one:fpn", "other:deep", "--json").stdout)
    assert f"may be why they differ, beside the networks: {path}" in found["notes"]
    assert found["verdicts"]


def test_a_recipe_that_is_what_is_compared_is_no_reason(results):
    ledger = Ledger(results)
    for seed in range(2):
        ledger.write(record(f"plain{seed}", 0.3, seed))
        ledger.write(record(f"focal{seed}", 0.4, seed, recipe__loss__focal_gamma=2.0))
    assert json.loads(compare("plain0", "focal0", "--json").stdout)["refused"] == []


def test_two_profiles_are_compared_by_the_order_of_arms(results):
    arms = {"fpn": 0.2, "bifpn": 0.4, "lateral": 0.3, "panet": 0.35}
    make_study(results, "one", arms, "scratch", facts__fingerprint="data-2")
    found = json.loads(compare("one/laptop", "one/scratch", "--json").stdout)
    assert found["order"]["arms"] == ["fpn", "bifpn", "lateral", "panet"]
    assert found["order"]["words"].startswith(
        "order of 4 arms under one/laptop and one/scratch: Kendall's tau-b 0.67 ["
    )
    assert found["verdicts"] == []
    assert "Kendall's tau-b 0.67" in compare("one/laptop", "one/scratch").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["one"], "name two to compare: studies, arms (STUDY:ARM) or trials"),
        (["one", "one"], "one/laptop is there twice; a comparison is of different things"),
        (["one", "two:fpn"],
         "compare studies, or arms, or trials: one/laptop is a study, two/laptop:fpn is an arm"),
        (["one:fpm", "one:fpn"], "one:fpm: no arm 'fpm' in one/laptop; did you mean 'fpn'?"),
        (["tow:fpn", "one:fpn"], "no results of study 'tow' in results; did you mean 'two'?"),
        (["one/laptip", "two"], "study 'one': no results of profile 'laptip'; did you mean"
         " 'laptop'?"),
        (["onl", "two"], "'onl' begins 24 trials: onl0000000000000, onl0100000000000, "
         "onl0200000000000, onl0300000000000, onl0400000000000, ..."),
    ],
)  # fmt: skip
def test_words_that_mean_nothing(results, words, said):
    assert compare(*words, code=2).stderr == said + "\n"


def test_neither_torch_nor_pycocotools_is_needed(results):
    code = (
        "import sys\n"
        "from harness.cli import main\n"
        "main(['compare', 'one:fpn', 'one:bifpn', '--out', 'out'], standalone_mode=False)\n"
        "assert not {'torch', 'ray', 'pycocotools'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=results.parent, capture_output=True, text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "What is not the same" in (results.parent / "out" / "index.html").read_text()
