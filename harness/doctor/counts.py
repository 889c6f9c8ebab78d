"""Costs three times over: in closed form, by torch's counter and by fvcore's."""

from collections.abc import Iterator

from harness.compiler import compile
from harness.cost import conv_macs, count, count_maps
from harness.detector import build
from harness.doctor.finding import Finding, Setting
from harness.graph import expand, infer
from harness.graph.sizes import side_of
from harness.graph.uses import tally
from harness.space.costing import closed_form
from harness.space.counting import FEATURE_NETWORK, FVCORE_LACKS, RULES, total_by
from harness.space.scaling import member_model
from harness.space.zoo import load_topology, topology_names

FEW = ("lateral", "fpn", "pafpn", "bifpn", "nas_fpn")
WIDTH, PIXELS = 32, 128
CHANNELS = {2: 24, 3: 40, 4: 112, 5: 320}
"""EfficientNet-B0's maps."""
D0_PARAMS = 3_880_067
"""Of google/automl's released EfficientDet-D0 (COCO, 90 classes), as effdet loads it."""


def counts(setting: Setting) -> Finding:
    """Parameters, multiply-adds and fvcore's total: networks of the zoo, and EfficientDet-D0."""
    names = topology_names() if setting.full else FEW
    wrong, traced = [], 0
    for name in names:
        found, by_fvcore = _of_topology(name)
        wrong += [f"{name}: {words}" for words in found]
        traced += by_fvcore
    wrong += [f"efficientdet_d0: {words}" for words in _of_d0()]
    figures = {"networks": len(names), "by_fvcore": traced, "d0_params": D0_PARAMS}
    said = (
        f"{len(names)} networks of the zoo by torch, {traced} of them by fvcore, and "
        f"EfficientDet-D0 by both ({D0_PARAMS:,} parameters): every count is the closed form's"
    )
    return Finding.of(not wrong, "; ".join(wrong) or said, **figures)


def _of_topology(name: str) -> tuple[list[str], bool]:
    """What does not agree, and whether fvcore was asked: it knows not every op."""
    graph = expand(load_topology(name))
    channels = {level: CHANNELS[level] for level in graph.inputs}
    facts = infer(graph, channels=channels, width=WIDTH, image_size=PIXELS)
    inputs = {f"p{level}": number for level, number in channels.items()}
    network = compile(graph, channels=inputs, width=WIDTH)
    sides = {level: side_of(PIXELS, level) for level in graph.inputs}
    shapes = {f"p{level}": (1, channels[level], sides[level], sides[level]) for level in sides}
    found = list(_apart("parameters", sum(p.numel() for p in network.parameters()), facts.params))
    found += _apart("multiply-adds by torch", conv_macs(network, shapes), facts.macs)
    used = {op for node in graph.nodes for op in (node.fuse.name, node.block.name)}
    used |= {op.name for node in graph.nodes for edge in node.inputs for op in edge.path}
    if used & FVCORE_LACKS:
        return found, False
    done = tally(graph, channels=channels, width=WIDTH, image_size=(PIXELS, PIXELS))
    closed = RULES["fvcore"](done, FEATURE_NETWORK) // 2
    found += _apart("fvcore's total", count_maps(network, shapes).total, closed)
    return found, True


def _of_d0() -> Iterator[str]:
    model = member_model("efficientdet_d0")
    closed, built = closed_form(model), build(model)
    yield from _apart("parameters in closed form", closed.params, D0_PARAMS)
    yield from _apart("parameters", sum(p.numel() for p in built.parameters()), D0_PARAMS)
    yield from _apart("multiply-adds by torch", conv_macs(built, model.image_size), closed.macs)
    counted = count(built, model.image_size).total
    yield from _apart("fvcore's total", counted, total_by(model, "fvcore"))


def _apart(what: str, found: int, expected: int) -> Iterator[str]:
    if found != expected:
        yield f"{what} are {found:,}, {expected:,} in closed form"
