"""Tables, statistics, pictures and the page of a study, from `results/` alone. Without torch."""

from pathlib import Path

from harness.report.live import Live
from harness.report.table import table

__all__ = ["table", "write_report"]


def write_report(
    results: str | Path,
    study: str,
    profile: str,
    reports: str | Path = "reports",
    *,
    published: bool = False,
    live: Live | None = None,
    force: bool = False,
) -> tuple[Path, ...]:
    """As `harness.report.page.write_report`; matplotlib is loaded only now."""
    from harness.report.page import write_report as write

    return write(results, study, profile, reports, published=published, live=live, force=force)
