"""The ops of the language as facts: arguments, arity, roles, channels, parameters, multiply-adds.

An op is two things under one name: the facts here, free of torch, and its module in `harness.ops`.
Adding one means one `register` here and one there. In YAML an op is its name (`sum`), its name with
its first argument (`{weighted: fast}`), or its name with a mapping of arguments.
"""

from harness.graph.ops.blocks import ACTIVATIONS, BLOCKS, ORDERS
from harness.graph.ops.fuses import FUSES
from harness.graph.ops.resamples import RESAMPLES
from harness.graph.opspec import OpSpec, Shape, read_op

__all__ = [
    "ACTIVATIONS",
    "BLOCKS",
    "FUSES",
    "ORDERS",
    "RESAMPLES",
    "OpSpec",
    "Shape",
    "read_op",
]
