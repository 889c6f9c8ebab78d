"""Tables of others' figures beside ours, each with its match or its reason, as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.space.printed import Printed

Verdict = Literal["equal", "as printed", "differs"]


@dataclass(frozen=True, slots=True)
class Row:
    """A published figure and ours.

    published: as it stands in its source. reason: why ours differs, or what must be known.
    is_open: nobody knows why.
    """

    what: str
    published: Printed
    ours: float
    reason: str = ""
    is_open: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.published.unit == "" and self.published.value == self.ours:
            return "equal"
        return "as printed" if self.published.agrees(self.ours) else "differs"

    @property
    def is_explained(self) -> bool:
        """Whether it matches, or says why not."""
        return self.verdict != "differs" or bool(self.reason)

    def cells(self) -> tuple[str, ...]:
        ours = f"{self.ours:,.0f}" if self.ours >= 1000 else f"{self.ours:,.4g}"
        gap = self.ours / self.published.value - 1 if self.published.value else 0.0
        difference = f"{100 * gap:+.2f}%" if self.verdict == "differs" else self.verdict
        return (self.what, _grouped(self.published), ours, difference, self.reason)


def _grouped(figure: Printed) -> str:
    """Whole numbers with commas, so that long ones can be compared by eye."""
    return f"{int(figure.text):,}" if figure.text.isdecimal() else figure.text


@dataclass(frozen=True, slots=True)
class Sheet:
    """A section of the page: words, then rows or a table of quotes.

    quotes: a header and its rows, where there is nothing of ours to stand beside.
    """

    title: str
    words: str
    rows: tuple[Row, ...] = ()
    quotes: tuple[tuple[str, ...], ...] = ()

    def markdown(self) -> str:
        parts = [f"## {self.title}", self.words]
        if self.rows:
            parts.append(table(HEADER, (row.cells() for row in self.rows)))
        if self.quotes:
            parts.append(table(self.quotes[0], self.quotes[1:]))
        return "\n\n".join(parts) + "\n"


HEADER = ("", "theirs", "ours", "difference", "reason")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars in cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def summary(sheets: Iterable[Sheet]) -> str:
    """How many figures stand on a page, and what became of them."""
    rows = [row for sheet in sheets for row in sheet.rows]
    equal = sum(row.verdict == "equal" for row in rows)
    printed = sum(row.verdict == "as printed" for row in rows)
    differs = [row for row in rows if row.verdict == "differs"]
    is_open = sum(row.is_open for row in differs)
    return (
        f"{len(rows)} figures that others print or count: {equal} equal to the unit, {printed} "
        f"equal as printed, {len(differs) - is_open} different for a reason that is known, "
        f"{is_open} open."
    )
