"""timm backbones: bound by stride, cut after the last tap, frozen, seeded."""

from typing import Any

import pytest
import timm
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from harness.detector.backbones import (
    Backbone,
    backbone_levels,
    build_backbone,
    stage_parameters,
)
from harness.errors import SpecError, TrialError
from harness.space.model import BackboneSpec

NAME = "lcnet_035"


def backbone(levels: tuple[int, ...] = (3, 4, 5), seed: int = 0, **fields: Any) -> Backbone:
    return build_backbone(BackboneSpec(**{"name": NAME, **fields}), levels, seed=seed)


def image(size: int = 64) -> torch.Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", [NAME, "resnet18", "mobilenetv3_small_050", "convnext_atto"])
def test_maps_have_the_stride_and_channels_they_say(name: str) -> None:
    module = backbone(name=name).eval()
    with torch.no_grad():
        maps = module(image())
    assert list(maps) == ["p3", "p4", "p5"]
    for level, channels in module.channels.items():
        assert maps[f"p{level}"].shape == (2, channels, 64 // 2**level, 64 // 2**level)


@torch.no_grad()
def test_a_transformers_maps_come_channels_first() -> None:
    module = backbone(name="swin_tiny_patch4_window7_224", levels=(2,)).eval()
    assert module(image(224))["p2"].shape == (2, 96, 56, 56)


@pytest.mark.parametrize("name", [NAME, "mobilenetv2_035", "resnet18"])
def test_nothing_after_the_last_tap(name: str) -> None:
    module = backbone((3,), name=name)
    module(image())["p3"].sum().backward()
    assert not [n for n, p in module.named_parameters() if p.grad is None]


@torch.no_grad()
def test_cutting_changes_no_map() -> None:
    whole, cut = backbone().eval(), backbone((3,)).eval()
    cut.load_state_dict({k: v for k, v in whole.state_dict().items() if k in cut.state_dict()})
    assert torch.equal(whole(image())["p3"], cut(image())["p3"])


def test_levels_of_a_backbone() -> None:
    assert list(backbone_levels("resnet18")) == [1, 2, 3, 4, 5]
    assert list(backbone_levels("convnext_atto")) == [2, 3, 4, 5]


def test_a_level_it_lacks_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        backbone((3, 6, 7))
    said = f"backbone {NAME!r} has no p6, p7; it has p1, p2, p3, p4, p5"
    assert str(caught.value) == said


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(SpecError, match="timm has no backbone 'resnet81'; did you mean 'resnet"):
        backbone(name="resnet81")


def test_a_name_is_never_looked_up_elsewhere() -> None:
    with pytest.raises(SpecError, match="timm has no backbone 'hf_hub:someone/resnet18'"):
        backbone(name="hf_hub:someone/resnet18")


def test_first_weights_are_a_function_of_seed_and_name() -> None:
    torch.manual_seed(1)
    first = backbone().state_dict()
    state = torch.get_rng_state()
    torch.manual_seed(2)
    same, other = backbone().state_dict(), backbone(seed=1).state_dict()
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[k], same[k]) for k in first)
    assert not torch.equal(first["net.conv_stem.weight"], other["net.conv_stem.weight"])


def norms_of(module: nn.Module) -> list[_BatchNorm]:
    return [m for m in module.modules() if isinstance(m, _BatchNorm)]


def test_frozen_all_trains_nothing_and_keeps_its_statistics() -> None:
    module = backbone(frozen="all", drop_path=0.5).train()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    first, second = module(image()), module(image())
    assert not any(p.requires_grad for p in module.parameters())
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    assert torch.equal(first["p5"], second["p5"])


@pytest.mark.parametrize("stages", [1, 3])
def test_frozen_stages(stages: int) -> None:
    module = backbone(frozen=stages).train()
    still = {n for n, p in module.net.named_parameters() if not p.requires_grad}
    assert still == stage_parameters(NAME, stages)
    assert {n.split(".")[0] for n in still} == {"conv_stem", "bn1", "blocks"}
    last = max(int(n.split(".")[1]) for n in still if n.startswith("blocks"))
    assert last == {1: 0, 3: 2}[stages]
    for norm in norms_of(module):
        assert norm.training == norm.weight.requires_grad


def test_more_stages_than_there_are() -> None:
    with pytest.raises(SpecError, match="has 5 feature stages: cannot freeze 6"):
        backbone(frozen=6)


def test_frozen_norms_stay_still_while_kernels_train() -> None:
    module = backbone(frozen_norms=True)
    module.eval().train()
    assert not any(norm.training or norm.weight.requires_grad for norm in norms_of(module))
    assert module.net.get_parameter("conv_stem.weight").requires_grad
    before = norms_of(module)[0].running_mean.clone()
    module(image())
    assert torch.equal(norms_of(module)[0].running_mean, before)


def test_norms_train_where_nothing_is_frozen() -> None:
    module = backbone()
    before = norms_of(module)[0].running_mean.clone()
    module.train()(image())
    assert not torch.equal(norms_of(module)[0].running_mean, before)


def test_drop_path_is_handed_on() -> None:
    name = "mobilenetv2_035"
    plain, dropping = backbone(name=name), backbone(name=name, drop_path=0.9)
    torch.manual_seed(0)
    assert torch.equal(plain(image())["p5"], plain(image())["p5"])
    assert not torch.equal(dropping(image())["p5"], dropping(image())["p5"])


def test_pretrained_weights_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    real = timm.create_model

    def offline(name: str, pretrained: bool = False, **args: Any) -> nn.Module:
        if pretrained:
            raise OSError("no route to host\nmore")
        return real(name, **args)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(TrialError) as caught:
        backbone(pretrained=True)
    assert str(caught.value) == (
        f"no pretrained weights for {NAME!r} could be had (no route to host); give a local file "
        "as `checkpoint`, or set `pretrained: false`"
    )


def test_weights_are_asked_of_timm_only_where_the_spec_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []
    real = timm.create_model

    def spy(name: str, pretrained: bool = False, **args: Any) -> nn.Module:
        asked.append(pretrained)
        return real(name, **args)

    monkeypatch.setattr(timm, "create_model", spy)
    backbone()
    assert not any(asked)
