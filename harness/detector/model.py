"""A whole detector: backbone, feature network, class head, box head."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.compiler import FeatureNetwork, compile
from harness.detector.anchors import make_anchors, per_cell
from harness.detector.backbones import Backbone, build_backbone
from harness.detector.heads import build_head
from harness.detector.outputs import Outputs
from harness.errors import Fault, SpecError
from harness.graph import from_tree
from harness.space.heads import HEAD_FACTS, output_channels
from harness.space.model import ModelSpec
from harness.space.scaling import member_model


class Detector(nn.Module):
    """Normalised images (N, 3, H, W) -> `Outputs`. Keeps channels_last through."""

    def __init__(
        self,
        spec: ModelSpec,
        backbone: Backbone,
        feature_network: FeatureNetwork,
        class_head: nn.Module,
        box_head: nn.Module,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = backbone
        self.feature_network = feature_network
        self.class_head = class_head
        self.box_head = box_head
        self.levels = tuple(level for level, _ in feature_network.graph.outputs)

    def forward(self, images: Tensor) -> Outputs:
        return self.from_features(self.features(images))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """The backbone's maps: {"p3": (N, C3, H / 8, W / 8), ...}."""
        maps: dict[str, Tensor] = self.backbone(images)
        return maps

    def from_features(self, maps: Mapping[str, Tensor]) -> Outputs:
        """What the rest of the detector makes of the backbone's maps."""
        fused = self.feature_network(dict(maps))
        rows = [fused[f"p{level}"] for level in self.levels]
        return Outputs(self.class_head(rows), self.box_head(rows))

    def anchors(self, image_size: tuple[int, int], device: str | torch.device = "cpu") -> Tensor:
        """Anchors of images of (height, width): (A, 4) x0 y0 x1 y1, in the outputs' order."""
        return make_anchors(self.spec.head.anchors, self.levels, image_size, str(device))


def build(model: ModelSpec | str, seed: int = 0, *, weights: Path | None = None) -> Detector:
    """The detector of a spec, or of a family member's name, channels_last.

    Every part draws its first weights from streams of its own, so two detectors that differ in
    their feature network alone begin with the same backbone and heads.
    weights: file of the trained backbone where `model.backbone` is another trial's.
    """
    if isinstance(model, str):
        model = member_model(model)
    if not HEAD_FACTS.get(model.head.kind).detects:
        reason = f"{model.head.kind!r} finds no boxes: `build_segmenter` builds it"
        raise SpecError(Fault("head.kind", reason))
    backbone, feature_network = build_trunk(model, seed, weights)
    towers = build_towers(model, seed, backbone.channels)
    detector = Detector(model, backbone, feature_network, **towers)
    return detector.to(memory_format=torch.channels_last)


def build_trunk(
    model: ModelSpec, seed: int, weights: Path | None = None
) -> tuple[Backbone, FeatureNetwork]:
    """What stands below the head, each part with streams of its own."""
    graph = from_tree(model.feature_network.graph)
    backbone = build_backbone(model.backbone, graph.inputs, seed=seed, weights=weights)
    feature_network = compile(
        graph,
        channels={f"p{level}": n for level, n in backbone.channels.items()},
        width=model.feature_network.width,
        seed=seed,
    )
    return backbone, feature_network


def build_towers(model: ModelSpec, seed: int, channels: Mapping[int, int]) -> dict[str, nn.Module]:
    """The towers of the head by name. channels: of the backbone's maps by level."""
    head, facts = model.head, HEAD_FACTS.get(model.head.kind)
    graph = from_tree(model.feature_network.graph)
    seen = output_channels(graph, channels, model.feature_network.width)
    levels = facts.reads([level for level, _ in graph.outputs])
    return {
        name: build_head(
            head.kind,
            channels=seen,
            width=head.width,
            depth=head.depth,
            levels=len(levels),
            outputs=outputs,
            stream=(seed, name),
            prior=head.prior if name == "class_head" else None,
        )
        for name, outputs in facts.towers(per_cell(head.anchors), model.num_classes).items()
    }
