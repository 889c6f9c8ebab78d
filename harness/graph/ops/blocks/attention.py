"""Blocks in which every cell counts for every cell. They keep the number of channels."""

from harness.graph.args import Arg, choice, positive, whole
from harness.graph.ops.blocks.parts import (
    Part,
    act,
    convolution,
    each_cell,
    ratio_of,
    share,
    squeeze,
    whole_of,
)
from harness.graph.ops.blocks.table import ACTIVATIONS, BLOCKS, Parts, described
from harness.graph.opspec import OpSpec
from harness.graph.spec import Op
from harness.graph.tally import Tally


def _attention(op: Op, channels: int, _: int) -> Part:
    """Heads have channels / heads, rounded up. Two norms over channels; positions are added."""
    heads, middle = whole_of(op, "heads"), share(channels, ratio_of(op, "feedforward"))
    inner = -(-channels // heads) * heads
    feedforward = convolution(channels, middle) + convolution(middle, channels)
    products = Part(pairs=2 * inner)
    norms = Part(4 * channels, Tally(norm=2 * channels, add=3 * channels))
    feedforward += act(op, middle)
    inwards, outwards = convolution(channels, 3 * inner), convolution(inner, channels)
    return inwards + products + outwards + feedforward + norms


def _nonlocal(op: Op, channels: int, _: int) -> Part:
    hidden = max(1, channels // whole_of(op, "reduction"))
    inwards, outwards = convolution(channels, 3 * hidden), convolution(hidden, channels)
    return inwards + Part(pairs=2 * hidden) + outwards + each_cell(add=channels)


def _se(op: Op, channels: int, _: int) -> Part:
    return squeeze(channels, whole_of(op, "reduction")) + each_cell(scale=channels)


def _dyrelu(op: Op, channels: int, _: int) -> Part:
    """Two slopes and two offsets a channel."""
    lines = each_cell(scale=2 * channels, add=2 * channels)
    return squeeze(channels, whole_of(op, "reduction"), outputs=4) + lines


def _global(parts: Parts, *args: Arg) -> OpSpec:
    return described(parts, args, idle=lambda op: (), any_channels=False, global_=True)


BLOCKS.register("attention")(
    _global(
        _attention,
        whole("heads", 8),
        positive("feedforward", 4.0),
        choice("act", "gelu", *(act for act in ACTIVATIONS if act != "gelu")),
    )
)
BLOCKS.register("nonlocal")(_global(_nonlocal, whole("reduction", 2)))
BLOCKS.register("se")(
    _global(_se, whole("reduction", 16), choice("gate", "sigmoid", "hard_sigmoid"))
)
BLOCKS.register("dyrelu")(_global(_dyrelu, whole("reduction", 4)))
