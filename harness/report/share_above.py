"""Share of an arm's runs that score above each AP: the data first, then the drawing.

These are the performance profiles of Agarwal et al. (NeurIPS 2021), and of Dolan and More (2002).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from harness.report.families import FamiliesInfo
from harness.report.style import PHONE, colours, figure, in_number_order, write_key
from harness.report.summary import ArmSummary

FEWEST = 6
"""Runs under which an arm has no line."""
MOST = 8
"""Lines that one plot holds."""


@dataclass(frozen=True, slots=True)
class ShareAbove:
    """AP of each run, rising, by arm or family."""

    lines: tuple[tuple[str, tuple[float, ...]], ...]
    whose: str
    """Whose runs these are, in words."""
    left_out: int
    """Arms with runs enough that the plot has no room for."""
    everyone: tuple[str, ...] = ()
    """All of those whose colours the Pareto plot gives, few or many runs."""

    @property
    def words(self) -> str:
        """What a step is, and who is missing."""
        n = sorted({len(runs) for _, runs in self.lines})
        seeds = f"n={n[0]}" if len(n) == 1 else f"n={n[0]} to {n[-1]}"
        step = " to ".join(f"{1 / most:.0%}" for most in dict.fromkeys((n[-1], n[0])))
        left = f" Left out, of lower mean: {self.left_out} more." if self.left_out else ""
        return f"{seeds}, so one run is {step} of the height. Nothing is tested here.{left}"


def share_above(
    arms: Sequence[ArmSummary], families: Sequence[FamiliesInfo] = ()
) -> ShareAbove | None:
    """Of the families' heights at equal cost where a study has families, else of arms; None where
    fewer than two have runs enough. The baseline and the highest means are shown."""
    if families:
        held = {one.name: one.runs for one in families[0].families}
        where = f", {families[0].stratum}" if families[0].stratum else ""
        whose = f"a family's (mean over the common cost of {families[0].short}{where})"
        first = None
    else:
        held = {one.label: one.seeds for one in arms if not one.alias_of}
        whose = "an arm's"
        first = next((one.label for one in arms if one.is_baseline), None)
    known = {name: tuple(sorted(runs)) for name, runs in held.items() if len(runs) >= FEWEST}
    if len(known) < 2:
        return None
    order = sorted(known, key=lambda name: (name != first, -sum(known[name]) / len(known[name])))
    lines = tuple((name, known[name]) for name in order[:MOST])
    everyone = tuple(name for name, runs in held.items() if runs or families)
    return ShareAbove(lines, whose, len(known) - len(lines), everyone)


def draw_share_above(info: ShareAbove, *, phone: bool = False) -> Figure:
    """A falling staircase an arm."""
    fig, axes = figure(PHONE, 2.6) if phone else figure(7.2, 3.4)
    every = [ap for _, runs in info.lines for ap in runs]
    room = 0.04 * max(max(every) - min(every), 0.01)
    ends = min(every) - room, max(every) + room
    shade = _shades(info)
    for i, (name, runs) in enumerate(info.lines):
        steps = [ends[0], *runs, ends[1]]
        share = [*(1 - k / len(runs) for k in range(len(runs) + 1)), 0.0]
        axes.step(
            steps, share, where="post", color=shade[name], linewidth=1.6, label=name,
            linestyle=("-", "--")[i % 2],
        )  # fmt: skip
    axes.set_xlim(*ends)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("AP (COCO)")
    axes.set_ylabel("share of runs above it")
    write_key(fig, axes, phone=phone)
    return fig


def _shades(info: ShareAbove) -> dict[str, str]:
    """The colours of the Pareto plot; where it has to give one twice, one for each line."""
    names = sorted(info.everyone, key=in_number_order)
    if len(names) > MOST or not names:
        names = [name for name, _ in info.lines]
    return dict(zip(names, colours(len(names)), strict=True))
