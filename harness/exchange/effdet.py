"""effdet's checkpoints into our detector, with every name that found no partner."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.detector import Detector, build
from harness.exchange.models import Released, name_of_file, released
from harness.exchange.names import Theirs, effdet_names
from harness.weights import State, read_tensors

PREFIXES = ("module.", "model.")
"""Of a network trained in parallel, and of one within effdet's bench."""
COUNTER = "num_batches_tracked"
COMPUTED = ("anchors.boxes",)
"""Of theirs, and no weights: ours are computed."""
BIAS = "fpn.resample.3.conv.conv.bias"
"""That only networks with biases before norms have."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A detector with the weights of a checkpoint, and what did not fit.

    missing: our tensors without weights, each with the name looked for. unused: theirs that are
    of no tensor of ours. misfits: those of other shapes. zeros: our biases that the network was
    trained without.
    """

    model: Released
    detector: Detector
    taken: int
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    misfits: tuple[str, ...]
    zeros: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not (self.missing or self.unused or self.misfits)

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model.name,
            "member": self.model.member,
            "taken": self.taken,
            "zeros": list(self.zeros),
            "missing": list(self.missing),
            "unused": list(self.unused),
            "misfits": list(self.misfits),
            "complete": self.complete,
        }


def import_effdet(checkpoint: str | Path, model: str | None = None) -> Imported:
    """model: effdet's name or ours; None is what the name of the file begins with.

    A `SpecError` where there is no such model, a `TrialError` where the file is not to be read.
    """
    path = Path(checkpoint)
    name = name_of_file(path.name) if model is None else model
    released(name, biases=True)  # a wrong name is said before a wrong file
    state = _bare(read_tensors(path))
    return import_state(state, released(name, biases=BIAS in state))


def import_state(state: State, model: Released) -> Imported:
    """A detector in eval mode with the weights of a state dict of effdet's naming."""
    detector = build(model.spec()).eval()
    names = effdet_names(detector)
    own = detector.state_dict()
    filled, missing, misfits, zeros = OrderedDict(own), [], [], []
    for name, theirs in names.items():
        if theirs.name in state:
            value = theirs.taken(state[theirs.name])
            if value.shape == own[name].shape:
                filled[name] = value
            else:
                shapes = f"{tuple(value.shape)}, not {tuple(own[name].shape)} of {name}"
                misfits.append(f"{theirs.name} is {shapes}")
        elif model.is_own and _is_redundant(name, names):
            filled[name] = torch.zeros_like(own[name])
            zeros.append(name)
        elif not name.endswith(COUNTER):
            missing.append(f"{name} ({theirs.name})")
    filled._metadata = getattr(own, "_metadata", {})  # type: ignore[attr-defined]
    detector.load_state_dict(filled)
    wanted = {theirs.name for theirs in names.values()}
    unused = [name for name in state if name not in wanted and name not in COMPUTED]
    taken = sum(theirs.name in state for theirs in names.values()) - len(misfits)
    return Imported(
        model, detector, taken, tuple(missing), tuple(unused), tuple(misfits), tuple(zeros)
    )


def _is_redundant(name: str, names: dict[str, Theirs]) -> bool:
    """Whether it is the bias of a convolution whose map goes to a norm."""
    place, _, leaf = name.rpartition(".")
    block, _, conv = place.rpartition(".")
    if leaf != "bias" or conv not in ("conv", "pointwise"):
        return False
    in_tower = ".convs." in name
    return in_tower or f"{block}.norm.weight" in names


def _bare(state: State) -> State:
    """Names without the prefixes of what a network was wrapped in."""
    for prefix in PREFIXES:
        if any(name.startswith(prefix) for name in state):
            state = OrderedDict((name.removeprefix(prefix), v) for name, v in state.items())
    return state
