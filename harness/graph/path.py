"""What happens on an edge: each op of its path with the levels and channels on both sides of it."""

from dataclasses import dataclass

from harness.graph.ops import BLOCKS, RESAMPLES, OpSpec
from harness.graph.spec import Op


@dataclass(frozen=True, slots=True)
class Leg:
    """One op of a path. level_in and level_out differ where it resamples.

    nth: how many ops of its name stand before it on the path.
    """

    op: Op
    resamples: bool
    level_in: int
    level_out: int
    channels_in: int
    channels_out: int
    nth: int = 0

    @property
    def stride(self) -> int:
        """2 ** (levels between its ends)."""
        return 1 << abs(self.level_out - self.level_in)

    @property
    def spec(self) -> OpSpec:
        return (RESAMPLES if self.resamples else BLOCKS).get(self.op.name)


def changes_channels(path: tuple[Op, ...]) -> bool:
    """Whether some op of a path can make another number of channels."""
    return any(spec_of(op).any_channels for op in path)


def spec_of(op: Op) -> OpSpec:
    """The facts of an op that stands on an edge."""
    return (RESAMPLES if op.name in RESAMPLES else BLOCKS).get(op.name)


def legs(
    path: tuple[Op, ...], levels: tuple[int, int], channels: int, wanted: int
) -> tuple[Leg, ...]:
    """The legs of a path between two levels (source, node).

    Each resample goes one level on, the last all that are left. The first op that can make any
    number of channels makes `wanted`; the others keep what they are given.
    """
    at, end = levels
    left = sum(op.name in RESAMPLES for op in path)
    names = [op.name for op in path]
    found = []
    for i, op in enumerate(path):
        resamples = op.name in RESAMPLES
        to = at
        if resamples:
            left -= 1
            to = end if left == 0 else at + (1 if end > at else -1)
        made = wanted if spec_of(op).any_channels else channels
        nth = names[:i].count(op.name)
        found.append(Leg(op, resamples, at, to, channels, made, nth))
        at, channels = to, made
    return tuple(found)
