"""The report as Markdown: question, answer, contrasts and table, for an issue or a README."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.report.forest import forest, name_of
from harness.report.gather import ReportData
from harness.report.signature import signature
from harness.report.wordings import cost_digits, giga, mega, number, p_value
from harness.statistics.contrasts import Contrast
from harness.statistics.estimates import Estimate

NAME = "report.md"


def markdown(data: ReportData) -> str:
    """`report.md`. ● marks what is not separated from the highest mean; nothing is bold."""
    said = signature(data)
    blocks = [
        f"# {escaped(data.study.question)}",
        escaped(data.answer),
        escaped(data.asked.note),
        "![Cost against AP](pareto.svg)" if data.pareto.points else "",
        *_contrasts(data),
        "## Table",
        _summary(data),
        f"● {data.marked}. Intervals: {data.method}. Test of arms: {data.test}. GFLOPs are 10⁹ "
        "multiply-adds, one per MAC.",
        *_telling(data),
        *(escaped(caution) for caution in data.ran.cautions),
        f"## Signature\n\n{escaped(said)}" if said else "",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: str) -> str:
    """Text in which nothing is markup, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&$])", r"\\\1", " ".join(text.split()))


def answer_of(files: Iterable[Path]) -> str | None:
    """The answer as a report that was written says it: what stands under its question."""
    page = next((file for file in files if file.name == NAME), None)
    blocks = page.read_text(encoding="utf-8").split("\n\n", 2) if page and page.is_file() else []
    return re.sub(r"\\([\\`*_{}\[\]<>#|~!&$])", r"\1", blocks[1]) if len(blocks) > 1 else None


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Escaped cells as a Markdown table."""
    lines = [head, ["---"] * len(head), *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _contrasts(data: ReportData) -> list[str]:
    info = forest(data.arms, data.declared, data.families, data.asked.spine)
    if info is None:
        return []
    head = ["arm", "difference in AP [95% interval]", "verdict", "p", "p (Holm)", "n"]
    blocks = ["## Contrasts"]
    for group in info.groups:
        rows = [
            [
                name_of(row, group), difference(row), row.verdict, p_value(row.p),
                p_value(row.p_holm), " / ".join(map(str, dict.fromkeys(row.n))),
                *([p_value(row.floor)] if group.exact else []),
            ]
            for row in group.rows
        ]  # fmt: skip
        columns = [*head, "floor of p"] if group.exact else head
        blocks += [escaped(group.title) + ":", table(columns, rows), f"p: {escaped(group.test)}."]
    return blocks


def _telling(data: ReportData) -> list[str]:
    """How narrow the space is, and what so many seeds would show."""
    if data.telling is None:
        return []
    said = [
        f"{stratum}: {one.words}" if stratum else one.words for stratum, one in data.telling.narrow
    ]
    rows = [[str(row.seeds), number(row.smallest, 4)] for row in data.telling.advice]
    head = ["seeds an arm", "smallest difference found with 80% power, AP"]
    return [
        "## What so many seeds can tell",
        *map(escaped, said),
        table(head, rows) if rows else "",
    ]


def _summary(data: ReportData) -> str:
    digits = cost_digits(arm.costs for arm in data.arms)
    head = ["arm", "n", "AP [95% interval]", "params (M)", "GFLOPs", "latency (ms)", "note"]
    rows = [
        [
            arm.label + (" (baseline)" if arm.is_baseline else ""),
            f"{arm.ap.n if arm.ap else 0}/{arm.planned}",
            interval(arm.ap) + (" ●" if arm.in_best_set else ""),
            mega(arm.costs.get("params"), digits["params"]),
            giga(arm.costs.get("macs"), digits["macs"]),
            number(arm.costs.get("latency_ms"), 1), arm.note,
        ]
        for arm in data.arms
    ]  # fmt: skip
    return table(head, rows)


def interval(one: Estimate | None) -> str:
    """`0.430 [0.423, 0.438]`, without brackets where one seed has none."""
    if one is None:
        return "–"
    ends = f" [{number(one.low)}, {number(one.high)}]" if one.low is not None else ""
    return number(one.mean) + ends


def difference(row: Contrast) -> str:
    """`+0.052 [+0.043, +0.061]`."""
    ends = f" [{number(row.low, 3, True)}, {number(row.high, 3, True)}]"
    return number(row.difference, 3, True) + (ends if row.low is not None else "")
