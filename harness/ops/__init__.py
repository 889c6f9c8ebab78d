"""The modules of ops, under the names of `harness.graph.ops`. Importing this enters them all."""

from harness.ops import block, fuse, resample
from harness.ops.tables import BLOCKS, FUSES, RESAMPLES

__all__ = ["BLOCKS", "FUSES", "RESAMPLES", "block", "fuse", "resample"]
