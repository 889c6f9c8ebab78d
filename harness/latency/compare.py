"""Arms of a study measured in turn: each part, each form, as one `Comparison`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.compiler import FeatureNetwork
from harness.detector import Detector, build
from harness.engines.base import reason_of
from harness.environment import autocast, describe, device_name, find_device, precision_of
from harness.errors import TrialError
from harness.latency.interleaved import Clock, interleave
from harness.latency.stepwise import stepwise
from harness.space.model import ModelSpec
from harness.space.recipe import Recipe
from harness.timings import MODES, PARTS, Comparison, Conditions, Mode, Part, Setting

Call = Callable[[], object]
Forward = Callable[[Any], object]
FORESEEN: Mapping[Mode, type[Exception]] = {
    "stepwise": TrialError,
    "eager": TrialError,
    "compiled": Exception,
}
"""What may keep a form from being measured; a compiler fails in many ways."""


def compare(models: Mapping[str, ModelSpec], conditions: Conditions) -> Iterator[Comparison]:
    """The arms against the first, in each part and mode; one that cannot run says why.

    Weights and images are random: a forward pass takes as long with any. Eval mode, norms unfolded
    (in a folded network weights are numbers in its code: softmax and fast are the same operations).
    """
    torch.set_num_threads(conditions.threads)
    where = find_device(conditions.device)
    detectors = {name: build(model).to(where).eval() for name, model in models.items()}
    words = tuple(map(in_words, models.values()))
    for part in (part for part in PARTS if part in conditions.parts):
        given = {
            name: _inputs(one, part, conditions.batch, where) for name, one in detectors.items()
        }
        for mode in (mode for mode in MODES if mode in conditions.modes):
            forms = {name: _form(part, mode, one) for name, one in detectors.items()}
            yield measure_in_turn(forms, given, Measured(part, mode, words), conditions)


@dataclass(frozen=True, slots=True)
class Measured:
    """What stands in a setting of the networks themselves. models: in words, one an arm."""

    part: Part
    mode: Mode
    models: tuple[str, ...]


def measure_in_turn(
    forms: Mapping[str, Callable[[], Forward]],
    given: Mapping[str, object],
    what: Measured,
    conditions: Conditions,
) -> Comparison:
    """Each arm's network, made by its form, called with what it is given.

    A form that cannot be made, or cannot run, makes a comparison without times.
    """
    where = find_device(conditions.device)
    precision = precision_of(Recipe(precision=conditions.precision), where)
    setting = Setting(
        what.part,
        what.mode,
        tuple(forms),
        what.models,
        conditions.batch,
        conditions.precision,
        "channels_last",
        f"{where.type}: {device_name(where)}",
        torch.get_num_threads(),
    )
    environment = describe(where, setting.threads, "inline")
    try:
        calls = {name: _call(form(), given[name], where, precision) for name, form in forms.items()}
        for call in calls.values():
            call()
    except FORESEEN[what.mode] as error:
        return Comparison(setting, environment, reason=reason_of(error))
    times, count = interleave(calls, conditions.rounds, _clock(where))
    return Comparison(setting, environment, times, count)


def in_words(model: ModelSpec) -> str:
    """What a model is, in a line."""
    network = model.feature_network
    nodes = network.graph["nodes"]
    repeats = max((node.get("repeat", 1) for node in nodes), default=1)
    return (
        f"{model.backbone.name}, {network.graph['name']}, width {network.width}, "
        f"{repeats} repeat{'s' if repeats > 1 else ''}, {model.image_size} px"
    )


def _form(part: Part, mode: Mode, detector: Detector) -> Callable[[], Forward]:
    """Makes what is called with images, or with the backbone's maps."""

    def make() -> Forward:
        whole = part == "model"
        network = detector if whole else detector.feature_network
        if mode == "compiled":
            return compiled(network)
        if mode == "stepwise":
            fused = stepwise(detector.feature_network)
            return _with_network(detector, fused) if whole else fused
        return network

    return make


def compiled(network: nn.Module) -> Forward:
    """Under torch.compile, as one graph or not at all: half of it eager would be neither."""
    return torch.compile(network, fullgraph=True, dynamic=False)


def _with_network(detector: Detector, network: FeatureNetwork) -> Detector:
    """The same parts around another feature network."""
    heads = detector.class_head, detector.box_head
    return Detector(detector.spec, detector.backbone, network, *heads).eval()


def _inputs(detector: Detector, part: Part, batch: int, where: torch.device) -> object:
    """Random images, or random maps of the shapes that the backbone makes of them."""
    size = detector.spec.image_size
    draw = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        drawn = torch.randn(shape, generator=draw).to(where)
        return drawn.to(memory_format=torch.channels_last)

    images = random(batch, 3, size, size)
    if part == "model":
        return images
    with torch.inference_mode():
        return {name: random(*maps.shape) for name, maps in detector.features(images).items()}


def _call(forward: Forward, given: object, where: torch.device, precision: torch.dtype) -> Call:
    def call() -> object:
        with torch.inference_mode(), autocast(where, precision):
            return forward(given)

    return call


def _clock(device: torch.device) -> Clock:
    if device.type == "cuda":
        return Clock(settle=lambda: torch.cuda.synchronize(device))
    return Clock()
