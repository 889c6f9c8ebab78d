"""Compound scaling: one coefficient that sizes a whole detector (arXiv 1911.09070, section 4.2).

`model.compound` of a study and `harness cost --compound` work by these rules; `PAPER` has those of
the paper. What was published parts from them (`harness scaling`): the family is a table of its own.
"""

import math
from typing import Annotated

from pydantic import Field

from harness.space.base import Frozen
from harness.space.model import Count
from harness.space.rounding import round_width, to_multiple

Positive = Annotated[float, Field(gt=0)]


class WidthRule(Frozen):
    """Width = base x factor ** coefficient, rounded. A factor is a family of networks."""

    base: Positive = 64.0
    factor: Positive = 1.35
    rounding: str | dict[str, Count] = "multiple_of_8"
    """A rule of `harness.space.rounding`, or `{multiple: n}`."""

    def exact(self, coefficient: float) -> float:
        """Before rounding; `OverflowError` where it is beyond all numbers."""
        return self.base * float(self.factor**coefficient)

    def at(self, coefficient: float) -> int:
        """In channels."""
        return round_width(self.exact(coefficient), self.rounding)


class LinearRule(Frozen):
    """base + floor(slope x coefficient), to the nearest multiple (halves up), at least 1."""

    base: Annotated[int, Field(ge=0)]
    slope: Annotated[float, Field(ge=0)] = 0.0
    multiple: Count = 1

    def exact(self, coefficient: float) -> int:
        """Before rounding to a multiple."""
        return self.base + math.floor(self.slope * coefficient + 1e-9)

    def at(self, coefficient: float) -> int:
        return to_multiple(self.exact(coefficient), self.multiple)


class Compound(Frozen):
    """One coefficient that scales several things, each by its rule; those left out stay."""

    coefficient: Annotated[float, Field(ge=0)] = 0.0
    width: WidthRule | None = None
    repeats: LinearRule | None = None
    head_depth: LinearRule | None = None
    image_size: LinearRule | None = None
    backbone: tuple[str, ...] | None = None
    """Backbone by whole coefficient: the first is for 0. Beyond the last, the last."""

    def backbone_name(self) -> str | None:
        """That of the whole part of the coefficient."""
        names = self.backbone
        return names[min(int(self.coefficient), len(names) - 1)] if names else None


PAPER = Compound(
    width=WidthRule(),
    repeats=LinearRule(base=3, slope=1),
    head_depth=LinearRule(base=3, slope=1 / 3),
    image_size=LinearRule(base=512, slope=128, multiple=128),
    backbone=tuple(f"tf_efficientnet_b{number}" for number in range(8)),
)
"""As arXiv v7 words it (equations 1 to 3). The multiple is the coarsest stride, p7's."""
