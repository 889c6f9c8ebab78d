"""Families of networks compared at equal cost, as the width factors are.

A factor is a family: one network for each coefficient. Each seed gives a family one curve, AP
against log2 of multiply-adds, straight between its networks. Families are read over the costs
that all of them reach; a family's height is the mean of its curve there. One seed gives one
height, so heights and gaps have intervals over seeds (and over test images, where their draws are
known), and gaps are paired by seed, which lets networks that two families share cancel out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from harness.report.costed import Network, networks
from harness.report.table import column_of
from harness.report.trends import Trend, doublings, overall_trend, trends
from harness.search import wording
from harness.statistics.contrasts import Contrast
from harness.statistics.curves import common_costs, gap_contrasts, height_over
from harness.statistics.estimates import ROUNDING, Estimate
from harness.statistics.power import Narrowness, paired_narrowness
from harness.statistics.samples import Sample, combined, common_seeds
from harness.statistics.two_level import estimate_of


@dataclass(frozen=True, slots=True)
class Family:
    """One value of the axis that makes families."""

    name: str
    points: tuple[tuple[float, Estimate], ...]
    """(multiply-adds, AP over seeds) of each network, by rising cost."""
    curves: tuple[int, ...]
    """The seeds that give the family a curve: every network of it is done."""
    height: Estimate | None
    """Mean AP over the common cost."""
    runs: tuple[float, ...] = ()
    """The same of each seed's curve."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """Two families that have the same networks over the common cost, at the dearest place where
    theirs differ."""

    place: str
    """The values of the other axes there, in words: `coefficient 3`."""
    gap: Contrast
    """Of the two networks there, seed by seed; it is a family of tests of its own."""


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
    trends: tuple[Trend, ...] = ()
    """AP per doubling along each axis alone."""
    doublings: float = 0.0
    """How far all these networks' costs lie apart."""
    images: bool = False
    """Whether intervals hold the draws of the test images too."""
    narrowness: Narrowness | None = None
    """How far families' heights lie apart beside what seeds do to one."""
    beyond: tuple[Beyond, ...] = ()
    """Where families of the same networks at the common cost differ above it."""

    @property
    def caution(self) -> str:
        """What must be said of the trend where costs lie close together; else empty."""
        return NARROW.format(self.doublings) if self.trend and self.doublings < 1 else ""

    @property
    def short(self) -> str:
        return self.by.rsplit(".", 1)[-1]

    @property
    def held(self) -> tuple[Family, ...]:
        """Families with a height, the highest first."""
        known = [one for one in self.families if one.height is not None]
        return tuple(sorted(known, key=lambda one: -one.height.mean if one.height else 0.0))

    @property
    def level(self) -> tuple[str, ...]:
        """Families not separated below the highest, itself first."""
        if not self.held:
            return ()
        top = self.held[0].name
        parted = [gap for gap in self.gaps if gap.separated]
        ways = [(g.arm, g.against) if g.difference > 0 else (g.against, g.arm) for g in parted]
        beaten = {lower for higher, lower in ways if higher == top}
        return tuple(one.name for one in self.held if one.name not in beaten)

    @property
    def widest(self) -> Contrast | None:
        """The gap whose interval reaches furthest from 0."""
        known = [gap for gap in self.gaps if gap.low is not None and gap.high is not None]
        reach = [max(abs(gap.low or 0.0), abs(gap.high or 0.0)) for gap in known]
        return known[reach.index(max(reach))] if known else None


NARROW = (
    "All costs lie within {:.2g} of a doubling, so this slope is no promise of what a whole one "
    "would bring."
)


def families(
    cells: pd.DataFrame,
    by: str,
    stratum: str = "",
    samples: Mapping[str, Sample] | None = None,
    axes: Mapping[str, Sequence[Any]] | None = None,
) -> FamiliesInfo | None:
    """Families of a study's table, or None where it has no such axis or no AP.

    samples: by label, with draws of the test images where they are known. axes: values by dotted
    path, for the trends along each.
    """
    if any(name not in cells for name in (column_of(by), "macs", "ap", "seed")):
        return None
    rows = cells[cells["status"] != "rejected"].dropna(subset=[column_of(by), "macs"])
    groups = {str(value): group for value, group in rows.groupby(column_of(by), sort=False)}
    held = {name: networks(group, samples) for name, group in groups.items()}
    whole = {name: nets for name, nets in held.items() if _is_whole(groups[name], nets)}
    common = common_costs([[one.macs for one in nets] for nets in whole.values()])
    heights = {name: _height(nets, common) for name, nets in whole.items() if common}
    made = tuple(
        _family(name, nets, name in whole, heights.get(name)) for name, nets in held.items()
    )
    every = [one for nets in held.values() for one in nets]
    gaps = gap_contrasts(heights, list(combinations(heights, 2)))
    return FamiliesInfo(
        by,
        made,
        common,
        gaps,
        overall_trend(every),
        stratum,
        trends(every, axes or {}),
        doublings([one.macs for one in every]),
        bool(every) and all(one.sample.draws is not None for one in every),
        paired_narrowness(list(heights.values()), "families"),
        tuple(one for gap in gaps if is_same(gap) and (one := _beyond(by, gap, whole))),
    )


def _family(name: str, nets: Sequence[Network], is_whole: bool, height: Sample | None) -> Family:
    return Family(
        name,
        _points(nets),
        common_seeds([one.sample for one in nets]) if is_whole else (),
        None if height is None else estimate_of(height),
        () if height is None else height.values,
    )


def is_same(gap: Contrast) -> bool:
    """Whether two families have the same networks: every seed differs by nothing."""
    return gap.p is None and abs(gap.difference) < ROUNDING


def _beyond(by: str, gap: Contrast, whole: Mapping[str, Sequence[Network]]) -> Beyond | None:
    """The dearest place of two families where their networks are not the same."""
    a, b = ({_place(one, by): one for one in whole[name]} for name in (gap.arm, gap.against))
    places = [place for place in a if place in b and a[place].macs != b[place].macs]
    if not places:
        return None
    place = max(places, key=lambda place: max(a[place].macs, b[place].macs))
    varied = {path for path in dict(place) if len({dict(one).get(path) for one in a}) > 1}
    held = {gap.arm: a[place].sample, gap.against: b[place].sample}
    higher, lower = sorted(held, key=lambda name: -held[name].mean)
    found = gap_contrasts(held, [(higher, lower)])
    words = [f"{path.rsplit('.', 1)[-1]} {value}" for path, value in place if path in varied]
    return Beyond(", ".join(words), found[0]) if found else None


def _place(one: Network, by: str) -> tuple[tuple[str, str], ...]:
    """The values of the other axes, in words."""
    return tuple((path, wording(value)) for path, value in one.choice.items() if path != by)


def _is_whole(group: pd.DataFrame, nets: Sequence[Network]) -> bool:
    """Whether a family gives curves: networks of two costs at least, each with an AP, and a seed
    that all of them have."""
    costs = set(group["macs"])
    return (
        len(costs) > 1
        and {one.macs for one in nets} == costs
        and bool(common_seeds([one.sample for one in nets]))
    )


def _height(nets: Sequence[Network], common: tuple[float, float]) -> Sample:
    weights = height_over([one.macs for one in nets], common)
    return combined([one.sample for one in nets], list(weights))


def _points(nets: Sequence[Network]) -> tuple[tuple[float, Estimate], ...]:
    """Networks of equal cost are one point (aliases are one network)."""
    first = {one.macs: one for one in reversed(nets)}
    found = [(macs, estimate_of(first[macs].sample)) for macs in sorted(first)]
    return tuple((macs, one) for macs, one in found if one is not None)
