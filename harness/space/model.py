"""What is built: a backbone, a feature network and heads. Complete: no default is left open."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from harness.space.base import Frozen

if TYPE_CHECKING:
    from harness.space.trial import TrialSpec

Count = Annotated[int, Field(ge=1)]
Ratio = Annotated[float, Field(gt=0)]


def _some(ratios: tuple[float, ...]) -> tuple[float, ...]:
    if not ratios:
        raise ValueError("should hold at least one ratio")
    return ratios


class BackboneSpec(Frozen):
    """A timm backbone. Weights come from one place: random, timm, a file, or another trial."""

    name: str
    pretrained: bool = False
    """timm's own weights (the network is used for this alone)."""
    checkpoint: str | None = None
    """A local weights file. A place, not identity: `checkpoint_digest` is."""
    checkpoint_digest: str | None = None
    """sha256 of that file."""
    source: "TrialSpec | None" = None
    """A trial whose trained backbone is taken over: pretraining is a trial like any other."""
    frozen: Literal["none", "all"] | Annotated[int, Field(ge=1)] = "none"
    """Stages that are not trained: an int freezes the first n feature stages."""
    frozen_norms: bool = False
    """Norms keep their stored statistics and are not trained."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0


class FeatureNetworkSpec(Frozen):
    """The expanded graph (as plain data) and its width in channels."""

    graph: dict[str, Any]
    """`harness.graph.to_tree(graph)`; read back with `harness.graph.from_tree`."""
    width: Count


class AnchorSpec(Frozen):
    """Boxes a cell: side `scale * stride * 2**(i / octaves)`, each in every ratio (h / w)."""

    scale: Annotated[float, Field(gt=0)] = 4.0
    octaves: Count = 3
    ratios: Annotated[tuple[Ratio, ...], AfterValidator(_some)] = (1.0, 2.0, 0.5)
    sides: tuple[tuple[Ratio, Ratio], ...] | None = None
    """Width and height of the box of each ratio, of a square of side 1; None is 1 / sqrt(ratio) and
    sqrt(ratio). Released weights know them rounded: (1.4, 0.7)."""
    strides: Literal["of_map"] | None = None
    """`of_map`: the image's sides over the map's, as released weights know them; None is
    2 ** level. They part where the image's sides are no multiples of that: lite0's 320 at p7."""

    @model_validator(mode="after")
    def _sides_of_ratios(self) -> "AnchorSpec":
        if self.sides is not None:
            said = tuple(height / width for width, height in self.sides)
            pairs = zip(said, self.ratios, strict=False)
            alike = all(math.isclose(a, b, rel_tol=1e-6) for a, b in pairs)
            if len(said) != len(self.ratios) or not alike:
                raise ValueError(f"sides have ratios (h / w) {said}, not {self.ratios}")
        return self


class HeadSpec(Frozen):
    """The towers of a head, shared over the levels that they read."""

    kind: str = "efficientdet"
    """`efficientdet` (separable, norms per level), `efficientdet_lite` (with ReLU6), `retinanet`
    (plain convolutions) or `retinanet_norm` (with norms per level); `segmentation` classifies
    cells of the finest map (costed, not trained)."""
    width: Count
    depth: Count
    anchors: AnchorSpec = AnchorSpec()
    prior: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Initial foreground probability (focal loss bias prior)."""


class ModelSpec(Frozen):
    """A whole detector at one input size (pixels, square)."""

    image_size: Annotated[int, Field(ge=32)]
    num_classes: Count
    backbone: BackboneSpec
    feature_network: FeatureNetworkSpec
    head: HeadSpec

    def without_weights(self) -> "ModelSpec":
        """The same network, its backbone's first weights drawn: nothing is fetched or read."""
        drawn = {"pretrained": False, "checkpoint": None, "checkpoint_digest": None, "source": None}
        return self.model_copy(update={"backbone": self.backbone.model_copy(update=drawn)})
