"""`docs/fidelity.md`: every published figure, ours, the difference, and the reason of it."""

from pathlib import Path

from harness.errors import SpecError
from harness.fidelity import family, profiler, scaling, studies
from harness.fidelity.sheet import Sheet, summary

INTRODUCTION = """# Fidelity: the paper's figures and ours

Made by `harness fidelity --out docs/fidelity.md` from what the code counts; never by hand. A test
makes it again and compares. `theirs` is what papers print, what others' tests hold, or what others'
code was counted to have: each section says which. `equal` is to the unit; `as printed` is equal
when rounded as the source prints it; every other row says why it differs, or that nobody knows.
Closed forms throughout: what modules count is held to the same figures by tests.
"""


def sheets(search_spaces: Path, results: Path) -> tuple[Sheet, ...]:
    """All sections of the page, in order."""
    exact, printed, quoted = family.sheets()
    tables = studies.sheets(search_spaces, results)
    return (*printed, scaling.sheet(), *tables, *quoted, *exact, *profiler.sheets())


def page(search_spaces: Path, results: Path) -> str:
    """The whole page as Markdown; a `SpecError` where a difference has no reason."""
    found = sheets(search_spaces, results)
    silent = [row.what for one in found for row in one.rows if not row.is_explained]
    if silent:
        raise SpecError(f"differences without a reason: {', '.join(silent)}")
    body = "\n".join(one.markdown() for one in found)
    return f"{INTRODUCTION}\n{summary(found)}\n\n{body}"
