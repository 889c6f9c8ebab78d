"""What a model costs, before anything is built: exact, closed form, without torch."""

from pathlib import Path

from harness.errors import SpecError
from harness.graph import Graph, Inferred, from_tree, infer
from harness.records import Cost, PartCost
from harness.space.backbones import backbone_facts
from harness.space.heads import HEAD_FACTS
from harness.space.model import ModelSpec

BOX_CODE = 4
"""Numbers that code a box."""


def closed_form(model: ModelSpec, *, cache: Path | None = None) -> Cost:
    """Parameters and multiply-adds by part, for one image of `model.image_size`.

    Multiply-adds: one for each of convolutions and linear layers, biases and norms left out.
    cache: folder for facts of backbones that are not in the shipped table; None is the user's.
    """
    graph = from_tree(model.feature_network.graph)
    backbone = backbone_facts(model.backbone.name, graph.inputs, cache)
    inferred = infer(
        graph,
        channels=dict(backbone.channels),
        width=model.feature_network.width,
        image_size=model.image_size,
    )
    parts = {
        "backbone": PartCost(backbone.params, backbone.macs(model.image_size)),
        "feature_network": PartCost(inferred.params, inferred.macs),
        **_heads(model, graph, inferred),
    }
    params = sum(part.params for part in parts.values())
    return Cost(params, sum(part.macs for part in parts.values()), parts)


def _heads(model: ModelSpec, graph: Graph, inferred: Inferred) -> dict[str, PartCost]:
    outputs = [inferred.node(key) for _, key in graph.outputs]
    channels = {node.channels for node in outputs}
    if len(channels) > 1:
        widths = ", ".join(f"p{node.level}: {node.channels}" for node in outputs)
        raise SpecError(f"a head is shared by all levels, so they must be equally wide: {widths}")
    head, facts = model.head, HEAD_FACTS.get(model.head.kind)
    anchors = head.anchors.octaves * len(head.anchors.ratios)
    cells = sum(node.height * node.width for node in outputs)

    def tower(numbers: int) -> PartCost:
        size = (channels.copy().pop(), head.width, head.depth)
        return PartCost(
            facts.params(*size, len(outputs), anchors * numbers),
            facts.macs(*size, cells, anchors * numbers),
        )

    return {"class_head": tower(model.num_classes), "box_head": tower(BOX_CODE)}
