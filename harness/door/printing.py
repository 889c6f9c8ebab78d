"""Tables and lines for people, on standard output."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.door.conventions import say_conventions
from harness.door.searched import say_search
from harness.ledger import Ledger
from harness.outcomes import FAILURES, OUTCOMES
from harness.plurals import many
from harness.run import Outcome
from harness.search import cell_name, is_passed_over
from harness.space.limits import COSTS
from harness.studies import Cell

SHOWN = ("table.csv", "pareto.svg", "index.html", "found.yaml")


def wide_console() -> Console:
    """Standard output; wide enough for whole tables where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def say_outcome(
    outcome: Outcome,
    results: Path,
    written: Sequence[Path],
    console: Console,
    answer: str | None = None,
) -> None:
    """The table of arms, what went wrong, the report's answer, and where the report is."""
    for complaint in outcome.complaints:
        console.print(complaint, style="yellow", markup=False, highlight=False)
    console.print(arm_table(outcome.results.cells, Ledger(results)))
    say_search(outcome.results.search, console)
    counts = {
        status: sum(cell.status == status for cell in outcome.results.cells)
        for status in ("done", "alias", "rejected", *list(OUTCOMES)[1:], "pending")
    }
    words = [f"{number} {status}" for status, number in counts.items() if number]
    console.print(
        f"{many(len(outcome.results.cells), 'cell')}: {', '.join(words)}", highlight=False
    )
    for reason in _reasons(outcome.results.cells):
        console.print(reason, markup=False, highlight=False, soft_wrap=True)
    if not outcome.trained:
        left = counts.get("pending", 0)
        words_left = f"stopped at --limit: {left} left" if left else "nothing was left to train"
        console.print(words_left, highlight=False)
    if answer:
        console.print(answer, markup=False, highlight=False, soft_wrap=True)
    say_written(written, console)


def say_written(written: Sequence[Path], console: Console | None = None) -> None:
    console = console or wide_console()
    shown = [path for name in SHOWN for path in written if path.name == name] or written
    for path in shown:
        console.print(str(path), markup=False, highlight=False, soft_wrap=True)


def arm_table(cells: Sequence[Cell], ledger: Ledger) -> Table:
    """One row an arm and choice: seeds done, AP with its standard deviation over seeds, cost."""
    table = Table()
    table.add_column("arm")
    for head in ("seeds", "AP", "± sd", "params", "M multiply-adds"):
        table.add_column(head, justify="right")
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        if is_passed_over(cell.arm, cell.status):
            continue
        groups.setdefault(cell_name(cell.arm, cell.choice), []).append(cell)
    for name, group in groups.items():
        records = [ledger.get(cell.id) for cell in group if cell.status != "rejected"]
        aps = [r.metrics.ap for r in records if r and r.metrics and r.metrics.ap is not None]
        mean = sum(aps) / len(aps) if aps else None
        spread = _spread(aps)
        table.add_row(
            escape(name),
            f"{len(aps)}/{len(group)}",
            f"{mean:.3f}" if mean is not None else "-",
            f"{spread:.3f}" if spread is not None else "-",
            f"{group[0].params:,}" if group[0].params is not None else "-",
            f"{group[0].macs / 1e6:,.1f}" if group[0].macs is not None else "-",
        )
    return table


def _spread(values: Sequence[float]) -> float | None:
    """Standard deviation over seeds."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return float((sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5)


def _reasons(cells: Sequence[Cell]) -> list[str]:
    return [
        f"{cell_name(cell.arm, cell.choice)}, seed {cell.seed}: {cell.status}: {cell.reason}"
        for cell in cells
        if cell.status in (*FAILURES, "rejected") and cell.reason
        if not is_passed_over(cell.arm, cell.status)
    ]


def say_cost(document: Mapping[str, Any], console: Console | None = None) -> None:
    """Cost by part, fvcore's count, and what is published."""
    console = console or wide_console()
    table = Table(title=f"{document['name']} at {document['image_size']} px")
    table.add_column("part")
    table.add_column("params", justify="right")
    table.add_column("multiply-adds", justify="right")
    table.add_column("activations", justify="right")
    for name, part in [*document["parts"].items(), ("all", document)]:
        if part is document:
            table.add_section()
        table.add_row(name, *(f"{part[cost]:,}" for cost in COSTS))
    console.print(table)
    say_conventions(document, console)
