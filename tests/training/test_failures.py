"""Whatever goes wrong in a trial has a name in its record, and leaves what was known by then."""

import dataclasses
import errno
import os
import signal
from functools import partial

import pytest
import torch
from PIL import Image

from harness import environment, trial
from harness.data import open_data, shapes
from harness.environment import capped, memory_share
from harness.errors import BuildError, Cut, DataFault, Preempted, TimedOut, TrialError, WorkerDied
from harness.latency import measure
from harness.ledger import Ledger
from harness.space.data import DataSpec
from harness.space.workplace import Workplace
from harness.training import group, prepare
from harness.training.failures import building, classify
from harness.training.stops import Stops, heeded
from harness.trial import altered, run_trial

DATA = DataSpec(train_images=12, val_images=6)


def caused(error, cause):
    error.__cause__ = cause
    return error


NAMES = [
    (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out_of_memory"),
    (MemoryError(), "out_of_memory"),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "out_of_memory"),
    (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be"), "out_of_memory"),
    (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "out_of_memory"),
    (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), "out_of_memory"),
    (RuntimeError("std::bad_alloc"), "out_of_memory"),
    (caused(TrialError("a stage failed"), MemoryError()), "out_of_memory"),
    (caused(RuntimeError("while reading"), DataFault("image 3")), "data_fault"),
    (DataFault("image 3"), "data_fault"),
    (BuildError("no"), "build_error"),
    (TimedOut("late"), "timed_out"),
    (Cut("late"), "cut"),
    (Preempted("SIGTERM"), "preempted"),
    (WorkerDied("process 2"), "worker_died"),
    (TrialError("no GPU"), "failed"),
    (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
    (OSError(errno.EIO, "Input/output error"), "failed"),
    (RuntimeError("no such luck"), "failed"),
]


@pytest.mark.parametrize(("error", "status"), NAMES)
def test_an_error_has_a_name(error, status):
    assert classify(error) == status


def test_torch_s_own_words_for_a_full_memory_are_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert classify(caught.value) == "out_of_memory"


def test_an_error_that_is_its_own_cause_has_a_name():
    error = RuntimeError("round")
    assert classify(caused(error, error)) == "failed"


def test_what_fails_while_building_is_a_build_error_unless_it_has_another_name():
    with pytest.raises(BuildError, match="ValueError: wrong shape") as caught, building():
        raise ValueError("wrong shape")
    assert isinstance(caught.value.__cause__, ValueError)
    for error in (MemoryError(), TrialError("its source is not there")):
        with pytest.raises(type(error)), building():
            raise error


@pytest.fixture
def where(tmp_path):
    return Workplace(tmp_path / "results", device="cpu")


@pytest.fixture
def make(where, small_trial, monkeypatch):
    """A trial that reads its images at every step."""
    monkeypatch.setattr(trial, "measure", partial(measure, budget=0.05))
    facts = open_data(DATA, 64, where.cache).facts
    return partial(small_trial, facts=facts, data=DATA, augmentation={"scale": (0.5, 1.0)})


def break_at(monkeypatch, step, error):
    """The network's forward pass raises once that many steps are done; what it does then."""
    calls = []

    def run(*given):
        calls.append(1)
        if len(calls) > step:
            raise error
        return real(*given)

    real = group.run
    monkeypatch.setattr(group, "run", run)


def test_out_of_memory_keeps_what_was_done(make, where, monkeypatch):
    break_at(monkeypatch, 4, RuntimeError("[..] DefaultCPUAllocator: can't allocate memory: ..."))
    spec = make(epochs=3)
    record = run_trial(spec, where)
    assert (record.status, record.epochs_done) == ("out_of_memory", 1)
    assert [row.epoch for row in record.curve] == [1]
    assert record.cost is not None
    assert "can't allocate memory" in record.reason
    assert "in run\n" in record.traceback
    assert Ledger(where.results).get(spec.id) == record
    monkeypatch.undo()
    again = run_trial(spec, where)
    assert (again.status, again.epochs_done) == ("done", 3)


@pytest.mark.parametrize(("step", "status"), [(0, "build_error"), (1, "failed")])
def test_a_network_whose_first_step_fails_could_not_be_built(
    make, where, monkeypatch, step, status
):
    break_at(monkeypatch, step, RuntimeError("size mismatch"))
    record = run_trial(make(), where)
    assert (record.status, record.reason) == (status, "RuntimeError: size mismatch")
    assert record.epochs_done == 0


def test_a_network_that_cannot_be_built_is_a_build_error(make, where, monkeypatch):
    def fails(*args, **kwargs):
        raise KeyError("p9")

    monkeypatch.setattr(prepare, "build", fails)
    record = run_trial(make(), where)
    assert (record.status, record.reason, record.cost) == ("build_error", "KeyError: 'p9'", None)


def test_an_unreadable_image_is_a_data_fault(make, where, monkeypatch):
    def load(self, index):
        raise OSError("Input/output error")

    monkeypatch.setattr(shapes.ShapesSplit, "load", load)
    record = run_trial(make(), where)
    assert record.status == "data_fault"
    assert record.reason.endswith("cannot be read: Input/output error")


def coco(folder):
    """Four images with a box each, in COCO form."""
    import json

    for split in ("train", "val"):
        (folder / "annotations").mkdir(parents=True, exist_ok=True)
        (folder / "images" / split).mkdir(parents=True)
        names = [f"{split}{i}.png" for i in range(4)]
        for name in names:
            Image.new("RGB", (64, 64)).save(folder / "images" / split / name)
        document = {
            "images": [
                {"id": i, "file_name": name, "width": 64, "height": 64}
                for i, name in enumerate(names)
            ],
            "annotations": [
                {"id": i + 1, "image_id": i, "category_id": 1, "bbox": [8, 8, 30, 30],
                 "area": 900, "iscrowd": 0}
                for i in range(4)
            ],
            "categories": [{"id": 1, "name": "thing"}],
        }  # fmt: skip
        (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(document))
    return DataSpec(name="coco", root=str(folder))


@pytest.mark.parametrize("what", ["a torn image", "no image", "no annotations", "no folder"])
def test_data_that_are_not_there_are_named(small_trial, where, tmp_path, what):
    """The number of bytes is in the fingerprint: the image is torn in its middle."""
    data = coco(tmp_path / "coco")
    spec = small_trial(facts=open_data(data, 64, where.cache).facts, data=data)
    image = tmp_path / "coco" / "images" / "train" / "train2.png"
    if what == "a torn image":
        content = image.read_bytes()
        image.write_bytes(content[:40] + bytes(len(content) - 40))
    elif what == "no image":
        image.unlink()
    elif what == "no annotations":
        (tmp_path / "coco" / "annotations" / "instances_train.json").unlink()
    else:
        (tmp_path / "coco").rename(tmp_path / "away")
    record = run_trial(spec, where)
    assert record.status == "data_fault", record.traceback
    named = {"no annotations": "instances_train.json", "no folder": "coco"}
    assert named.get(what, "train2.png") in record.reason


def test_a_full_disk_is_no_fault_of_the_data(make, where, monkeypatch):
    spec = make()

    def fails(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(prepare, "open_data", fails)
    assert run_trial(spec, where).status == "disk_full"


def test_time_ends_a_trial_between_two_steps(where):
    now = [100.0]
    stops = Stops(dataclasses.replace(where, timeout_s=10, deadline=130), lambda: now[0])
    now[0] = 109.9
    stops.look()
    now[0] = 110
    with pytest.raises(TimedOut, match="it took longer than 10 s"):
        stops.look()
    now[0] = 130
    with pytest.raises(Cut, match="the run's time is over"):
        stops.look()
    stops.terminated = True
    with pytest.raises(Preempted):
        stops.look()


@pytest.mark.parametrize(
    ("limit", "status"), [({"timeout_s": 0.0}, "timed_out"), ({"deadline": 1.0}, "cut")]
)
def test_a_trial_out_of_time_is_a_record(make, where, limit, status):
    record = run_trial(make(), dataclasses.replace(where, **limit))
    assert (record.status, record.epochs_done, record.curve) == (status, 0, ())


def test_a_trial_that_is_trained_is_not_timed_out(make, where):
    """Its last step is done: only its evaluation is left."""
    spec = make(epochs=1)
    limited = dataclasses.replace(where, timeout_s=0.0)
    assert run_trial(spec, limited).status == "timed_out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "predict", lambda *_: 1 / 0)
        assert run_trial(spec, where).status == "failed"
    assert run_trial(spec, limited).status == "done"


@pytest.fixture
def nobody_listens():
    """As in a process of its own: Ray's tests leave a handler behind."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("nobody_listens")
def test_sigterm_ends_a_trial_between_two_steps_and_then_the_process(make, where):
    spec = make(epochs=3)
    before = signal.getsignal(signal.SIGTERM)

    def tell(facts):
        if facts["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as ended:
        run_trial(spec, where, tell)
    assert ended.value.code == 128 + signal.SIGTERM
    record = Ledger(where.results).get(spec.id)
    assert (record.status, record.epochs_done) == ("preempted", 2)
    assert signal.getsignal(signal.SIGTERM) is before
    assert run_trial(spec, where).status == "done"


def test_sigterm_goes_on_to_whoever_listened_before(where):
    heard, stops = [], Stops(where)
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with heeded(stops):
            os.kill(os.getpid(), signal.SIGTERM)
            assert stops.terminated
            assert not heard
            os.kill(os.getpid(), signal.SIGTERM)
            assert heard == [signal.SIGTERM]
        assert heard == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_micro_batch_is_marked(make, where):
    spec = make(epochs=1)
    assert altered(spec, 1, 2) is None
    assert altered(spec, 2, 2) == "batch of 4 in micro-batches of 1"
    record = run_trial(spec, dataclasses.replace(where, micro_batches=3))
    assert (record.status, record.altered) == ("done", "batch of 4 in micro-batches of 2")


def test_a_micro_batch_before_an_interruption_is_marked(make, where):
    """What goes on from there in whole batches is altered all the same."""
    spec = make(epochs=2)

    def stop(facts):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(spec, dataclasses.replace(where, micro_batches=2), stop)
    record = run_trial(spec, where)
    assert (record.status, record.altered) == ("done", "batch of 4 in micro-batches of 2")


def test_a_share_of_memory_is_of_the_whole_device():
    assert memory_share(None, 80 * 2**30) == 1
    assert memory_share(20, 80 * 2**30) == 0.25
    assert memory_share(100, 80 * 2**30) == 1


def test_a_gpu_s_memory_is_capped_and_given_back(monkeypatch):
    done, gpu = [], torch.device("cuda", 1)
    cuda = environment.torch.cuda
    monkeypatch.setattr(cuda, "mem_get_info", lambda device: (1, 80 * 2**30))
    monkeypatch.setattr(
        cuda, "set_per_process_memory_fraction", lambda share, device: done.append((share, device))
    )
    monkeypatch.setattr(cuda, "empty_cache", lambda: done.append("emptied"))
    with pytest.raises(MemoryError), capped(gpu, 20):
        raise MemoryError
    assert done == [(0.25, gpu), (1.0, gpu), "emptied"]
    with capped(torch.device("cpu"), 20):
        assert len(done) == 3
