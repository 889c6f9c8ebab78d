"""How every plot looks: Okabe-Ito colours, text kept as text, SVG equal from run to run."""

import io
import math
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

OKABE_ITO = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c8c00",
)  # fmt: skip
"""Okabe and Ito's colours for the colour-blind; their yellow and black, which vanish on white
and on dark paper, are replaced by a violet and an olive."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, SOFT, LINE, BAND = "#1f2328", "#59636e", "#d1d9e0", "#f6f8fa"
"""Text, quiet text, rules, quiet fill. The page swaps these four for its own in the dark."""
SWAPS = {INK: "--ink", SOFT: "--soft", LINE: "--line", BAND: "--band"}
SWAPS |= {colour: f"--c{i}" for i, colour in enumerate(OKABE_ITO)}
DARK = (
    "#3f7ff0", "#e8703a", "#1fae84", "#f0a0cc", "#f5b83d", "#86dcff", "#a070d8", "#a3a836",
)  # fmt: skip
"""What the eight are in the dark: lighter, and as far apart as on paper."""

PHONE = 3.7
"""Inches across a phone's page: 355 px, drawn there as they are."""

RC: Any = {
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "harness",
    "figure.dpi": 100,
    "savefig.dpi": 200,
}


def styled() -> AbstractContextManager[None]:
    """The style, for the length of a `with` block."""
    return mpl.rc_context(RC)


def figure(width: float, height: float, columns: int = 1) -> tuple[Figure, Any]:
    """A figure in inches, outside pyplot, and its axes (an array where columns > 1)."""
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    fig.patch.set_alpha(0.0)
    axes = fig.subplots(1, columns)
    for one in [axes] if columns == 1 else axes:
        one.patch.set_alpha(0.0)
    return fig, axes


def stacked(width: float, heights: Sequence[float]) -> tuple[Figure, Any]:
    """As `figure`, with one panel under another; heights in inches."""
    fig = Figure(figsize=(width, sum(heights)), layout="constrained")
    fig.get_layout_engine().set(h_pad=0.12)  # type: ignore[union-attr, call-arg]
    FigureCanvasAgg(fig)
    fig.patch.set_alpha(0.0)
    axes = fig.subplots(len(heights), 1, height_ratios=heights)
    for one in axes:
        one.patch.set_alpha(0.0)
    return fig, axes


def figures(width: float, height: float, rows: int, columns: int) -> tuple[Figure, Any]:
    """A figure of small panels, and these as an array (rows, columns). A column shares its y."""
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    fig.patch.set_alpha(0.0)
    panels = fig.subplots(rows, columns, sharex=True, sharey="col", squeeze=False)
    for one in panels.flat:
        one.patch.set_alpha(0.0)
    return fig, panels


def write_key(fig: Figure, axes: Axes, *, phone: bool = False, title: str | None = None) -> None:
    """The key of axes: beside them, and on a phone beneath."""
    if phone:
        key_beneath(fig, axes, title)
    else:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, title=title)


def key_beneath(fig: Figure, axes: Axes, title: str | None = None) -> None:
    """The key of axes under the figure, which grows by its height; short lines in columns."""
    handles, names = axes.get_legend_handles_labels()
    longest = max((len(line) for name in names for line in name.splitlines()), default=0)
    columns = max(1, min(len(names), int(fig.get_figwidth() * 14 / (longest + 7))))
    per = math.ceil(len(names) / columns)
    lines = max(
        (sum(name.count("\n") + 1 for name in names[i : i + per])
         for i in range(0, len(names), per)),
        default=0,
    )  # fmt: skip
    fig.set_figheight(fig.get_figheight() + 0.165 * (lines + bool(title)) + 0.1)
    fig.legend(handles, names, loc="outside lower left", ncols=columns, title=title)


def colours(n: int) -> list[str]:
    return [OKABE_ITO[i % len(OKABE_ITO)] for i in range(n)]


def to_svg(fig: Figure) -> str:
    """The figure as SVG text, without a date: the same figure gives the same characters."""
    text = io.StringIO()
    fig.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def to_png(fig: Figure) -> bytes:
    """The figure as PNG on white paper, 200 dots an inch."""
    data = io.BytesIO()
    fig.savefig(data, format="png", facecolor="white", metadata={"Software": None})
    return data.getvalue()


def inline(svg: str, prefix: str, title: str) -> str:
    """SVG text to stand in a page: ids of its own, the page's colours, a name to be read out."""
    body = scoped(svg[svg.index("<svg") :], prefix)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.S)
    for colour in SWAPS:
        body = body.replace(colour, tinted(colour))
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{escape(title)}" ', body, count=1)


def tinted(colour: str) -> str:
    """A colour as the page writes it: its own in the dark, where it has one."""
    return f"var({SWAPS[colour]}, {colour})" if colour in SWAPS else colour


def scoped(svg: str, prefix: str) -> str:
    """The same SVG with ids that no other picture of the page has."""
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    return re.sub(r'(href="#|url\(#)', rf"\1{prefix}-", svg)


def fit_heights(
    axes: Axes, values: Sequence[float], intervals: Sequence[tuple[float | None, float | None]]
) -> None:
    """Show every value, and intervals as far as they are no more than twice that range out.

    Two seeds have intervals that would squeeze all else into a line; those leave the frame.
    """
    if not values:
        return
    low, high = min(values), max(values)
    room = max(high - low, 0.02)
    lows = [end for end, _ in intervals if end is not None]
    highs = [end for _, end in intervals if end is not None]
    bottom = max(min([low, *lows]), low - room)
    top = min(max([high, *highs]), high + room)
    axes.set_ylim(bottom - 0.08 * room, top + 0.08 * room)


def in_number_order(name: str) -> tuple[bool, float, str]:
    """Sorting key: numbers by value, then words."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name
