"""Records that are whole or not there, and damage that is told and set aside."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.errors import LedgerError, SpecError
from harness.files import place, supersede
from harness.ledger import Ledger, from_json, to_json
from harness.matches import Evidence
from harness.records import (
    RECORD_VERSION,
    Cost,
    Environment,
    EpochLog,
    Latency,
    Metrics,
    PartCost,
    TrialRecord,
)
from harness.studies import Cell, StudyResults, read_study, write_study

SAMPLES = Path(__file__).parent / "golden" / "records"

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
    ledger.write(RECORD, Evidence({"scores": np.array([0.5, 0.25], dtype=np.float32)}))
    record = ledger.get(RECORD.id)
    assert dataclasses.replace(record, detections=None) == RECORD
    assert list(ledger.records()) == [record]
    assert ledger.detections(RECORD.id)["scores"].tolist() == [0.5, 0.25]
    names = {path.name for path in ledger.folder(RECORD.id).iterdir()}
    assert names == {"record.json", record.detections}


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
    "no version": TEXT.replace('"version": 3', '"version": null'),
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
    file.write_text(TEXT.replace('"version": 3', '"version": 99'))
    with pytest.raises(LedgerError, match="record version 99; this harness reads to 3"):
        ledger.get(RECORD.id)
    assert [path.name for path in file.parent.iterdir()] == ["record.json"]


def test_the_first_finished_record_stays(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.write(dataclasses.replace(RECORD, status="failed", reason="worker died"))
    ledger.write(RECORD)
    ledger.write(dataclasses.replace(RECORD, seconds=9.0))
    assert ledger.get(RECORD.id) == dataclasses.replace(RECORD, attempt=2)
    earlier = from_json((ledger.folder(RECORD.id) / "attempt-1.json").read_bytes())
    assert (earlier.status, earlier.attempt) == ("failed", 1)


def test_of_two_that_finish_at_once_the_first_stays(tmp_path, monkeypatch):
    """The second looked before the first had written."""
    ledger, other = Ledger(tmp_path), Ledger(tmp_path)
    scores = np.zeros(1)
    looked = []

    def late(trial_id):
        found = Ledger.get(other, trial_id)
        if not looked:
            looked.append(True)
            ledger.write(RECORD, Evidence({"scores": scores}))
        return found

    monkeypatch.setattr(other, "get", late)
    other.write(dataclasses.replace(RECORD, seconds=9.0), Evidence({"scores": scores + 1}))
    assert ledger.get(RECORD.id).seconds == RECORD.seconds
    assert ledger.detections(RECORD.id)["scores"].tolist() == [0.0]


def test_a_failure_that_comes_late_does_not_move_a_finished_record_away(tmp_path, monkeypatch):
    """Its driver looked while an earlier failure stood there, and took its worker for dead."""
    ledger, other = Ledger(tmp_path), Ledger(tmp_path)
    lost = dataclasses.replace(RECORD, status="worker_died", metrics=None)
    ledger.write(lost)
    looked = []

    def late(trial_id):
        found = Ledger.get(other, trial_id)
        if not looked:
            looked.append(True)
            ledger.write(RECORD)
        return found

    monkeypatch.setattr(other, "get", late)
    stands = other.write(dataclasses.replace(lost, reason="its process is gone"))
    assert stands == ledger.get(RECORD.id) == dataclasses.replace(RECORD, attempt=2)
    names = {path.name for path in ledger.folder(RECORD.id).iterdir()}
    assert names == {"record.json", "attempt-1.json"}
    assert from_json((ledger.folder(RECORD.id) / "attempt-1.json").read_bytes()) == lost


def test_an_earlier_attempt_is_kept_where_a_driver_died_between_two_records(tmp_path):
    """It had moved the failure away, and not named its own record yet."""
    ledger, folder = Ledger(tmp_path), Ledger(tmp_path).folder(RECORD.id)
    first = dataclasses.replace(RECORD, status="failed", reason="the first")
    ledger.write(first)
    (folder / "record.json").rename(folder / "attempt-1.json")
    ledger.write(dataclasses.replace(first, reason="the second"))
    ledger.write(RECORD)
    kept = [folder / "attempt-1.json", folder / "attempt-2.json", folder / "record.json"]
    records = [from_json(path.read_bytes()) for path in kept]
    assert [one.reason for one in records] == ["the first", "the second", None]
    assert [one.attempt for one in records] == [1, 2, 3]


def test_what_comes_between_a_look_and_a_move_is_put_back(tmp_path):
    path, aside = tmp_path / "a", tmp_path / "b"
    path.write_text("old")

    def is_old(found):
        answer = found == b"old"
        path.write_text("finished meanwhile")
        return answer

    assert not supersede(path, "late", aside, is_old)
    assert path.read_text() == "finished meanwhile"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_a_store_holds_whole_objects(tmp_path):
    results = place("memory://somewhere/results")
    ledger = Ledger(results)
    ledger.write(dataclasses.replace(RECORD, status="worker_died"))
    ledger.write(RECORD, Evidence({"scores": np.ones(2)}))
    assert [record.status for record in ledger.records()] == ["done"]
    assert ledger.detections(RECORD.id)["scores"].tolist() == [1.0, 1.0]
    study = StudyResults("s", "laptop", "why?", ())
    write_study(results, study)
    assert read_study(results, "s", "laptop") == study


def test_a_store_whose_driver_is_missing_is_told():
    with pytest.raises(SpecError, match="nowhere://x"):
        place("nowhere://x")


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_records_of_every_version_load(file):
    record = from_json(file.read_bytes())
    assert record.version == RECORD_VERSION
    statuses = {"worker-died": "worker_died", "done": "done"}
    assert record.status == statuses[file.stem.split("-", 1)[1]]
    assert (record.metrics is not None) == (record.status == "done")
    assert (record.detections is not None) == (record.status == "done")


def test_pandas_reads_the_ledger_without_us(tmp_path):
    """As the ledger's docstring says."""
    Ledger(tmp_path / "results").write(RECORD)
    code = (
        "import json, pathlib, pandas\n"
        "table = pandas.json_normalize([json.loads(p.read_text()) for p in\n"
        "pathlib.Path('results/ledger').glob('*/record.json')])\n"
        "assert table['metrics.ap'].tolist() == [0.3]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


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
