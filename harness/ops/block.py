"""Blocks: what follows the fuse in a node, or stands on an edge. Modules are in `ops.blocks`."""

from torch import nn

from harness.ops import blocks as blocks
from harness.ops.blocks.conv import Projection
from harness.ops.blocks.unit import ACTIVATIONS, batch_norm, folded
from harness.ops.tables import BLOCKS

__all__ = ["ACTIVATIONS", "BLOCKS", "Projection", "batch_norm", "fold_norms", "folded"]


def fold_norms(module: nn.Module) -> None:
    """Put norms into the convolutions before them, and branches into one, as eval mode has them.

    Every submodule that can do so has a method `fold`; outer ones come first.
    """
    for child in list(module.modules()):
        fold = getattr(child, "fold", None)
        if callable(fold):
            fold()
