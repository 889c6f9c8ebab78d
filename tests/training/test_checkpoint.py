"""Checkpoints: whole or ignored."""

import dataclasses
import logging

import pytest
import torch
from torch import nn

from harness.records import EpochLog
from harness.training.checkpoint import Checkpoint, load, save, save_whole

ROW = EpochLog(
    epoch=1,
    step=2,
    loss=3.0,
    class_loss=1.0,
    box_loss=0.04,
    learning_rate=0.1,
    seconds=1.5,
    images_per_second=20.0,
    data_wait_share=0.1,
    fusion_weights={"r0.p4_td": [0.5, 0.5]},
)


def checkpoint():
    net = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return Checkpoint(
        trial="abc",
        epoch=1,
        step=2,
        model=net.state_dict(),
        average={},
        optimizer=optimizer.state_dict(),
        scaler={},
        curve=(ROW,),
        seconds=1.5,
    )


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "abc" / "last.pt"
    kept = checkpoint()
    save(kept, path)
    found = load(path, "abc")
    assert found.curve == (ROW,)
    assert (found.epoch, found.step, found.seconds) == (1, 2, 1.5)
    assert all(torch.equal(found.model[name], kept.model[name]) for name in kept.model)
    assert torch.equal(
        found.optimizer["state"][0]["momentum_buffer"],
        kept.optimizer["state"][0]["momentum_buffer"],
    )
    assert [file.name for file in path.parent.iterdir()] == ["last.pt"]


def test_nothing_there_is_nothing_said(tmp_path, caplog):
    assert load(tmp_path / "last.pt", "abc") is None
    assert not caplog.records


@pytest.mark.parametrize("broken", [b"", b"not a checkpoint", "cut"])
def test_a_broken_checkpoint_is_ignored_with_a_warning(tmp_path, caplog, broken):
    path = tmp_path / "last.pt"
    save(checkpoint(), path)
    path.write_bytes(path.read_bytes()[:-200] if broken == "cut" else broken)
    with caplog.at_level(logging.WARNING):
        assert load(path, "abc") is None
    assert "checkpoint last.pt ignored, starting again" in caplog.text


def test_another_trial_s_checkpoint_is_ignored(tmp_path, caplog):
    path = tmp_path / "last.pt"
    save(dataclasses.replace(checkpoint(), trial="other"), path)
    assert load(path, "abc") is None
    assert "trial other" in caplog.text


def test_code_in_a_checkpoint_is_not_run(tmp_path, caplog):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    path = tmp_path / "last.pt"
    torch.save({"version": 1, "trial": Evil()}, path)
    assert load(path, "abc") is None


def test_a_write_that_fails_keeps_the_old_one(tmp_path):
    path = tmp_path / "last.pt"
    save(checkpoint(), path)
    before = path.read_bytes()
    with pytest.raises(Exception, match="pickle"):
        save_whole({"no": lambda: None}, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]
