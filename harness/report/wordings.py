"""Numbers as a report writes them: a dash where there is none, a minus sign that is one."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def known(value: Any) -> bool:
    return value is not None and value == value


def number(value: Any, digits: int = 3, sign: bool = False) -> str:
    """A number to so many digits after the point."""
    if not known(value):
        return "–"
    said = f"{value:{'+' if sign else ''}.{digits}f}"
    return said.replace("-", "−") if said.strip("+-0.") else said.strip("+-")


def digits_apart(values: Iterable[Any], least: int = 3, most: int = 6) -> int:
    """The fewest digits after the point that tell apart as many values as so many can."""
    held = {value for value in values if known(value)}
    apart = {n: len({number(value, n) for value in held}) for n in range(least, most + 1)}
    return max(apart, key=lambda n: (apart[n], -n))


def cost_digits(costs: Iterable[Mapping[str, float]]) -> dict[str, int]:
    """Digits that tell apart the `macs` and `params` of a table's arms, in its units (10⁹, 10⁶)."""
    held = list(costs)
    return {
        kind: digits_apart(one[kind] / unit for one in held if kind in one)
        for kind, unit in (("macs", 1e9), ("params", 1e6))
    }


def gap_digits(row: Any) -> int:
    """Digits of a difference with its interval: its ends are told apart, from zero too."""
    return digits_apart((row.low, 0.0, row.high), most=5)


def gap_words(row: Any) -> str:
    """`+0.009 AP [-0.006, +0.024], not separated (n=2)`: a difference as a sentence has it."""
    ends = "" if row.low is None or row.high is None else f" [{row.low:+.3f}, {row.high:+.3f}]"
    return f"{row.difference:+.3f} AP{ends}, {row.verdict}"


def p_value(value: Any) -> str:
    """A p value; the smallest are given as a bound."""
    return "< .001" if known(value) and value < 0.001 else number(value)


def giga(value: Any, digits: int = 3) -> str:
    return f"{value / 1e9:.{digits}f}" if known(value) else "–"


def mega(value: Any, digits: int = 3) -> str:
    return f"{value / 1e6:.{digits}f}" if known(value) else "–"


def range_of(low: float, high: float, figures: int = 3) -> str:
    """`0.0377 to 0.0400`: two numbers to one number of digits, the smaller to so many figures."""
    digits = max(0, figures - 1 - math.floor(math.log10(abs(low)))) if low else figures
    digits = max(digits, digits_apart((low, high), digits, digits + 3))
    return f"{low:.{digits}f} to {high:.{digits}f}"


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
