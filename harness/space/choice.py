"""One point of a study."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Choice:
    """One point of a study, without its seed. An axis stands above the arm it is crossed with."""

    arm: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What the arm says, by dotted path."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Value of each axis, by dotted path."""
