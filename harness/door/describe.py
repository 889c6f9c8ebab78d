"""What `show`, `cost` and `ls` say: of a topology by name or file, or of a member of a family."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.door.conventions import counts
from harness.errors import SpecError, did_you_mean
from harness.graph import Graph, Inferred, digest, expand, infer, to_tree
from harness.graph.about import About, about_graph, about_topology
from harness.graph.spec import Edge, Topology
from harness.records import PartCost
from harness.space.backbones import backbone_facts
from harness.space.costing import closed_form
from harness.space.family import FAMILY, NUM_CLASSES, Member, Published
from harness.space.model import BackboneSpec, FeatureNetworkSpec, HeadSpec, ModelSpec
from harness.space.scaling import member_model
from harness.space.zoo import load_topology, topology_names

if TYPE_CHECKING:
    from harness.detector import Detector


@dataclass(frozen=True, slots=True)
class Shown:
    """A feature network with its shapes, cost and reach."""

    graph: Graph
    channels: Mapping[int, int]
    width: int
    image_size: int
    inferred: Inferred
    reach: Mapping[int, int | None] | None
    note: str = ""
    """What must be known to read the reach."""
    about: About = field(default_factory=About)
    source: str = ""

    def text(self) -> str:
        from harness.graph.draw import to_text

        return to_text(self.graph, self.inferred, self.reach, self.about, self.sizes()) + self.note

    def svg(self) -> str:
        from harness.graph.draw import to_svg

        return to_svg(self.graph, self.inferred, self.reach, self.about, self.sizes())

    def sizes(self) -> str:
        """What the network is looked at with, in a line."""
        about = self.about if self.about.sections else about_graph(self.graph)
        repeats = max((one.turns for one in about.sections), default=1)
        maps = ", ".join(f"p{level} {self.channels[level]}" for level in self.graph.inputs)
        side = self.image_size
        return f"width {self.width}; image {side} x {side}; repeats {repeats}; channels of {maps}"

    def as_json(self) -> dict[str, Any]:
        nodes = [
            {
                "key": facts.key,
                "level": facts.level,
                "channels": facts.channels,
                "height": facts.height,
                "width": facts.width,
                "params": facts.params,
                "macs": facts.macs,
                "acts": facts.acts,
                "inputs": [
                    _edge(edge, (node.key, place) in self.inferred.projected)
                    for place, edge in enumerate(node.inputs)
                ],
            }
            for node, facts in zip(self.graph.nodes, self.inferred.nodes, strict=True)
        ]
        return {
            "name": self.graph.name,
            "digest": digest(self.graph),
            "approximates": self.about.approximates or None,
            "width": self.width,
            "image_size": self.image_size,
            "channels": {f"p{level}": self.channels[level] for level in self.graph.inputs},
            "params": self.inferred.params,
            "macs": self.inferred.macs,
            "acts": self.inferred.acts,
            "nodes": nodes,
            "outputs": {f"p{level}": key for level, key in self.graph.outputs},
            "taps": dict(self.graph.taps),
            "receptive_field": (
                {f"p{level}": pixels for level, pixels in self.reach.items()}
                if self.reach is not None
                else None
            ),
            "graph": to_tree(self.graph),
        }


def _edge(edge: Edge, projected: bool) -> dict[str, Any]:
    """An edge as it came out: its projection is null where it has none."""
    form = edge.projection
    return {
        "source": edge.source,
        "role": edge.role,
        "projection": (
            {"per": form.per, "norm": form.norm, "bias": form.bias} if projected else None
        ),
        "path": [{op.name: dict(op.args)} for op in edge.path],
    }


@dataclass(frozen=True, slots=True)
class Lens:
    """What a network is looked at with: sizes and channels. None: the network's own, or D0's."""

    image_size: int | None = None
    width: int | None = None
    repeats: int | None = None
    levels: tuple[int, int] | None = None
    channels: Mapping[int, int] | None = None
    backbone: str | None = None


def describe(name: str, lens: Lens | None = None) -> Shown:
    """A topology (name or file) or a family member's, on channels given or a backbone's."""
    from harness.graph import receptive_field

    lens = lens or Lens()
    image_size, width, backbone = lens.image_size, lens.width, lens.backbone
    about, source = About(), ""
    if name in FAMILY:
        member = FAMILY[name]
        graph = _member_graph(member, lens)
        image_size, width = image_size or member.image_size, width or member.width
        backbone = backbone or member.backbone
    else:
        topology = _topology(name)
        graph = expand(topology, repeats=lens.repeats, levels=lens.levels)
        about, source = about_topology(topology, repeats=lens.repeats), topology.source
    reach, note = None, ""
    if lens.channels is not None:
        known = dict(lens.channels)
        _check_inputs(graph, known)
    else:
        facts = backbone_facts(backbone or "tf_efficientnet_b0", graph.inputs)
        known = dict(facts.channels)
        reach = receptive_field(graph, facts.receptive_field)
        if None in facts.receptive_field.values():
            note = f"{facts.name} itself sees the whole image; --backbone resnet50 does not\n"
    width, image_size = width or 64, image_size or 512
    inferred = infer(graph, channels=known, width=width, image_size=image_size)
    return Shown(graph, known, width, image_size, inferred, reach, note, about, source)


def _check_inputs(graph: Graph, channels: Mapping[int, int]) -> None:
    lacking = [f"p{level}" for level in graph.inputs if level not in channels]
    if lacking:
        raise SpecError(f"--channels: lacks {', '.join(lacking)} of {graph.name}")


def _member_graph(member: Member, lens: Lens) -> Graph:
    from harness.graph import from_tree

    if lens.repeats not in (None, member.repeats):
        raise SpecError(f"{member.name} has {member.repeats} repeats: show its topology instead")
    if lens.levels not in (None, member.levels):
        own = "p{}..p{}".format(*member.levels)
        raise SpecError(f"{member.name} has levels {own}: show its topology instead")
    return from_tree(member_model(member.name).feature_network.graph)


def model_of(name: str) -> ModelSpec:
    """The model whose cost a name asks for: a family member, or a topology inside D0."""
    if name in FAMILY:
        return member_model(name)
    base = member_model("efficientdet_d0")
    graph = expand(_topology(name))
    return ModelSpec(
        image_size=base.image_size,
        num_classes=NUM_CLASSES,
        backbone=BackboneSpec(name=base.backbone.name),
        feature_network=FeatureNetworkSpec(graph=to_tree(graph), width=base.feature_network.width),
        head=HeadSpec(**base.head.model_dump()),
    )


def _topology(name: str) -> Topology:
    """The topology of a name or file; a word that is neither that nor a model is told so."""
    if "/" not in name and not name.endswith((".yaml", ".yml")) and name not in topology_names():
        known = (*FAMILY, *topology_names())
        member = f"efficientdet_{name.lower()}"
        near = f"; did you mean {member!r}?" if member in FAMILY else did_you_mean(name, known)
        raise SpecError(f"no model or topology {name!r}{near}")
    return load_topology(name)


def build(model: str | ModelSpec, seed: int = 0) -> "Detector":
    """A detector (a `torch.nn.Module`) by the name of a model or topology, or from its spec."""
    from harness.detector import build

    return build(model_of(model) if isinstance(model, str) else model, seed)


def cost_document(name: str) -> dict[str, Any]:
    """The document of `harness cost --json`. Builds the model once, for fvcore's count."""
    member = FAMILY.get(name)
    return model_document(name, model_of(name), member.published if member else ())


def model_document(
    name: str, model: ModelSpec, published: Sequence[Published] = ()
) -> dict[str, Any]:
    """The same of any model."""
    closed = closed_form(model)
    return {
        "name": name,
        "image_size": model.image_size,
        "params": closed.params,
        "macs": closed.macs,
        "acts": closed.acts,
        "parts": cost_parts(closed.parts),
        **counts(model),
        "published": [_published(one) for one in published],
    }


def _published(quote: Published) -> dict[str, Any]:
    """A quote as numbers and, under `printed`, as it stands in its source."""
    figures = {"params": quote.params, "macs": quote.macs}
    return {
        **{name: figure.value for name, figure in figures.items()},
        "source": quote.source,
        "convention": quote.convention,
        "printed": {name: str(figure) for name, figure in figures.items()},
        **({"note": quote.note} if quote.note else {}),
    }


def cost_parts(parts: Mapping[str, PartCost]) -> dict[str, dict[str, int | None]]:
    return {name: dataclasses.asdict(part) for name, part in parts.items()}
