"""A feature network put to the test: built, run, differentiated, and held to its closed form.

What `harness check --build` does with a file, and the tests with the whole zoo.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from harness.census import census
from harness.compiler import FeatureNetwork, compile
from harness.cost import conv_macs
from harness.graph import Graph, infer
from harness.graph.sizes import Size, map_sizes, side_of

CHANNELS = {0: 3, 1: 16, 2: 24, 3: 40, 4: 112, 5: 320, 6: 320, 7: 320}
"""Of the backbone's maps: EfficientNet-B0's, and as many as its last one at levels beyond."""
IMAGE: Size = (333, 517)
"""An odd size, so that no level is just half of another."""


def prove(
    graph: Graph,
    *,
    width: int = 16,
    image_size: Size = IMAGE,
    sizes: Mapping[int, Size] | None = None,
) -> list[str]:
    """What does not hold of a network; empty where all does.

    sizes: of the backbone's maps by level, where they do not follow the SAME rule.
    """
    sizes = sizes or {
        level: (side_of(image_size[0], level), side_of(image_size[1], level))
        for level in graph.inputs
    }
    channels = {f"p{level}": CHANNELS[level] for level in graph.inputs}
    network = compile(graph, channels=channels, width=width)
    randomise(network)
    maps = {f"p{level}": torch.randn(2, CHANNELS[level], *sizes[level]) for level in graph.inputs}
    return [
        *_wrong_counts(network, sizes),
        *_wrong_maps(network, maps, sizes),
        *_without_gradient(network, maps),
        *_not_finite(network, maps),
        *_wrong_when_folded(network, maps),
    ]


@torch.no_grad()
def randomise(module: nn.Module, seed: int = 0) -> None:
    """Every weight, fusion scalar and norm statistic drawn anew: what starts at zero no longer is.

    Scaled so that maps keep their size through a network.
    """
    draw = torch.Generator().manual_seed(seed)
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        if not value.is_floating_point():
            continue
        if name.endswith("running_var") or value.dim() <= 1:
            value.copy_(torch.rand(value.shape, generator=draw) + 0.5)
        else:
            fan_in = max(1, value[0].numel())
            value.copy_(torch.randn(value.shape, generator=draw) / fan_in**0.5)


def _wrong_counts(network: FeatureNetwork, sizes: Mapping[int, Size]) -> Iterator[str]:
    graph = network.graph
    channels = {level: CHANNELS[level] for level in graph.inputs}
    facts = infer(graph, channels=channels, width=network.width, image_size=sizes)
    params = sum(p.numel() for p in network.parameters())
    if params != facts.params:
        yield f"{params:,} parameters, {facts.params:,} in closed form"
    shapes = {f"p{level}": (1, channels[level], *sizes[level]) for level in graph.inputs}
    macs = conv_macs(network, shapes)
    if macs != facts.macs:
        yield f"{macs:,} multiply-adds, {facts.macs:,} in closed form"
    acts = census(network, shapes)["acts"]
    if acts != facts.acts:
        yield f"{acts:,} activations, {facts.acts:,} in closed form"


def _wrong_maps(
    network: FeatureNetwork, maps: Mapping[str, Tensor], sizes: Mapping[int, Size]
) -> Iterator[str]:
    graph = network.graph
    levels = {level for level, _ in graph.outputs}
    expected = map_sizes({level: sizes[level] for level in graph.inputs}, levels)
    with torch.no_grad():
        made = network.eval()(maps)
    names = {f"p{level}" for level in levels} | {name for name, _ in graph.taps}
    if set(made) != names:
        yield f"gives {', '.join(made)}, not {', '.join(sorted(names))}"
    for level in sorted(levels):
        size = tuple(made[f"p{level}"].shape[2:])
        if size != expected[level]:
            yield f"p{level} has {size} cells, not {expected[level]}"


def _without_gradient(network: FeatureNetwork, maps: Mapping[str, Tensor]) -> Iterator[str]:
    network.train().zero_grad()
    made = network(maps).values()
    torch.autograd.backward([y.square().mean() for y in made if y.requires_grad])
    for name, parameter in network.named_parameters():
        if parameter.grad is None:
            yield f"{name} gets no gradient"
        elif not parameter.grad.isfinite().all():
            yield f"{name} gets a gradient that is not finite"


def _not_finite(network: FeatureNetwork, maps: Mapping[str, Tensor]) -> Iterator[str]:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for name, made in network.train()(maps).items():
            if not made.isfinite().all():
                yield f"{name} is not finite in half precision"


def _wrong_when_folded(network: FeatureNetwork, maps: Mapping[str, Tensor]) -> Iterator[str]:
    with torch.no_grad():
        plain, folded = network.eval()(maps), network.folded()(maps)
    for name, made in plain.items():
        scale = made.abs().max().clamp(min=1e-6)
        if (made - folded[name]).abs().max() > 1e-3 * scale:
            yield f"{name} differs when norms are folded"
