"""What `harness ls` says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import LedgerError, SpecError
from harness.space.backbones import backbone_names
from harness.space.family import FAMILY
from harness.space.load import read_yaml
from harness.space.nearby import STUDIES
from harness.space.zoo import topology_names


def listing(results: Path) -> dict[str, Any]:
    """The document of `harness ls --json`: names by kind, of each study with results its trials by
    status, and of each study file at hand its question and profiles."""
    found = names(results)
    progress = {study: _counts(results, study) for study in found["studies"]}
    return {**found, "progress": progress, "study_files": study_files(STUDIES)}


def listing_words(document: dict[str, Any]) -> Iterator[str]:
    """A line a kind; studies have one each."""
    for kind, found in document.items():
        if kind not in ("studies", "progress", "study_files"):
            yield f"{kind}: {', '.join(found) or '-'}"
    progress = document["progress"]
    yield "studies:" if progress else "studies: -"
    for study, counts in progress.items():
        words = [f"{number} {status}" for status, number in counts.items()]
        yield f"  {study}: {', '.join(words) or 'cannot be read'}"
    if files := document["study_files"]:
        yield "study files:"
        for file, said in files.items():
            profiles = ", ".join(said["profiles"])
            yield f"  {file}: {said['question']}" + (f" ({profiles})" if profiles else "")


def study_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Question and profiles of each study file in a folder; what is no study, or cannot be read,
    is left out."""
    from harness.space.profiles import profile_names

    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            question = read_yaml(file).tree.get("question")
            if not isinstance(question, str):
                continue
            found[str(file)] = {
                "question": " ".join(question.split()),
                "profiles": list(profile_names(file)),
            }
        except SpecError:
            continue
    return found


def _counts(results: Path, study: str) -> dict[str, int]:
    """Of `name (profile)`."""
    from harness.door.lookout import Lookout

    name, _, profile = study.removesuffix(")").rpartition(" (")
    try:
        return dict(Lookout(results, name, profile).look().counts)
    except LedgerError:
        return {}


def names(results: Path) -> dict[str, list[str]]:
    """Every name a file may use, by kind, and the studies that have results."""
    from harness.data import DATASETS
    from harness.graph.ops import BLOCKS, FUSES, RESAMPLES
    from harness.space.heads import HEAD_FACTS
    from harness.studies import profiles_of, studies_of

    return {
        "models": list(FAMILY),
        "topologies": list(topology_names()),
        "backbones": list(backbone_names()),
        "fuses": list(FUSES.names()),
        "blocks": list(BLOCKS.names()),
        "resamples": list(RESAMPLES.names()),
        "heads": list(HEAD_FACTS.names()),
        "datasets": list(DATASETS.names()),
        "engines": ["ray", "inline"],
        "studies": [
            f"{study} ({profile})"
            for study in studies_of(results)
            for profile in profiles_of(results, study)
        ],
    }
