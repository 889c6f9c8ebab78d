"""A recorded trial once more: equal to the last digit, or where it begins to differ."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner
from tiny import STUDY

from harness import trial
from harness.cli import main
from harness.latency import measure
from harness.ledger import Ledger, to_json
from harness.records import Cost, Environment, EpochLog, Metrics, Rung, TrialRecord
from harness.sameness import circumstances, differences

HERE = Environment("a", "cpu: X", 1, {"torch": "2.15"}, "abc", "2026-01-01T00:00:00+00:00")


def row(epoch, loss=0.5, weight=0.5):
    return EpochLog(epoch, epoch, loss, 0.1, 0.2, 0.01, 1.0, 9.0, 0.0, {"p3": [weight]})


def record(**facts):
    known = {
        "cost": Cost(1, 2, {}),
        "metrics": Metrics(0.25, 0.5, 0.2, None, 0.1, 0.3, {"a": 0.25}),
        "curve": (row(1), row(2), row(3)),
        "rungs": (Rung(1, 0.1),),
    }
    return TrialRecord("t", "done", {"seed": 0}, HERE, 9.0, **(known | facts))


def words(old, new, arrays=(None, None)):
    return list(map(str, differences(old, new, arrays)))


def test_times_hosts_and_attempts_are_no_result():
    old = record()
    new = replace(record(curve=tuple(replace(r, seconds=7.0) for r in old.curve)), attempt=2)
    elsewhere = replace(new, environment=replace(HERE, host="b", started="later"), seconds=1.0)
    arrays = {"box": np.ones((2, 4))}
    assert differences(old, elsewhere, (arrays, dict(arrays))) == ()
    assert circumstances(old, elsewhere) == ()


def test_what_differs_is_named_with_its_first_epoch():
    old = record()
    assert words(old, record(curve=(row(1), row(2, loss=0.5 + 2**-53), row(3, loss=9)))) == [
        "loss from epoch 2 on: 0.5 recorded, 0.5000000000000001 now"
    ]
    assert words(old, record(curve=(row(1), row(2), row(3, weight=0.25)))) == [
        "fusion_weights of p3 from epoch 3 on: [0.5] recorded, [0.25] now"
    ]
    assert words(old, record(curve=(row(1),))) == ["epochs in the curve: 3 recorded, 1 now"]
    assert words(old, record(cost=Cost(1, 3, {}))) == ["cost.macs: 2 recorded, 3 now"]
    assert words(old, record(rungs=())) == ["rungs.1: 0.1 recorded, None now"]
    assert words(old, replace(record(), status="diverged", metrics=None))[:2] == [
        "status: 'done' recorded, 'diverged' now",
        "metrics.ap: 0.25 recorded, None now",
    ]


def test_detections_are_compared_row_by_row():
    box = np.zeros((3, 4))
    other = box.copy()
    other[1:, 0] = 1
    pair = ({"box": box}, {"box": other})
    assert words(record(), record(), pair) == [
        "detections, box of 2 rows, first row 1: [0.0, 0.0, 0.0, 0.0] recorded, "
        "[1.0, 0.0, 0.0, 0.0] now"
    ]
    assert words(record(), record(), ({"box": box}, {"box": box[:1]})) == [
        "detections, box: '3 rows' recorded, '1 rows' now"
    ]
    assert words(record(), record(), ({"box": box}, None)) == [
        "detections: 'there' recorded, 'none' now"
    ]


def test_what_may_be_why_is_told_beside():
    place = replace(HERE, device="cuda: Y", versions={"torch": "2.16", "timm": "1"})
    new = replace(record(), environment=place, altered="2 micro-batches")
    assert list(map(str, circumstances(record(), new))) == [
        "device: 'cpu: X' recorded, 'cuda: Y' now",
        "torch: '2.15' recorded, '2.16' now",
        "timm: None recorded, '1' now",
        "altered: None recorded, '2 micro-batches' now",
    ]


@pytest.fixture
def harness(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trial, "measure", partial(measure, budget=0.02))
    (tmp_path / "one.yaml").write_text(STUDY)

    def harness(*args, code=0):
        done = CliRunner().invoke(main, [str(arg) for arg in args])
        assert done.exit_code == code, done.output
        return done.stdout

    return harness


def test_a_trial_is_equal_to_itself_and_a_tampered_record_is_not(harness, tmp_path):
    harness("run", "one.yaml", "--engine", "inline")
    [trial] = [t["id"] for t in json.loads(harness("plan", "one.yaml", "--json"))["trials"]]
    ledger = tmp_path / "results" / "ledger"
    before = {p: p.read_bytes() for p in ledger.rglob("*") if p.is_file()}
    assert "equal to the last digit" in harness("rerun", trial[:6])
    assert {p: p.read_bytes() for p in ledger.rglob("*") if p.is_file()} == before

    found = Ledger(tmp_path / "results").get(trial)
    first, second = found.curve
    curve = (first, replace(second, loss=second.loss * (1 + 2**-40)))
    versions = {**found.environment.versions, "torch": "0.4"}
    place = replace(found.environment, versions=versions)
    metrics = replace(found.metrics, ap=0.99)
    tampered = replace(found, curve=curve, environment=place, metrics=metrics)
    (ledger / trial / "record.json").write_text(to_json(tampered))
    document = json.loads(harness("rerun", trial, "--keep-in", "again", "--json", code=1))
    assert document["equal"] is False
    assert [(d["what"], d["epoch"]) for d in document["differences"]] == [
        ("metrics.ap", None),
        ("loss", 2),
    ]
    assert document["differences"][0]["again"] == found.metrics.ap
    assert any(note.startswith("torch: '0.4' recorded") for note in document["notes"])
    assert Ledger(tmp_path / "again").get(trial).metrics == found.metrics
    assert (ledger / trial / "record.json").read_text() == to_json(tampered)
    refused = CliRunner().invoke(main, ["rerun", trial, "--keep-in", "results"])
    assert refused.exit_code == 2
    assert "has a ledger" in refused.stderr


def test_a_trial_that_is_not_there(harness):
    harness("rerun", "nothing", code=2)
