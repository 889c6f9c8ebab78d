"""What is known of a head without torch: what it costs. Modules: `detector.heads`.

A head is one or more towers: `depth` 3x3 convolutions to `width` channels, shared by the levels
that it reads, and one more convolution to `outputs` channels. A head of boxes has two towers
(anchors a cell x classes, and x 4) over all levels, a head of pixels one over the finest.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import chain

from harness.errors import SpecError
from harness.graph import Graph, Inferred, infer
from harness.graph.ops.blocks.parts import GATED
from harness.graph.tally import Tally
from harness.registry import Table

BOX_CODE = 4
"""Numbers that code a box."""


class AbstractHeadFacts(ABC):
    """Which towers a head has, and the cost of one. A head of boxes, unless it says otherwise.

    act: after each hidden layer. Every layer has one bias an output.
    """

    detects: bool = True
    """Whether it finds boxes, which is what can be trained; others are costed alone."""

    def __init__(self, act: str) -> None:
        self.act = act

    def towers(self, anchors: int, num_classes: int) -> dict[str, int]:
        """Channels that each tower gives, by its name among a model's parts."""
        return {"class_head": anchors * num_classes, "box_head": anchors * BOX_CODE}

    def reads(self, levels: Sequence[int]) -> tuple[int, ...]:
        """Those of a feature network's levels (finest first) that the head looks at."""
        return tuple(levels)

    @abstractmethod
    def layer_params(self, inputs: int, outputs: int) -> int:
        """Weights and biases of one convolution layer, norms left out."""

    @abstractmethod
    def layer_macs(self, inputs: int, outputs: int) -> int:
        """Multiply-adds of one convolution layer at one cell."""

    def layer_acts(self, inputs: int, outputs: int) -> int:
        """Outputs of the convolutions of one layer at one cell: a single convolution's."""
        return outputs

    @abstractmethod
    def norm_params(self, width: int, levels: int) -> int:
        """Parameters of the norms after one hidden layer."""

    def last_params(self, width: int, outputs: int) -> int:
        """Weights and biases of the last layer."""
        return self.layer_params(width, outputs)

    def last_macs(self, width: int, outputs: int) -> int:
        """Multiply-adds of the last layer at one cell."""
        return self.layer_macs(width, outputs)

    def last_acts(self, width: int, outputs: int) -> int:
        """Outputs of the convolutions of the last layer at one cell."""
        return self.layer_acts(width, outputs)

    def params(self, channels: int, width: int, depth: int, levels: int, outputs: int) -> int:
        """All parameters of a tower over maps of `channels` at `levels` levels."""
        hidden = sum(self.layer_params(c, width) for c in _inputs(channels, width, depth))
        norms = depth * self.norm_params(width, levels)
        return hidden + norms + self.last_params(width, outputs)

    def macs(self, channels: int, width: int, depth: int, cells: int, outputs: int) -> int:
        """Multiply-adds of a tower over `cells` cells (of all levels together)."""
        hidden = sum(self.layer_macs(c, width) for c in _inputs(channels, width, depth))
        return cells * (hidden + self.last_macs(width, outputs))

    def acts(self, channels: int, width: int, depth: int, cells: int, outputs: int) -> int:
        """Outputs of a tower's convolutions over `cells` cells (of all levels together)."""
        hidden = sum(self.layer_acts(c, width) for c in _inputs(channels, width, depth))
        return cells * (hidden + self.last_acts(width, outputs))

    def tally(
        self, channels: int, width: int, depth: int, levels: int, cells: int, outputs: int
    ) -> Tally:
        """All operations of a tower over `cells` cells of `levels` levels together."""
        hidden = depth * width
        layers = [self.layer_params(c, width) - width for c in _inputs(channels, width, depth)]
        return Tally(
            macs=self.macs(channels, width, depth, cells, outputs),
            acts=self.acts(channels, width, depth, cells, outputs),
            bias=cells * (hidden + outputs),
            norm=cells * hidden if self.norm_params(width, levels) else 0,
            swish=cells * hidden if self.act in GATED else 0,
            kernels=sum(layers) + self.last_params(width, outputs) - outputs,
        )


def _inputs(channels: int, width: int, depth: int) -> list[int]:
    """Input channels of each hidden layer."""
    return [channels, *[width] * (depth - 1)]


HEAD_FACTS: Table[AbstractHeadFacts] = Table("head")


class EfficientDetHeadFacts(AbstractHeadFacts):
    """Separable convolutions (bias on the pointwise one), batch norm for each level."""

    def layer_params(self, inputs: int, outputs: int) -> int:
        return 9 * inputs + inputs * outputs + outputs

    def layer_macs(self, inputs: int, outputs: int) -> int:
        return 9 * inputs + inputs * outputs

    def layer_acts(self, inputs: int, outputs: int) -> int:
        return inputs + outputs

    def norm_params(self, width: int, levels: int) -> int:
        return 2 * width * levels


class RetinaNetHeadFacts(AbstractHeadFacts):
    """Plain 3x3 convolutions with bias, no norm."""

    def layer_params(self, inputs: int, outputs: int) -> int:
        return 9 * inputs * outputs + outputs

    def layer_macs(self, inputs: int, outputs: int) -> int:
        return 9 * inputs * outputs

    def norm_params(self, width: int, levels: int) -> int:
        return 0


class RetinaNetNormHeadFacts(RetinaNetHeadFacts):
    """Plain 3x3 convolutions with bias, batch norm for each level."""

    def norm_params(self, width: int, levels: int) -> int:
        return 2 * width * levels


class SegmentationHeadFacts(AbstractHeadFacts):
    """Classes of every cell of the finest map: convolutions with norms, then a 1x1 convolution.

    `like` says what the 3x3 convolutions are: those of another head. EfficientDet (v7, section 5.2)
    gives depth and width of its head and no more.
    """

    detects = False

    def __init__(self, like: AbstractHeadFacts) -> None:
        super().__init__("silu")
        self.like = like

    def towers(self, anchors: int, num_classes: int) -> dict[str, int]:
        return {"segmentation_head": num_classes}

    def reads(self, levels: Sequence[int]) -> tuple[int, ...]:
        return tuple(levels[:1])

    def layer_params(self, inputs: int, outputs: int) -> int:
        return self.like.layer_params(inputs, outputs)

    def layer_macs(self, inputs: int, outputs: int) -> int:
        return self.like.layer_macs(inputs, outputs)

    def layer_acts(self, inputs: int, outputs: int) -> int:
        return self.like.layer_acts(inputs, outputs)

    def norm_params(self, width: int, levels: int) -> int:
        return 2 * width * levels

    def last_params(self, width: int, outputs: int) -> int:
        return width * outputs + outputs

    def last_macs(self, width: int, outputs: int) -> int:
        return width * outputs

    def last_acts(self, width: int, outputs: int) -> int:
        return outputs


EFFICIENTDET, RETINANET = EfficientDetHeadFacts("silu"), RetinaNetHeadFacts("relu")
HEAD_FACTS.register("efficientdet")(EFFICIENTDET)
HEAD_FACTS.register("efficientdet_lite")(EfficientDetHeadFacts("relu6"))
HEAD_FACTS.register("retinanet")(RETINANET)
HEAD_FACTS.register("retinanet_norm")(RetinaNetNormHeadFacts("relu"))
HEAD_FACTS.register("segmentation")(SegmentationHeadFacts(EFFICIENTDET))
HEAD_FACTS.register("segmentation_plain")(SegmentationHeadFacts(RETINANET))


def part_names() -> tuple[str, ...]:
    """The parts that models have: those of every detector, and the towers of every head."""
    kinds = (HEAD_FACTS.get(name) for name in HEAD_FACTS.names())
    towers = chain.from_iterable(facts.towers(1, 1) for facts in kinds)
    return ("backbone", "feature_network", *dict.fromkeys(towers))


def output_channels(
    graph: Graph, channels: Mapping[int, int], width: int, inferred: Inferred | None = None
) -> int:
    """Channels of every map a head sees; a `SpecError` where the levels differ.

    channels: of the backbone's maps by level; a graph may hand one on as it is.
    inferred: what is known of the graph already, at whatever image size.
    """
    if inferred is None:
        inferred = infer(graph, channels=channels, width=width, image_size=512)
    made = {one.key: one.channels for one in inferred.nodes}
    found = {level: made.get(key, channels.get(level, 0)) for level, key in graph.outputs}
    if len(set(found.values())) > 1:
        widths = ", ".join(f"p{level}: {n}" for level, n in found.items())
        reason = f"a head is shared by all levels, so they must be equally wide: {widths}"
        remedy = "`model.feature_network.align: true` gives each a 1x1 convolution to the width"
        raise SpecError(f"{reason}; {remedy}")
    return next(iter(found.values()))
