"""`harness plan`: the paper's table beside ours, in words that stand without colour."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.space.beside import COMPUTED
from harness.space.printed import HEADS

LEGEND = "ours: = as printed, within: what is open holds it, differs: it does not"

ELSEWHERE = "this profile is not in the paper's setting, so its costs are not put beside them"


def say_published(published: Mapping[str, Any] | None, console: Console) -> None:
    """The published table of a plan's document, with where it is from and what is open."""
    if published is None:
        return
    if published["rows"]:
        console.print(_table(published["rows"]))
    for line in _lines(published):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A column for each printed figure; ours and its mark beside those that are computed."""
    names = dict.fromkeys(name for row in rows for name in row["figures"])
    with_ours = {name for row in rows for name in row.get("ours", {})}
    table = Table(title="The paper's table beside ours" if with_ours else "The paper's table")
    table.add_column("")
    for name in names:
        table.add_column(escape(HEADS.get(name, name)), justify="right")
        if name in with_ours:
            table.add_column("ours", justify="right")
            table.add_column("")
    for row in rows:
        cells = [escape(_label(row))]
        for name in names:
            cells.append(escape(str(row["figures"].get(name, "-"))))
            if name in with_ours:
                cells.append(row["ours_as_printed"].get(name, "-"))
                cells.append(row["marks"].get(name, ""))
        table.add_row(*cells)
    return table


def _label(row: Mapping[str, Any]) -> str:
    return str(row["label"] or row["arm"] or "-")


def _lines(published: Mapping[str, Any]) -> Iterator[str]:
    yield f"published: {published['source']}"
    rows, costs = published["rows"], published.get("costs")
    if any(name in COMPUTED for row in rows for name in row["figures"]):
        yield f"{LEGEND}; {costs_words(costs)}" if costs else ELSEWHERE
    if published["note"]:
        yield published["note"]
    for row in rows:
        if row["note"]:
            yield f"{_label(row)}: {row['note']}"


def costs_words(costs: Mapping[str, Any]) -> str:
    """What ours is of: `feature network alone, FLOPs as tf_profiler_2020_05, ratios to panet`."""
    part = f"{costs['part'].replace('_', ' ')} alone" if costs["part"] else "the whole model"
    words = [part, f"FLOPs as {costs['convention']} counts"]
    if costs["relative_to"]:
        words.append(f"ratios to {costs['relative_to']}")
    if costs["classes"]:
        words.append(f"{costs['classes']} classes")
    return ", ".join(words)
