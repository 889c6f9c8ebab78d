"""`harness gc`: what would be freed, or was, by kind."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from harness.door.printing import wide_console
from harness.leftovers import KINDS, Found


def leftovers_document(found: Found, freed: int | None) -> dict[str, Any]:
    """The document of `harness gc --json`. freed: bytes; None where nothing was touched."""
    kinds = {kind: [one for one in found.leftovers if one.kind == kind] for kind in KINDS}
    return {
        "kinds": {
            kind: {"count": len(held), "bytes": sum(one.size for one in held)}
            for kind, held in kinds.items()
            if held
        },
        "bytes": sum(one.size for one in found.leftovers),
        "paths": [str(one.path) for one in found.leftovers],
        "notes": list(found.notes),
        "freed": freed,
    }


def say_leftovers(document: Mapping[str, Any]) -> None:
    console = wide_console()
    for note in document["notes"]:
        console.print(note, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if not document["kinds"]:
        console.print("nothing to free", highlight=False)
        return
    table = Table()
    table.add_column("what no record needs")
    table.add_column("how many", justify="right")
    table.add_column("size", justify="right")
    for kind, about in document["kinds"].items():
        table.add_row(kind, str(about["count"]), size_words(about["bytes"]))
    table.add_section()
    table.add_row("all", str(len(document["paths"])), size_words(document["bytes"]))
    console.print(table)
    if document["freed"] is None:
        console.print("nothing was touched: --yes frees it, --json names it", highlight=False)
    else:
        console.print(f"{size_words(document['freed'])} freed", highlight=False)


def size_words(size: int) -> str:
    """Bytes as `512 B`, `3.1 MB` or `12.0 GB`."""
    if size < 1000:
        return f"{size} B"
    value, units = float(size), ["kB", "MB", "GB", "TB"]
    for unit in units:
        value /= 1000
        if value < 999.95 or unit == units[-1]:
            break
    return f"{value:.1f} {unit}"
