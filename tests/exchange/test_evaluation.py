"""`harness eval`: AP of known detections, whose class is whose, and what is refused."""

import json
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from torch import Tensor, nn

from harness.cli import main
from harness.data.coco import open_validation
from harness.detector import Outputs, build
from harness.errors import SpecError
from harness.evaluation import (
    PUBLISHED,
    Subject,
    evaluate,
    evaluation_path,
    open_subject,
    places_of,
)
from harness.exchange import write_detector

ROOT = Path(__file__).parents[2]
SIZE, CLASSES = 64, 90
BOXES = {3: (4.0, 4.0, 20.0, 16.0), 90: (40.0, 20.0, 30.0, 30.0)}
"""Of every image of 96 x 64 pixels, by category id: x y w h."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "coco")


def write(root: Path, names: tuple[str, ...] = ("car", "toothbrush"), ids: Any = (3, 90)) -> Path:
    """Validation images alone, in COCO's own layout."""
    (root / "val2017").mkdir(parents=True)
    (root / "annotations").mkdir()
    images = [{"id": i, "file_name": f"{i}.png", "width": 96, "height": 64} for i in range(5)]
    for one in images:
        pixels = np.full((64, 96, 3), 40 * one["id"], np.uint8)
        Image.fromarray(pixels).save(root / "val2017" / one["file_name"])
    rows = [(one["id"], *pair) for one in images for pair in zip(ids, BOXES.values(), strict=True)]
    tree = {
        "images": images,
        "categories": [{"id": i, "name": name} for i, name in zip(ids, names, strict=True)],
        "annotations": [
            {"id": n, "image_id": i, "category_id": c, "bbox": box, "area": box[2] * box[3],
             "iscrowd": 0}
            for n, (i, c, box) in enumerate(rows, 1)
        ],
    }  # fmt: skip
    (root / "annotations" / "instances_val2017.json").write_text(json.dumps(tree))
    return root


class Knowing(nn.Module):
    """Finds in every image the boxes of the two classes, and one of a class that COCO lacks."""

    def __init__(self, classes: tuple[int, ...] = (2, 89, 11), count: int = CLASSES) -> None:
        super().__init__()
        self.spec = SimpleNamespace(image_size=SIZE, num_classes=count)
        self.classes, self.seen = classes, torch.zeros(0)

    def forward(self, images: Tensor) -> Outputs:
        self.seen = images
        logits = torch.full((3, self.spec.num_classes), -20.0)
        logits[range(3), list(self.classes)] = torch.tensor([2.0, 1.0, 3.0])
        shape = len(images), -1, 1, 1
        return Outputs(
            (logits.flatten().expand(len(images), -1).reshape(shape),),
            (torch.zeros(len(images), 12, 1, 1),),
        )

    def anchors(self, image_size: tuple[int, int], device: Any) -> Tensor:
        found = [(x, y, x + w, y + h) for x, y, w, h in BOXES.values()]
        return torch.tensor([*found, (0.0, 0.0, 9.0, 9.0)]) * image_size[0] / 96


def subject(detector: nn.Module, **more: Any) -> Subject:
    return Subject("known", detector, {}, **more)  # type: ignore[arg-type]


def test_known_detections_have_ap_1(folder: Path) -> None:
    record = evaluate(subject(Knowing()), open_validation(folder), device="cpu")
    assert record["metrics"]["ap"] == pytest.approx(1.0)
    assert record["metrics"]["ap_per_class"] == {"car": 1.0, "toothbrush": 1.0}
    assert record["detections"] == 10
    assert record["data"]["images"] == 5
    assert record["postprocess"] == PUBLISHED.model_dump(mode="json")
    assert record["environment"]["device"].startswith("cpu")


@pytest.mark.parametrize("classes", [(3, 90 - 1, 11), (89, 2, 11)])
def test_classes_one_off_or_exchanged_are_seen(folder: Path, classes: tuple[int, ...]) -> None:
    record = evaluate(subject(Knowing(classes)), open_validation(folder), device="cpu")
    assert record["metrics"]["ap"] < 0.6


def test_another_image_size_is_taken(folder: Path) -> None:
    detector = Knowing()
    record = evaluate(subject(detector), open_validation(folder), 192, "cpu")
    assert detector.seen.shape[2:] == (192, 192)
    assert record["image_size"] == 192
    assert record["metrics"]["ap"] == pytest.approx(1.0)


def test_lite_models_see_pixels_from_minus_one_to_one(folder: Path) -> None:
    detector = Knowing()
    evaluate(subject(detector, is_lite=True), open_validation(folder), device="cpu")
    (image,) = detector.seen  # the fifth: all pixels are 160
    assert torch.allclose(image[:, :43], torch.tensor(160 / 127.5 - 1), atol=1e-5)
    assert (image[:, 43:] == 0).all()


def test_post_processing_is_the_published_one() -> None:
    assert PUBLISHED.nms == "soft"
    found = (PUBLISHED.soft_sigma, PUBLISHED.score_threshold)
    assert found == (0.5, 0.001)
    assert (PUBLISHED.candidates, PUBLISHED.max_detections) == (5000, 100)


def test_ids_that_no_class_has_are_refused(tmp_path: Path) -> None:
    data = open_validation(write(tmp_path, ("cup", "lid"), (0, 91)))
    with pytest.raises(SpecError) as caught:
        places_of(subject(Knowing()), data)
    assert str(caught.value) == (
        "--root: known knows COCO's category ids 1 to 90; the folder has 0 'cup', 91 'lid'"
    )


def test_a_trials_classes_are_the_folders(folder: Path) -> None:
    data = open_validation(folder)
    trained = Knowing((0, 1, 1), 2)
    right = subject(trained, categories=("car", "toothbrush"))
    metrics = evaluate(right, data, device="cpu")["metrics"]
    assert metrics["ap_per_class"] == pytest.approx({"car": 1.0, "toothbrush": 0.5})  # one wrong
    with pytest.raises(SpecError) as caught:
        places_of(subject(trained, categories=("car", "bus")), data)
    assert str(caught.value) == (
        "--root: has the categories car, toothbrush; the trial's are car, bus"
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "d0.pt"
    return write_detector(file, "tf_efficientdet_d0", "a test", build("efficientdet_d0"))


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["eval", *map(str, words)])


def test_the_command_leaves_a_record(weights: Path, folder: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    words = ("efficientdet_d0", "--root", folder, "--weights", weights, "--results", results)
    said = run(*words, "--image-size", 64, "--limit", 2, "--device", "cpu")
    assert said.exit_code == 0, said.output
    file = results / "evals" / "tf_efficientdet_d0-64px-2.json"
    kept = json.loads(file.read_text())
    assert said.stdout.splitlines()[0] == "tf_efficientdet_d0 at 64 px, 2 images"
    assert said.stdout.splitlines()[-1] == str(file)
    assert kept["weights"]["source"] == "a test"
    assert len(kept["weights"]["sha256"]) == 64
    assert kept["data"]["fingerprint"].startswith("coco-val-")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("efficientdet_d0",), "--weights: efficientdet_d0 has none here; `harness import` makes"),
        (("eficientdet_d0",), "no model, nor a trial 'eficientdet_d0' in "),
        (("eficientdet_d0",), "did you mean 'efficientdet_d0'?"),
        (("efficientdet_d1", "--weights", "W"), "is of tf_efficientdet_d0, not of efficientdet_d1"),
        (("efficientdet_d0", "--device", "tpu"), "--device tpu: should be auto, cpu or cuda"),
    ],
)
def test_what_is_wrong_is_said(
    weights: Path, folder: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    given = [str(weights) if word == "W" else word for word in words]
    said = run(*given, "--root", folder, "--results", tmp_path)
    assert said.exit_code == 2
    assert message in said.stderr


def test_a_trial_is_taken_from_the_ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shipped record: its weights are not shipped, so the network is a stand-in."""
    shipped = next((ROOT / "results" / "shipped").glob("ledger/*/record.json"))
    spec = json.loads(shipped.read_text())["spec"]
    monkeypatch.setattr("harness.evaluation.load_trained", lambda spec, where: Knowing())
    trial = shipped.parent.name
    for word in (trial, trial[:12]):
        found = open_subject(word, None, shipped.parents[2])
        assert found.categories == tuple(spec["facts"]["categories"])
        assert (found.name, found.weights) == (trial, {"trial": trial})


def record_of(size: int = SIZE, sha256: str = "a" * 64, data: str = "coco-val-1") -> dict[str, Any]:
    return {"image_size": size, "weights": {"sha256": sha256}, "data": {"fingerprint": data}}


def test_records_of_other_sizes_weights_and_data_stand_beside_each_other(tmp_path: Path) -> None:
    its = subject(Knowing())
    place = partial(evaluation_path, tmp_path, its)
    first = place(record_of())
    assert first == tmp_path / "evals" / "known.json"
    assert place(record_of(640)).name == "known-640px.json"
    assert place(record_of(), 20).name == "known-20.json"
    first.parent.mkdir()
    first.write_text(json.dumps(record_of()))
    assert place(record_of()) == first  # measured again
    others = [place(record_of(sha256="b" * 64)), place(record_of(data="coco-val-2"))]
    assert len({first, *others}) == 3
    assert all(re.fullmatch(r"known-[0-9a-f]{8}\.json", one.name) for one in others)
    first.write_text("torn")
    assert place(record_of()) != first


def test_a_plugin_is_imported_first(folder: Path, tmp_path: Path) -> None:
    said = run("efficientdet_d0", "--root", folder, "--plugin", "no_such_module")
    assert said.exit_code == 2
    assert "no_such_module" in said.stderr
