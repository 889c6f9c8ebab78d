"""What comparisons with other implementations share.

A fresh network's outputs are near zero, and there a broken graph passes: so everything is
randomised first, to outputs of order 1, and every comparison is shown to fail on a moved edge.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.graph import Graph

SAME = 1e-5
"""Greatest difference over greatest output: nothing but the order of additions."""


@torch.no_grad()
def randomise(network: nn.Module, seed: int = 0) -> None:
    """Every parameter and statistic: kernels that keep the scale, norms that shift and stretch."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name.endswith(("edge_weights", "fuse.weights", "running_var")):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif value.dim() > 1:
            spread = value[0].numel() ** -0.5
            value.copy_(torch.randn(value.shape, generator=generator) * spread)
        elif name.endswith("weight"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        else:
            value.copy_(torch.randn(value.shape, generator=generator) * 0.3)


def random_effdet(name: str, size: int) -> Any:
    """effdet's model in evaluation mode, its numbers random and its outputs of order 1."""
    effdet = pytest.importorskip("effdet.efficientdet")
    config = pytest.importorskip("effdet.config").get_efficientdet_config(name)
    config.image_size = (size, size)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = effdet.EfficientDet(config, pretrained_backbone=False)
        for name, parameter in model.named_parameters():
            _randomise(name, parameter.data)
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
        hooks = [norm.register_forward_pre_hook(_random_statistics) for norm in norms]
        with torch.no_grad():
            images = max(2, 2 * (256 // size) ** 2)  # p7 of small ones has a single cell
            model.eval()(torch.randn(images, 3, size, size))
        for hook in hooks:
            hook.remove()
    return model


def _random_statistics(norm: Any, inputs: tuple[Tensor]) -> None:
    """Statistics near those of what comes in, so that nothing dies or grows without bound."""
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))
    floor = 0.1 * variance.mean()
    norm.running_mean = mean + 0.3 * variance.sqrt() * torch.randn_like(mean)
    norm.running_var = floor + variance * (0.5 + torch.rand_like(mean))


def _randomise(name: str, values: Tensor) -> None:
    if name.endswith("edge_weights"):
        values.uniform_(0.2, 2.0)
    elif values.dim() > 1:
        values.normal_(std=values[0].numel() ** -0.5)
    elif name.endswith("bias"):
        values.normal_(std=0.2)
    else:
        values.uniform_(0.5, 1.5)


def random_maps(
    channels: Mapping[str, int], pixels: tuple[int, int], batch: int = 2, seed: int = 1
) -> dict[str, Tensor]:
    """Backbone maps of an image of so many pixels: ceil(side / stride) cells a side."""
    generator = torch.Generator().manual_seed(seed)
    sizes = {name: [-(-side // 2 ** int(name[1:])) for side in pixels] for name in channels}
    return {
        name: torch.randn((batch, count, *sizes[name]), generator=generator)
        for name, count in channels.items()
    }


def deviation(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> float:
    """Greatest difference over greatest output, of the worst level. Outputs are of order 1."""
    assert list(found) == list(expected)
    assert all(found[name].shape == y.shape for name, y in expected.items())
    assert all(0.1 < y.abs().max() < 1e3 for y in expected.values())
    return max(float((found[name] - y).abs().max() / y.abs().max()) for name, y in expected.items())


def moved(graph: Graph, node: str, old: str, new: str) -> Graph:
    """A graph in which one node reads another source, on the way that its edge had."""
    levels = {one.key: one.level for one in graph.nodes}
    nodes = []
    for one in graph.nodes:
        if one.key == node:
            assert old in [edge.source for edge in one.inputs]
            assert (levels.get(old) == one.level) == (levels.get(new) == one.level)
            inputs = [replace(e, source=new) if e.source == old else e for e in one.inputs]
            one = replace(one, inputs=tuple(inputs))
        nodes.append(one)
    return replace(graph, nodes=tuple(nodes))
