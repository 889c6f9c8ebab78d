"""Where trials run. `ray/` is the only package of the project that imports Ray."""

from harness.engines.base import (
    ENGINES,
    WAIT,
    AbstractEngine,
    Early,
    Event,
    LedgerSink,
    Listed,
    OnEpoch,
    Sink,
    Supply,
    Wait,
    Watch,
    Work,
)
from harness.engines.inline import InlineEngine
from harness.engines.ray import RayEngine

__all__ = [
    "ENGINES",
    "WAIT",
    "AbstractEngine",
    "Early",
    "Event",
    "InlineEngine",
    "LedgerSink",
    "Listed",
    "OnEpoch",
    "RayEngine",
    "Sink",
    "Supply",
    "Wait",
    "Watch",
    "Work",
]
