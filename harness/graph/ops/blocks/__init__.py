"""Blocks as facts: what follows the fuse of a node, or stands on an edge.

A file a family, as in `harness.ops.blocks`. Stride 1, the size kept. A norm has a scale and an
offset a channel. A block is told by the parts it is made of (`parts.py`), from which its
parameters, multiply-adds and reach follow.
"""

from harness.graph.ops.blocks import attention, context, conv, csp, rep, residual
from harness.graph.ops.blocks.table import ACTIVATIONS, BLOCKS, ORDERS

__all__ = [
    "ACTIVATIONS",
    "BLOCKS",
    "ORDERS",
    "attention",
    "context",
    "conv",
    "csp",
    "rep",
    "residual",
]
