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
from harness.graph import from_tree
from harness.space.heads import BOX_CODE, output_channels
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
    graph = from_tree(model.feature_network.graph)
    backbone = build_backbone(model.backbone, graph.inputs, seed=seed, weights=weights)
    feature_network = compile(
        graph,
        channels={f"p{level}": n for level, n in backbone.channels.items()},
        width=model.feature_network.width,
        seed=seed,
    )
    channels = output_channels(graph, backbone.channels, model.feature_network.width)
    class_head = _head(model, "class_head", seed, channels, len(graph.outputs))
    box_head = _head(model, "box_head", seed, channels, len(graph.outputs))
    detector = Detector(model, backbone, feature_network, class_head, box_head)
    return detector.to(memory_format=torch.channels_last)


def _head(model: ModelSpec, part: str, seed: int, channels: int, levels: int) -> nn.Module:
    head, is_class = model.head, part == "class_head"
    return build_head(
        head.kind,
        channels=channels,
        width=head.width,
        depth=head.depth,
        levels=levels,
        outputs=per_cell(head.anchors) * (model.num_classes if is_class else BOX_CODE),
        stream=(seed, part),
        prior=head.prior if is_class else None,
    )
