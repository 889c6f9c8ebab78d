"""Resamples as facts: how a map gets the size of another level.

`up` where the source is coarser than the node, `down` where it is finer.
"""

from harness.graph.args import choice
from harness.graph.opspec import OpSpec
from harness.graph.spec import Op
from harness.registry import Table

RESAMPLES: Table[OpSpec] = Table("resample")


def _pool_kernel(op: Op, stride: int) -> int:
    return stride + 1 if op["kernel"] == "stride_plus_1" else stride


RESAMPLES.register("nearest")(OpSpec(arity=(1, 1), directions=("up",)))
RESAMPLES.register("max_pool")(
    OpSpec(
        args=(choice("kernel", "stride_plus_1", "stride"),),
        arity=(1, 1),
        directions=("down",),
        kernel=_pool_kernel,
    )
)
