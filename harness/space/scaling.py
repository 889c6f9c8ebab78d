"""The detector that a member of the family stands for."""

from harness.graph import expand, parse, to_tree, with_fields
from harness.space.family import NUM_CLASSES, RATIOS, member
from harness.space.model import (
    AnchorSpec,
    BackboneSpec,
    FeatureNetworkSpec,
    HeadSpec,
    ModelSpec,
)
from harness.space.zoo import load_topology


def member_model(name: str) -> ModelSpec:
    """The whole detector a member's name stands for."""
    its = member(name)
    tree = with_fields(load_topology(its.topology).tree, its.fields)
    graph = expand(parse(tree), repeats=its.repeats, levels=its.levels)
    return ModelSpec(
        image_size=its.image_size,
        num_classes=NUM_CLASSES,
        backbone=BackboneSpec(name=its.backbone),
        feature_network=FeatureNetworkSpec(graph=to_tree(graph), width=its.width),
        head=HeadSpec(
            kind=its.head,
            width=its.width,
            depth=its.head_depth,
            anchors=AnchorSpec(scale=its.anchor_scale, ratios=RATIOS),
        ),
    )
