"""Blocks: what follows the fuse in a node, or stands on an edge. Modules are in `ops.blocks`."""

from collections.abc import Callable

from torch import Tensor, nn

from harness.ops import blocks as blocks
from harness.ops.blocks.conv import Projection
from harness.ops.blocks.unit import ACTIVATIONS, batch_norm, folded
from harness.ops.tables import BLOCKS

__all__ = ["ACTIVATIONS", "BLOCKS", "Projection", "batch_norm", "fixed", "fold_norms", "folded"]


def fold_norms(module: nn.Module) -> None:
    """Put norms into the convolutions before them, and branches into one, as eval mode has them.

    Every submodule that can do so has a method `fold`; outer ones come first.
    """
    for child in list(module.modules()):
        fold = getattr(child, "fold", None)
        if callable(fold):
            fold()


def fixed(block: nn.Module) -> Callable[[Tensor], Tensor]:
    """What a block computes with the tensors it has now.

    A block that can do without its module has a method `fixed`, for after `fold`.
    """
    made = getattr(block, "fixed", None)
    return made() if callable(made) else block
