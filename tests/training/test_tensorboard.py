"""TensorBoard's files: there when asked for, what they hold, and that they change nothing."""

import dataclasses
import struct
from functools import partial

import pytest
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event

from harness import trial
from harness.data import open_data
from harness.errors import SpecError
from harness.files import place
from harness.latency import measure
from harness.ledger import Ledger
from harness.run import Orders, run_study
from harness.space.data import DataSpec
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.training.tensorboard import Curves, curves_of, run_name
from harness.trial import run_trial

DATA = DataSpec(train_images=12, val_images=6)
FACTS = {"epoch": 1, "loss": 0.5, "fusion_weights": {}}


def events(folder):
    """Of all files in a folder, those of a later attempt last."""
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns):
        data, at = file.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            found.append(Event.FromString(data[at + 12 : at + 12 + length]))
            at += length + 16
    return found


def scalars(folder):
    return {
        (value.tag, event.step): value.simple_value
        for event in events(folder)
        for value in event.summary.value
    }


@pytest.fixture
def where(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "measure", partial(measure, budget=0.05))
    return Workplace(tmp_path / "results", device="cpu", evaluate_at=(1,))


@pytest.fixture
def spec(where, small_trial):
    return small_trial(facts=open_data(DATA, 64, where.cache).facts, data=DATA, epochs=2)


def result(record):
    """What does not depend on when and where a trial ran."""
    curve = [dataclasses.replace(row, seconds=0, images_per_second=0, data_wait_share=0)
             for row in record.curve]  # fmt: skip
    return record.status, record.metrics, record.cost, record.rungs, curve


def test_a_trial_with_them_has_the_same_record(where, spec, tmp_path):
    asked = dataclasses.replace(where, tensorboard=True)
    record = run_trial(spec, asked, (told := []).append)
    found = scalars(where.results / "tensorboard" / run_name(spec))
    rows = record.curve
    for row in rows:
        assert found["loss/total", row.epoch] == pytest.approx(row.loss)
        assert found["loss/box", row.epoch] == pytest.approx(row.box_loss)
        assert found["learning_rate", row.epoch] == pytest.approx(row.learning_rate)
        for node, weights in row.fusion_weights.items():
            for place_, weight in enumerate(weights):
                assert found[f"fusion/{node}/{place_}", row.epoch] == pytest.approx(weight)
    assert found["ap", 1] == pytest.approx(record.rungs[0].ap)
    assert found["ap", 2] == pytest.approx(record.metrics.ap)
    assert found["ap/ap50", 2] == pytest.approx(record.metrics.ap50)
    assert "fusion_weights" not in told[0], "they are many, and nobody watches them elsewhere"
    assert told[0]["peak_memory_mb"] > 50
    assert told[0]["device"].startswith("cpu")
    assert told[0]["host"] == record.environment.host

    again = dataclasses.replace(where, results=tmp_path / "again")
    assert result(run_trial(spec, again)) == result(record)
    assert not (again.results / "tensorboard").exists()


def test_they_are_named_for_people(spec):
    assert run_name(spec) == f"bifpn_w8_seed0_{spec.id}"


def test_what_an_attempt_writes_voids_what_came_later_before_it(where, spec):
    where = dataclasses.replace(where, tensorboard=True)
    for first in (1, 2):
        with curves_of(spec, where) as curves:
            for epoch in range(first, 4):
                curves.tell({**FACTS, "epoch": epoch, "loss": epoch + first / 10})
    folder = where.results / "tensorboard" / run_name(spec)
    assert len(list(folder.iterdir())) == 2
    begun = [event.step for event in events(folder) if event.HasField("session_log")]
    assert begun == [1, 2]


def test_a_loss_that_is_no_number_is_left_out(tmp_path):
    curves = Curves(tmp_path)
    curves.tell({**FACTS, "loss": float("nan"), "class_loss": 2.0})
    curves.close()
    assert scalars(tmp_path) == {("loss/class", 1): 2.0}


def test_a_full_disk_ends_the_files_and_not_the_trial(tmp_path, monkeypatch, caplog):
    def full(self, event):
        raise OSError("no space left on device")

    curves = Curves(tmp_path / "asked")
    curves.tell(FACTS)
    monkeypatch.setattr(EventsWriter, "write_event", full)
    curves.tell(FACTS)
    curves.tell(FACTS)
    curves.close()
    assert caplog.messages == ["no more TensorBoard files: no space left on device"]


def test_of_a_store_they_are_there_when_the_trial_has_ended(spec, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    where = Workplace(place("memory://tensorboard/results"), tensorboard=True)
    with curves_of(spec, where) as curves:
        curves.tell(FACTS)
    [file] = (where.results / "tensorboard" / run_name(spec)).iterdir()
    assert b"loss/total" in file.read_bytes()


def test_without_tensorboardx_nothing_is_trained(small_study, facts, where, monkeypatch):
    monkeypatch.setattr("harness.run.find_spec", lambda name: None)
    orders = Orders(dataclasses.replace(where, tensorboard=True))
    with pytest.raises(SpecError, match=r"--tensorboard: tensorboardX is not installed: pip insta"):
        run_study(load_study(small_study), orders, facts=facts)
    assert list(Ledger(where.results).records()) == []
