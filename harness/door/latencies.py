"""`harness latency STUDY --import FILE`: latencies measured elsewhere, into the results folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.latencies import (
    latencies_path,
    read_csv,
    read_latencies,
    settings,
    write_latencies,
)
from harness.report.table import cell_labels
from harness.search import cell_name
from harness.studies import StudyResults, chosen_profile, read_study, study_name


def import_latencies(
    word: str, profile: str | None, file: Path, results: Path
) -> Mapping[str, Any]:
    """Bring in a file for a study that has results; the document of `--import --json`.

    word: the study's name, or its file.
    """
    name = study_name(word)
    study = read_study(results, name, chosen_profile(results, name, profile))
    new = read_csv(file, study, _names(study))
    path = latencies_path(results, study.study, study.profile)
    kept = read_latencies(results, study.study, study.profile).having(new.rows)
    write_latencies(results, kept)
    return {
        "study": study.study,
        "profile": study.profile,
        "file": str(path),
        "read": len(new.rows),
        "settings": {name: len(trials) for name, trials in settings(kept).items()},
    }


def import_words(document: Mapping[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"{document['read']} latencies read"
    for name, trials in document["settings"].items():
        yield f"  {name}: {trials} trial{'s' if trials > 1 else ''}"
    yield document["file"]


def _names(study: StudyResults) -> dict[str, list[str]]:
    """The trials of each arm and choice, by each of its names."""
    names: dict[str, dict[str, None]] = {}
    for cell, label in zip(study.cells, cell_labels(study.cells), strict=True):
        for name in (label, cell_name(cell.arm, cell.choice)):
            names.setdefault(name, {})[cell.id] = None
    return {name: list(trials) for name, trials in names.items()}
