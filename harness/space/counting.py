"""Cost by the conventions that figures in the literature follow: closed form, by part, no torch.

`multiply_adds`: one for each multiply-add of convolutions, linear layers and attention products.

`fvcore`: what fvcore 0.1.5 counts of a network in eval mode: multiply-adds once, but two for each
element of a batch norm, one for each of nearest and four for each of bilinear upsampling. Of ops
that it does not know, or knows otherwise, there is no closed form (`unknown_to`).

`tf_profiler_*`: what google/automl's tests had TensorFlow's profiler count, halved: float
operations of the inference graph at batch 1. The figures that EfficientDet's paper and README print
are this count. Its generations differ in what TensorFlow knew at the time of the test:

| name | swish | additions (AddV2) | upsampling |
|---|---|---|---|
| `tf_profiler_2020_04` (20 April to 17 May 2020) | 1 | 1 | 1: a product with ones |
| `tf_profiler_2020_05` (22 May 2020 to March 2021) | 1 | 1 | 0: a resize |
| `tf_profiler_2021_05` (10 May 2021 to October) | 1 | 0: not in its registry | 0 |
| `tf_profiler_2022_04` (since April 2022) | 2: swish had a second product | 0 | 0 |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SpecError, did_you_mean
from harness.graph import from_tree
from harness.graph.sizes import Size, side_of
from harness.graph.tally import Tally
from harness.graph.uses import tally
from harness.space.backbones import backbone_facts
from harness.space.heads import HEAD_FACTS, output_channels
from harness.space.model import ModelSpec

FEATURE_NETWORK = "feature_network"


@dataclass(frozen=True, slots=True)
class Profiler:
    """A generation of TensorFlow's profiler: how often an element of each kind counts."""

    swish: int
    add: int
    nearest: int

    def __call__(self, done: Tally, part: str) -> int:
        """Float operations of a part (two for each multiply-add)."""
        operations = 2 * done.macs
        operations += done.bias  # BiasAdd: one for each output of a biased convolution
        operations += self.swish * done.swish  # x * sigmoid(x): Mul; the sigmoid counts nothing
        operations += done.mean + done.scale  # squeeze-excite: Mean, then Mul
        operations += done.pool  # MaxPool, AvgPool: the whole window, borders included
        operations += done.fuse  # Mul, RealDiv and AddN of the maps, AddN of fast fusion's weights
        operations += self.nearest * done.nearest  # Mul with ones, while upsampling was that
        operations += self.add * done.add  # residuals: Add, later AddV2
        operations += (1 + self.add) * done.kernels  # random initialisers: Mul and Add a weight
        if part == FEATURE_NETWORK:
            operations += done.layers  # glorot-uniform initialisers: Sub of the two ends
        # And nothing of fused batch norms, ReLU, sigmoid, resizes, concatenation and pads
        return operations


def _fvcore(done: Tally, part: str) -> int:
    upsampled = done.nearest - done.expanded + 4 * done.bilinear
    return 2 * (done.macs + 2 * done.norm + upsampled)


def _multiply_adds(done: Tally, part: str) -> int:
    return 2 * done.macs


RULES: Mapping[str, Callable[[Tally, str], int]] = {
    "multiply_adds": _multiply_adds,
    "fvcore": _fvcore,
    "tf_profiler_2020_04": Profiler(swish=1, add=1, nearest=1),
    "tf_profiler_2020_05": Profiler(swish=1, add=1, nearest=0),
    "tf_profiler_2021_05": Profiler(swish=1, add=0, nearest=0),
    "tf_profiler_2022_04": Profiler(swish=2, add=0, nearest=0),
}
"""Twice the count of a part, so that halves stay whole until parts have been added."""

FVCORE_LACKS = frozenset(
    ("attention", "nonlocal", "deformable", "dynamic", "ratio_pool", "adaptive_pool")
)
"""Ops that fvcore leaves out, in part or whole: attention products, deformable convolutions; or
counts by rules of its own: layer norms, adaptive pools."""

CONVENTIONS: Mapping[str, str] = {
    "multiply_adds": "one for each multiply-add of convolutions and linear layers",
    "fvcore": "multiply-adds, two for each element of a norm, one for each of upsampling",
    "tf_profiler_2020_04": "TensorFlow's profiler halved, 2020-04: upsampling counts (tables 4, 5)",
    "tf_profiler_2020_05": "the same, May 2020: upsampling does not (tables 1, 2, the README)",
    "tf_profiler_2021_05": "the same, May 2021: additions no longer count",
    "tf_profiler_2022_04": "the same, since April 2022: swish counts twice",
}
"""What each convention counts, in a line."""


@dataclass(frozen=True, slots=True)
class Count:
    """FLOPs of a model by a convention. Halves of odd counts are rounded down, in each part anew:
    the parts may add up to a little less than the total."""

    total: int
    parts: dict[str, int]


def count_all(model: ModelSpec, *, cache: Path | None = None) -> dict[str, Count | None]:
    """By every convention; None where it does not know an op of the network."""
    done = tallies(model, cache=cache)
    return {name: None if unknown_to(model, name) else _count(done, name) for name in RULES}


def count_by(model: ModelSpec, convention: str, *, cache: Path | None = None) -> dict[str, int]:
    """FLOPs of each part of a model (`backbone`, `feature_network`, ...) by a convention."""
    return _count(tallies(model, cache=cache), convention).parts


def total_by(model: ModelSpec, convention: str, *, cache: Path | None = None) -> int:
    """FLOPs of a whole model by a convention."""
    return _count(tallies(model, cache=cache), convention).total


def _count(done: Mapping[str, Tally], convention: str) -> Count:
    if convention not in RULES:
        raise SpecError(f"no convention {convention!r}{did_you_mean(convention, RULES)}")
    twice = {part: RULES[convention](one, part) for part, one in done.items()}
    return Count(sum(twice.values()) // 2, {part: number // 2 for part, number in twice.items()})


def unknown_to(model: ModelSpec, convention: str) -> tuple[str, ...]:
    """Ops of a model's feature network of which a convention has no closed form."""
    if convention != "fvcore":
        return ()
    used = set()
    for node in from_tree(model.feature_network.graph).nodes:
        used |= {node.fuse.name, node.block.name}
        used |= {op.name for edge in node.inputs for op in edge.path}
    return tuple(sorted(used & FVCORE_LACKS))


def tallies(
    model: ModelSpec, *, image_size: Size | None = None, cache: Path | None = None
) -> dict[str, Tally]:
    """All operations of each part of a model for one image, by kind.

    image_size: height and width; None is the model's own square.
    """
    graph = from_tree(model.feature_network.graph)
    high, wide = size = image_size or (model.image_size, model.image_size)
    backbone = backbone_facts(model.backbone.name, graph.inputs, cache)
    width = model.feature_network.width
    head, facts = model.head, HEAD_FACTS.get(model.head.kind)
    channels = output_channels(graph, backbone.channels, width)
    levels = facts.reads([level for level, _ in graph.outputs])
    cells = sum(side_of(high, level) * side_of(wide, level) for level in levels)
    anchors = head.anchors.octaves * len(head.anchors.ratios)

    shape = (channels, head.width, head.depth, len(levels), cells)
    towers = facts.towers(anchors, model.num_classes)
    return {
        "backbone": backbone.tally(size),
        FEATURE_NETWORK: tally(graph, channels=backbone.channels, width=width, image_size=size),
        **{name: facts.tally(*shape, outputs) for name, outputs in towers.items()},
    }
