"""The compound rules as worded, the table as published, and where they part."""

from typing import Any

from harness.door.scaling import SIZES, scaling_document, short_name
from harness.fidelity.sheet import Sheet


def sheet() -> Sheet:
    """The section of the page on scaling: `harness scaling`, as a table."""
    document = scaling_document()
    header = ("phi", "64 x 1.35^phi", *SIZES.values(), "where they part")
    lines = tuple(_line(row) for row in document["rows"])
    notes = "\n".join(f"- {note}." for note in document["notes"])
    missed = "; ".join(
        f"to a multiple of {multiple} it misses {', '.join(map(short_name, found))}"
        for multiple, found in document["multiples"].items()
    )
    words = (
        "Sizes as the paper's rules give them / as published (arXiv 1911.09070v7, table 1 and "
        f"section 4.2; google/automl `hparams_config.py`). Width rounded {missed}.\n\n{notes}"
    )
    return Sheet("Scaling rules", words, quotes=(header, *lines))


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    sizes = row["sizes"]
    pairs = [f"{short_name(sizes[n]['rule'])} / {short_name(sizes[n]['published'])}" for n in SIZES]
    exact = f"{sizes['width']['exact']:.1f}"
    return str(row["coefficient"]), exact, *pairs, "; ".join(row["parts"]) or "-"
