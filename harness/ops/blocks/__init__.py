"""Modules of blocks, a file a family. Names and arguments are those of `harness.graph.ops.blocks`.

A block is built from its channels in and out, its norms' constants and its arguments. It takes
(N, channels_in, H, W) and gives (N, channels_out, H, W).
"""

from harness.ops.blocks import attention, context, conv, csp, deformable, rep, residual

__all__ = ["attention", "context", "conv", "csp", "deformable", "rep", "residual"]
