"""The training loop: resumed as if never stopped, the same digits twice, ended by divergence."""

import pytest
import torch

from harness.detector import build
from harness.environment import precision_of
from harness.errors import TrialError
from harness.space.recipe import Drop
from harness.training.checkpoint import load, save
from harness.training.determinism import deterministic
from harness.training.optimizer import peak_rate
from harness.training.train import Trainer

CPU = torch.device("cpu")


def train(spec, feed, checkpoint=None, on_epoch=None):
    """Averaged weights after training, and the log of it."""
    with deterministic(CPU, threads=1):
        trainer = Trainer(build(spec.model, spec.seeds.init), feed, spec, CPU)
        log = trainer.fit(checkpoint, on_epoch)
    return trainer, log


def weights(trainer):
    return {
        **trainer.detector.state_dict(),
        **{f"average {k}": v for k, v in trainer.trained.state_dict().items()},
    }


def losses(log):
    return [
        (row.epoch, row.step, row.loss, row.learning_rate, row.fusion_weights) for row in log.curve
    ]


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("optimizer", [{}, {"name": "adamw", "learning_rate": 0.01}])
def test_a_killed_trial_goes_on_to_the_same_bits(small_trial, noise, tmp_path, optimizer):
    spec = small_trial(epochs=3, optimizer=optimizer)
    whole, whole_log = train(spec, noise(), tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        train(spec, noise(stop=2), tmp_path / "last.pt")
    assert load(tmp_path / "last.pt", spec.id).epoch == 1
    told = []
    resumed, log = train(spec, noise(), tmp_path / "last.pt", told.append)
    assert [row.epoch for row in told] == [2, 3]
    assert losses(log) == losses(whole_log)
    assert_same(weights(resumed), weights(whole))


def test_dropped_paths_are_the_same_after_a_resume(small_trial, noise, tmp_path):
    """What draws from the global generator in a step is seeded by the epoch."""
    backbone = {"name": "tf_efficientnet_b0", "drop_path": 0.5}
    spec = small_trial(epochs=2)
    model = spec.model.model_copy(
        update={"backbone": spec.model.backbone.model_copy(update={"frozen": "none", **backbone})}
    )
    spec = spec.model_copy(update={"model": model})
    _, whole = train(spec, noise(1))
    with pytest.raises(KeyboardInterrupt):
        train(spec, noise(1, stop=2), tmp_path / "last.pt")
    torch.rand(7)
    _, resumed = train(spec, noise(1), tmp_path / "last.pt")
    assert losses(resumed) == losses(whole)


def test_a_broken_checkpoint_means_starting_again(small_trial, noise, tmp_path, caplog):
    spec = small_trial(epochs=2)
    _, whole = train(spec, noise())
    (tmp_path / "last.pt").write_bytes(b"broken")
    _, again = train(spec, noise(), tmp_path / "last.pt")
    assert losses(again) == losses(whole)
    assert "starting again" in caplog.text


def test_another_network_s_checkpoint_means_starting_again(small_trial, noise, tmp_path, caplog):
    spec = small_trial(epochs=1)
    _, whole = train(spec, noise(), tmp_path / "last.pt")
    found = load(tmp_path / "last.pt", spec.id)
    del found.model["class_head.predict.pointwise.bias"]
    save(found, tmp_path / "last.pt")
    _, again = train(spec, noise(), tmp_path / "last.pt")
    assert losses(again) == losses(whole)
    assert "starting again: it is of another network" in caplog.text


def test_a_finished_checkpoint_is_not_trained_on(small_trial, noise, tmp_path):
    spec = small_trial(epochs=1)
    first, _ = train(spec, noise(), tmp_path / "last.pt")
    told = []
    second, log = train(spec, noise(stop=1), tmp_path / "last.pt", told.append)
    assert not told
    assert len(log.curve) == 1
    assert_same(weights(first), weights(second))


def test_twice_the_same_is_the_same_to_the_last_bit(small_trial, noise):
    spec = small_trial()
    torch.manual_seed(1)
    first, first_log = train(spec, noise())
    torch.manual_seed(2)
    second, second_log = train(spec, noise())
    assert losses(first_log) == losses(second_log)
    assert_same(weights(first), weights(second))


def test_another_seed_is_another_trial(small_trial, noise):
    _, first = train(small_trial(seed=0), noise())
    _, second = train(small_trial(seed=1), noise())
    assert losses(first) != losses(second)


def test_training_lowers_the_loss_and_moves_fusion_weights(small_trial, noise):
    class Same(noise):
        def epoch(self, number):
            return super().epoch(1)

    _, log = train(small_trial(epochs=6, optimizer={"fusion_rate": 20.0}), Same())
    assert log.curve[-1].loss < 0.8 * log.curve[0].loss
    first, last = log.curve[0].fusion_weights, log.curve[-1].fusion_weights
    assert first.keys() == last.keys()
    assert len(first) == 4
    moved = max(abs(a - b) for key in first for a, b in zip(first[key], last[key], strict=True))
    assert moved > 1e-4


def test_what_is_frozen_does_not_move(small_trial, noise):
    spec = small_trial()
    before = build(spec.model, spec.seeds.init).backbone.state_dict()
    trainer, _ = train(spec, noise())
    assert_same(trainer.detector.backbone.state_dict(), before)
    assert_same(trainer.trained.backbone.state_dict(), before)


def test_without_an_average_the_network_itself_is_evaluated(small_trial, noise):
    trainer, _ = train(small_trial(schedule={"ema_decay": None}), noise())
    assert trainer.trained is trainer.detector
    assert not trainer.trained.training


def test_divergence_ends_training_and_says_where(small_trial, noise, tmp_path):
    spec = small_trial(epochs=3)
    _, log = train(spec, noise(broken=(2, 1)), tmp_path / "last.pt")
    assert log.diverged == "the loss is nan by step 4 of 6 (epoch 2)"
    assert [row.epoch for row in log.curve] == [1]
    assert load(tmp_path / "last.pt", spec.id).epoch == 1


def test_weights_spoilt_by_the_last_step_are_divergence(small_trial, noise):
    def spoil(row):
        with torch.no_grad():
            next(trainer.detector.class_head.parameters()).fill_(float("nan"))

    trainer, _ = train(small_trial(epochs=1), noise())
    trainer.epoch, trainer.curve = 0, ()
    log = trainer.fit(None, spoil)
    assert log.diverged is not None
    assert "a weight is not a number" in log.diverged


def test_long_epochs_are_looked_at_on_the_way(small_trial, noise, monkeypatch):
    monkeypatch.setattr("harness.training.train.LOOK_EVERY", 2)
    _, log = train(small_trial(epochs=1), noise(batches=6, broken=(1, 1)))
    assert log.diverged == "the loss is nan by step 2 of 6 (epoch 1)"


def test_the_rate_warms_up_and_ends_near_zero(small_trial, noise):
    _, log = train(small_trial(epochs=4), noise())
    rates = [row.learning_rate for row in log.curve]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.1 * rates[0]


def test_the_rate_falls_in_steps(small_trial, noise):
    spec = small_trial(epochs=4)
    schedule = spec.recipe.schedule.model_copy(update={"drop": Drop(after=(2, 3), factor=0.5)})
    recipe = spec.recipe.model_copy(update={"schedule": schedule})
    _, log = train(spec.model_copy(update={"recipe": recipe}), noise())
    rates = [row.learning_rate for row in log.curve]
    assert rates == pytest.approx([peak_rate(recipe) * share for share in (1, 1, 0.5, 0.25)])


def test_gradients_are_clipped(small_trial, noise):
    """A clip of nearly nothing leaves kernels where they began, but for their decay."""
    spec = small_trial(epochs=1, optimizer={"clip_norm": 1e-9, "weight_decay": 0.0})
    start = build(spec.model, spec.seeds.init).class_head.state_dict()
    trainer, _ = train(spec, noise())
    end = trainer.detector.class_head.state_dict()
    for name, value in start.items():
        if name.endswith("weight"):
            torch.testing.assert_close(end[name], value, atol=1e-6, rtol=0)


def test_a_precision_that_is_not_there_is_refused(small_trial, monkeypatch):
    spec = small_trial(precision="float16")
    with pytest.raises(TrialError, match=r"recipe.precision: float16 is not to be had on this cpu"):
        precision_of(spec.recipe, CPU)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.raises(TrialError, match="bfloat16"):
        precision_of(small_trial(precision="bfloat16").recipe, CPU)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert precision_of(small_trial(precision="bfloat16").recipe, CPU) == torch.bfloat16


def test_bfloat16_trains_where_it_is_there(small_trial, noise):
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("no bfloat16 on this processor")
    trainer, log = train(small_trial(precision="bfloat16"), noise())
    assert log.diverged is None
    assert all(value.dtype != torch.bfloat16 for value in trainer.trained.state_dict().values())


def test_global_switches_are_put_back():
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    with deterministic(CPU, threads=3):
        assert torch.get_num_threads() == 3
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(3)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), state)
