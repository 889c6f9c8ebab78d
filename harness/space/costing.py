"""What a model costs, before anything is built: exact, closed form, without torch."""

from pathlib import Path

from harness.errors import about
from harness.graph import Graph, from_tree, infer
from harness.graph.infer import side_of
from harness.records import Cost, PartCost
from harness.space.backbones import backbone_facts
from harness.space.heads import BOX_CODE, HEAD_FACTS, output_channels
from harness.space.model import ModelSpec


def closed_form(model: ModelSpec, *, cache: Path | None = None) -> Cost:
    """Parameters and multiply-adds by part, for one image of `model.image_size`.

    Multiply-adds: one for each of convolutions and linear layers, biases and norms left out.
    cache: folder for facts of backbones that are not in the shipped table; None is the user's.
    """
    graph = from_tree(model.feature_network.graph)
    with about("model.backbone.name"):
        backbone = backbone_facts(model.backbone.name, graph.inputs, cache)
    with about("model.image_size"):
        backbone_macs = backbone.macs(model.image_size)
    width = model.feature_network.width
    inferred = infer(graph, channels=backbone.channels, width=width, image_size=model.image_size)
    with about("model.feature_network"):
        channels = output_channels(graph, backbone.channels, width)
    parts = {
        "backbone": PartCost(backbone.params, backbone_macs),
        "feature_network": PartCost(inferred.params, inferred.macs),
        **_heads(model, graph, channels),
    }
    params = sum(part.params for part in parts.values())
    return Cost(params, sum(part.macs for part in parts.values()), parts)


def _heads(model: ModelSpec, graph: Graph, channels: int) -> dict[str, PartCost]:
    head = model.head
    with about("model.head.kind"):
        facts = HEAD_FACTS.get(head.kind)
    anchors = head.anchors.octaves * len(head.anchors.ratios)
    cells = sum(side_of(model.image_size, level) ** 2 for level, _ in graph.outputs)

    def tower(numbers: int) -> PartCost:
        size, outputs = (channels, head.width, head.depth), anchors * numbers
        return PartCost(
            facts.params(*size, len(graph.outputs), outputs), facts.macs(*size, cells, outputs)
        )

    return {"class_head": tower(model.num_classes), "box_head": tower(BOX_CODE)}
