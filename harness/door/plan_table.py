"""The tables of `harness plan`, in a wide terminal and a narrow one."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from harness.search import cell_name

Trial = Mapping[str, Any]
"""A row of `trials` in the document of `harness plan --json`."""
Row = tuple[str, ...]
COSTS = ("params", "acts", "FLOPs", "backbone", "network", "heads")
"""Heads of the columns; acts are activations, FLOPs multiply-adds, of the whole and by part."""


def state_of(trial: Trial) -> str:
    return "to train" if trial["status"] == "pending" else str(trial["status"])


def tables(
    trials: Sequence[Trial], times: Mapping[str, Any], title: str, console: Console
) -> tuple[Table, ...]:
    """All in one where the terminal has room; else short ids; else costs in a table of their own.

    times: what is guessed of trials, by id.
    """
    boundless = console.options.update(width=10_000)
    for whole_ids in (True, False):
        table = cell_table(trials, times, title, whole_ids=whole_ids, costs=True)
        if Measurement.get(console, boundless, table).maximum <= console.width:
            return (table,)
    return (cell_table(trials, times, title, whole_ids=False, costs=False), network_table(trials))


def cell_table(
    trials: Sequence[Trial], times: Mapping[str, Any], title: str, *, whole_ids: bool, costs: bool
) -> Table:
    """A row a cell; the arm's name alone may wrap."""
    table = Table(title=escape(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("arm", overflow="fold", min_width=12)
    table.add_column("seed", justify="right", no_wrap=True)
    table.add_column("trial", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for head in COSTS if costs else ():
        table.add_column(head, justify="right", no_wrap=True)
    for trial in trials:
        row = [
            escape(cell_name(trial["arm"], trial["choice"])),
            str(trial["seed"]),
            trial["id"] if whole_ids else trial["id"][:8],
            escape(state_of(trial)),
            _time(trial, times),
        ]
        table.add_row(*row, *(costs_of(trial) if costs else ()))
    return table


def network_table(trials: Sequence[Trial]) -> Table:
    """A row a network: costs by part, where there is no room for them beside each cell."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("costs of", overflow="fold", min_width=12)
    for head in COSTS:
        table.add_column(head, justify="right", no_wrap=True)
    seen: dict[Row, list[str]] = {}
    for trial in trials:
        names = seen.setdefault(costs_of(trial), [])
        names += [name for name in (cell_name(trial["arm"], trial["choice"]),) if name not in names]
    for numbers, names in seen.items():
        more = f" and {len(names) - 1} more" if names[1:] else ""
        table.add_row(escape(names[0] + more), *numbers)
    return table


def costs_of(trial: Trial) -> Row:
    """Params, activations and FLOPs of the whole, then FLOPs of backbone, network and heads."""
    macs = {name: part["macs"] for name, part in trial["parts"].items()}
    heads = sum(number for name, number in macs.items() if name.endswith("_head"))
    network = macs.get("feature_network", 0)
    whole = (trial["params"], trial["acts"], trial["macs"])
    numbers = (*whole, macs.get("backbone", 0), network, heads)
    return tuple(map(short, numbers))


def short(number: float | None) -> str:
    """Three digits and a unit: `3.88M`, `2.49G`, `950k`."""
    if number is None:
        return "-"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            value = number / size
            return f"{value:.{max(0, 2 - len(str(int(value + 0.0005))) + 1)}f}{unit}"
    return f"{number:.0f}"


def _time(trial: Trial, times: Mapping[str, Any]) -> str:
    if trial["status"] != "pending":
        return ""
    guess = times.get(trial["id"])
    return span_words(guess["seconds"]) if guess else "?"


def span_words(seconds: float) -> str:
    """`0.4 s`, `40 s`, `12 min`, `3 h 05` or `4.2 d`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = f"{minutes // 60} h {minutes % 60:02d}"
    return hours if minutes < 72 * 60 else f"{minutes / 1440:.1f} d"
