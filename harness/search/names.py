"""What points of a study are called."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.space.names import is_topology, topology_name

BASE = "base"
"""The only arm of a study that has neither arms nor axes."""
PROPOSAL = re.compile(r"proposal \d+")
"""Arms that a search proposes."""


@dataclass(frozen=True, slots=True)
class Title:
    """What a trial is called where people watch."""

    arm: str
    """With its choice on the axes: `cell_name`."""
    seed: int | None = None

    def __str__(self) -> str:
        return self.arm if self.seed is None else f"{self.arm}, seed {self.seed}"


BACKBONE = Title("backbone")
"""A trial that others take their backbone from."""


def cell_name(arm: str, choice: Mapping[str, Any]) -> str:
    """An arm and its choice in words, each said once."""
    words = [word for word in label(choice).split(", ") if word and word not in arm.split(", ")]
    telling = [] if arm != BASE and _is_label(arm, choice) else words
    return ", ".join([arm, *telling])


def _is_label(arm: str, choice: Mapping[str, Any]) -> bool:
    """Whether an arm is the name of its choice."""
    return all(word in label(choice).split(", ") for word in arm.split(", "))


def label(values: Mapping[str, Any]) -> str:
    """A choice in words: `factor 1.2, coefficient 1`."""
    short = short_names(tuple(values))
    return ", ".join(f"{short[path]} {wording(value)}" for path, value in values.items())


def short_names(paths: tuple[str, ...]) -> dict[str, str]:
    """The shortest end of each dotted path that no other path has."""
    names = {}
    for path in paths:
        parts = path.split(".")
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[-length:])
            if sum(other == path or other.endswith(f".{name}") for other in paths) == 1:
                break
        names[path] = name
    return names


def wording(value: Any) -> str:
    """A value of an axis in a few words: `{weighted: {norm: fast}}` is `weighted norm fast`.

    A topology that is said outright is its name.
    """
    if isinstance(value, Mapping) and is_topology(value):
        return topology_name(value)
    if isinstance(value, Mapping):
        return " ".join(f"{key} {wording(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(wording, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def is_passed_over(arm: str, status: str) -> bool:
    """Whether a cell is a proposal that cost nothing: there may be thousands."""
    return status in ("rejected", "alias") and PROPOSAL.fullmatch(arm) is not None
