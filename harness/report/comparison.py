"""A comparison as a page and as tables: `index.html`, `figures.csv`, `differences.csv`,
`classes.csv`, `networks.csv`, `differences.svg`. One file opens offline; it runs no script."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from harness.comparing.comparison import WORDS, Comparison, Gap
from harness.files import write_whole
from harness.report.style import LINE, MARKERS, colours, figure, inline, styled, to_svg
from harness.report.wordings import chance, number
from harness.statistics import estimates

MOST_CLASSES = 40
"""Classes drawn; of more, as many from either end."""


def write_comparison(found: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write the page, tables and pictures; the files written, the page first."""
    drawn = draw(found)
    content: dict[str, str] = {
        "index.html": render(found, drawn),
        "figures.csv": figures_table(found).to_csv(index=False),
        "networks.csv": networks_table(found).to_csv(index=False),
        "differences.csv": differences_table(found).to_csv(index=False),
        "classes.csv": classes_table(found).to_csv(index=False),
        **{f"{name}.svg": svg for name, svg in drawn.items()},
    }
    for name, text in content.items():
        write_whole(folder / name, text)
    return tuple(folder / name for name in content)


def figures_table(found: Comparison) -> pd.DataFrame:
    """One row an arm and figure, with its interval and both standard errors."""
    rows = [
        {"arm": arm.name, "networks": arm.n, "figure": metric}
        | (dataclasses.asdict(one) if one is not None else {"value": None})
        for arm in found.arms
        for metric, one in arm.figures.items()
    ]
    return pd.DataFrame(rows)


def networks_table(found: Comparison) -> pd.DataFrame:
    """One row a network: its file or trial, and its figures."""
    rows = [
        {"arm": arm.name, "source": source} | figures
        for arm in found.arms
        for source, figures in zip(arm.sources, arm.by_network, strict=True)
    ]
    return pd.DataFrame(rows)


def differences_table(found: Comparison) -> pd.DataFrame:
    """One row a pair and figure; AP has its test, the others are not tested."""
    rows: list[dict[str, Any]] = []
    for one in found.verdicts:
        row = dataclasses.asdict(one)
        n, chance = row.pop("n"), row.pop("superiority") or (None, None, None)
        names = ("superiority", "superiority_low", "superiority_high")
        row |= {"n_arm": n[0], "n_against": n[1]} | dict(zip(names, chance, strict=True))
        rows.append({"figure": "ap"} | row)
    rows += [_flat(gap, found.baseline, "figure") for gap in found.gaps]
    return pd.DataFrame(rows)


def classes_table(found: Comparison) -> pd.DataFrame:
    """One row an arm and class, best difference first."""
    return pd.DataFrame([_flat(gap, found.baseline, "class") for gap in found.classes])


def _flat(gap: Gap, against: str, what: str) -> dict[str, Any]:
    row = dataclasses.asdict(gap.gap)
    row["difference"] = row.pop("value")
    return {what: gap.what, "arm": gap.arm, "against": against} | row | {
        "value": gap.value,
        "base": gap.base,
    }  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """One row of a forest plot."""

    label: str
    arm: str
    value: float
    ends: tuple[float, float] | None


def figure_bars(found: Comparison) -> tuple[Bar, ...]:
    """The differences in all figures, AP first."""
    bars = [_bar("AP", v.arm, v.difference, v.low, v.high) for v in found.verdicts]
    for metric, words in list(WORDS.items())[1:]:
        for gap in found.gaps:
            if gap.what == metric:
                bars.append(_bar(words, gap.arm, gap.gap.value, gap.gap.low, gap.gap.high))
    return tuple(bars)


def class_bars(found: Comparison) -> tuple[Bar, ...]:
    """The differences by class, in the order of the first arm's; of many, both ends."""
    names = list(dict.fromkeys(gap.what for gap in found.classes))
    if len(names) > MOST_CLASSES:
        names = names[: MOST_CLASSES // 2] + names[-MOST_CLASSES // 2 :]
    held = {name: [gap for gap in found.classes if gap.what == name] for name in names}
    return tuple(
        _bar(name, gap.arm, gap.gap.value, gap.gap.low, gap.gap.high)
        for name, gaps in held.items()
        for gap in gaps
    )


def _bar(label: str, arm: str, value: float, low: float | None, high: float | None) -> Bar:
    return Bar(label, arm, value, None if low is None or high is None else (low, high))


def draw_forest(bars: tuple[Bar, ...], against: str) -> Figure:
    """Differences with their intervals, a row each label, a colour each arm."""
    labels = list(dict.fromkeys(bar.label for bar in bars))
    arms = list(dict.fromkeys(bar.arm for bar in bars))
    fig, axes = figure(7.2, 1.1 + len(labels) * (0.16 + 0.12 * len(arms)))
    axes.axvline(0, color=LINE, linewidth=1.2)
    for place, (arm, colour) in enumerate(zip(arms, colours(len(arms)), strict=True)):
        shift = 0.7 * ((place + 0.5) / len(arms) - 0.5)
        for i, bar in enumerate(one for one in bars if one.arm == arm):
            row = labels.index(bar.label) + shift
            if bar.ends is not None:
                axes.plot(bar.ends, [row, row], color=colour, linewidth=1.4)
            name = f"{arm} minus {against}" if i == 0 else None
            marker = MARKERS[place % len(MARKERS)]
            axes.plot([bar.value], [row], marker, color=colour, markersize=4.5, label=name)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlabel("difference (fractions of 1), 95% interval")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return fig


def draw(found: Comparison) -> dict[str, str]:
    """The pictures that have something to show, by name."""
    drawn = {}
    with styled():
        for name, bars in (("differences", figure_bars(found)), ("classes", class_bars(found))):
            if bars:
                drawn[name] = to_svg(draw_forest(bars, found.baseline))
    return drawn


def render(found: Comparison, drawn: dict[str, str]) -> str:
    """The page. Every name is escaped; only our own pictures are let through as markup."""
    titles = {"differences": "Differences to the baseline", "classes": "Differences by class"}
    made = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"num": number, "ends": _ends, "chance": chance}
    pictures = {n: Markup(inline(svg, n, titles[n])) for n, svg in drawn.items()}
    page = made.get_template("comparison.html").render(
        found=found, pictures=pictures, WORDS=WORDS, by_arm=list(_by_arm(found)),
        LEVEL=estimates.LEVEL,
    )  # fmt: skip
    return page.rstrip("\n") + "\n"


def _by_arm(found: Comparison) -> Iterator[tuple[str, list[Gap], int]]:
    """Classes of each arm, and how many intervals leave out zero."""
    for arm in dict.fromkeys(gap.arm for gap in found.classes):
        held = [gap for gap in found.classes if gap.arm == arm]
        yield arm, held, sum(gap.gap.excludes_zero for gap in held)


def _ends(one: Any, digits: int = 3, sign: bool = False) -> str:
    """`[0.1, 0.2]` of anything with low and high; empty where there is none."""
    if one is None or one.low is None or one.high is None:
        return ""
    return f"[{number(one.low, digits, sign)}, {number(one.high, digits, sign)}]"
