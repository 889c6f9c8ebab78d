"""Re-parameterisable convolutions, counted as they are trained: folded they are one convolution."""

from harness.graph.args import flag, whole
from harness.graph.ops.blocks.parts import Part, act, acted, each_cell, norm, unit, whole_of
from harness.graph.ops.blocks.table import BLOCKS, FORM, described, odd_kernel
from harness.graph.spec import Op


def rep_unit(
    op: Op, channels_in: int, channels_out: int, kernel: int, *, identity: bool = False
) -> Part:
    """A k x k and a 1x1 convolution side by side, and the norm of the input where it can be."""
    made = unit(op, channels_in, channels_out, kernel, acts=False)
    made |= unit(op, channels_in, channels_out, acts=False) + each_cell(add=channels_out)
    if identity and channels_in == channels_out:
        made |= norm(op, channels_out) + each_cell(add=channels_out)
    return made + act(op, acted(op, channels_in, channels_out))


def _rep(op: Op, channels_in: int, channels_out: int) -> Part:
    kernel, identity = whole_of(op, "kernel"), bool(op["identity"])
    first = rep_unit(op, channels_in, channels_out, kernel, identity=identity)
    rest = rep_unit(op, channels_out, channels_out, kernel, identity=identity)
    return first + rest * (whole_of(op, "n") - 1)


BLOCKS.register("rep")(
    described(_rep, (whole("n", 1), odd_kernel(), flag("identity", True), *FORM))
)
