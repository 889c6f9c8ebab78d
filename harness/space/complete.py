"""The model part of a study, worked out: compound rules, topology, heads, weights."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import Fault, SpecError, did_you_mean
from harness.graph import Graph, aligned, expand, parse, to_tree, with_fields
from harness.graph.parse import FIELDS
from harness.graph.spec import Topology
from harness.space.compound import Compound
from harness.space.model import BackboneSpec, FeatureNetworkSpec, HeadSpec, ModelSpec
from harness.space.study import ModelStudy, NetworkStudy
from harness.space.trial import TrialSpec
from harness.space.zoo import load_topology, said_topology


def complete_model(
    model: ModelStudy, num_classes: int, source: TrialSpec | None, folder: Path
) -> ModelSpec:
    """The whole detector. Topologies are looked up beside the study, in `folder`."""
    return ModelSpec(
        image_size=model.image_size,
        num_classes=num_classes,
        backbone=_backbone(model, source),
        feature_network=_network(model, folder),
        head=_head(model),
    )


def scaled(model: ModelStudy) -> ModelStudy:
    """The model with its compound rules worked out."""
    rule = model.compound
    if rule is None:
        return model
    network, head = model.feature_network, model.head
    changed: dict[str, Any] = {}
    if rule.width is not None:
        changed["feature_network"] = network = network.model_copy(update={"width": _width(rule)})
    if rule.repeats is not None and network.repeats is None:
        repeats = rule.repeats.at(rule.coefficient)
        changed["feature_network"] = network.model_copy(update={"repeats": repeats})
    if rule.head_depth is not None:
        depth = rule.head_depth.at(rule.coefficient)
        changed["head"] = head.model_copy(update={"depth": depth})
    if rule.image_size is not None:
        changed["image_size"] = rule.image_size.at(rule.coefficient)
    if rule.backbone is not None:
        name = rule.backbone_name()
        changed["backbone"] = model.backbone.model_copy(update={"name": name})
    return model.model_copy(update=changed)


def _width(rule: Compound) -> int:
    if rule.width is None:
        raise AssertionError("no width rule")
    try:
        return rule.width.at(rule.coefficient)
    except SpecError as error:
        path = "model.compound.width.rounding"
        raise SpecError([replace(fault, path=path) for fault in error.faults]) from None
    except OverflowError:
        raise SpecError(Fault("model.compound.width", "gives a width beyond all numbers")) from None


def _backbone(model: ModelStudy, source: TrialSpec | None) -> BackboneSpec:
    said = model.backbone
    origins = {
        "model.pretrained": model.pretrained,
        "model.backbone.checkpoint": said.checkpoint is not None,
        "model.backbone.source": source is not None,
    }
    given = [path for path, is_given in origins.items() if is_given]
    if len(given) > 1:
        raise SpecError(Fault(given[0], f"weights come from one place; {given[1]} is one too"))
    return BackboneSpec(
        name=said.name,
        pretrained=model.pretrained,
        checkpoint=said.checkpoint,
        checkpoint_digest=_file_digest(said.checkpoint) if said.checkpoint else None,
        source=source,
        frozen=said.frozen,
        frozen_norms=said.frozen_norms,
        drop_path=said.drop_path,
    )


@cache
def _file_digest(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = f"no file {path}: {error.strerror}"
        raise SpecError(Fault("model.backbone.checkpoint", reason)) from None


def _network(model: ModelStudy, folder: Path) -> FeatureNetworkSpec:
    said = model.feature_network
    if said.width is None:
        reason = "is missing field 'width': say it here or as a rule under model.compound"
        raise SpecError(Fault("model.feature_network", reason))
    try:
        graph = _graph(said, folder.resolve())
    except SpecError as error:
        raise SpecError(_in_network(error.faults, said)) from None
    return FeatureNetworkSpec(graph=to_tree(graph), width=said.width)


_GRAPHS: dict[tuple[object, ...], Graph] = {}
_KEPT = 512
"""Networks kept at most: a search asks for no end of them."""


def _graph(said: NetworkStudy, folder: Path) -> Graph:
    """The network as plain nodes; the same words are read once in a process."""
    fields = repr(sorted(said.fields.items()))
    key = (repr(said.topology), fields, said.repeats, said.levels, said.align, str(folder))
    if key not in _GRAPHS:
        graph = _expanded(_topology(said, folder), said)
        if len(_GRAPHS) >= _KEPT:
            del _GRAPHS[next(iter(_GRAPHS))]
        _GRAPHS[key] = aligned(graph) if said.align else graph
    return _GRAPHS[key]


def _topology(said: NetworkStudy, folder: Path) -> Topology:
    """By name or file, or said outright."""
    if isinstance(said.topology, str):
        return load_topology(said.topology, beside=folder)
    return said_topology(said.topology, beside=folder)


def _expanded(topology: Topology, said: NetworkStudy) -> Graph:
    """The topology with the fields that the study sets, and every fault of them."""
    known = (*NetworkStudy.model_fields, *FIELDS)
    faults = [
        Fault(path, f"unknown field {path!r}{did_you_mean(path, known)}")
        for path in said.fields
        if path.partition(".")[0] not in FIELDS
    ]
    wrong = {fault.path for fault in faults}
    fields = {path: value for path, value in said.fields.items() if path not in wrong}
    try:
        if fields:
            topology = parse(with_fields(topology.tree, fields))
        graph = expand(topology, repeats=said.repeats, levels=said.levels)
    except SpecError as error:
        faults += error.faults
    if faults:
        raise SpecError(faults)
    return graph


def _in_network(faults: Iterable[Fault], said: NetworkStudy) -> list[Fault]:
    """Faults of the topology, told where the study says them (or in the topology's own file).

    Those that point at a field of the study come first: the others may follow from them.
    """
    told = [(fault, _field_of(fault, said)) for fault in faults]
    told.sort(key=lambda one: one[0].file is None and one[1] is None)
    outright = not isinstance(said.topology, str)
    return [_told(fault, field, outright) for fault, field in told]


def _field_of(fault: Fault, said: NetworkStudy) -> str | None:
    """The field of the study that a fault is in: at it or below, else around it or beside it.

    A row or node that lacks something belongs to whatever the study says of it, said last.
    """
    for path in said.fields:
        if _is_in(fault.path, path):
            return path
    around = [path for path in said.fields if fault.path and _is_in(path, fault.path)]
    if around:
        return around[-1]
    part = fault.path.split(".")[:2]
    if len(part) < 2 or part[0] not in ("rows", "nodes"):
        return None
    return next((path for path in reversed(list(said.fields)) if path.split(".")[:2] == part), None)


def _is_in(path: str, around: str) -> bool:
    return path == around or path.startswith(f"{around}.")


def _told(fault: Fault, field: str | None, outright: bool) -> Fault:
    """outright: the study says the whole topology, so that a fault has its place there."""
    if fault.file:
        return fault
    prefix = "model.feature_network"
    if field is not None and _is_in(fault.path, field):
        return replace(fault, path=f"{prefix}.{fault.path}")
    if field is not None and _is_in(field, fault.path):
        return replace(fault, path=f"{prefix}.{field}")
    if field is None and outright and fault.path:
        return replace(fault, path=f"{prefix}.topology.{fault.path}")
    message = f"{fault.path}: {fault.message}" if fault.path else fault.message
    return Fault(f"{prefix}.{field or 'topology'}", message)


def _head(model: ModelStudy) -> HeadSpec:
    said = model.head
    width = model.feature_network.width if said.width == "tied" else said.width
    if not isinstance(width, int):
        raise SpecError(Fault("model.head.width", "is tied to a width that is not said"))
    return HeadSpec(
        kind=said.kind, width=width, depth=said.depth, anchors=said.anchors, prior=said.prior
    )
