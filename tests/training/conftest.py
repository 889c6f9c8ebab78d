"""Trials small enough for a test: a tiny backbone, one cell, few generated images."""

import pytest
import torch

from harness.detector.targets import Targets
from harness.graph import expand, parse, to_tree
from harness.space.data import DataFacts, DataSpec
from harness.space.model import BackboneSpec, FeatureNetworkSpec, HeadSpec, ModelSpec
from harness.space.recipe import Augmentation, Optimizer, Recipe, Schedule
from harness.space.trial import Seeds, TrialSpec

SIZE = 64
BIFPN = {
    "name": "bifpn",
    "levels": "p3..p5",
    "rows": {
        "td": {"order": "down", "skip_first": True, "from": ["in", "td.coarser | in.coarser"]},
        "out": {"order": "up", "skip_first": True, "from": ["in", "td", "out.finer | td.finer"]},
    },
    "fuse": {"weighted": "fast"},
}


def make_trial(
    *,
    epochs=2,
    seed=0,
    facts=None,
    data=None,
    backbone=None,
    augmentation=None,
    optimizer=None,
    schedule=None,
    **recipe,
):
    """A trial at 64 px with a frozen random backbone; keyword arguments change its fields."""
    graph = expand(parse(BIFPN), repeats=1)
    facts = facts or DataFacts(
        fingerprint="none", categories=("a", "b"), train_images=8, val_images=4
    )
    return TrialSpec(
        model=ModelSpec(
            image_size=SIZE,
            num_classes=len(facts.categories),
            backbone=backbone or BackboneSpec(name="lcnet_035", frozen="all"),
            feature_network=FeatureNetworkSpec(graph=to_tree(graph), width=8),
            head=HeadSpec(width=8, depth=1),
        ),
        recipe=Recipe(
            batch_size=4,
            optimizer=Optimizer(**{"learning_rate": 0.5, **(optimizer or {})}),
            schedule=Schedule(**{"epochs": epochs, "warmup_epochs": 0.5, **(schedule or {})}),
            augmentation=Augmentation(**{"scale": (1.0, 1.0), **(augmentation or {})}),
            **recipe,
        ),
        data=data or DataSpec(),
        facts=facts,
        seeds=Seeds.all(seed),
    )


@pytest.fixture(scope="session")
def small_trial():
    return make_trial


class Noise:
    """A feed of random images, a function of the epoch; the broken batch is all NaN."""

    def __init__(self, batches=2, broken=None, stop=None):
        self.batches, self.broken, self.stop = batches, broken, stop

    def __len__(self):
        return self.batches

    def epoch(self, number):
        if number == self.stop:
            raise KeyboardInterrupt
        generator = torch.Generator().manual_seed(number)
        for i in range(self.batches):
            images = torch.randn(4, 3, SIZE, SIZE, generator=generator)
            corner = torch.rand(4, 2, 2, generator=generator) * SIZE / 2
            boxes = torch.cat([corner, corner + 20], dim=-1)
            labels = torch.randint(0, 2, (4, 2), generator=generator)
            if self.broken == (number, i):
                images = images * float("nan")
            yield images, Targets(boxes, labels, torch.zeros(4, 2, dtype=torch.bool))


@pytest.fixture
def noise():
    return Noise
