"""Search and ablate multi-scale feature networks at known cost.

`import harness` is instant: the public names below are imported when they are first used, and
only those that need torch import it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.compiler import compile
    from harness.door.describe import build
    from harness.exchange import load_detector
    from harness.own import trial_data, trial_network, trial_record
    from harness.report.notebook import contrast, pareto
    from harness.report.table import table
    from harness.space.zoo import load_topology
    from harness.weights import load_weights

__all__ = [
    "build",
    "compile",
    "contrast",
    "load_detector",
    "load_topology",
    "load_weights",
    "pareto",
    "table",
    "trial_data",
    "trial_network",
    "trial_record",
]

_HOMES = {
    "build": "harness.door.describe",
    "compile": "harness.compiler",
    "contrast": "harness.report.notebook",
    "load_detector": "harness.exchange",
    "load_topology": "harness.space.zoo",
    "load_weights": "harness.weights",
    "pareto": "harness.report.notebook",
    "table": "harness.report",
    "trial_data": "harness.own",
    "trial_network": "harness.own",
    "trial_record": "harness.own",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
