"""Records that are whole or not there, and damage that is told and set aside."""

import dataclasses

import numpy as np
import pytest

from harness.errors import LedgerError
from harness.ledger import Ledger, from_json, to_json
from harness.records import (
    Cost,
    Environment,
    EpochLog,
    Latency,
    Metrics,
    PartCost,
    TrialRecord,
)
from harness.studies import Cell, StudyResults, read_study, write_study

RECORD = TrialRecord(
    id="0123456789abcdef",
    status="done",
    spec={"model": {"image_size": 64}},
    environment=Environment("here", "cpu", 1, {"torch": "2"}, None, "2026-01-01T00:00:00+00:00"),
    seconds=1.5,
    metrics=Metrics(0.3, 0.5, 0.2, None, 0.1, 0.4, {"a": 0.3, "b": None}, {"none": 0.3}),
    cost=Cost(3, 5, {"backbone": PartCost(3, 5)}, 6, 3, {"aten::mul": 2}),
    latency=Latency(1.0, 2.0, 100, 1, "cpu", "one thread"),
    curve=(EpochLog(1, 4, 2.0, 1.0, 1.0, 0.1, 3.0, 9.0, 0.1, {"p4_td@1": [0.5, 0.5]}),),
)


def test_a_record_comes_back_as_it_was(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.write(RECORD, {"scores": np.array([0.5, 0.25], dtype=np.float32)})
    assert ledger.get(RECORD.id) == RECORD
    assert list(ledger.records()) == [RECORD]
    assert ledger.detections(RECORD.id)["scores"].tolist() == [0.5, 0.25]
    names = {path.name for path in ledger.folder(RECORD.id).iterdir()}
    assert names == {"record.json", "detections.npz"}


def test_a_loss_that_is_not_a_number_is_kept():
    row = dataclasses.replace(RECORD.curve[0], loss=float("nan"))
    back = from_json(to_json(dataclasses.replace(RECORD, status="diverged", curve=(row,))))
    assert back.curve[0].loss != back.curve[0].loss


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b", "", ".", "..", "x" * 200, ".hidden"])
def test_an_id_cannot_leave_the_folder(tmp_path, name):
    with pytest.raises(LedgerError):
        Ledger(tmp_path).folder(name)


TEXT = to_json(RECORD)
DAMAGED = {
    "torn": TEXT[: len(TEXT) // 2],
    "empty": "",
    "foreign": "[1, 2]",
    "other type": TEXT.replace('"seconds": 1.5', '"seconds": "1.5"'),
    "no version": TEXT.replace('"version": 1', '"version": null'),
    "unknown field": TEXT.replace('"seconds"', '"secs"'),
    "another trial": TEXT.replace(RECORD.id, "fedcba9876543210"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_record_is_set_aside(tmp_path, kind):
    ledger = Ledger(tmp_path)
    ledger.folder(RECORD.id).mkdir(parents=True)
    (ledger.folder(RECORD.id) / "record.json").write_text(DAMAGED[kind])
    assert not ledger.has(RECORD.id)
    [complaint] = ledger.complaints
    assert "damaged record set aside" in complaint
    assert (ledger.folder(RECORD.id) / "record.damaged-1.json").read_text() == DAMAGED[kind]
    ledger.write(RECORD)
    assert ledger.get(RECORD.id) == RECORD


def test_a_record_of_another_version_is_left_where_it_is(tmp_path):
    ledger = Ledger(tmp_path)
    file = ledger.folder(RECORD.id) / "record.json"
    file.parent.mkdir(parents=True)
    file.write_text(TEXT.replace('"version": 1', '"version": 99'))
    with pytest.raises(LedgerError, match="record version 99; this harness reads 1"):
        ledger.get(RECORD.id)
    assert [path.name for path in file.parent.iterdir()] == ["record.json"]


def test_the_first_finished_record_stays(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.write(dataclasses.replace(RECORD, status="failed", reason="worker died"))
    ledger.write(RECORD)
    ledger.write(dataclasses.replace(RECORD, seconds=9.0))
    assert ledger.get(RECORD.id) == RECORD


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError("no space left on device")

    ledger = Ledger(tmp_path)
    ledger.write(dataclasses.replace(RECORD, status="failed"))
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        ledger.write(RECORD)
    assert ledger.get(RECORD.id).status == "failed"
    assert [path.name for path in ledger.folder(RECORD.id).iterdir()] == ["record.json"]


def test_a_study_file_comes_back_as_it_was(tmp_path):
    cell = Cell("a", {"model.x": 1}, 0, RECORD.id, "done", None, 1, 2, {"backbone": PartCost(1, 2)})
    study = StudyResults("s", "laptop", "why?", (cell,), {"model.x": [1, 2]})
    write_study(tmp_path, study)
    assert read_study(tmp_path, "s", "laptop") == study
    with pytest.raises(LedgerError, match="no results of study 's', profile 'other'"):
        read_study(tmp_path, "s", "other")
    with pytest.raises(LedgerError):
        read_study(tmp_path, "../s", "laptop")
