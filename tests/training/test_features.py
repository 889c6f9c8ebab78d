"""The feature cache: right, made once, whole, and refused where it is too large."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from harness.training import features
from harness.training.features import Part, open_features, weights_digest

CPU = torch.device("cpu")
IMAGES = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Two(nn.Module):
    """Maps at two sizes, and how many images it was asked for."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        return {"p3": images[:, :2, ::4, ::4], "p4": images[:, :, ::8, ::8] * 2}


def parts(count=5):
    return {
        "train": Part(count, lambda: iter(IMAGES[:count].split(2))),
        "val": Part(2, lambda: iter(IMAGES[3:].split(1))),
    }


def make(cache, backbone=None, identity=None, given=None):
    return open_features(
        backbone or Two(), given or parts(), identity or {"weights": "w"}, cache, 16, CPU
    )


def test_a_batch_is_what_the_backbone_gives(tmp_path):
    kept = make(tmp_path)
    rows = np.array([4, 0, 0])
    found, expected = kept.batch("train", rows), Two()(IMAGES[rows])
    assert list(found) == ["p3", "p4"]
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert found["p4"].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(kept.batch("val", np.array([1]))["p3"], Two()(IMAGES[4:])["p3"])


def test_it_is_computed_once(tmp_path):
    make(tmp_path)
    again = Two()
    make(tmp_path, again)
    assert again.seen == 0
    (folder,) = [path for path in (tmp_path / "features").iterdir() if path.is_dir()]
    assert sorted(path.name for path in folder.iterdir()) == [
        "about.json",
        "train.p3.npy",
        "train.p4.npy",
        "val.p3.npy",
        "val.p4.npy",
    ]


def test_what_changes_the_numbers_changes_the_place(tmp_path):
    make(tmp_path)
    for change in ({"identity": {"weights": "v"}}, {"given": parts(4)}):
        other = Two()
        make(tmp_path, other, **change)
        assert other.seen > 0


def test_weights_have_a_digest_of_their_values():
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    assert weights_digest(one) != weights_digest(other)
    other.load_state_dict(one.state_dict())
    assert weights_digest(one) == weights_digest(other)


def test_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "LIMIT", 100)
    assert make(tmp_path) is None
    assert not [path for path in (tmp_path / "features").iterdir() if path.is_dir()]


def test_what_breaks_off_leaves_no_cache(tmp_path):
    def fails():
        yield IMAGES[:2]
        raise OSError("unreadable")

    with pytest.raises(OSError, match="unreadable"):
        make(tmp_path, given={"train": Part(5, fails)})
    complete = make(tmp_path, given={"train": Part(5, parts()["train"].images)})
    assert torch.equal(complete.batch("train", np.arange(5))["p3"], Two()(IMAGES)["p3"])
    assert not list((tmp_path / "features").glob(".*.part"))


def test_two_at_once_make_it_once(tmp_path):
    """Two trials that start together: the second waits for the first's, then reads it."""
    backbones = [Two(), Two()]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda backbone: make(tmp_path, backbone), backbones))
    seen = sorted(backbone.seen for backbone in backbones)
    assert seen[0] <= 1 < seen[1]
    assert all(kept.arrays["train"]["p3"].shape == (5, 4, 4, 2) for kept in found)
