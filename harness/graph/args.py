"""Arguments of an op: a name, a default, and what values are right."""

import sys
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import did_you_mean
from harness.graph.faults import Faults
from harness.graph.spec import Scalar

Kind = Literal["choice", "flag", "whole", "positive"]
LARGEST, SMALLEST = 1e6, 1e-30
"""Of the numbers of a tree. Beyond them lie slips of the pen, and overflows."""


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument. inherits: its default is the topology's own (`act`, `order`, `bias`)."""

    name: str
    kind: Kind
    default: Scalar
    choices: tuple[str, ...] = ()
    odd: bool = False
    inherits: bool = False

    def read(self, value: Any, path: str, faults: Faults, default: Scalar) -> Scalar:
        """`value` if it is right, else the default and a fault."""
        wrong = self._wrong(value)
        if wrong is None:
            return float(value) if self.kind == "positive" else value
        faults.add(path, wrong)
        return default

    def _wrong(self, value: Any) -> str | None:
        match self.kind:
            case "choice":
                return _not_a_choice(value, self.choices)
            case "flag":
                return None if isinstance(value, bool) else f"expected true or false, got {value!r}"
            case "whole":
                right = is_whole(value) and value >= 1 and not (self.odd and value % 2 == 0)
                what = "an odd whole number" if self.odd else "a whole number"
                wrong = "" if right else f"expected {what} of at least 1, got {value!r}"
                return wrong or too_large(value)
            case "positive":
                right = is_number(value) and value > 0
                wrong = "" if right else f"expected a number above 0, got {value!r}"
                return wrong or too_large(value)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """An int or a float, neither infinite nor NaN."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max


def too_large(value: float) -> str | None:
    """What is wrong with a number above 0 that is beyond all measure."""
    if SMALLEST <= value <= LARGEST:
        return None
    return f"expected a number from {SMALLEST:g} to {LARGEST:g}"


def _not_a_choice(value: Any, choices: tuple[str, ...]) -> str | None:
    if isinstance(value, str) and value in choices:
        return None
    if value is None and "none" in choices:
        return "expected 'none', got null"
    near = did_you_mean(value, choices) if isinstance(value, str) else ""
    near = near if near.startswith("; did") else ""
    return f"expected one of {', '.join(choices)}, got {value!r}{near}"


def choice(name: str, *choices: str, inherits: bool = False) -> Arg:
    """One of some words; the first is the default."""
    return Arg(name, "choice", choices[0], choices=choices, inherits=inherits)


def flag(name: str, default: bool, *, inherits: bool = False) -> Arg:
    return Arg(name, "flag", default, inherits=inherits)


def whole(name: str, default: int, *, odd: bool = False) -> Arg:
    return Arg(name, "whole", default, odd=odd)


def positive(name: str, default: float) -> Arg:
    return Arg(name, "positive", default)
