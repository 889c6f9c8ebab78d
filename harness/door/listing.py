"""What `harness ls` says."""

from pathlib import Path

from harness.space.backbones import backbone_names
from harness.space.family import FAMILY
from harness.space.zoo import topology_names


def names(results: Path) -> dict[str, list[str]]:
    """Every name a file may use, by kind, and the studies that have results."""
    from harness.data import DATASETS
    from harness.graph.ops import BLOCKS, FUSES, RESAMPLES
    from harness.space.heads import HEAD_FACTS
    from harness.studies import profiles_of

    folder = results / "studies"
    studies = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
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
            f"{study} ({profile})" for study in studies for profile in profiles_of(results, study)
        ],
    }
