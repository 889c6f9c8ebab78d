"""Detectors from and to files: other implementations' weights under our names, and our own file."""

from harness.exchange.effdet import Imported, import_effdet
from harness.exchange.files import Kept, load_detector, read_detector, write_detector

__all__ = [
    "Imported",
    "Kept",
    "import_effdet",
    "load_detector",
    "read_detector",
    "write_detector",
]
