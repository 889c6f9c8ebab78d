"""Two tiny trials against recorded numbers: `CODE_EPOCH` is raised when results change.

A trial's id says what it was asked, not which code answered; `CODE_EPOCH` stands in it for the
code. Whoever changes what a given spec results in fails here, raises it, and records again:

    python tests/test_golden_metrics.py

One trial trains all of a network on jittered images, the other on kept features of a frozen
backbone. Numbers are compared to one part in a thousand, so that another processor passes.
"""

import dataclasses
import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from harness import trial
from harness.data import open_data
from harness.evaluate import coco_metrics, collect
from harness.graph import expand, parse, to_tree, with_fields
from harness.latency import measure
from harness.ledger import Ledger
from harness.space.data import DataSpec
from harness.space.model import BackboneSpec, FeatureNetworkSpec, HeadSpec, ModelSpec
from harness.space.recipe import Augmentation, Optimizer, Recipe, Schedule
from harness.space.trial import CODE_EPOCH, Seeds, TrialSpec
from harness.space.workplace import Workplace
from harness.space.zoo import load_topology

GOLDEN = Path(__file__).parent / "golden" / "metrics.json"
SIZE = 64
DATA = DataSpec(train_images=16, val_images=8)
TOLERANCE = 1e-3
LOOSE: dict[str, dict[str, float]] = {
    "scores": {"rel": 0.1},
    "boxes": {"abs": 8.0},
    "categories": {"abs": 1.0},
}
"""What rounding may move of them: scores by a tenth, a mean box by an eighth of the image."""
AP_TOLERANCE = 2e-3
"""Absolute: of the trials' own AP."""
TIED = {"features": ("scores", "boxes", "categories")}
"""What is the processor's own. AdamW's first steps have the length of the rate whatever the
gradient, so where it is next to nothing its sign is rounding's; after four of them scores lie
within a hundredth of each other, and which boxes are kept is rounding's too. Losses hold."""

CHANGED = (
    "this spec gives other numbers than were recorded. If that is meant, raise CODE_EPOCH in "
    "harness/space/trial.py, so that no kept result is taken for a new one, and record again: "
    "python tests/test_golden_metrics.py"
)
OTHER_ID = (
    "the id of a trial has changed, so no kept result is found again. If the fields or the data "
    "of a trial are meant to differ, record again: python tests/test_golden_metrics.py"
)
RECORD_AGAIN = (
    "CODE_EPOCH is not the one these numbers were recorded at; record them again: "
    "python tests/test_golden_metrics.py"
)


def on_images() -> dict[str, Any]:
    """Everything is trained, on flipped and scaled images, with SGD and soft-NMS."""
    return {
        "backbone": BackboneSpec(name="lcnet_035"),
        "fuse": {"weighted": "fast"},
        "head": HeadSpec(width=8, depth=1),
        "optimizer": Optimizer(learning_rate=0.05),
        "augmentation": Augmentation(flip=True, scale=(0.5, 1.5)),
        "nms": "soft",
    }


def on_features() -> dict[str, Any]:
    """Feature network and heads are trained on kept maps, with AdamW and hard NMS."""
    return {
        "backbone": BackboneSpec(name="lcnet_035", frozen="all", frozen_norms=True),
        "fuse": "sum",
        "head": HeadSpec(kind="retinanet", width=8, depth=1),
        "optimizer": Optimizer(name="adamw", learning_rate=0.002, reference_batch=8),
        "augmentation": Augmentation(flip=True, scale=(1.0, 1.0)),
        "nms": "hard",
    }


TRIALS = {"images": on_images, "features": on_features}


def make_spec(name: str, cache: Path) -> TrialSpec:
    """The trial with every field said that has a number in it."""
    its = TRIALS[name]()
    facts = open_data(DATA, SIZE, cache).facts
    topology = parse(with_fields(load_topology("bifpn").tree, {"fuse": its["fuse"]}))
    recipe = Recipe(
        batch_size=4,
        optimizer=its["optimizer"],
        schedule=Schedule(epochs=2, warmup_epochs=0.5, ema_decay=0.9),
        augmentation=its["augmentation"],
    )
    postprocess = recipe.postprocess.model_copy(update={"nms": its["nms"]})
    return TrialSpec(
        model=ModelSpec(
            image_size=SIZE,
            num_classes=len(facts.categories),
            backbone=its["backbone"],
            feature_network=FeatureNetworkSpec(
                graph=to_tree(expand(topology, repeats=1, levels=(3, 5))), width=8
            ),
            head=its["head"],
        ),
        recipe=recipe.model_copy(update={"postprocess": postprocess}),
        data=DATA,
        facts=facts,
        seeds=Seeds(init=1, order=2, augmentation=3),
    )


def results_of(name: str, folder: Path) -> dict[str, Any]:
    """What the code makes of the trial: counts, losses, metrics, and where detections lie."""
    where = Workplace(folder, device="cpu")
    spec = make_spec(name, where.cache)
    with mock.patch.object(trial, "measure", partial(measure, budget=0.05)):
        record = trial.run_trial(spec, where)
    assert record.status == "done", record.traceback
    found = Ledger(folder).detections(spec.id)
    assert record.cost
    assert record.metrics
    assert found
    return {
        "id": spec.id,
        "cost": dataclasses.asdict(record.cost),
        "curve": [[row.loss, row.class_loss, row.box_loss] for row in record.curve],
        "fusion_weights": record.curve[-1].fusion_weights,
        "metrics": dataclasses.asdict(record.metrics),
        "scores": [float(value) for value in np.quantile(found["score"], [0, 0.5, 0.9, 1])],
        "boxes": [float(value) for value in found["box"].mean(axis=0)],
        "categories": float(found["category"].mean()),
    }


def metrics_of_shaken_truth(folder: Path) -> dict[str, Any]:
    """Metrics of the validation boxes, moved and scored by chance, a quarter of them mistaken."""
    data = open_data(DATA, SIZE, Workplace(folder).cache)
    chance, rows = np.random.default_rng(0), []
    for place, image in enumerate(data.val.ids):
        objects = data.val.objects(place)
        count = len(objects.labels)
        boxes = objects.boxes + chance.normal(0, 1, (count, 4))
        wrong = chance.random(count) < 0.25
        labels = np.where(wrong, (objects.labels + 1) % len(data.facts.categories), objects.labels)
        rows.append((image, boxes, chance.random(count), labels))
    metrics = coco_metrics(
        data.val_ground_truth(), collect(rows), needs=data.facts.needs, bands=data.bands
    )
    return dataclasses.asdict(metrics)


def close(expected: Any, least: float = 1e-5) -> Any:
    """Numbers within the tolerance, at any depth; counts (whole numbers) to the last digit."""
    if isinstance(expected, dict):
        return {key: close(value, least) for key, value in expected.items()}
    if isinstance(expected, list):
        return [close(value, least) for value in expected]
    if isinstance(expected, float):
        return pytest.approx(expected, rel=TOLERANCE, abs=least)
    return expected


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("golden")


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(GOLDEN.read_text())
    return tree


def test_the_numbers_were_recorded_at_this_code_epoch(golden: dict[str, Any]) -> None:
    assert golden["code_epoch"] == CODE_EPOCH, RECORD_AGAIN


@pytest.mark.parametrize("name", TRIALS)
def test_the_same_spec_gives_the_same_numbers(
    name: str, golden: dict[str, Any], folder: Path
) -> None:
    found, expected = results_of(name, folder), golden["trials"][name]
    assert found.pop("id") == expected.pop("id"), OTHER_ID
    for key in TIED.get(name, ()):
        assert found.pop(key) == pytest.approx(expected.pop(key), **LOOSE[key])
    least = 0.15 if name in TIED else AP_TOLERANCE
    assert found.pop("metrics") == close(expected.pop("metrics"), least), CHANGED
    assert found == close(expected), CHANGED


def test_the_same_boxes_have_the_same_metrics(golden: dict[str, Any], folder: Path) -> None:
    assert metrics_of_shaken_truth(folder) == close(golden["shaken_truth"]), CHANGED


def record() -> None:
    """Write the numbers this code gives."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tree = {
            "code_epoch": CODE_EPOCH,
            "trials": {name: results_of(name, folder) for name in TRIALS},
            "shaken_truth": metrics_of_shaken_truth(folder),
        }
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(tree, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(record())
