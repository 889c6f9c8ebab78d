"""Figures as the literature prints them: `3.9M`, `2.54B`, `0.71x`, `44.39`.

A printed figure keeps its digits and its unit, so that a measured number can be written in the same
form, and be said to agree with it or not.
"""

import re
from dataclasses import dataclass

from harness.errors import SpecError

UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "x": 1.0, "%": 1e-2}
_FORM = re.compile(r"([+-]?)(\d+(?:,\d{3})*)(?:\.(\d+))?\s?([KMBGx%]?)")


@dataclass(frozen=True, slots=True)
class Printed:
    """One figure: the text, and how it is read (`value`, digits after the point, unit)."""

    text: str
    value: float
    digits: int
    unit: str

    @classmethod
    def read(cls, text: str | float) -> "Printed":
        """A figure from its text, or from a number that was written without a unit.

        Raises `SpecError` where it is no figure.
        """
        found = _FORM.fullmatch(str(text).strip())
        if found is None or isinstance(text, bool):
            raise SpecError(f"{text!r} is no printed figure: like 3.9M, 2.54B, 0.71x or 44.39")
        sign, whole, part, unit = found.groups()
        number = float(f"{sign}{whole.replace(',', '')}.{part or 0}")
        return cls(str(text).strip(), number * UNITS[unit], len(part or ""), unit)

    def like(self, value: float, more: int = 0) -> str:
        """`value` in the form of this figure: its unit, and as many digits (or some more)."""
        comma = "," if "," in self.text else ""
        return f"{value / UNITS[self.unit]:{comma}.{self.digits + more}f}{self.unit}"

    def agrees(self, value: float) -> bool:
        """Whether `value`, rounded as this figure is, prints the same."""
        return self.like(value) == self.like(self.value)

    def __str__(self) -> str:
        return self.text


HEADS = {
    "ap": "AP",
    "params": "params",
    "macs": "FLOPs",
    "params_ratio": "params ratio",
    "macs_ratio": "FLOPs ratio",
    "speedup": "times as fast",
    "miou": "mIoU",
}
"""Columns of published tables as papers head them; others by their own name."""
