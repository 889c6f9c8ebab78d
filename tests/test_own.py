"""A trainer of one's own: planned, kept and reported, and never taken for another."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import harness
from harness.claims import read_claim
from harness.cli import main
from harness.engines import ENGINES, Listed
from harness.errors import SpecError, TrialError
from harness.ledger import Ledger
from harness.search import grid
from harness.space.bind import bind
from harness.space.profiles import load_study
from harness.space.study import Trainer
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.trainers import Named, trainer_of, work_of
from harness.truths import truth_path

ROOT = Path(__file__).parents[1]
STUDY = """\
question: Which width?
model:
  image_size: 64
  backbone: {name: lcnet_035}
  feature_network: {topology: bifpn, width: 8, repeats: 1, projection: always}
  head: {depth: 1}
vary: {model.feature_network.width: [8, 12]}
recipe: {batch_size: 8, optimizer: {learning_rate: 2e-3}, schedule: {epochs: 2}}
data: {name: shapes, train_images: 16, val_images: 8}
"""


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Writes a module that can be imported here until the test ends."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    written = []

    def write(name, text):
        (folder / f"{name}.py").write_text(text)
        written.append(name)
        sys.modules.pop(name, None)

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture
def spec(small_study, facts) -> TrialSpec:
    study = replace(load_study(small_study), trainer=Trainer("mine:train@1"))
    return bind(study, next(iter(grid(study.spec))), 0, facts)


@pytest.fixture
def real(tmp_path) -> tuple[TrialSpec, Workplace]:
    """A trial whose images are there."""
    (tmp_path / "width.yaml").write_text(STUDY)
    study = load_study(tmp_path / "width.yaml")
    where = Workplace(tmp_path / "results")
    from harness.plan import open_facts

    return bind(study, next(iter(grid(study.spec))), 0, open_facts(where.cache)), where


def command(*args):
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert "Traceback" not in result.output
    return result


def test_the_example_runs_and_is_reported_and_is_never_taken_for_ours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    (tmp_path / "width.yaml").write_text(STUDY)
    run = ("run", "width.yaml", "--engine", "inline", "--trial", "own_trainer:train")
    first = command(*run)
    assert first.exit_code == 0, first.output
    assert "2 cells: 2 done" in first.stdout
    assert "nothing was left to train" in command(*run).stdout
    table = harness.table("results", "width").set_index("id")
    assert list(table["trainer"]) == ["own_trainer:train@1"] * 2
    assert table[["ap", "macs", "loss", "seconds"]].notna().all().all()
    for trial in table.index:
        record = Ledger(tmp_path / "results").get(trial)
        assert [row.epoch for row in record.curve] == [1, 2]
        assert (record.epochs_done, record.kept) == (2, "none")
        assert Ledger(tmp_path / "results").detections(trial)["box"].shape[1] == 4
        assert (tmp_path / "results" / "ledger" / trial / "log.txt").read_text()
    assert "own_trainer:train@1" in (tmp_path / "reports/width/default/index.html").read_text()
    plan = ("plan", "width.yaml", "--json")
    with_it = json.loads(command(*plan, "--trial", "own_trainer:train").stdout)["trials"]
    without = json.loads(command(*plan).stdout)["trials"]
    assert [trial["status"] for trial in with_it] == ["done", "done"]
    assert [trial["status"] for trial in without] == ["pending", "pending"]
    monkeypatch.setattr("own_trainer.train.version", 2)
    newer = json.loads(command(*plan, "--trial", "own_trainer:train").stdout)["trials"]
    assert [trial["status"] for trial in newer] == ["pending", "pending"]


def test_the_example_is_short():
    text = (ROOT / "examples" / "own_trainer.py").read_text()
    body = text[text.index("def train") : text.index("train.version")]
    assert len([line for line in body.splitlines() if line.strip()]) < 40


def test_the_trainer_is_in_the_id_and_only_where_there_is_one(small_study, facts):
    study = load_study(small_study)
    choice = next(iter(grid(study.spec)))
    ours = bind(study, choice, 0, facts)
    assert "trainer" not in ours.identity()
    known = {ours.id}
    for name in ("mine:train", "mine:train@2", "yours:train"):
        theirs = bind(replace(study, trainer=Trainer(name)), choice, 0, facts)
        assert theirs.model.backbone.source.trainer == theirs.trainer == name
        known.add(theirs.id)
    assert len(known) == 4
    handed = bind(replace(study, trainer=Trainer("mine:train", False)), choice, 0, facts)
    assert handed.model.backbone.source.id == ours.model.backbone.source.id


def test_what_stands_in_the_id(modules):
    modules("mine", "def train(*_): pass\ndef other(*_): pass\n"
            "train.version = 3\ntrain.pretrains = False\nother.version = ''\n")  # fmt: skip
    assert trainer_of("mine:train") == Trainer("mine:train@3", pretrains=False)
    assert trainer_of(None) is None
    assert trainer_of("harness.trial:run_trial") is None
    with pytest.raises(SpecError, match="mine:other: its version should be"):
        trainer_of("mine:other")


def test_backbones_are_left_to_the_harness_where_that_is_said(modules, spec, tmp_path):
    modules("mine", "def train(*_): raise ValueError('mine')\ntrain.pretrains = False\n")
    modules("ours", "def train(*_): raise ValueError('ours')\n")
    assert work_of("mine:train", trainer_of("mine:train")).others == "harness.trial:run_trial"
    work = Named("mine:train", others="ours:train")
    for trainer, who in (("mine:train", "mine"), (None, "ours")):
        trial = spec.model_copy(update={"trainer": trainer})
        with pytest.raises(ValueError, match=who):
            work(trial, Workplace(tmp_path), lambda facts: None)


ATTENDED = """
from pathlib import Path
import logging
from harness.claims import read_claim
from harness.trial import logged
from harness.claims import held
import harness.own

def train(spec, where, on_epoch):
    folder = Path(where.results) / "ledger" / spec.id
    on_epoch({"epoch": 1, "epochs": 2, "loss": 0.5, "learning_rate": 0.1})
    on_epoch({"epoch": 2, "epochs": 2, "loss": 0.25})
    assert read_claim(folder).epoch == 2
    with held(folder) as (claim, waited), logged(folder / "log.txt", folder):
        assert not waited  # the harness's own run_trial may be called inside
        logging.getLogger("harness").info("said once")
    assert read_claim(folder) is not None
    return harness.own.trial_record(spec, where, status="diverged", reason="told to", peak_memory_mb=7.0)
"""  # noqa: E501


def test_a_function_is_claimed_logged_timed_and_its_epochs_kept(modules, spec, tmp_path):
    modules("mine", ATTENDED)
    told = []
    ENGINES.get("inline")().run(
        Listed([spec]), Named("mine:train"), Workplace(tmp_path), told.append
    )
    record = Ledger(tmp_path).get(spec.id)
    assert (record.status, record.reason) == ("diverged", "told to"), record.traceback
    assert [(r.epoch, r.loss, r.learning_rate) for r in record.curve] == [
        (1, 0.5, 0.1),
        (2, 0.25, None),
    ]
    assert record.peak_memory_mb == 7.0
    assert record.seconds > 0
    assert record.cost.macs > 0
    assert record.environment.versions["torch"]
    assert [event.kind for event in told] == ["started", "epoch", "epoch", "ended"]
    folder = tmp_path / "ledger" / spec.id
    assert read_claim(folder) is None
    assert (folder / "log.txt").read_text().count("said once") == 1


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("None", "handed back a NoneType, not a TrialRecord"),
        ("{'ap': 1}", "handed back a dict, not a TrialRecord"),
        ("(record, [1])", "detections are arrays by name, not a list"),
        ("dataclasses.replace(record, id='0' * 16)", "the record of 0000000000000000"),
        ("dataclasses.replace(record, seconds='12')", "seconds: Input should be a valid number"),
        ("dataclasses.replace(record, status='finished')", "cannot be kept: status"),
        ("dataclasses.replace(record, epochs_done=numpy.int64(2))", "int64 is not JSON"),
        ("(record, {'box': [object()]})", "box: should be an array of numbers"),
    ],
)
def test_what_is_no_record_is_a_failure_that_says_so(modules, spec, tmp_path, made, said):
    modules("mine", "import dataclasses, numpy, harness\ndef train(spec, where, on_epoch):\n"
            "    record, _ = harness.trial_record(spec, where, status='failed', reason='x')\n"
            f"    return {made}\n")  # fmt: skip
    where = Workplace(tmp_path)
    ENGINES.get("inline")().run(Listed([spec]), Named("mine:train"), where, lambda event: None)
    record = Ledger(tmp_path).get(spec.id)
    assert record.status == "failed"
    assert said in record.reason


def perfect(dataset):
    return [
        {key: row[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.5}
        for row in dataset.val_ground_truth()["annotations"]
    ]


def test_ap_is_computed_from_rows_or_arrays_alike(real):
    spec, where = real
    dataset = harness.trial_data(spec, where)
    record, kept = harness.trial_record(spec, where, detections=perfect(dataset), dataset=dataset)
    assert kept.matches.categories == spec.facts.categories
    arrays = kept.detections
    assert truth_path(where.results, spec.facts.fingerprint).exists()
    assert record.metrics.ap == pytest.approx(1.0, abs=0.01)
    assert record.metrics.ap_by_need
    again, same = harness.trial_record(spec, where, detections=arrays, dataset=dataset)
    assert again.metrics == record.metrics
    assert all(np.array_equal(arrays[name], same.detections[name]) for name in arrays)
    none, _ = harness.trial_record(spec, where, detections=[])
    assert none.metrics.ap == 0.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_id": 10**9}, "detection 1: image_id 1000000000 is no validation image"),
        ({"category_id": 77}, "detection 1: category_id 77 is none of"),
        ({"bbox": [0, 0, 1]}, r"detection 1: bbox \[0, 0, 1\], score 0.5: x, y, width"),
        ({"bbox": [0, 0, -1, 1]}, "x, y, width, height and a number"),
        ({"score": float("nan")}, "score nan"),
        ({"score": "high"}, "should be numbers"),
    ],
)
def test_wrong_detections_are_named(real, change, said):
    spec, where = real
    dataset = harness.trial_data(spec, where)
    rows = perfect(dataset)
    rows[1] |= change
    del rows[3]["bbox"]
    with pytest.raises(TrialError, match=said) as caught:
        harness.trial_record(spec, where, detections=rows, dataset=dataset)
    assert "detection 3: has no bbox" in str(caught.value)


def test_other_wrong_uses_are_told(real):
    spec, where = real
    with pytest.raises(TrialError, match="a trial that is done has detections"):
        harness.trial_record(spec, where)
    with pytest.raises(TrialError, match="no array score, box"):
        harness.trial_record(spec, where, detections={"image": [], "category": []})
    arrays = {"image": [1], "category": [0], "score": [], "box": np.zeros((1, 4))}
    with pytest.raises(TrialError, match="of one length, not 1, 1, 0 and 1"):
        harness.trial_record(spec, where, detections=arrays)
    moved = spec.model_copy(update={"facts": spec.facts.model_copy(update={"fingerprint": "x"})})
    with pytest.raises(TrialError, match="the data have changed"):
        harness.trial_data(moved, where)


def test_the_network_is_the_trials(real):
    spec, where = real
    network = harness.trial_network(spec, where).eval()
    maps = network.feature_network(network.features(torch.zeros(1, 3, 64, 64)))
    assert maps["p3"].shape == (1, 8, 8, 8)
