"""The order of arms under a shared frozen backbone beside their order from scratch."""

from collections.abc import Iterator
from pathlib import Path

from harness.doctor.at_hand import places
from harness.doctor.finding import Finding, Setting
from harness.report.proxy import ProxyRow, proxy_info
from harness.studies import profiles_of

FROZEN, SCRATCH = ("laptop", "laptop_full"), "scratch"


def order(setting: Setting) -> Finding:
    """Rank correlation over the arms of each study that has results of both.

    Holds where one of them agrees better than by chance and none is turned round.
    """
    rows = list(_rows(setting.results))
    if not rows:
        reason = f"no study in {setting.results} has results of {FROZEN[0]} and of {SCRATCH}"
        return Finding.not_run(reason)
    said = " ".join(f"{study}: {row.words}" for study, row in rows)
    taus = [row.tau for _, row in rows]
    figures = {study: {"tau": row.tau.value, "rho": row.rho.value} for study, row in rows}
    if any(tau.high is not None and tau.high < 0 for tau in taus):
        return Finding.of(False, said, **figures)
    if any(tau.low is not None and tau.low > 0 for tau in taus):
        return Finding.of(True, said, **figures)
    return Finding("not run", f"what is at hand does not say. {said}", figures)


def _rows(results: Path) -> Iterator[tuple[str, ProxyRow]]:
    """Each study with both, and its row of `harness.report.proxy`; each study once."""
    seen: set[str] = set()
    for place, study in _studies(results):
        there = profiles_of(place, study)
        frozen = next((name for name in FROZEN if name in there), None)
        if frozen is None or SCRATCH not in there or study in seen:
            continue
        info = proxy_info(place, study, frozen)
        for row in info.rows if info else ():
            if row.other.profile == SCRATCH:
                seen.add(study)
                yield study, row


def _studies(results: Path) -> Iterator[tuple[Path, str]]:
    """Studies with results, in the folder and among those that are shipped in it."""
    shipped = results / "shipped"
    inside = sorted(shipped.iterdir()) if shipped.is_dir() else []
    for place in dict.fromkeys(
        (results, *(one for name in inside for one in places(results, name.name)))
    ):
        folder = place / "studies"
        for one in sorted(folder.iterdir()) if folder.is_dir() else []:
            yield place, one.name
