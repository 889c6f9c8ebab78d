"""Where trials run. `ray.py` is the only file of the project that imports Ray."""

from harness.engines.base import ENGINES, WORKER_DIED, AbstractEngine, Event, OnEpoch, Watch, Work
from harness.engines.inline import InlineEngine
from harness.engines.ray import RayEngine

__all__ = [
    "ENGINES",
    "WORKER_DIED",
    "AbstractEngine",
    "Event",
    "InlineEngine",
    "OnEpoch",
    "RayEngine",
    "Watch",
    "Work",
]
