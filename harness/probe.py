"""A network put through one training step before it is trained: what the gate asks torch.

Two steps on images that mean nothing. The first is the recipe's own, at its batch size and
precision: it runs, its loss is a number, and it shows what memory training takes. The second has
all weights drawn anew by their names and norms held still, and asks for gradients: a layer that
starts at zero has none in the first step of a sound network, and two networks that compute the
same show it only from the same weights. Nothing of a trial changes: no id, no file of its own, no
random state.
"""

import math
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.detector import Detector, build
from harness.detector.backbones import NORMS
from harness.detector.targets import Targets
from harness.engines.base import reason_of
from harness.environment import PeakMemory, device_name, find_device, precision_of
from harness.errors import SpecError, TrialError
from harness.graph.sizes import side_of
from harness.latency import measure
from harness.probes import Probe, probe_key
from harness.space.heads import HEAD_FACTS
from harness.space.streams import stream_seed
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.training.determinism import deterministic
from harness.training.feeds import keeps_features
from harness.training.inputs import Inputs, move, run
from harness.training.train import Trainer

DRAWN_BATCH = 2
"""Images of the step with weights drawn anew: its norms stand still, so that few will do."""
SMALLER = (0.3, 0.1)
"""Scales of the weights of further draws, asked where a parameter seems idle."""
STATISTICS = ("running_mean", "running_var")
LATENCY_SECONDS = 0.2
"""Spent on the forward passes of a latency, at least ten of them."""


def probe(spec: TrialSpec, where: Workplace, *, latency: bool = False) -> Probe:
    """What a trial's network shows; what goes wrong with it is in the probe.

    latency: whether a forward pass is timed too. A `TrialError` where the device is not there.
    """
    started = time.perf_counter()
    device = find_device(where.device)
    with deterministic(device, where.threads):
        facts = _attempt(spec, device, latency)
    place = f"{device.type}: {device_name(device)}"
    seconds = time.perf_counter() - started
    return Probe(probe_key(spec, where), place, seconds, **facts)


def probe_trial(spec: TrialSpec, where: Workplace, on_epoch: object = None) -> Probe:
    """`probe` as work of an engine."""
    return probe(spec, where)


def probe_trial_timed(spec: TrialSpec, where: Workplace, on_epoch: object = None) -> Probe:
    """The same with the latency."""
    return probe(spec, where, latency=True)


def _attempt(spec: TrialSpec, device: torch.device, latency: bool) -> dict[str, Any]:
    """The fields of a probe; those that were not come to are left out."""
    facts: dict[str, Any] = {}
    try:
        detector = build(spec.model.without_weights()).to(device)
        norms = _norms(detector)
        batch = made_up(detector, spec, device)
        _demand_shapes(detector, batch)
        facts["memory_mb"] = _first_step(detector, spec, batch, device)
        if latency:
            facts["latency_ms"] = _latency(detector, spec, device)
        facts |= drawn_step(detector, batch, norms)
    except torch.cuda.OutOfMemoryError:
        return facts  # training has its own ways with a batch that does not fit
    except TrialError as error:
        facts["fault"] = str(error)
    except SpecError as error:
        facts["fault"] = f"build error: {error}"
    except Exception as error:
        facts["fault"] = f"build error: {reason_of(error)}{_line_of(error)}"
    return facts


def _line_of(error: BaseException) -> str:
    """The line of the written-out forward pass in which something went wrong."""
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if "<feature network" in f.filename
    ]
    return f" (in {frames[-1].line})" if frames and frames[-1].line else ""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A batch that means nothing, of the kind that a trial trains on."""

    inputs: Inputs
    targets: Targets

    def some(self, count: int) -> "MadeUp":
        """Its first images, or its maps of them."""
        targets = Targets(*(getattr(self.targets, f)[:count] for f in ("boxes", "labels", "crowd")))
        if isinstance(self.inputs, Tensor):
            return MadeUp(self.inputs[:count], targets)
        return MadeUp({name: x[:count] for name, x in self.inputs.items()}, targets)

    def __len__(self) -> int:
        """A feed of one batch an epoch, where a trainer asks."""
        return 1

    def epoch(self, number: int) -> Iterator[tuple[Inputs, Targets]]:
        yield self.inputs, self.targets


def made_up(detector: Detector, spec: TrialSpec, device: torch.device) -> MadeUp:
    """Noise as images, or as the maps of a frozen backbone; an object at every level."""
    count, side = spec.recipe.batch_size, spec.model.image_size
    draw = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=draw)

    inputs: Inputs = noise(3, side, side)
    if keeps_features(spec):
        with torch.no_grad():
            seen = detector.eval().features(move(inputs[:1], device))  # type: ignore[arg-type,index]
        inputs = {name: noise(*x.shape[1:]) for name, x in seen.items()}
    boxes = _an_anchor_of_each_level(detector, side).repeat(count, 1, 1)
    labels = torch.arange(boxes.shape[1]).remainder(spec.model.num_classes).repeat(count, 1)
    targets = Targets(boxes, labels, torch.zeros_like(labels, dtype=torch.bool))
    return MadeUp(move(inputs, device), targets.to(device))


def _an_anchor_of_each_level(detector: Detector, side: int) -> Tensor:
    """(levels, 4): the middle anchor of every level, moved a little."""
    cells = [side_of(side, level) ** 2 for level in detector.levels]
    anchors = detector.anchors((side, side))
    each = len(anchors) // sum(cells)
    middles = [each * (sum(cells[:i]) + number // 2) for i, number in enumerate(cells)]
    boxes = anchors[middles].clone()
    return boxes + 0.05 * (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)


def _demand_shapes(detector: Detector, batch: MadeUp) -> None:
    """A `TrialError` where a map is not as large, or has not the channels, that anchors are for."""
    with torch.no_grad():
        outputs = run(detector.eval(), batch.some(1).inputs)
    spec = detector.spec
    head = spec.head.anchors
    towers = HEAD_FACTS.get(spec.head.kind).towers(
        head.octaves * len(head.ratios), spec.num_classes
    )
    for maps, (tower, channels) in zip(outputs, towers.items(), strict=True):
        for level, made in zip(detector.levels, maps, strict=True):
            side = side_of(spec.image_size, level)
            shape, expected = tuple(made.shape[1:]), (channels, side, side)
            if shape != expected:
                raise TrialError(f"build error: {tower} gives {shape} at p{level}, not {expected}")


def _first_step(detector: Detector, spec: TrialSpec, batch: MadeUp, device: torch.device) -> float:
    """Peak memory of the recipe's first step in megabytes."""
    schedule = spec.recipe.schedule.model_copy(update={"epochs": 1})
    once = spec.recipe.model_copy(update={"schedule": schedule})
    memory = PeakMemory(device)
    ended = Trainer(detector, batch, spec.model_copy(update={"recipe": once}), device).fit()
    if ended.diverged:
        raise TrialError(f"its first step diverges: {ended.diverged}")
    return memory.megabytes()


def _latency(detector: Detector, spec: TrialSpec, device: torch.device) -> float:
    precision = precision_of(spec.recipe, device)
    size = spec.model.image_size
    found = measure(detector.eval(), size, device, precision=precision, budget=LATENCY_SECONDS)
    return found.median_ms


def _norms(detector: Detector) -> list[float]:
    """What a step shows nothing of: how many norms learn their statistics, and how fast."""
    found = [m for m in detector.train().modules() if isinstance(m, NORMS) and m.training]
    return [float(len(found)), sum(float(getattr(norm, "momentum", 0) or 0) for norm in found)]


def drawn_step(detector: Detector, batch: MadeUp, norms: list[float]) -> dict[str, Any]:
    """`idle` parameters and the numbers of a `step` in float32, from weights drawn by their names.

    A parameter is idle where it is in every draw: gates and softmaxes may be saturated in one.
    """
    detector.train()
    for module in detector.modules():
        if isinstance(module, NORMS):
            module.eval()
    sizes = _drawn(detector, batch, 1.0)
    parts = (detector, detector.class_head, detector.box_head)
    step = [*map(float, sizes), *map(_gradient_norm, parts), *norms]
    idle = dict(_idle(detector))
    for scale in SMALLER:
        if idle:
            _drawn(detector, batch, scale)
            again = dict(_idle(detector))
            idle = {name: again[name] for name in idle if name in again}
    return {"idle": idle, "step": tuple(step) if all(map(math.isfinite, step)) else ()}


def _drawn(detector: Detector, batch: MadeUp, scale: float) -> Tensor:
    """Mean squares of all maps of the heads, and gradients of their sum, weights drawn anew."""
    detector.zero_grad(set_to_none=True)
    draw_by_name(detector, scale)
    torch.manual_seed(0)
    outputs = run(detector, batch.some(DRAWN_BATCH).inputs)
    sizes = torch.stack([x.square().mean() for x in (*outputs.classes, *outputs.boxes)])
    sizes.sum().backward()  # type: ignore[no-untyped-call]
    return sizes.detach()


def _idle(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Trainable parameters without a gradient that is of use, with what is wrong."""
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    there = [(name, p.grad) for name, p in named if p.grad is not None]
    yield from ((name, "gets no gradient") for name, p in named if p.grad is None)
    if not there:
        return
    norms = torch.stack(torch._foreach_norm([grad for _, grad in there], math.inf)).tolist()
    for (name, _), norm in zip(there, norms, strict=True):
        if not math.isfinite(norm):
            yield name, "gets a gradient that is not finite"
        elif norm == 0:
            yield name, "gets a gradient of nothing but zeros"


def _gradient_norm(module: nn.Module) -> float:
    grads = [p.grad for p in module.parameters() if p.grad is not None]
    return float(torch.stack(torch._foreach_norm(grads)).norm()) if grads else 0.0


@torch.no_grad()
def draw_by_name(module: nn.Module, scale: float) -> None:
    """Every weight, fusion scalar and norm statistic drawn from a stream of its name.

    At a scale of 1 maps keep their size. Nothing starts at zero; other buffers are constants.
    """
    statistics = [one for one in module.named_buffers() if one[0].endswith(STATISTICS)]
    for name, value in (*module.named_parameters(), *statistics):
        draw = torch.Generator().manual_seed(stream_seed("probe", scale, name))
        if value.dim() <= 1:
            value.copy_(torch.rand(value.shape, generator=draw) + 0.5)
        else:
            fan_in = max(1, value[0].numel())
            value.copy_(torch.randn(value.shape, generator=draw) * (scale / fan_in**0.5))
