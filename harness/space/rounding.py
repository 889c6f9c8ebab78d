"""Rules that make a width in channels of a number."""

import math
from collections.abc import Callable, Mapping

from harness.errors import SpecError, did_you_mean


def to_multiple(value: float, multiple: int) -> int:
    """The nearest multiple, halves up, at least one multiple."""
    return max(multiple, math.floor(value / multiple + 0.5) * multiple)


def _efficientnet(value: float) -> int:
    """The nearest multiple of 8, raised by 8 where it would lose more than a tenth."""
    rounded = to_multiple(value, 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


ROUNDINGS: Mapping[str, Callable[[float], int]] = {
    "nearest": lambda value: to_multiple(value, 1),
    "multiple_of_4": lambda value: to_multiple(value, 4),
    "multiple_of_8": lambda value: to_multiple(value, 8),
    "multiple_of_16": lambda value: to_multiple(value, 16),
    "efficientnet": _efficientnet,
}
Rounding = str | Mapping[str, int]


def round_width(value: float, rounding: Rounding = "multiple_of_8") -> int:
    """A width in channels by a named rule, or `{multiple: n}` for any n."""
    if isinstance(rounding, str):
        if rounding not in ROUNDINGS:
            raise SpecError(f"no rounding {rounding!r}{did_you_mean(rounding, ROUNDINGS)}")
        return ROUNDINGS[rounding](value)
    multiple = rounding.get("multiple")
    if set(rounding) != {"multiple"} or not _is_whole(multiple) or not multiple > 0:  # type: ignore[operator]
        raise SpecError("a rounding is a name, or {multiple: n} with a whole n above 0")
    return to_multiple(value, rounding["multiple"])


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_WORDS = {
    "nearest": "to the nearest whole number",
    "efficientnet": "to the nearest multiple of 8, and 8 more where that loses over a tenth",
}


def rounding_words(rounding: Rounding) -> str:
    """What a rule does, in words."""
    if isinstance(rounding, str) and rounding in _WORDS:
        return _WORDS[rounding]
    multiple = rounding.rpartition("_")[2] if isinstance(rounding, str) else rounding["multiple"]
    return f"to the nearest multiple of {multiple}"
