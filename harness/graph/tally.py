"""What a network computes for one image, by kind of operation: what counting conventions add up.

Conventions differ in what they count and how often (`harness.space.counting`); this says how much
there is of each. Numbers are elements of the map that is made, where nothing else is said.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Tally:
    """Operations by kind, for one image.

    macs: multiply-adds of convolutions, linear layers and attention products.
    acts: outputs of convolutions and linear layers (activations, as fvcore and RegNet's authors
    count them).
    bias: outputs of convolutions that have a bias. norm: outputs of norms in eval mode.
    swish: outputs of activations that multiply their input by a gate (SiLU, hard swish, GELU).
    mean: elements that global averages read. scale: products of maps with each other or a gate.
    add: sums of two maps inside a block. pool: cells in all windows of local pools.
    nearest, bilinear: elements made by upsampling; expanded: those of nearest that are made from a
    single cell (torch expands it as a view, which is no work).
    fuse: operations of the fusions of nodes.
    kernels: weights of convolutions. layers: convolutions with weights of their own.
    """

    macs: int = 0
    acts: int = 0
    bias: int = 0
    norm: int = 0
    swish: int = 0
    mean: int = 0
    scale: int = 0
    add: int = 0
    pool: int = 0
    nearest: int = 0
    bilinear: int = 0
    expanded: int = 0
    fuse: int = 0
    kernels: int = 0
    layers: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*[getattr(self, k) + getattr(other, k) for k in KINDS])

    def __mul__(self, times: int) -> "Tally":
        return Tally(*[times * getattr(self, k) for k in KINDS])


KINDS = tuple(field.name for field in fields(Tally))
NOTHING = Tally()
