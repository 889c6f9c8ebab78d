"""What must be known of a dataset before its trials can be planned."""

from pathlib import Path

from harness.space.bind import FactsOf
from harness.space.data import DataFacts, DataSpec


def open_facts(cache: Path) -> FactsOf:
    """Facts of datasets as they lie on disk (generated ones are made now), each looked at once."""
    known: dict[tuple[str, int], DataFacts] = {}

    def facts(spec: DataSpec, image_size: int) -> DataFacts:
        from harness.data import open_data

        key = (spec.model_dump_json(), image_size)
        if key not in known:
            known[key] = open_data(spec, image_size, cache).facts
        return known[key]

    return facts
