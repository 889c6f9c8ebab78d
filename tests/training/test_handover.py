"""A trained backbone goes from one trial to the next, whole or not at all."""

import pytest
import torch

from harness.detector import build
from harness.errors import TrialError
from harness.space.model import BackboneSpec
from harness.space.workplace import Workplace
from harness.training import checkpoint
from harness.training.checkpoint import Checkpoint
from harness.training.handover import backbone_file, store_backbone


@pytest.fixture
def source(small_trial):
    return small_trial(epochs=1, backbone=BackboneSpec(name="lcnet_035"))


def trained(spec):
    """A detector whose backbone is not the one of its seed."""
    detector = build(spec.model, 99)
    return detector.state_dict()


def taken_over(small_trial, source, where):
    spec = small_trial(backbone=BackboneSpec(name="lcnet_035", source=source, frozen="all"))
    return build(spec.model, 0, weights=backbone_file(source, where)).backbone.state_dict()


def assert_backbone_of(state, backbone):
    for name, value in backbone.items():
        assert torch.equal(value, state[f"backbone.{name}"])


def test_a_stored_backbone_is_taken_over(tmp_path, small_trial, source):
    where, state = Workplace(tmp_path), trained(source)
    path = store_backbone(state, where, source.id)
    assert path == tmp_path / "backbones" / f"{source.id}.pt"
    assert_backbone_of(state, taken_over(small_trial, source, where))


def test_it_is_taken_from_the_last_checkpoint(tmp_path, small_trial, source):
    where, state = Workplace(tmp_path), trained(source)
    kept = Checkpoint(source.id, 1, 2, build(source.model, 0).state_dict(), state, {}, {})
    checkpoint.save(kept, where.checkpoint(source.id))
    assert_backbone_of(state, taken_over(small_trial, source, where))
    where.checkpoint(source.id).unlink()
    assert_backbone_of(state, taken_over(small_trial, source, where))


def test_an_unfinished_source_is_not_taken(tmp_path, source):
    where = Workplace(tmp_path)
    kept = Checkpoint(source.id, 0, 0, {}, trained(source), {}, {})
    checkpoint.save(kept, where.checkpoint(source.id))
    with pytest.raises(TrialError, match=f"the backbone of trial {source.id} is not there"):
        backbone_file(source, where)


def test_a_missing_source_says_what_to_do(tmp_path, source):
    with pytest.raises(TrialError, match="train that trial first"):
        backbone_file(source, Workplace(tmp_path))


def test_a_damaged_backbone_is_refused(tmp_path, source):
    where = Workplace(tmp_path)
    path = store_backbone(trained(source), where, source.id)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(TrialError, match="its sha256 is not the one kept beside it"):
        backbone_file(source, where)
