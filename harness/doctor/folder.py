"""The file system of the results: renames, links and clocks that the ledger and claims rely on."""

import time
import uuid
from pathlib import Path

from harness.claims import STALE_S
from harness.doctor.finding import Finding, Setting
from harness.files import create_whole, is_local, supersede, write_whole

SKEW_S = 5.0
"""A clock further off than this is told; one that is off by `STALE_S` loses live claims."""


def folder(setting: Setting) -> Finding:
    """Tries the ledger's own ways of writing in a folder of a moment, and takes it away again."""
    results = setting.results
    if not is_local(results):
        return Finding.not_run(
            f"{results} is a store: of two writers that meet within moments the last one stays"
        )
    beside = next(one for one in (results, *results.absolute().parents) if one.is_dir())
    trial = beside / f".doctor-{uuid.uuid4().hex[:8]}"
    trial.mkdir()
    try:
        return tried(trial)
    finally:
        for file in trial.iterdir():
            file.unlink()
        trial.rmdir()


def tried(trial: Path) -> Finding:
    """The finding on an empty folder."""
    wrong = list(_broken(trial))
    skew = clock_skew_s(trial)
    links = _links(trial)
    figures = {"links": links, "clock_skew_s": skew}
    if abs(skew) >= STALE_S:
        wrong.append(
            f"its clock is {skew:+.0f} s off: claims of other machines would look given up"
        )
    if wrong:
        return Finding.of(False, "; ".join(wrong), **figures)
    said = "files are replaced and created whole"
    if not links:
        said += "; it has no links, so two drivers that end one trial at once may both write it"
    if abs(skew) > SKEW_S:
        said += f"; its clock is {skew:+.0f} s off"
    return Finding.of(True, said, **figures)


def clock_skew_s(trial: Path) -> float:
    """Seconds that the file system's clock is ahead of this machine's."""
    before = time.time()
    file = trial / "clock"
    file.write_bytes(b"now")
    after = time.time()
    stamped = file.stat().st_mtime
    if stamped < before:
        # Stamps are of the system's last tick, and of whole seconds on some file systems.
        return min(0.0, stamped + 1 - before)
    return max(0.0, stamped - after)


def _broken(trial: Path) -> list[str]:
    """What of the ledger's writing does not do what it should."""
    record, found = trial / "record", []
    write_whole(record, "one")
    write_whole(record, "two")
    if record.read_text() != "two":
        found.append("a file cannot be replaced by a rename")
    if create_whole(record, "three") or record.read_text() != "two":
        found.append("a file that is there can be created again")
    aside = trial / "attempt-1"
    moved = supersede(record, "four", aside, lambda old: old == b"two")
    if not moved or record.read_text() != "four":
        found.append("a record cannot be moved aside for a later one")
    elif aside.read_text() != "two":
        found.append("a record moved aside is not what it was")
    return found


def _links(trial: Path) -> bool:
    """Whether hard links work: by them the file system decides which of two writers was first."""
    source = trial / "source"
    source.write_bytes(b"")
    try:
        (trial / "link").hardlink_to(source)
    except OSError:
        return False
    return True
