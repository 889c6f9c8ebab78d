"""Numbers as a report writes them: a dash where there is none, a minus sign that is one."""

from collections.abc import Sequence
from typing import Any


def known(value: Any) -> bool:
    return value is not None and value == value


def number(value: Any, digits: int = 3, sign: bool = False) -> str:
    """A number to so many digits after the point."""
    if not known(value):
        return "–"
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def p_value(value: Any) -> str:
    """A p value; the smallest are given as a bound."""
    return "< .001" if known(value) and value < 0.001 else number(value)


def giga(value: Any) -> str:
    return f"{value / 1e9:.3f}" if known(value) else "–"


def mega(value: Any) -> str:
    return f"{value / 1e6:.3f}" if known(value) else "–"


def mark(value: float) -> str:
    """A mark of an axis of differences."""
    return f"{value:+.3g}".replace("-", "−") if value else "0"


def way(difference: float) -> str:
    return "higher" if difference > 0 else "lower"


def chance(value: Any) -> str:
    """A probability with two digits; what they would round to certainty is given as a bound."""
    if known(value) and value > 0.995:
        return "> .99"
    return "< .01" if known(value) and value < 0.005 else number(value, 2)


def either(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
