"""What a model costs, before anything is built: exact, closed form, without torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import Fault, SpecError
from harness.graph import Graph, from_tree, infer
from harness.graph.sizes import side_of
from harness.records import Cost, PartCost
from harness.space.backbones import backbone_facts
from harness.space.heads import HEAD_FACTS, output_channels
from harness.space.model import ModelSpec


def closed_form(model: ModelSpec, *, cache: Path | None = None) -> Cost:
    """Parameters, multiply-adds and activations by part, for one image of `model.image_size`.

    Multiply-adds: one for each of convolutions and linear layers, biases and norms left out.
    Activations: numbers that convolutions and linear layers put out.
    cache: folder for facts of backbones that are not in the shipped table; None is the user's.
    A `SpecError` names the field of the model that does not fit.
    """
    graph, size = from_tree(model.feature_network.graph), model.image_size
    width = model.feature_network.width
    with _at("backbone.name"):
        backbone = backbone_facts(model.backbone.name, graph.inputs, cache)
        own = PartCost(backbone.params, backbone.macs(size), backbone.acts(size))
    with _at("feature_network.topology"):
        inferred = infer(graph, channels=backbone.channels, width=width, image_size=size)
        channels = output_channels(graph, backbone.channels, width, inferred)
    with _at("head.kind"):
        heads = _heads(model, graph, channels)
    parts = {
        "backbone": own,
        "feature_network": PartCost(inferred.params, inferred.macs, inferred.acts),
        **heads,
    }
    params, macs = (
        sum(getattr(one, cost) for one in parts.values()) for cost in ("params", "macs")
    )
    return Cost(params, macs, parts, acts=sum(one.acts or 0 for one in parts.values()))


@contextmanager
def _at(field: str) -> Iterator[None]:
    """Says of faults which field of the model they are in."""
    try:
        yield
    except SpecError as error:
        raise SpecError(
            [
                Fault(field, f"{fault.path}: {fault.message}" if fault.path else fault.message)
                for fault in error.faults
            ]
        ) from None


def _heads(model: ModelSpec, graph: Graph, channels: int) -> dict[str, PartCost]:
    head, facts = model.head, HEAD_FACTS.get(model.head.kind)
    anchors = head.anchors.octaves * len(head.anchors.ratios)
    levels = facts.reads([level for level, _ in graph.outputs])
    cells = sum(side_of(model.image_size, level) ** 2 for level in levels)

    def tower(outputs: int) -> PartCost:
        size = (channels, head.width, head.depth)
        return PartCost(
            facts.params(*size, len(levels), outputs),
            facts.macs(*size, cells, outputs),
            facts.acts(*size, cells, outputs),
        )

    towers = facts.towers(anchors, model.num_classes)
    return {name: tower(outputs) for name, outputs in towers.items()}
