"""What effdet's names of models stand for. Torch-free.

`tf_efficientdet_*` are google's networks, which the family is made of. effdet's own
`efficientdet_d0` to `d3` differ in three things: timm's own backbones (their padding is symmetric,
their norms have eps 1e-5), max pooling padded on both sides, and no bias before a norm. effdet's
`efficientdet_d4` and `d5` are half of each (google's, on timm's backbones): no weights of them were
released, and they are not known here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.errors import SpecError, did_you_mean
from harness.graph import Edge, Graph, Op, from_tree, to_tree
from harness.space.family import MEMBERS
from harness.space.model import AnchorSpec, ModelSpec
from harness.space.scaling import member_model

TF = "tf_"
OWN = tuple(f"efficientdet_d{number}" for number in range(4))
"""effdet's author's own networks. He released weights of d0 to d2; d3 is but a configuration."""
NEITHER = ("efficientdet_d4", "efficientdet_d5")
"""effdet's names of networks that are neither his nor google's: not to be taken for google's."""
SIDES = ((1.0, 1.0), (1.4, 0.7), (0.7, 1.4))
"""Widths and heights of anchors, of a square of side 1, in effdet's configurations: 1.4 and 0.7,
not the roots of 2 and 1/2."""
NAME = re.compile(r"(?:tf_)?efficientdet_(?:lite\d+x?|d\d+x?)(?=(?:_\d+)?(?:[-.]|$))")
"""At the start of a file's name, as effdet's releases have it: `tf_efficientdet_d0_34-f153e0cf`."""


@dataclass(frozen=True, slots=True)
class Released:
    """A model by effdet's name. member: of the family, whose sizes it has."""

    name: str
    member: str

    @property
    def is_own(self) -> bool:
        """Whether it is effdet's own network, not google's."""
        return not self.name.startswith(TF)

    @property
    def is_lite(self) -> bool:
        """Whether it sees pixels from -1 to 1, not normalised by ImageNet's statistics."""
        return "_lite" in self.name

    def spec(self) -> ModelSpec:
        model = _with_their_anchors(member_model(self.member))
        return _own(model) if self.is_own else model


MODELS: Mapping[str, Released] = {
    name: Released(name, name.removeprefix(TF))
    for name in (*(TF + one.name for one in MEMBERS), *OWN)
}


def released(name: str, biases: bool) -> Released:
    """A model by effdet's name or ours, which for google's networks goes without `tf_`.

    biases: whether the weights at hand have biases before norms, as google's networks do. Of one
    name for both this tells which is meant.
    """
    if name in NEITHER:
        raise SpecError(
            f"--model {name}: effdet's network of this name is not here; for google's, "
            f"say {TF}{name}"
        )
    google = name if name.startswith(TF) else TF + name
    if google in MODELS and (biases or name not in MODELS):
        return MODELS[google]
    if name not in MODELS:
        known = [*MODELS, *(one.name for one in MEMBERS)]
        raise SpecError(f"--model {name}: effdet has no such model{did_you_mean(name, known)}")
    return MODELS[name]


def name_of_file(stem: str) -> str:
    """The model that the name of a file begins with."""
    found = NAME.match(stem)
    if found is None:
        raise SpecError(
            f"the file's name {stem!r} says no model: give it, as --model tf_efficientdet_d0"
        )
    return found[0]


def _with_their_anchors(model: ModelSpec) -> ModelSpec:
    """With the anchors that the weights were trained on, which are not quite the paper's."""
    given = {**model.head.anchors.model_dump(), "sides": SIDES, "strides": "of_map"}
    head = model.head.model_copy(update={"anchors": AnchorSpec.model_validate(given)})
    return model.model_copy(update={"head": head})


def _own(model: ModelSpec) -> ModelSpec:
    graph = from_tree(model.feature_network.graph)
    network = model.feature_network.model_copy(update={"graph": to_tree(_centred(graph))})
    backbone = model.backbone.model_copy(update={"name": model.backbone.name.removeprefix(TF)})
    return model.model_copy(update={"backbone": backbone, "feature_network": network})


def _centred(graph: Graph) -> Graph:
    """With pools that are padded on both sides."""
    nodes = (replace(node, inputs=tuple(map(_edge, node.inputs))) for node in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def _edge(edge: Edge) -> Edge:
    path = (Op("max_pool_centred") if op.name == "max_pool" else op for op in edge.path)
    return replace(edge, path=tuple(path))
