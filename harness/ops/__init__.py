"""The modules of ops, under the names of `harness.graph.ops`. Importing this enters them all.

Those of plugins, too.
"""

from harness.ops import (
    block,
    fuse,
    fuse_dynamic,
    fuse_spatial,
    fuse_weighted,
    resample,
    resample_carafe,
    resample_conv,
    resample_up,
)
from harness.ops.tables import BLOCKS, FUSES, RESAMPLES
from harness.plugins import load_modules

__all__ = [
    "BLOCKS",
    "FUSES",
    "RESAMPLES",
    "block",
    "fuse",
    "fuse_dynamic",
    "fuse_spatial",
    "fuse_weighted",
    "resample",
    "resample_carafe",
    "resample_conv",
    "resample_up",
]

load_modules()
