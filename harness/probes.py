"""What a network showed in one training step, kept as `results/probes/<key>.json`.

A probe is of a network and the batch it is trained with, not of a trial: seeds, data and backbone
weights are not in its key, so that other seeds and later studies find it. It is written whole.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness import plugins
from harness.files import write_whole
from harness.graph import digest, from_tree
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace

FORM = 1
"""Raised when a probe holds more than before, or measures otherwise: older ones are not found."""
NAMED = 3
"""Parameters named in a reason."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One training step of a network at its batch size, and one with weights drawn anew."""

    key: str
    device: str
    """Where it ran: kind and model."""
    seconds: float
    fault: str | None = None
    """Why it cannot be trained: it does not build, its shapes are wrong, its loss is no number."""
    idle: dict[str, str] = field(default_factory=dict)
    """What is wrong with the gradient of a trainable parameter, by its name."""
    step: tuple[float, ...] = ()
    """What comes out of the step with weights drawn by name, and its gradients' norms: networks
    that compute the same have the same."""
    memory_mb: float | None = None
    """Peak of the step at the batch size, as records have it; None where it did not fit."""
    latency_ms: float | None = None
    """Median of a forward pass at batch 1; None where nobody asked."""

    @property
    def complaint(self) -> str | None:
        """Why the network is not worth training, whatever the limits."""
        if self.fault or not self.idle:
            return self.fault
        named = [f"parameter {name} {what}" for name, what in self.idle.items()]
        more = f", and {len(named) - NAMED} more" if len(named) > NAMED else ""
        return ", ".join(named[:NAMED]) + more


def probe_key(spec: TrialSpec, where: Workplace) -> str:
    """Digest of what a probe depends on: 16 hex digits. Where it runs is in it by its kind."""
    model, recipe = spec.model.without_weights(), spec.recipe
    tree = model.model_dump(mode="json")
    tree["feature_network"]["graph"] = digest(from_tree(model.feature_network.graph))
    about = {
        "form": FORM,
        "code_epoch": spec.code_epoch,
        "model": tree,
        "batch": recipe.batch_size,
        "precision": recipe.precision,
        "optimizer": recipe.optimizer.name,
        "loss": recipe.loss.model_dump(mode="json"),
        "average": recipe.schedule.ema_decay is not None,
        "one_scale": recipe.augmentation.scale == (1.0, 1.0),
        "device": where.device,
        "threads": where.threads,
        "plugins": plugins.sources_digest(),
    }
    text = json.dumps(about, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes in a folder of results, as a workplace sees them."""

    where: Workplace

    def get(self, spec: TrialSpec) -> Probe | None:
        """The probe of a trial's network; None where there is none, or it is damaged."""
        try:
            return _adapter().validate_json(self._path(probe_key(spec, self.where)).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, probe: Probe) -> Path:
        path = self._path(probe.key)
        write_whole(path, json.dumps(_plain(probe), indent=1) + "\n")
        return path

    def _path(self, key: str) -> Path:
        return self.where.results / "probes" / f"{key}.json"


def _plain(probe: Probe) -> dict[str, Any]:
    return dataclasses.asdict(probe)


@cache
def _adapter() -> TypeAdapter[Probe]:
    return TypeAdapter(Probe)
