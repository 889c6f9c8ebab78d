"""Heads: shapes, sharing over levels, first values, and the facts kept beside them."""

import itertools
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness.detector.heads import HEADS, build_head
from harness.errors import SpecError
from harness.space.heads import HEAD_FACTS

KINDS = HEADS.names()


def head(kind: str, **changes: Any) -> nn.Module:
    sizes = {"channels": 12, "width": 8, "depth": 2, "levels": 3, "outputs": 18}
    return build_head(kind, **({"stream": (0, "class_head")} | sizes | changes))


def maps(channels: int = 12) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, channels, s, s, generator=generator) for s in (9, 5, 1)]


def test_facts_and_modules_have_the_same_names() -> None:
    assert HEADS.names() == HEAD_FACTS.names()


@pytest.mark.parametrize("kind", KINDS)
def test_one_map_a_level(kind: str) -> None:
    found = head(kind)(maps())
    assert [x.shape for x in found] == [(2, 18, s, s) for s in (9, 5, 1)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("channels", "width", "depth"), [(12, 8, 1), (8, 8, 4), (6, 16, 2)])
def test_facts_equal_the_module(kind: str, channels: int, width: int, depth: int) -> None:
    module = head(kind, channels=channels, width=width, depth=depth).eval()
    facts = HEAD_FACTS.get(kind)
    params = sum(p.numel() for p in module.parameters())
    assert facts.params(channels, width, depth, 3, 18) == params
    with FlopCounterMode(display=False) as counter:
        module([x[:1] for x in maps(channels)])
    cells = 9 * 9 + 5 * 5 + 1
    assert facts.macs(channels, width, depth, cells, 18) == counter.get_total_flops() // 2


@pytest.mark.parametrize("kind", KINDS)
def test_convolutions_are_shared_by_the_levels(kind: str) -> None:
    module = head(kind).eval()
    same = maps()[0]
    first, *others = module([same] * 3)
    assert all(torch.equal(first, other) for other in others)


def test_efficientdet_norms_belong_to_a_level() -> None:
    module = head("efficientdet").eval()
    before = module(maps())
    module.get_buffer("norms.1.2.running_mean").add_(1.0)
    after = module(maps())
    assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [True, True, False]


def test_efficientdet_norm_constants() -> None:
    norms = [m for m in head("efficientdet").modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 6
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


@pytest.mark.parametrize("kind", KINDS)
def test_prior_is_the_first_probability(kind: str) -> None:
    module = head(kind, prior=0.01).eval()
    for one in module([torch.zeros_like(x) for x in maps()]):
        torch.testing.assert_close(one.sigmoid(), torch.full_like(one, 0.01))
    for one in head(kind).eval()([torch.zeros_like(x) for x in maps()]):
        assert (one == 0).all()


def test_first_kernels_keep_the_scale() -> None:
    module = head("efficientdet", channels=64, width=64)
    depthwise = module.get_parameter("convs.0.depthwise.weight")
    pointwise = module.get_parameter("convs.0.pointwise.weight")
    assert depthwise.std().item() == pytest.approx(1 / 3, rel=0.1)
    assert pointwise.std().item() == pytest.approx(1 / 8, rel=0.1)
    plain = head("retinanet", channels=64).get_parameter("convs.0.weight")
    assert plain.std().item() == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_first_values_are_their_streams_alone(kind: str) -> None:
    first = head(kind).state_dict()
    torch.rand(3)
    same = head(kind, levels=5, outputs=9).state_dict()
    other = head(kind, stream=(1, "class_head")).state_dict()
    kernels = [k for k, v in first.items() if v.dim() == 4 and not k.startswith("predict")]
    assert all(torch.equal(first[k], same[k]) for k in kernels)
    assert not any(torch.equal(first[k], other[k]) for k in kernels)
    alike = [(a, b) for a, b in itertools.combinations(kernels, 2) if first[a].equal(first[b])]
    assert not alike


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_learns(kind: str) -> None:
    module = head(kind)
    sum(x.square().mean() for x in module(maps())).backward()
    idle = [n for n, p in module.named_parameters() if p.grad is None]
    assert not idle


def test_an_unknown_head_names_the_nearest() -> None:
    with pytest.raises(SpecError, match="no head 'retinenet'; did you mean 'retinanet'\\?"):
        head("retinenet")
