"""What `harness cost` says of counting conventions: totals, parts, and why they differ."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from harness.space.costing import closed_form as closed_cost
from harness.space.counting import CONVENTIONS, count_all
from harness.space.model import ModelSpec

if TYPE_CHECKING:
    from harness.detector import Detector

WHY = (
    "They differ in what counts beside convolutions: TensorFlow's profiler adds biases, swish, "
    "pools, fusions, squeeze-excite and weight initialisers, and changed with its version; fvcore "
    "adds norms and upsampling. Limits and Pareto plots use multiply-adds."
)
"""Said under the table of conventions."""
TRACED = 30e9
"""Multiply-adds of the largest model that fvcore is asked for: D3 takes 10 s and 5 GB."""


def counts(model: ModelSpec) -> dict[str, Any]:
    """The fields `fvcore`, `conventions` and `conventions_by_part` of a cost document.

    A convention that does not know an op of the network is null.
    """
    found = count_all(model)
    totals = {name: one.total if one else None for name, one in found.items()}
    return {
        "fvcore": fvcore_count(model, totals["fvcore"]),
        "conventions": totals,
        "conventions_by_part": {name: one.parts if one else None for name, one in found.items()},
    }


def fvcore_count(model: ModelSpec, closed_form: int | None) -> dict[str, Any]:
    """fvcore's own total with what it did not count; null where it was not run, with the reason.

    closed_form: the same by its rules; null where it does not know an op.
    """
    macs = closed_cost(model).macs
    if macs > TRACED:
        reason = (
            f"not run: tracing {macs / 1e9:,.0f} billion multiply-adds takes minutes and memory"
        )
        counted: dict[str, Any] = {"total": None, "uncounted": {}, "reason": reason}
    else:
        counted = _traced(model)
    return {**counted, "closed_form": closed_form}


def _traced(model: ModelSpec) -> dict[str, Any]:
    from harness.cost import count
    from harness.detector import build

    module: Detector = build(model)
    try:
        counted = count(module, model.image_size)
    except (RuntimeError, MemoryError, NotImplementedError) as error:
        return {"total": None, "uncounted": {}, "reason": str(error).splitlines()[0]}
    return {"total": counted.total, "uncounted": dict(counted.uncounted)}


def say_conventions(document: Mapping[str, Any], console: Console) -> None:
    """A line a convention: its total, how far it is from multiply-adds, what it counts."""
    table = Table(title="FLOPs by convention (one image)")
    table.add_column("convention")
    table.add_column("FLOPs", justify="right")
    table.add_column("v multiply-adds", justify="right")
    table.add_column("what is counted")
    for name, total in document["conventions"].items():
        if total is None:
            table.add_row(name, "-", "", f"{CONVENTIONS[name]}; knows not all ops of this network")
            continue
        more = 100 * (total / document["macs"] - 1)
        table.add_row(name, f"{total:,}", f"{more:+.2f}%" if more else "", CONVENTIONS[name])
    console.print(table)
    console.print(WHY, highlight=False, soft_wrap=True)
    for one in document["published"]:
        printed = f"{one['printed']['params']} params, {one['printed']['macs']} FLOPs"
        line = f"published: {printed}, counted as {one['convention']} ({one['source']})"
        line += f": {one['note']}" if "note" in one else ""
        console.print(line, highlight=False, soft_wrap=True)
    say_fvcore(document["fvcore"], console)


def say_fvcore(fvcore: Mapping[str, Any], console: Console) -> None:
    """What fvcore itself counted, and what it left out."""
    if fvcore["total"] is None:
        reason = fvcore.get("reason", "")
        console.print(f"fvcore did not count it, its rules did: {reason}", highlight=False)
        return
    uncounted = ", ".join(f"{name} x {n}" for name, n in fvcore["uncounted"].items())
    console.print(f"fvcore, run on the module, counts {fvcore['total']:,}", highlight=False)
    console.print(f"  and leaves out {uncounted or 'nothing'}", highlight=False, soft_wrap=True)
    if fvcore["closed_form"] not in (None, fvcore["total"]):
        reason = "the module does once what several nodes have in common"
        console.print(f"  (its rules on the graph give {fvcore['closed_form']:,}: {reason})")
