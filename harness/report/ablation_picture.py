"""The picture of an ablation: what each part is worth, from full and from base."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from harness.report.ablation import AblationInfo
from harness.report.style import SOFT, colours, figure

ENDS = {"removed": "taken out of full", "added": "added to base"}
"""What each kind of arm says of a part's worth."""


@dataclass(frozen=True, slots=True)
class Worth:
    """AP a part is worth at one end: the mean over seeds and, from two seeds on, its interval."""

    part: str
    end: str
    mean: float
    interval: tuple[float, float] | None


def worths(info: AblationInfo) -> tuple[Worth, ...]:
    """By part, in the order of the plan. Taken out, a part is worth what is lost."""
    found = []
    for row in info.rows:
        if row.kind not in ENDS or row.gap is None:
            continue
        sign, gap = (-1 if row.kind == "removed" else 1), row.gap
        interval = None
        if gap.low is not None and gap.high is not None:
            low, high = sorted((sign * gap.low, sign * gap.high))
            interval = (low, high)
        found.append(Worth(row.part, ENDS[row.kind], sign * gap.mean, interval))
    return tuple(found)


def draw_ablation(found: Sequence[Worth]) -> Figure:
    """A row a part, a dot an end, bars for intervals; wide ones run off the frame."""
    parts = list(dict.fromkeys(one.part for one in found))
    fig, axes = figure(7.2, 1.1 + 0.42 * len(parts))
    axes.axvline(0, color=SOFT, linewidth=0.9)
    ends = dict(zip(ENDS.values(), colours(len(ENDS)), strict=True))
    for end, colour in ends.items():
        shown = [one for one in found if one.end == end]
        heights = [
            parts.index(one.part) + (0.15 if end == ENDS["added"] else -0.15) for one in shown
        ]
        for one, y in zip(shown, heights, strict=True):
            if one.interval is not None:
                axes.plot(one.interval, (y, y), color=colour, linewidth=1.2)
        if shown:
            means = [one.mean for one in shown]
            axes.plot(means, heights, "o", markersize=5.5, color=colour, label=end)
    widest = max(abs(one.mean) for one in found)
    axes.set_xlim(*(sign * (2.5 * widest or 0.01) for sign in (-1, 1)))
    axes.set_yticks(range(len(parts)), parts)
    axes.set_ylim(len(parts) - 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.set_xlabel("worth in AP (mean difference over shared seeds)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return fig
