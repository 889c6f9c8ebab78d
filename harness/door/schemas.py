"""`harness schema`: which schemas there are."""

from typing import Any

from harness.errors import SpecError, did_you_mean
from harness.graph.schema import topology_schema
from harness.space.schema import study_schema

SCHEMAS = {"topology": topology_schema, "study": study_schema}


def schema_of(kind: str) -> dict[str, Any]:
    if kind not in SCHEMAS:
        raise SpecError(f"no schema {kind!r}{did_you_mean(kind, SCHEMAS)}")
    return SCHEMAS[kind]()
