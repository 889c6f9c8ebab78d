"""Local weights files: ours, timm's, a detector's; wrong ones refused with the reason."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from harness.detector.backbones import Backbone, build_backbone
from harness.errors import TrialError
from harness.space.model import BackboneSpec
from harness.weights import file_digest

NAME = "lcnet_035"


def backbone(name: str = NAME, weights: Path | None = None, **fields: Any) -> Backbone:
    spec = BackboneSpec(name=name, **fields)
    return build_backbone(spec, (3, 4), seed=0, weights=weights)


def other_state(name: str = NAME) -> dict[str, torch.Tensor]:
    """timm's whole classifier, its numbers unlike any first ones."""
    state = timm.create_model(name).state_dict()
    return {k: v + 1 if v.is_floating_point() else v for k, v in state.items()}


@pytest.mark.parametrize("name", [NAME, "resnet18", "convnext_atto"])
@pytest.mark.parametrize("wrap", [None, "state_dict", "model"])
def test_a_timm_classifiers_file(tmp_path: Path, name: str, wrap: str | None) -> None:
    state = other_state(name)
    file = tmp_path / "weights.pt"
    torch.save({wrap: state} if wrap else state, file)
    loaded = backbone(name, checkpoint=str(file)).net.state_dict()
    flat = {k.replace(".", "_", 1): v for k, v in state.items()} | state
    assert all(torch.equal(v, flat[k]) for k, v in loaded.items())


def test_safetensors(tmp_path: Path) -> None:
    state = other_state()
    save_file(state, tmp_path / "weights.safetensors")
    loaded = backbone(checkpoint=str(tmp_path / "weights.safetensors")).net.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in loaded.items())


@pytest.mark.parametrize("prefix", ["", "backbone.", "module.backbone."])
def test_our_own_backbone_and_detector(tmp_path: Path, prefix: str) -> None:
    source = backbone()
    state = {f"{prefix}{k}": v + 1 for k, v in source.state_dict().items()}
    noise = {f"{prefix.removesuffix('backbone.')}class_head.x": torch.ones(1)} if prefix else {}
    torch.save(state | noise, tmp_path / "weights.pt")
    loaded = backbone(weights=tmp_path / "weights.pt").state_dict()
    assert all(torch.equal(v, source.state_dict()[k] + 1) for k, v in loaded.items())


def test_the_digest_is_held_to(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save(other_state(), file)
    right = file_digest(file)
    backbone(checkpoint=str(file), checkpoint_digest=right)
    with pytest.raises(TrialError) as caught:
        backbone(checkpoint=str(file), checkpoint_digest="0" * 64)
    assert str(caught.value) == f"{file} has sha256 {right}, not {'0' * 64}"


def fault(file: Path) -> str:
    with pytest.raises(TrialError) as caught:
        backbone(checkpoint=str(file))
    return str(caught.value)


def test_files_that_do_not_do(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    assert fault(file) == f"no weights file {file}"
    file.write_bytes(b"nothing")
    assert fault(file).startswith(f"cannot read the weights file {file}: ")
    torch.save([1, 2], file)
    assert fault(file) == f"{file} holds no weights by name"
    state = other_state()
    torch.save({k: v for k, v in state.items() if "blocks.0.0.conv_dw" not in k}, file)
    assert " lacks 1 of the backbone's 138 tensors: blocks.0.0.conv_dw.weight" in fault(file)
    torch.save(state | {"conv_stem.weight": torch.zeros(3, 3)}, file)
    said = "does not fit the backbone: conv_stem.weight is (3, 3), not (8, 3, 3, 3)"
    assert fault(file) == f"{file} {said}"


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a weights file ran code",))


def test_a_file_never_runs_code(tmp_path: Path) -> None:
    torch.save({"state_dict": Bomb()}, tmp_path / "weights.pt")
    assert "cannot read the weights file" in fault(tmp_path / "weights.pt")
