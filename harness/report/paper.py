"""Plots in a paper's size: one column of 3.3 inches, 8 pt serif, fonts embedded, vector PDF.

The same results give the same bytes: no date is written, and the fonts come with matplotlib.
"""

import io
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from harness.report.forest import draw_forest, forest
from harness.report.gather import ReportData
from harness.report.labels import place_labels
from harness.report.pareto import WIDE, ParetoInfo
from harness.report.pareto_drawing import lines_of
from harness.report.pareto_marks import colour_of, draw_measured, markers_of
from harness.report.parts import draw_parts, parts_info
from harness.report.plots import draw_families
from harness.report.style import RC, figure, fit_heights

COLUMN, PAGE = 3.3, 6.9
"""Widths in inches: of a column, and of two with what lies between."""
PAPER: Any = RC | {
    "font.family": ["STIXGeneral", "DejaVu Serif"],
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "pdf.fonttype": 42,
    "text.color": "#000000",
    "axes.labelcolor": "#000000",
}
SHORT = {
    "macs": "multiply-adds (10⁹)",
    "fvcore_total": "multiply-adds (10⁹, fvcore)",
    "params": "parameters (10⁶)",
    "latency_ms": "latency (ms)",
}


def paper_plots(data: ReportData) -> dict[str, bytes | None]:
    """PDFs by name, as they lie under `paper/`; None where there is nothing to draw."""
    found = forest(data.arms, data.declared, data.families, data.asked.spine)
    costs = parts_info(data.arms)
    with mpl.rc_context(PAPER):
        return {
            "pareto.pdf": to_pdf(draw_column(data.pareto)) if data.pareto.points else None,
            "forest.pdf": to_pdf(draw_forest(found, COLUMN)) if found else None,
            "families.pdf": to_pdf(_families(data)) if data.families else None,
            "parts.pdf": to_pdf(draw_parts(costs, PAGE)) if costs else None,
        }


def to_pdf(fig: Figure) -> bytes:
    """The figure as PDF with its fonts in it (type 42), without a date."""
    data = io.BytesIO()
    fig.savefig(data, format="pdf", metadata={"CreationDate": None, "Producer": None})
    return data.getvalue()


def draw_column(info: ParetoInfo) -> Figure:
    """The Pareto plot one column wide; its key stands under it where colours are families."""
    fig, axes = figure(COLUMN, 2.7)
    colour = colour_of(info)
    draw_measured(axes, info, colour)
    axes.set_xlabel(SHORT[info.axis.column])
    axes.set_ylabel("AP")
    axes.margins(x=0.12)
    if info.spans > WIDE:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    else:
        axes.locator_params(axis="x", nbins=5)
    heights = [value for point in info.points for value in point.seeds]
    fit_heights(axes, heights, [(p.ap.low, p.ap.high) for p in info.points])
    if info.families:
        of, shape = {p.group: p.label for p in info.points}, markers_of(info)
        marks = [
            axes.plot([], [], shape.get(of.get(name, ""), "o"), color=c, markersize=4)[0]
            for name, c in colour.items()
        ]
        fig.legend(marks, list(colour), loc="outside lower center", ncols=min(4, len(colour)))
    names = [p.name if p.on_front or len(info.points) <= 12 else "" for p in info.points]
    spots = [(p.x, p.ap.mean) for p in info.points]
    place_labels(fig, axes, spots, names, lines=lines_of(info))
    return fig


def _families(data: ReportData) -> Figure:
    fig = draw_families(data.families[0])
    fig.set_size_inches(COLUMN, 2.6)
    (axes,) = fig.axes
    handles, names = axes.get_legend_handles_labels()
    if (legend := axes.get_legend()) is not None:
        legend.remove()
    axes.set_xlabel(SHORT["macs"])
    axes.set_ylabel("AP")
    fig.legend(handles, names, loc="outside lower center", ncols=min(5, len(names)))
    return fig
