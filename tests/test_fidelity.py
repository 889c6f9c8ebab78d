"""The page of fidelity is what the code says now, and no difference on it is left unexplained."""

from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.fidelity.page import page
from harness.fidelity.sheet import Row, Sheet, summary, table
from harness.space.printed import Printed

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "fidelity.md"
AGAIN = "the page is not what the code says: harness fidelity --out docs/fidelity.md"


def row(printed: object, ours: float, reason: str = "") -> Row:
    return Row("it", Printed.read(printed), ours, reason)


def test_the_page_is_what_the_code_says(tmp_path):
    assert page(ROOT / "search_spaces", tmp_path) == PAGE.read_text(), AGAIN


def test_exact_figures_are_equal_to_the_unit():
    text = PAGE.read_text()
    exact = text[text.index("## Parameters\n") : text.index("## FLOPs of the first release")]
    rows = [line for line in exact.splitlines() if line.startswith(("| d", "| lite"))]
    assert len(rows) > 190
    assert all("| equal |" in line for line in rows)


@pytest.mark.parametrize(
    ("printed", "ours", "verdict"),
    [
        (3_880_067, 3_880_067, "equal"),
        (3_880_067, 3_880_068, "differs"),
        ("24B", 24_303_201_665, "as printed"),
        ("0.71x", 0.704, "differs"),
        ("0.88x", 0.875, "as printed"),
    ],
)
def test_a_row_says_how_ours_stands_to_the_printed(printed, ours, verdict):
    assert row(printed, ours).verdict == verdict
    assert row(printed, ours).is_explained == (verdict != "differs")
    assert row(printed, ours, "open").is_explained


def test_a_difference_is_a_share_of_the_printed():
    assert row("130B", 135.353e9, "a slip").cells()[3:] == ("+4.12%", "a slip")


def test_a_page_with_a_silent_difference_is_refused(monkeypatch, tmp_path):
    silent = Sheet("S", "words", (row("2x", 3.0),))
    monkeypatch.setattr("harness.fidelity.page.sheets", lambda *folders: (silent,))
    with pytest.raises(SpecError, match="without a reason: it"):
        page(ROOT / "search_spaces", tmp_path)


def test_cells_cannot_break_a_table():
    assert table(("a|b",), [("c\nd",)]) == "| a\\|b |\n| --- |\n| c d |"


def test_what_nobody_knows_is_counted_apart():
    known, nobody = row("2x", 3.0, "a slip"), Row("it", Printed.read("2x"), 3.0, "open", True)
    said = summary([Sheet("S", "", (known, nobody, row("2x", 2.0), row(5, 5)))])
    assert said == (
        "4 figures that others print or count: 1 equal to the unit, 1 equal as printed, "
        "1 different for a reason that is known, 1 open."
    )
