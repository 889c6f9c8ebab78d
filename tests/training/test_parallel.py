"""Several processes, or portions one after another, train what one process with the batch trains.

"The same" is said in float64 with norms that stand still: a norm that learns sees its own portion.
"""

import dataclasses
from functools import partial

import numpy as np
import parallel_jobs
import pytest
import torch

from harness import trial, underway
from harness.data import open_data
from harness.detector.targets import Targets
from harness.errors import TrialError, WorkerDied
from harness.latency import measure
from harness.space.data import DataSpec
from harness.space.model import BackboneSpec
from harness.space.workplace import Workplace
from harness.training.checkpoint import load
from harness.training.inputs import portions
from harness.training.parallel import train_together
from harness.training.processes import run_together
from harness.trial import run_trial

DATA = DataSpec(train_images=12, val_images=6)
IMAGES = 5
"""Does not divide by two: one process has three, the other two."""


@pytest.fixture
def spec(small_trial):
    """Every weight learns, and by the gradient as it is."""
    return small_trial(
        epochs=2,
        backbone=BackboneSpec(name="lcnet_035"),
        optimizer={"clip_norm": None, "learning_rate": 0.05},
    )


def assert_same(found, whole, rtol):
    """Gradients, losses and weights."""
    assert found[0].keys() == whole[0].keys()
    assert len(whole[0]) > 50
    for name, value in whole[0].items():
        np.testing.assert_allclose(found[0][name], value, rtol, atol=rtol * abs(value).max())
    np.testing.assert_allclose(found[1], whole[1], rtol=1e-6)
    for name, value in whole[2].items():
        np.testing.assert_allclose(found[2][name], value, 1e-6, atol=1e-9, err_msg=name)


def test_two_processes_have_the_gradients_and_losses_of_one(spec, tmp_path):
    """And the same network as each other, where norms learn too. Then one of them is killed."""
    whole = parallel_jobs.train_still(spec, IMAGES)
    job, told = (spec.model_dump_json(), IMAGES, str(tmp_path)), {}
    with pytest.raises(WorkerDied, match=r"^process 2 of 2 was killed by SIGKILL"):
        run_together("parallel_jobs:train_part", job, 2, lambda said: told.update({said[0]: said}))
    (_, still, learned, resumed, spoilt), (_, *others) = told[0], told[1]
    assert_same(still, whole, rtol=1e-5)
    for found, other in ((still[2], others[0][2]), (learned[0], others[1][0])):
        assert all(np.array_equal(value, other[name]) for name, value in found.items())
    assert resumed[1:] == learned[1:]
    assert all(np.array_equal(value, resumed[0][name]) for name, value in learned[0].items())
    assert spoilt == others[3] == "the loss is nan by step 2 of 4 (epoch 1)"


@pytest.mark.parametrize("count", [2, 9])
def test_portions_have_the_gradients_and_losses_of_the_batch(spec, count):
    whole = parallel_jobs.train_still(spec, IMAGES)
    assert_same(parallel_jobs.train_still(spec, IMAGES, micro_batches=count), whole, rtol=1e-5)


def test_portions_are_as_equal_as_can_be():
    images = torch.arange(5.0).view(5, 1, 1, 1)
    targets = Targets(torch.rand(5, 2, 4), torch.arange(10).view(5, 2), torch.zeros(5, 2) > 0)
    for inputs in (images, {"p3": images, "p4": images + 1}):
        for count, sizes in ((1, [5]), (2, [3, 2]), (3, [2, 2, 1]), (9, [1] * 5)):
            found = portions(inputs, targets, count)
            assert [len(seen.labels) for _, seen in found] == sizes
            shown = [one["p3"] if isinstance(one, dict) else one for one, _ in found]
            assert torch.equal(torch.cat(shown), images)
            assert torch.equal(torch.cat([seen.labels for _, seen in found]), targets.labels)


@pytest.mark.slow
def test_a_process_that_hangs_ends_the_others(tmp_path):
    with pytest.raises(WorkerDied, match=r"^process 1 of 2 lost the others"):
        run_together("parallel_jobs:wait_in_vain", str(tmp_path / "meet"), 2)


@pytest.fixture
def where(tmp_path):
    return Workplace(tmp_path / "results", device="cpu", devices=2)


@pytest.fixture
def shapes(where, small_trial):
    facts = open_data(DATA, 64, where.cache).facts
    return partial(small_trial, facts=facts, data=DATA)


def test_a_trial_by_two_processes(shapes, where, monkeypatch):
    """Its epochs are told, and the network of the first is evaluated before the second begins."""
    monkeypatch.setattr(trial, "measure", partial(measure, budget=0.05))
    seen, epochs = [], []

    def predict(network, *given):
        kept, own = load(where.checkpoint(spec.id), spec.id), network.state_dict()
        same = all(torch.equal(value, kept.model[name]) for name, value in own.items())
        seen.append((kept.epoch, same))
        return real(network, *given)

    real = trial.predict
    monkeypatch.setattr(trial, "predict", predict)
    spec = shapes(epochs=2, schedule={"ema_decay": None})
    where = dataclasses.replace(where, evaluate_at=(1,))
    record = run_trial(spec, where, lambda facts: epochs.append((facts["epoch"], facts["epochs"])))
    assert record.status == "done", record.traceback
    assert epochs == [(1, 2), (2, 2)]
    assert seen == [(1, True), (2, True)]
    assert [rung.epoch for rung in record.rungs] == [1, 2]
    assert (record.environment.processes, record.epochs_done, record.altered) == (2, 2, None)
    assert [row.step for row in record.curve] == [3, 6]
    assert record.images_per_second > 0
    assert 0 <= record.metrics.ap <= 1
    monkeypatch.setattr(underway, "train_together", lambda *_: pytest.fail("trained twice"))
    again = run_trial(spec, dataclasses.replace(where, devices=1))
    assert again.metrics == record.metrics
    assert again.environment.processes == 2


@pytest.mark.parametrize(("devices", "device"), [(5, "cpu"), (2, "cuda")])
def test_more_devices_than_images_or_gpus_are_refused(small_trial, where, devices, device):
    where = dataclasses.replace(where, devices=devices)
    gpus = torch.cuda.device_count()
    reason = "4 images a batch" if device == "cpu" else f"and {gpus} are here"
    if gpus > 1 and device == "cuda":
        pytest.skip("as many GPUs as are asked for")
    with pytest.raises(TrialError, match=reason):
        train_together(small_trial(), where, torch.device(device), print, print)
