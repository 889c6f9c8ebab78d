"""Cost of a model by other conventions than multiply-adds, by part, closed form, without torch."""

from collections.abc import Mapping
from pathlib import Path

from harness.errors import SpecError, did_you_mean
from harness.space.costing import closed_form
from harness.space.model import ModelSpec

CONVENTIONS: Mapping[str, str] = {
    "multiply_adds": "one for each multiply-add of convolutions and linear layers",
}
"""What each named convention counts, in a sentence."""


def count_by(model: ModelSpec, convention: str, *, cache: Path | None = None) -> dict[str, int]:
    """FLOPs of each part of a model (`backbone`, `feature_network`, ...) as a convention counts."""
    if convention not in CONVENTIONS:
        raise SpecError(f"no convention {convention!r}{did_you_mean(convention, CONVENTIONS)}")
    cost = closed_form(model, cache=cache)
    return {name: part.macs for name, part in cost.parts.items()}
