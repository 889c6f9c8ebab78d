"""Cost by part: backbone, feature network, heads. The data first, then bars of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

from matplotlib.figure import Figure

from harness.report.style import figure
from harness.report.summary import ArmSummary
from harness.space.heads import part_names

KINDS = {"macs": "multiply-adds", "params": "parameters"}
SHADES = {"backbone": "#b3bcc6", "feature network": "#0072b2", "heads": "#e69f00"}
MOST = 40
"""Networks shown; a study of more is drawn without this section's bars."""


@dataclass(frozen=True, slots=True)
class PartsRow:
    """One network: by kind of cost, by part, how much. Numbers, not scaled."""

    label: str
    costs: dict[str, dict[str, float]]

    def total(self, kind: str) -> float:
        return sum(self.costs[kind].values())


@dataclass(frozen=True, slots=True)
class PartsInfo:
    """Networks of distinct costs, in the order of the plan, and the largest total of each kind."""

    rows: tuple[PartsRow, ...]
    largest: dict[str, float]
    left_out: int = 0

    def share(self, row: PartsRow, kind: str, part: str) -> float:
        """Length of a bar in percent of the longest."""
        return round(100 * row.costs[kind].get(part, 0.0) / (self.largest[kind] or 1.0), 3)


def parts_info(arms: Sequence[ArmSummary]) -> PartsInfo | None:
    """Rows of arms whose costs by part are known; None where there is none."""
    rows: list[PartsRow] = []
    for arm in arms:
        costs = {kind: _by_part(arm, kind) for kind in KINDS}
        if not arm.alias_of and all(costs.values()):
            rows.append(PartsRow(arm.label, costs))
    if not rows:
        return None
    largest = {kind: max(row.total(kind) for row in rows) for kind in KINDS}
    return PartsInfo(tuple(rows[:MOST]), largest, max(0, len(rows) - MOST))


def _by_part(arm: ArmSummary, kind: str) -> dict[str, float]:
    """Costs by the three parts; the heads are what is neither backbone nor feature network."""
    found: dict[str, float] = {}
    for part in part_names():
        if f"{kind}.{part}" in arm.costs:
            name = part.replace("_", " ") if part in ("backbone", "feature_network") else "heads"
            found[name] = found.get(name, 0.0) + arm.costs[f"{kind}.{part}"]
    return found


def draw_parts(info: PartsInfo, width: float = 7.2) -> Figure:
    """Stacked bars, a panel a kind of cost."""
    fig, panels = figure(width, 0.9 + 0.22 * len(info.rows), columns=2)
    for axes, (kind, words) in zip(panels, KINDS.items(), strict=True):
        unit, scale = ("10⁹", 1e9) if kind == "macs" else ("millions", 1e6)
        left = [0.0] * len(info.rows)
        for part, shade in SHADES.items():
            values = [row.costs[kind].get(part, 0.0) / scale for row in info.rows]
            axes.barh(range(len(values)), values, left=left, color=shade, height=0.7, label=part)
            left = [a + b for a, b in zip(left, values, strict=True)]
        axes.set_yticks(
            range(len(info.rows)), [fill(row.label, int(4 * width)) for row in info.rows]
        )
        axes.set_ylim(len(info.rows) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel(f"{words} ({unit})")
    panels[1].set_yticks([])
    fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig
