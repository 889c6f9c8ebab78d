"""`harness scaling`: the compound rules as the paper words them, the table, and where they part."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.door.printing import wide_console
from harness.space.compound import PAPER, Compound, WidthRule
from harness.space.family import MEMBERS, Member
from harness.space.rounding import round_width

SIZES = {
    "width": "W",
    "repeats": "D",
    "head_depth": "R",
    "image_size": "input",
    "backbone": "backbone",
}
RULES = {
    "width": "64 x 1.35^phi, rounded",
    "repeats": "3 + phi",
    "head_depth": "3 + floor(phi / 3)",
    "image_size": "512 + 128 x phi",
    "backbone": "EfficientNet-B of phi",
}
WORDED = tuple(one for one in MEMBERS if one.coefficient is not None)
"""The members that have a coefficient: D0 to D7."""
ROUNDED = tuple(one for one in WORDED if one.name != "efficientdet_d7")
"""Those whose width could follow a rule: D7 is D6 on larger images."""
MOST = 128


def scaling_document() -> dict[str, Any]:
    """Rules, rows by coefficient, what multiples make of the widths, and notes."""
    return {
        "rules": RULES,
        "rows": [_row(one) for one in WORDED],
        "multiples": {str(n): misses(n) for n in (8, 16, 32)},
        "notes": _notes(),
    }


def _row(its: Member) -> dict[str, Any]:
    phi = its.coefficient or 0
    rule = PAPER.model_copy(update={"coefficient": float(phi)})
    made = _sizes(rule)
    sizes = {name: {"rule": made[name], "published": getattr(its, name)} for name in SIZES}
    sizes["width"]["exact"] = round((rule.width or WidthRule()).exact(phi), 1)
    return {"coefficient": phi, "name": its.name, "sizes": sizes, "parts": _partings(sizes)}


def _sizes(rule: Compound) -> dict[str, Any]:
    lines = ("width", "repeats", "head_depth", "image_size")
    made = {name: getattr(rule, name).at(rule.coefficient) for name in lines}
    return {**made, "backbone": rule.backbone_name()}


def _partings(sizes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """In words, where the published size is another than the rule's."""
    return [
        f"{SIZES[name]} is {size['published']}, the rule gives {size['rule']}"
        for name, size in sizes.items()
        if size["published"] != size["rule"]
    ]


def misses(multiple: int) -> dict[str, int]:
    """The widths of D0 to D6 that rounding to a multiple does not give, with what it gives."""
    rule = PAPER.width or WidthRule()
    made = {
        one.name: round_width(rule.exact(one.coefficient or 0), {"multiple": multiple})
        for one in ROUNDED
    }
    return {one.name: made[one.name] for one in ROUNDED if made[one.name] != one.width}


def _notes() -> list[str]:
    fits = [n for n in range(1, MOST + 1) if not misses(n)]
    words = f"multiples that do: {', '.join(map(str, fits))}" if fits else "no multiple does"
    return [
        f"rounding 64 x 1.35^phi to one multiple up to {MOST} should give the widths of D0 to D6: "
        f"{words}. So the family is a table here, as in google/automl",
        "D7 is D6 on larger images and anchors; D7x is D6's network with B7 and levels to p8",
        "arXiv v1 worded D as 2 + phi. The table never followed it, but the ablations do: their "
        "costs are those of D3 with 5 cells, not 6 (inferred from tables 4 and 5)",
        "at a phi between, `harness cost --compound phi=2.5` rounds the input to a multiple of 128",
    ]


def say_scaling(document: Mapping[str, Any], console: Console | None = None) -> None:
    """One row a coefficient: rule and table side by side, and where they part in words."""
    console = console or wide_console()
    table = Table(title="compound scaling: as worded / as published")
    table.add_column("phi", justify="right")
    table.add_column("64 x 1.35^phi", justify="right")
    for name, short in SIZES.items():
        table.add_column("W (x8)" if name == "width" else short, justify="right")
    table.add_column("where they part")
    for row in document["rows"]:
        sizes = row["sizes"]
        cells = [_pair(sizes[name]) for name in SIZES]
        parts = "; ".join(row["parts"]) or "-"
        table.add_row(str(row["coefficient"]), f"{sizes['width']['exact']:.1f}", *cells, parts)
    console.print(table)
    for name, rule in document["rules"].items():
        console.print(f"{SIZES[name]} = {rule}", highlight=False)
    for multiple, missed in document["multiples"].items():
        words = ", ".join(f"{short_name(name)} ({width})" for name, width in missed.items())
        console.print(f"rounded to a multiple of {multiple}, W misses {words}", highlight=False)
    for note in document["notes"]:
        console.print(note, highlight=False, soft_wrap=True)


def _pair(size: Mapping[str, Any]) -> str:
    return f"{short_name(size['rule'])} / {short_name(size['published'])}"


def short_name(name: object) -> str:
    return str(name).removeprefix("tf_efficientnet_").removeprefix("efficientdet_").upper()
