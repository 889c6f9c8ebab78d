"""`harness compare` as a document and as tables for people."""

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from harness.comparing.comparison import MANY, WORDS, Comparison, Gap, Verdict
from harness.comparing.interval import Interval
from harness.report.wordings import chance as likelihood

ID_LENGTH = 16
"""A name this long, as trials' ids are, stays on one line."""
SHOWN_CLASSES = 5
"""Classes shown from either end."""


def comparison_document(found: Comparison) -> dict[str, Any]:
    """The one JSON document: every figure, fractions of 1; NaN does not occur."""
    return {"answer": found.answer} | dataclasses.asdict(found)


def comparison_console(wide: bool) -> Console:
    """Standard output, as wide as the terminal or COLUMNS says; else 80 columns, or 160."""
    console = Console()
    return Console(width=160) if wide and not _is_told(console) else console


def _is_told(console: Console) -> bool:
    """Whether anybody says how wide the output is; sentences in a pipe stay whole lines."""
    return console.is_terminal or os.environ.get("COLUMNS", "").isdigit()


def say_comparison(found: Comparison, console: Console, wide: bool = False) -> None:
    """What was compared, AP with its differences, and what a reader must know.

    wide: every figure and class, too, and the settings that differ.
    """
    whole = not _is_told(console)
    for line in (found.title, _what(found)):
        console.print(line, markup=False, highlight=False, soft_wrap=whole)
    if wide:
        _say_all(found, console)
    else:
        console.print(short_table(found))
    for line in lines(found, wide):
        console.print(line, markup=False, highlight=False, soft_wrap=whole)


def short_table(found: Comparison) -> Table:
    """AP of each arm and, where arms are ranked, its difference from the baseline: 80 columns."""
    verdicts = {one.arm: one for one in found.verdicts}
    title = f"AP, and AP minus that of {found.baseline}" if verdicts else "AP"
    whole = min(ID_LENGTH, max((cell_len(arm.name) for arm in found.arms), default=0))
    arms = Column("arm", overflow="fold", min_width=whole)
    table = Table(arms, box=SIMPLE, title=escape(title), pad_edge=False)
    numbers = ("n", "AP", "difference", "p (Holm)") if verdicts else ("n", "AP", "95% interval")
    for head in numbers:
        table.add_column(head, justify="right", no_wrap=True)
    if verdicts:
        table.add_column("verdict", overflow="fold")
    for arm in found.arms:
        ap, one = arm.figures["ap"], verdicts.get(arm.name)
        cells = [str(arm.n), _number(None if ap is None else ap.value, 4)]
        if not verdicts:
            cells.append("" if ap is None else escape(_ends(ap.low, ap.high, "")))
        elif one is not None:
            ends = escape(_ends(one.low, one.high))
            cells += [f"{one.difference:+.4f}\n{ends}", _number(one.p_holm, 4), escape(one.words)]
        else:
            cells += ["", "", "baseline" if arm.name == found.baseline else ""]
        table.add_row(escape(arm.name), *cells)
    return table


def _say_all(found: Comparison, console: Console) -> None:
    console.print(figures_table(found))
    if found.verdicts:
        console.print(_verdict_table(found))
    if found.gaps:
        console.print(_gap_table(found))
    arms = list(dict.fromkeys(gap.arm for gap in found.classes))
    for arm in arms if len(arms) <= MANY else ():
        console.print(_class_table([gap for gap in found.classes if gap.arm == arm], found))
    if found.differs:
        console.print(_differs_table(found))


def lines(found: Comparison, wide: bool = True) -> Iterator[str]:
    """What stands under the tables: tests, cautions, and the answer last."""
    if found.order:
        yield found.order.words
    for test in dict.fromkeys(one.test for one in found.verdicts):
        yield f"test: {test}"
    yield from (f"note: {note}" for note in found.notes)
    if not wide:
        yield "the other figures, classes and settings: --wide, or --out FOLDER"
    yield found.answer


def _what(found: Comparison) -> str:
    images = ""
    if found.images is not None:
        images = f"{found.images:,} test image{'' if found.images == 1 else 's'}; "
    them = "them" if images else "the test images"
    how = f"{found.draws:,} draws of {them}, seed {found.seed}" if found.draws else "not resampled"
    return f"{images}{how}; fractions of 1; 95% intervals in brackets"


def figures_table(found: Comparison) -> Table:
    """An arm a row, a figure a column."""
    table = Table("arm", Column("n", justify="right"))
    for words in WORDS.values():
        table.add_column(words)
    for arm in found.arms:
        base = " (baseline)" if arm.name == found.baseline else ""
        cells = (_interval(arm.figures[metric]) for metric in WORDS)
        table.add_row(escape(f"{arm.name}{base}"), str(arm.n), *cells)
    return table


def _verdict_table(found: Comparison) -> Table:
    """A pair a row."""
    heads = "difference, 95% interval", "P(higher)", "p", "p (Holm)", "floor"
    table = Table(title=escape(f"AP minus that of {found.baseline}"))
    table.add_column("arm")
    for head in (heads[0], "se training", "se images", *heads[1:], "sign p", "its floor"):
        table.add_column(head)
    table.add_column("verdict")
    for v in found.verdicts:
        table.add_row(
            escape(v.arm),
            escape(f"{v.difference:+.4f} {_ends(v.low, v.high)}"),
            _number(v.seed_se, 4),
            _number(v.image_se, 4),
            escape(_chance(v)),
            *(_number(one, 4) for one in (v.p, v.p_holm, v.floor, v.sign_p, v.sign_floor)),
            escape(v.words),
        )
    return table


def _gap_table(found: Comparison) -> Table:
    """An arm a row, a figure a column."""
    table = Table("arm", title=escape(f"other figures minus those of {found.baseline}; not tested"))
    for metric in list(WORDS)[1:]:
        table.add_column(WORDS[metric])
    held = {(gap.arm, gap.what): gap.gap for gap in found.gaps}
    for arm in dict.fromkeys(gap.arm for gap in found.gaps):
        gaps = [held.get((arm, metric)) for metric in list(WORDS)[1:]]
        table.add_row(escape(arm), *(_difference(gap) if gap else "–" for gap in gaps))
    return table


def _class_table(gaps: list[Gap], found: Comparison) -> Table:
    shown, between = ends(gaps)
    table = Table(title=escape(f"classes, {gaps[0].arm} minus {found.baseline}; {chance(gaps)}"))
    for head in ("class", gaps[0].arm, found.baseline, "difference"):
        table.add_column(escape(head), justify="left" if head == "class" else "right")
    for place, gap in enumerate(shown):
        if between and place == SHOWN_CLASSES:
            table.add_row(f"... {between} between", "", "", "")
        cells = _number(gap.value, 3), _number(gap.base, 3), _difference(gap.gap)
        table.add_row(escape(gap.what), *cells)
    return table


def ends(gaps: list[Gap]) -> tuple[list[Gap], int]:
    """The best and the worst differences, and how many lie between."""
    if len(gaps) <= 2 * SHOWN_CLASSES:
        return gaps, 0
    return [*gaps[:SHOWN_CLASSES], *gaps[-SHOWN_CLASSES:]], len(gaps) - 2 * SHOWN_CLASSES


def chance(gaps: list[Gap]) -> str:
    """What is to be made of the best and the worst of many differences."""
    clear = sum(gap.gap.excludes_zero for gap in gaps)
    return (
        f"{clear} of {len(gaps)} intervals leave out zero, about {0.05 * len(gaps):.1f} would by "
        "chance"
    )


def _differs_table(found: Comparison) -> Table:
    table = Table(title="what is not the same")
    sides = list(found.differs[0].values)
    for head in ("setting", *sides, "so it"):
        table.add_column(escape(head), overflow="fold")
    for one in found.differs:
        cells = [one.values[side] for side in sides]
        table.add_row(*map(escape, (one.path, *cells, one.effect)))
    return table


def _interval(one: Interval | None) -> str:
    return "–" if one is None else f"{one.value:.4f}\n{escape(_ends(one.low, one.high, ''))}"


def _difference(one: Interval) -> str:
    return f"{one.value:+.4f} {escape(_ends(one.low, one.high, digits=3))}"


def _ends(low: float | None, high: float | None, sign: str = "+", digits: int = 4) -> str:
    """The interval; nothing where there is none."""
    if low is None or high is None:
        return ""
    return f"[{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _chance(one: Verdict) -> str:
    if one.superiority is None:
        return "–"
    value, low, high = one.superiority
    ends = "" if low is None or high is None else f" [{likelihood(low)}, {likelihood(high)}]"
    return f"{likelihood(value)}{ends}"
