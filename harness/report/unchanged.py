"""Whether a report would come out as it is: a digest of all that it is made of lies beside it."""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from harness.files import write_whole
from harness.studies import profiles_of, read_study, study_path

MADE = ".made.json"
"""Name of the file that has the digest, in the folder of the report."""
DRAWN_BY = ("matplotlib", "numpy", "pandas", "scipy")
"""Packages of which another version may write another report."""


def made_of(results: Path, study: str, profile: str, published: bool) -> str:
    """Digest of the study's files, its trials' records, and the code that draws them.

    All profiles of the study count: a report says whether others put its arms in one order.

    Files that are named by what they hold (detections, match records, truths) count by name and
    size.
    """
    found = hashlib.sha256(f"{study} {profile} {published} {_code()}".encode())
    names = dict.fromkeys([profile, *profiles_of(results, study)])
    trials = dict.fromkeys(trial for name in names for trial in _trials(results, study, name))
    whole = [study_path(results, study, name) for name in names]
    whole += [results / kind / study / f"{profile}.json" for kind in ("latencies", "latency")]
    whole += _files(results / "studies" / study / profile)
    whole += [trial / "record.json" for trial in trials]
    for path in whole:
        if path.is_file():
            found.update(f"\n{path.relative_to(results)} ".encode() + path.read_bytes())
    held = [path for trial in trials if trial.is_dir() for path in sorted(trial.glob("*-*.npz"))]
    for path in [*held, *_files(results / "truths")]:
        found.update(f"\n{path.relative_to(results)} {path.stat().st_size}".encode())
    return found.hexdigest()


def is_unchanged(folder: Path, digest: str) -> tuple[Path, ...] | None:
    """The files of the report that lies in a folder, where it is made of just that; else None."""
    try:
        told = json.loads((folder / MADE).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or told.get("digest") != digest or not told.get("files"):
        return None
    files = tuple(folder / name for name in told["files"])
    return files if all(path.is_file() for path in files) else None


def keep(folder: Path, digest: str, files: Sequence[Path]) -> None:
    """Say what a report was made of. Last of all: a report cut short is made again."""
    names = [path.relative_to(folder).as_posix() for path in files]
    write_whole(folder / MADE, json.dumps({"digest": digest, "files": names}, indent=1) + "\n")


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file()) if folder.is_dir() else []


def _trials(results: Path, study: str, profile: str) -> list[Path]:
    """Folders of a profile's trials."""
    cells = read_study(results, study, profile).cells
    return [results / "ledger" / trial for trial in sorted({cell.id for cell in cells})]


@cache
def _code() -> str:
    """Digest of what can change how a report reads: this package's sources, and who draws."""
    root = Path(__file__).parents[1]
    found = hashlib.sha256(" ".join(map(version, DRAWN_BY)).encode())
    rooms = [
        root / room for room in ("report", "statistics", "graph", "space", "search", "published")
    ]
    files = [*root.glob("*.py"), *(one for room in rooms for one in room.rglob("*.*"))]
    for path in sorted(files):
        if path.suffix in (".py", ".html", ".css", ".js", ".json", ".yaml"):
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()
