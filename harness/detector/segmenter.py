"""A network that classifies pixels: backbone, feature network, one tower on the finest map.

It is costed and can be run; nothing trains it yet.
"""

import torch
from torch import Tensor, nn

from harness.compiler import FeatureNetwork
from harness.detector.backbones import Backbone
from harness.detector.model import build_towers, build_trunk
from harness.errors import Fault, SpecError
from harness.space.heads import HEAD_FACTS
from harness.space.model import ModelSpec


class Segmenter(nn.Module):
    """Normalised images (N, 3, H, W) -> logits (N, classes, h, w) at the cells of the finest level.

    No step to the size of the image is in it: bilinear upsampling has no multiply-adds of
    convolutions and no parameters.
    """

    def __init__(
        self,
        spec: ModelSpec,
        backbone: Backbone,
        feature_network: FeatureNetwork,
        segmentation_head: nn.Module,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = backbone
        self.feature_network = feature_network
        self.segmentation_head = segmentation_head
        levels = [level for level, _ in feature_network.graph.outputs]
        self.levels = HEAD_FACTS.get(spec.head.kind).reads(levels)

    def forward(self, images: Tensor) -> Tensor:
        fused = self.feature_network(self.backbone(images))
        maps = [fused[f"p{level}"] for level in self.levels]
        logits: Tensor = self.segmentation_head(maps)[0]
        return logits


def build_segmenter(model: ModelSpec, seed: int = 0) -> Segmenter:
    """The network of a spec whose head classifies pixels, channels_last."""
    if HEAD_FACTS.get(model.head.kind).detects:
        reason = f"{model.head.kind!r} finds boxes: `build` builds it"
        raise SpecError(Fault("head.kind", reason))
    backbone, feature_network = build_trunk(model, seed)
    towers = build_towers(model, seed, backbone.channels)
    segmenter = Segmenter(model, backbone, feature_network, **towers)
    return segmenter.to(memory_format=torch.channels_last)
