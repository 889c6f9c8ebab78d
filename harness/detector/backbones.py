"""timm backbones, bound by stride. The only file that imports timm.

timm's "reduction" is our stride, and its "index" names a feature stage; both are translated
here and nowhere else. A backbone computes nothing that its asked levels do not need.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from harness.detector.weights import load_weights
from harness.errors import SpecError, TrialError, did_you_mean
from harness.space.model import BackboneSpec
from harness.space.streams import stream_seed

NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)


class Backbone(nn.Module):
    """Images (N, 3, H, W) -> {"p3": (N, C3, ceil(H / 8), ceil(W / 8)), ...} at the asked levels.

    Frozen stages and frozen norms stay in evaluation mode under `.train()`.
    """

    def __init__(self, net: nn.Module, levels: Sequence[int], channels: Sequence[int]) -> None:
        super().__init__()
        self.net = net
        self.levels = tuple(levels)
        self.channels = dict(zip(self.levels, channels, strict=True))
        self._still: list[nn.Module] = []

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = self.net(images)
        named = zip(self.channels.items(), maps, strict=True)
        return {f"p{level}": _channels_first(x, c) for (level, c), x in named}

    def freeze(self, spec: BackboneSpec) -> None:
        """Stop training of what the spec freezes."""
        if spec.frozen == "all":
            self.requires_grad_(False)
            self._still = [self.net]
        elif spec.frozen != "none":
            names = stage_parameters(spec.name, spec.frozen)
            frozen = {p for n, p in self.net.named_parameters() if n in names}
            for parameter in frozen:
                parameter.requires_grad_(False)
            self._still = [
                m for m in self.net.modules() if frozen.intersection(m.parameters(recurse=False))
            ]
        if spec.frozen_norms:
            norms = [m for m in self.net.modules() if isinstance(m, NORMS)]
            for norm in norms:
                norm.requires_grad_(False)
            self._still += norms
        self.train(self.training)

    def train(self, mode: bool = True) -> "Backbone":
        super().train(mode)
        for module in self._still:
            module.eval()
        return self


def build_backbone(
    spec: BackboneSpec, levels: Sequence[int], *, seed: int, weights: Path | None = None
) -> Backbone:
    """The backbone of a spec with the maps at `levels`.

    Random weights are drawn from the stream (seed, "backbone", name): nothing else of the
    detector changes them. weights: a file that stands for `spec.checkpoint` or `spec.source`.
    """
    if spec.source is not None and weights is None:
        raise TrialError("the backbone is taken from another trial: its weights file is needed")
    _check_name(spec.name)
    indices = stage_indices(spec.name, levels)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream_seed(seed, "backbone", spec.name))
        net = _create(spec, indices)
    _cut(net, max(indices))
    backbone = Backbone(net, levels, [_stages(spec.name)[i]["num_chs"] for i in indices])
    file = weights or (Path(spec.checkpoint) if spec.checkpoint else None)
    if file is not None:
        load_weights(net, file, spec.checkpoint_digest if spec.source is None else None)
    backbone.freeze(spec)
    return backbone


def _create(spec: BackboneSpec, indices: Sequence[int]) -> nn.Module:
    args = {"drop_path_rate": spec.drop_path} if spec.drop_path else {}
    if not spec.pretrained:
        return _features(spec.name, indices, **args)
    try:
        return _features(spec.name, indices, pretrained=True, **args)
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise TrialError(
            f"no pretrained weights for {spec.name!r} could be had ({reason}); give a local "
            "file as `checkpoint`, or set `pretrained: false`"
        ) from error


def _features(name: str, indices: Sequence[int] | None = None, **args: Any) -> nn.Module:
    if indices is not None:
        args["out_indices"] = tuple(indices)
    return cast(nn.Module, timm.create_model(name, features_only=True, **args))


def _check_name(name: str) -> None:
    if not timm.is_model(name):
        raise SpecError(f"timm has no backbone {name!r}{did_you_mean(name, timm.list_models())}")


@cache
def _stages(name: str) -> tuple[dict[str, Any], ...]:
    """timm's facts of every feature stage: `num_chs`, `reduction`, `module`, ..."""
    _check_name(name)
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            net = _features(name)
    except (RuntimeError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise SpecError(f"timm's {name!r} gives no feature maps: {reason}") from error
    return tuple(cast(Any, net.feature_info).info)


def backbone_levels(name: str) -> dict[int, int]:
    """The levels a backbone has, each with the index of its last feature stage."""
    strides = [stage["reduction"] for stage in _stages(name)]
    return {
        int(stride).bit_length() - 1: i
        for i, stride in enumerate(strides)
        if stride > 1 and int(stride) & (int(stride) - 1) == 0
    }


def stage_indices(name: str, levels: Sequence[int]) -> tuple[int, ...]:
    """The feature stages that give `levels`; a `SpecError` where one has no stage."""
    has = backbone_levels(name)
    if lacking := [f"p{level}" for level in levels if level not in has]:
        there = ", ".join(f"p{level}" for level in has)
        raise SpecError(f"backbone {name!r} has no {', '.join(lacking)}; it has {there}")
    return tuple(has[level] for level in levels)


def _cut(net: nn.Module, last: int) -> None:
    """Drop the blocks after the last tap where timm keeps them (EfficientNet, MobileNet)."""
    blocks = getattr(net, "blocks", None)
    info = cast(Any, net.feature_info).info
    if isinstance(blocks, nn.Sequential) and "stage" in info[last]:
        net.blocks = blocks[: info[last]["stage"]]


def stage_parameters(name: str, stages: int) -> frozenset[str]:
    """Names of the parameters that the first `stages` feature maps depend on."""
    info = _stages(name)
    if stages > len(info):
        raise SpecError(f"backbone {name!r} has {len(info)} feature stages: cannot freeze {stages}")
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        net = _features(name, (stages - 1,)).eval()
        size = cast(Any, net).default_cfg["input_size"]
        named = dict(net.named_parameters())
        (out,) = net(torch.zeros(1, *size))
    gradients = torch.autograd.grad(out.sum(), list(named.values()), allow_unused=True)
    return frozenset(n for n, g in zip(named, gradients, strict=True) if g is not None)


def _channels_first(x: Tensor, channels: int) -> Tensor:
    """Some transformers give (N, H, W, C)."""
    return x if x.shape[1] == channels else x.permute(0, 3, 1, 2)
