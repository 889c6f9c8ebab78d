"""Families of networks compared at equal cost, as the width factors are.

A factor is a family: one network for each coefficient. Each seed gives a family one curve, AP
against log2 of multiply-adds, straight between its networks. Families are read over the costs
that all of them reach; a family's height is the mean of its curve there. One seed gives one
height, so heights and gaps have t intervals over seeds, and gaps are paired by seed, which lets
networks that two families share cancel out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from harness.report.table import column_of
from harness.statistics.contrasts import Contrast, paired_contrasts
from harness.statistics.estimates import Estimate, estimate

Curve = tuple[tuple[float, float], ...]
"""(log2 multiply-adds, AP), by rising cost."""


@dataclass(frozen=True, slots=True)
class Family:
    """One value of the axis that makes families."""

    name: str
    points: tuple[tuple[float, Estimate], ...]
    """(multiply-adds, AP over seeds) of each network, by rising cost."""
    curves: dict[int, Curve]
    """By seed; a seed counts where every network of the family is done."""
    height: Estimate | None
    """Mean AP over the common cost."""


@dataclass(frozen=True, slots=True)
class FamiliesInfo:
    """by is an axis (dotted path) or `arm`; common is a range of multiply-adds, or None."""

    by: str
    families: tuple[Family, ...]
    common: tuple[float, float] | None
    gaps: tuple[Contrast, ...]
    """Every pair of families, paired by seed, as one Holm family."""
    trend: Estimate | None
    """AP gained per doubling of multiply-adds, over all families: one slope a seed."""
    stratum: str = ""
    """What all these networks share of the other axes, in words."""

    @property
    def answer(self) -> str:
        """One sentence that claims no more than the seeds carry."""
        short = self.by.rsplit(".", 1)[-1]
        held = [family for family in self.families if family.height is not None]
        if self.common is None or len(held) < 2:
            return f"The families by {short} share no range of costs with results, so none compare."
        seeds = max(len(family.curves) for family in held)
        over = f"over {self.common[0] / 1e9:.3g} to {self.common[1] / 1e9:.3g} GFLOPs"
        heights = [family.height.mean for family in held if family.height is not None]
        spread = max(heights) - min(heights)
        parted = [gap for gap in self.gaps if gap.separated]
        if not parted:
            return (
                f"At equal cost no {short} is separated from another (n={seeds} seeds): {over} "
                f"the families' mean APs lie within {spread:.3f} of each other."
            )
        top = max(held, key=lambda family: family.height.mean if family.height else 0.0)
        beaten = [
            gap.against if gap.arm == top.name else gap.arm
            for gap in parted
            if top.name in (gap.arm, gap.against)
        ]
        level = [family.name for family in held if family is not top and family.name not in beaten]
        tail = f"; not separated from it: {', '.join(level)}" if level else ""
        return (
            f"At equal cost ({over}) {short} {top.name} has the highest mean AP, {top.height}; "
            f"separated from it: {', '.join(beaten) or 'none'}{tail}."
        )


def families(cells: pd.DataFrame, by: str, stratum: str = "") -> FamiliesInfo | None:
    """Families of a study's table, or None where it has no such axis or no AP."""
    column = column_of(by)
    needed = [column, "macs", "ap", "seed"]
    if any(name not in cells for name in needed):
        return None
    rows = cells[cells["status"] != "rejected"].dropna(subset=[column, "macs"])
    grouped = {str(value): group for value, group in rows.groupby(column, sort=False)}
    curves = {name: _curves(group) for name, group in grouped.items()}
    common = _common([curve for held in curves.values() for curve in held.values()])
    heights = {
        name: {seed: _height(curve, common) for seed, curve in held.items()} if common else {}
        for name, held in curves.items()
    }
    made = tuple(
        Family(name, _points(group), curves[name], estimate(list(heights[name].values())))
        for name, group in grouped.items()
    )
    gaps = paired_contrasts(heights, list(combinations(heights, 2)))
    return FamiliesInfo(by, made, common, gaps, _trend(rows), stratum)


def _points(group: pd.DataFrame) -> tuple[tuple[float, Estimate], ...]:
    found = []
    for macs, cells in group.groupby("macs"):
        one = estimate(list(cells.drop_duplicates("seed")["ap"]))
        if one is not None:
            found.append((float(str(macs)), one))
    return tuple(found)


def _curves(group: pd.DataFrame) -> dict[int, Curve]:
    """A curve a seed. Networks of equal cost are one point (aliases are one network)."""
    networks = group["macs"].nunique()
    curves = {}
    for seed, cells in group.dropna(subset=["ap"]).groupby("seed"):
        means = cells.groupby("macs")["ap"].mean()
        if len(means) == networks and networks > 1:
            curves[int(str(seed))] = tuple(
                (math.log2(float(str(macs))), float(ap)) for macs, ap in means.items()
            )
    return curves


def _common(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """The costs every curve covers, as multiply-adds."""
    if not curves:
        return None
    low = max(curve[0][0] for curve in curves)
    high = min(curve[-1][0] for curve in curves)
    return (2**low, 2**high) if low < high else None


def _height(curve: Curve, common: tuple[float, float]) -> float:
    """Mean of the straight-line curve over the common costs, in log2 (exact, by trapezoids)."""
    low, high = math.log2(common[0]), math.log2(common[1])
    x, y = np.array([p[0] for p in curve]), np.array([p[1] for p in curve])
    grid = np.array([low, *x[(x > low) & (x < high)], high])
    return float(np.trapezoid(np.interp(grid, x, y), grid) / (high - low))


def _trend(rows: pd.DataFrame) -> Estimate | None:
    slopes = []
    for _, cells in rows.dropna(subset=["ap"]).groupby("seed"):
        means = cells.groupby("macs")["ap"].mean()
        if len(means) > 1:
            x = np.log2(means.index.to_numpy(dtype=float))
            slopes.append(float(np.polyfit(x, means.to_numpy(dtype=float), 1)[0]))
    return estimate(slopes)
