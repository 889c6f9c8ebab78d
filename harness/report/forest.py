"""Every contrast with its interval: the data of the forest plot first, then the drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill, shorten

from matplotlib.figure import Figure

from harness.report.families import FamiliesInfo
from harness.report.style import INK, LINE, OKABE_ITO, SOFT, figure
from harness.report.summary import ArmSummary
from harness.statistics.contrasts import Contrast

HIGHER, LOWER = OKABE_ITO[0], OKABE_ITO[1]
WIDEST = 2.5
"""How far the plot reaches, in the largest absolute difference: wider intervals run off it, but
for the narrowest, which is shown whole."""


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """Contrasts that are one family of tests, in the order in which they are shown."""

    title: str
    rows: tuple[Contrast, ...]

    @property
    def test(self) -> str:
        """Which p this is, in words."""
        return f"{self.rows[0].test}, Holm-adjusted over these {len(self.rows)}"

    @property
    def exact(self) -> bool:
        """Whether p is of an exact test, which has a floor."""
        return not any(row.paired for row in self.rows)


@dataclass(frozen=True, slots=True)
class ForestInfo:
    """Differences in AP, and the range [-reach, reach] that the plot shows; zero in its middle."""

    groups: tuple[ForestGroup, ...]
    reach: float
    step: float
    """Between marks of the axis."""

    def place(self, value: float) -> float:
        """Where a difference stands, in percent of the plot's width; held inside of it."""
        share = 50 + 50 * value / self.reach
        return round(min(100.0, max(0.0, share)), 2)

    @property
    def marks(self) -> tuple[float, ...]:
        """Differences at which the axis is marked."""
        most = int(self.reach / self.step + 1e-9)
        return tuple(i * self.step for i in range(-most, most + 1))

    @property
    def cut(self) -> bool:
        """Whether some interval runs off the plot."""
        ends = [end for g in self.groups for r in g.rows for end in (r.low, r.high)]
        return any(end is not None and abs(end) > self.reach for end in ends)


def forest(
    arms: Sequence[ArmSummary],
    declared: Sequence[Contrast] = (),
    families: Sequence[FamiliesInfo] = (),
    spine: Sequence[str] = (),
) -> ForestInfo | None:
    """Arms against the baseline, pairs the study names, gaps of families; None without any.

    spine: the chain of arms among the declared pairs, each against the one before it.
    """
    tests = tuple(arm.contrast for arm in arms if arm.contrast is not None and not arm.alias_of)
    groups = [ForestGroup(f"Each arm minus {tests[0].against}", tests)] if tests else []
    chain = f"Each of {' → '.join(spine)} minus the one before it" if spine else ""
    more = "pairs the study names" if len(declared) > max(0, len(spine) - 1) else ""
    title = ", and ".join(part for part in (chain, more) if part)
    groups += [ForestGroup(title[0].upper() + title[1:], tuple(declared))] if declared else []
    for info in families:
        short = info.by.rsplit(".", 1)[-1]
        title = f"Families by {short} at equal cost" + (f", {info.stratum}" if info.stratum else "")
        groups += [ForestGroup(title, tuple(info.gaps))] if info.gaps else []
    if not groups:
        return None
    rows = [row for group in groups for row in group.rows]
    largest = max(abs(row.difference) for row in rows) or 0.001
    ends = [max(abs(r.low), abs(r.high)) for r in rows if r.low is not None and r.high is not None]
    narrowest = min((end for end in ends if end), default=0.0)
    reach = min(max([largest, *ends]), max(WIDEST * largest, narrowest)) * 1.06
    return ForestInfo(tuple(groups), reach, _step(reach))


def _step(reach: float) -> float:
    """1, 2 or 5 times a power of ten, so that one or two marks stand on either side."""
    steps = [k * 10.0**power for power in range(-6, 1) for k in (1, 2, 5)]
    return next((step for step in steps if reach / step <= 2.7), 0.5)


def draw_forest(info: ForestInfo, width: float = 7.2) -> Figure:
    """One line a contrast, zero as a rule. What is not separated is drawn quietly.

    width: in inches; names are broken so that the plot keeps more than half of it.
    """
    letters = int(6 * width)
    lines = len(info.groups) + sum(
        1 + len(name_of(row, group)) // letters for group in info.groups for row in group.rows
    )
    fig, axes = figure(width, 0.55 + 0.24 * lines)
    axes.axvline(0, color=SOFT, linewidth=0.8, zorder=1)
    names: list[str] = []
    y = -1.0
    places = []
    for group in info.groups:
        y += 1
        title = shorten(group.title, 2 * letters, placeholder=" …")
        axes.text(-info.reach, y, title, fontstyle="italic", va="center", color=SOFT)
        for row in group.rows:
            y += 1
            places.append(y)
            names.append(fill(name_of(row, group), letters))
            _draw_row(axes, row, y, info.reach)
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0, colors=INK)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_ylim(y + 0.6, -0.6)
    axes.set_xlim(-info.reach, info.reach)
    axes.set_xlabel("difference in AP, 95% interval")
    return fig


def name_of(row: Contrast, group: ForestGroup) -> str:
    """The arm, with what it stands against where a group has several of these."""
    alone = len({one.against for one in group.rows}) == 1
    return row.arm if alone else f"{row.arm} − {row.against}"


def _draw_row(axes: object, row: Contrast, y: float, reach: float) -> None:
    colour = (HIGHER if row.difference > 0 else LOWER) if row.separated else SOFT
    plot = axes.plot  # type: ignore[attr-defined]
    if row.low is not None and row.high is not None:
        ends = [max(row.low, -reach), min(row.high, reach)]
        plot(ends, [y, y], color=colour, linewidth=1.8 if row.separated else 1.0, zorder=2)
    plot(
        [row.difference], [y], marker="o", markersize=5, color=colour, zorder=3,
        markerfacecolor=colour if row.separated else LINE,
    )  # fmt: skip
