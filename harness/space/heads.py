"""What is known of a head without torch: parameters and multiply-adds. Modules: `detector.heads`.

Every head is a tower of `depth` 3x3 convolutions to `width` channels, shared by all levels, and
one more 3x3 convolution to `outputs` channels (anchors a cell x classes, or x 4).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from harness.errors import SpecError
from harness.graph import Graph, infer
from harness.graph.ops.blocks.parts import GATED
from harness.graph.tally import Tally
from harness.registry import Table

BOX_CODE = 4
"""Numbers that code a box."""


class AbstractHeadFacts(ABC):
    """Cost of one tower (the class head or the box head). Every layer has one bias an output.

    act: after each hidden layer.
    """

    def __init__(self, act: str) -> None:
        self.act = act

    @abstractmethod
    def layer_params(self, inputs: int, outputs: int) -> int:
        """Weights and biases of one convolution layer, norms left out."""

    @abstractmethod
    def layer_macs(self, inputs: int, outputs: int) -> int:
        """Multiply-adds of one convolution layer at one cell."""

    @abstractmethod
    def norm_params(self, width: int, levels: int) -> int:
        """Parameters of the norms after one hidden layer."""

    def params(self, channels: int, width: int, depth: int, levels: int, outputs: int) -> int:
        """All parameters of a tower over maps of `channels` at `levels` levels."""
        hidden = sum(self.layer_params(c, width) for c in _inputs(channels, width, depth))
        norms = depth * self.norm_params(width, levels)
        return hidden + norms + self.layer_params(width, outputs)

    def macs(self, channels: int, width: int, depth: int, cells: int, outputs: int) -> int:
        """Multiply-adds of a tower over `cells` cells (of all levels together)."""
        hidden = sum(self.layer_macs(c, width) for c in _inputs(channels, width, depth))
        return cells * (hidden + self.layer_macs(width, outputs))

    def tally(
        self, channels: int, width: int, depth: int, levels: int, cells: int, outputs: int
    ) -> Tally:
        """All operations of a tower over `cells` cells of `levels` levels together."""
        hidden = depth * width
        pairs = [*((c, width) for c in _inputs(channels, width, depth)), (width, outputs)]
        return Tally(
            macs=self.macs(channels, width, depth, cells, outputs),
            bias=cells * (hidden + outputs),
            norm=cells * hidden if self.norm_params(width, levels) else 0,
            swish=cells * hidden if self.act in GATED else 0,
            kernels=sum(self.layer_params(i, o) - o for i, o in pairs),
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


HEAD_FACTS.register("efficientdet")(EfficientDetHeadFacts("silu"))
HEAD_FACTS.register("efficientdet_lite")(EfficientDetHeadFacts("relu6"))
HEAD_FACTS.register("retinanet")(RetinaNetHeadFacts("relu"))
HEAD_FACTS.register("retinanet_norm")(RetinaNetNormHeadFacts("relu"))


def output_channels(graph: Graph, channels: Mapping[int, int], width: int) -> int:
    """Channels of every map a head sees; a `SpecError` where the levels differ.

    channels: of the backbone's maps by level; a graph may hand one on as it is.
    """
    made = {
        one.key: one.channels
        for one in infer(graph, channels=channels, width=width, image_size=512).nodes
    }
    found = {level: made.get(key, channels.get(level, 0)) for level, key in graph.outputs}
    if len(set(found.values())) > 1:
        widths = ", ".join(f"p{level}: {n}" for level, n in found.items())
        reason = f"a head is shared by all levels, so they must be equally wide: {widths}"
        remedy = "`model.feature_network.align: true` gives each a 1x1 convolution to the width"
        raise SpecError(f"{reason}; {remedy}")
    return next(iter(found.values()))
