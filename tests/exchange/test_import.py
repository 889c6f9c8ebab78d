"""effdet's checkpoints: outputs equal theirs with every tensor random, and no name is lost."""

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from oracles import random_effdet
from torch import Tensor, nn

import harness
from harness.cli import main
from harness.detector import Outputs
from harness.door.exchange import import_words
from harness.errors import SpecError, TrialError
from harness.exchange import import_effdet, read_detector
from harness.exchange.effdet import import_state
from harness.exchange.models import MODELS, name_of_file

TOLERANCE = 1e-4
"""Greatest difference over greatest output."""
SIZE = 128
EDGE = "fpn.cell.0.fnode.4.combine.edge_weights"
"""Of a node with three inputs."""


def peer(name: str) -> Any:
    return random_effdet(name, SIZE)


def image(seed: int) -> Tensor:
    return torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def difference(ours: nn.Module, theirs: nn.Module) -> float:
    """Of the worst level and head. Outputs are no less than of order 1."""
    classes, boxes = theirs(image(2))
    found: Outputs = ours(image(2).contiguous(memory_format=torch.channels_last))
    pairs = list(zip((*found.classes, *found.boxes), (*classes, *boxes), strict=True))
    assert all(0.3 < y.abs().max() < 1e4 for _, y in pairs)
    return max(float((x - y).abs().max() / y.abs().max()) for x, y in pairs)


@pytest.fixture(scope="module")
def d0() -> Any:
    return peer("tf_efficientdet_d0")


def saved(folder: Path, tree: Any, name: str = "tf_efficientdet_d0_34-f153e0cf.pth") -> Path:
    torch.save(tree, folder / name)
    return folder / name


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["import", "effdet", *map(str, words)])


def test_d0_equals_effdet_through_the_file(d0: Any, tmp_path: Path) -> None:
    file, out = saved(tmp_path, d0.state_dict()), tmp_path / "d0.pt"
    said = run(file, "--out", out)
    assert said.exit_code == 0, said.output
    assert said.stdout == (
        f"tf_efficientdet_d0: {len(d0.state_dict())} tensors taken\nwritten to {out}\n"
    )
    assert difference(harness.load_detector(out), d0) < TOLERANCE
    kept = torch.load(out, weights_only=True)
    assert (kept["format"], kept["model"]) == ("harness detector 1", "tf_efficientdet_d0")
    assert kept["source"] == f"effdet, {file.name}"
    assert list(tmp_path.glob(".*")) == []


def test_exchanged_weights_of_two_edges_are_seen(d0: Any) -> None:
    state = OrderedDict(d0.state_dict())
    assert difference(import_state(state, MODELS["tf_efficientdet_d0"]).detector, d0) < TOLERANCE
    state[EDGE] = state[EDGE][[1, 0, 2]]
    swapped = import_state(state, MODELS["tf_efficientdet_d0"])
    assert swapped.complete
    assert difference(swapped.detector, d0) > 10 * TOLERANCE


def test_effdets_own_d0_has_biases_of_zero(tmp_path: Path) -> None:
    """Its own backbone, pools padded on both sides, no bias before a norm."""
    theirs = peer("efficientdet_d0")
    file = saved(tmp_path, theirs.state_dict(), "efficientdet_d0-f3276ba8.pth")
    said = run(file, "--out", tmp_path / "own.pt", "--json")
    document = json.loads(said.stdout)
    assert document["model"] == "efficientdet_d0"
    assert len(document["zeros"]) == 36
    words = list(import_words(document))
    assert "36 biases before norms are zero: this network was trained without them" in words
    ours = harness.load_detector(tmp_path / "own.pt")
    assert all((ours.state_dict()[name] == 0).all() for name in document["zeros"])
    assert difference(ours, theirs) < TOLERANCE


def test_one_name_means_the_network_that_the_weights_are_of(d0: Any, tmp_path: Path) -> None:
    file = saved(tmp_path, d0.state_dict(), "mine.pth")
    assert import_effdet(file, "efficientdet_d0").model.name == "tf_efficientdet_d0"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *(f"tf_efficientdet_{size}" for size in ("d1", "d2", "d3", "lite0")),
        *(f"efficientdet_d{number}" for number in (1, 2, 3)),
    ],
)
def test_others_equal_effdet(name: str) -> None:
    theirs = peer(name)
    found = import_state(theirs.state_dict(), MODELS[name])
    assert found.complete
    assert difference(found.detector, theirs) < TOLERANCE


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"state_dict": {}, "state_dict_ema": state},
        lambda state: {"model": {f"module.{name}": value for name, value in state.items()}},
        lambda state: {
            "state_dict": {
                **{f"module.model.{name}": value for name, value in state.items()},
                "module.anchors.boxes": torch.zeros(9, 4),
            }
        },
    ],
)
def test_wrappings_come_off(d0: Any, tmp_path: Path, wrapped: Any) -> None:
    state = d0.state_dict()
    found = import_effdet(saved(tmp_path, wrapped(state)))
    assert found.complete
    assert found.taken == len(state)


def test_every_unmatched_name_is_said(d0: Any, tmp_path: Path) -> None:
    state = OrderedDict(d0.state_dict())
    del state["fpn.cell.1.fnode.2.after_combine.conv.conv_pw.bias"]
    state["fpn.cell.9.extra"] = torch.zeros(1)
    state["class_net.predict.conv_pw.bias"] = torch.zeros(7)
    file, out = saved(tmp_path, state), tmp_path / "d0.pt"
    said = run(file, "--out", out)
    assert said.exit_code == 1
    assert said.stdout.splitlines() == [
        "3 names or shapes do not fit: is the file of another model?",
        "ours without weights: feature_network.p4_td_2.block.pointwise.bias "
        "(fpn.cell.1.fnode.2.after_combine.conv.conv_pw.bias)",
        "theirs unused: fpn.cell.9.extra",
        "shapes differ: class_net.predict.conv_pw.bias is (7,), "
        "not (810,) of class_head.predict.pointwise.bias",
        f"tf_efficientdet_d0: {len(state) - 2} tensors taken",
        "nothing was written",
    ]
    assert not out.exists()
    document = json.loads(run(file, "--out", out, "--json").stdout)
    assert document["unused"] == ["fpn.cell.9.extra"]
    assert document["complete"] is False
    assert document["file"] is None


def test_a_missing_counter_does_not_matter(d0: Any) -> None:
    state = {k: v for k, v in d0.state_dict().items() if not k.endswith("num_batches_tracked")}
    assert import_state(state, MODELS["tf_efficientdet_d0"]).complete


def test_another_model_than_the_weights_are_of_is_refused(d0: Any) -> None:
    found = import_state(d0.state_dict(), MODELS["tf_efficientdet_d1"])
    assert not found.complete
    assert len(found.misfits) > 100


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "tf_eficientdet_d0",
            "--model tf_eficientdet_d0: effdet has no such model; "
            "did you mean 'tf_efficientdet_d0'?",
        ),
        (
            "tf_efficientdet_d0_ap",
            "--model tf_efficientdet_d0_ap: effdet has no such model; "
            "did you mean 'tf_efficientdet_d0'?",
        ),
    ],
)
def test_a_wrong_model_is_named(tmp_path: Path, model: str, message: str) -> None:
    said = run(saved(tmp_path, {"x": torch.zeros(1)}), "--model", model)
    assert (said.exit_code, said.stderr) == (2, f"{message}\n")


def test_names_of_files() -> None:
    assert name_of_file("tf_efficientdet_d7x-f390b87c.pth") == "tf_efficientdet_d7x"
    assert name_of_file("tf_efficientdet_d7_53-6d1d7a95.pth") == "tf_efficientdet_d7"
    assert name_of_file("efficientdet_d0.pth") == "efficientdet_d0"
    assert name_of_file("tf_efficientdet_lite3x-8404c57b.pth") == "tf_efficientdet_lite3x"
    for other in ("tf_efficientdet_d0_ap-d0cdbd0a.pth", "efficientdetv2_dt.pth", "weights.pth"):
        with pytest.raises(SpecError, match="says no model: give it, as --model"):
            name_of_file(other)


def test_files_that_are_not_ours_are_refused(d0: Any, tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="no weights file"):
        read_detector(tmp_path / "none.pt")
    file = saved(tmp_path, d0.state_dict())
    with pytest.raises(TrialError) as caught:
        read_detector(file)
    wanted = f"{file} is no file of `harness import`: it does not say 'harness detector 1'"
    assert str(caught.value) == wanted
    said = run(file, "--out", file)
    assert (said.exit_code, said.stderr) == (2, f"--out {file}: is the checkpoint itself\n")
    said = CliRunner().invoke(main, ["import", "mmdet", str(file)])
    assert (said.exit_code, said.stderr) == (
        2,
        "'mmdet' is no naming of weights; there is effdet\n",
    )


def test_a_name_of_two_networks_is_told_apart_in_words(d0: Any, tmp_path: Path) -> None:
    said = run(
        saved(tmp_path, d0.state_dict()), "--model", "efficientdet_d0", "--out", tmp_path / "x"
    )
    assert said.exit_code == 0, said.output
    assert said.stdout.splitlines()[1] == (
        "efficientdet_d0 names two networks: with biases before norms it is google's, "
        "tf_efficientdet_d0"
    )
