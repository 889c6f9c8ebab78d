"""The other pictures: training curves, AP by need, families over cost. Each draws ready data."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.records import TrialRecord
from harness.report.families import FamiliesInfo
from harness.report.style import (
    LINE,
    MARKERS,
    PHONE,
    SOFT,
    colours,
    figure,
    fit_heights,
    stacked,
    write_key,
)
from harness.report.summary import ArmSummary

Losses = dict[str, list[list[float]]]
"""By arm, one list of losses a seed, an entry an epoch."""


def losses(trials: Mapping[str, Sequence[TrialRecord]]) -> Losses:
    """Training loss by arm, seed and epoch; arms without a curve are absent."""
    found = {
        label: [[row.loss for row in record.curve] for record in records if record.curve]
        for label, records in trials.items()
    }
    return {label: seeds for label, seeds in found.items() if seeds}


def draw_curves(data: Losses, *, phone: bool = False) -> Figure:
    """Training loss: every seed thin, the mean over seeds that got so far thick."""
    fig, axes = figure(PHONE, 2.8) if phone else figure(7.2, max(3.6, 0.4 + 0.165 * len(data)))
    for i, (label, seeds) in enumerate(data.items()):
        colour, dash = colours(len(data))[i], ("-", "--", ":", "-.")[i // 8 % 4]
        for seed in seeds:
            axes.plot(range(1, len(seed) + 1), seed, color=colour, linewidth=0.6, alpha=0.45)
        epochs = max(map(len, seeds))
        reached = [[seed[i] for seed in seeds if len(seed) > i] for i in range(epochs)]
        mean = [float(np.mean(values)) for values in reached]
        marker = "o" if epochs == 1 else None
        axes.plot(
            range(1, epochs + 1),
            mean,
            color=colour,
            linewidth=1.8,
            marker=marker,
            label=label,
            linestyle=dash,
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss (log scale)")
    axes.set_yscale("log")
    for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        which(lambda value, _: f"{value:.2g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    write_key(fig, axes, phone=phone)
    return fig


def draw_needs(arms: Sequence[ArmSummary], needs: Sequence[str], *, phone: bool = False) -> Figure:
    """A panel a need, a row an arm; every panel spans the same range of AP.

    phone: the panels stand under each other.
    """
    shown = [arm for arm in arms if arm.by_need and not arm.alias_of]
    labels = [fill(arm.label, 18) if phone else arm.label for arm in shown]
    row = 0.36 if any("\n" in label for label in labels) else 0.26
    fig, panels = _panels(0.9 + row * len(shown), len(needs), phone)
    means = {
        need: [arm.by_need[need].mean for arm in shown if need in arm.by_need] for need in needs
    }
    span = max(max(found) - min(found) for found in means.values() if found)
    half = span / 2 + max(span, 0.04)
    for i, (need, axes) in enumerate(zip(needs, np.atleast_1d(panels), strict=True)):
        found = [(row, arm.by_need[need]) for row, arm in enumerate(shown) if need in arm.by_need]
        for row, one in found:
            colour = colours(len(needs))[i]
            if one.low is not None and one.high is not None:
                axes.plot([one.low, one.high], [row, row], color=colour, linewidth=1.2)
            axes.plot([one.mean], [row], marker="o", markersize=5.5, color=colour)
        if found:
            middle = (min(means[need]) + max(means[need])) / 2
            axes.set_xlim(middle - half, middle + half)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_yticks(range(len(shown)), labels if phone or i == 0 else [])
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_title(f"needs {need}" if need != "none" else "needs neither", loc="left")
        axes.set_xlabel("AP")
    return fig


def _panels(height: float, n: int, phone: bool) -> tuple[Figure, Any]:
    if phone and n > 1:
        return stacked(PHONE, [height] * n)
    return figure(PHONE if phone else 7.2, height, columns=n)


def draw_families(info: FamiliesInfo, *, phone: bool = False) -> Figure:
    """AP against cost (log scale), a line a family; the common range is shaded."""
    fig, axes = figure(PHONE, 3.0) if phone else figure(7.2, 4.0)
    if info.common is not None:
        low, high = (value / 1e9 for value in info.common)
        axes.axvspan(low, high, color=LINE, alpha=0.35, linewidth=0)
        axes.annotate(
            "common cost", ((low * high) ** 0.5, 0.01), xycoords=("data", "axes fraction"),
            ha="center", va="bottom", fontsize=8, color=SOFT,
        )  # fmt: skip
    for i, (family, colour) in enumerate(
        zip(info.families, colours(len(info.families)), strict=True)
    ):
        x = [macs / 1e9 for macs, _ in family.points]
        for cost, (_, one) in zip(x, family.points, strict=True):
            if one.low is not None and one.high is not None:
                axes.plot([cost, cost], [one.low, one.high], color=colour, linewidth=1, alpha=0.7)
        axes.plot(
            x,
            [one.mean for _, one in family.points],
            color=colour,
            linewidth=1.6,
            marker=MARKERS[i % len(MARKERS)],
            markersize=5.5,
            label=family.name,
        )
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    axes.xaxis.set_major_locator(MaxNLocator(4 if phone else 6))
    said = "GFLOPs (10⁹ multiply-adds, closed form, 1 per MAC; log scale)"
    axes.set_xlabel(fill(said, 36) if phone else said)
    axes.set_ylabel("AP (COCO, mean over seeds)")
    means = [one.mean for family in info.families for _, one in family.points]
    ends = [(one.low, one.high) for family in info.families for _, one in family.points]
    fit_heights(axes, means, ends)
    write_key(fig, axes, phone=phone, title=info.by.rsplit(".", 1)[-1])
    return fig
