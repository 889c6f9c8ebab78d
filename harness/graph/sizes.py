"""Sizes of maps, in cells.

Of the backbone's maps they are the backbone's own: by the SAME rule `ceil(S / 2**L)` cells a side.
A coarser level has half the cells a side, rounded up; a finer one twice as many.
"""

from collections.abc import Iterable, Mapping

Size = tuple[int, int]
"""Height and width in cells (or of the image, in pixels)."""


def side_of(image_size: int, level: int) -> int:
    """Cells a side of a level's map."""
    return -(-image_size // (1 << level))


def map_sizes(inputs: Mapping[int, Size], levels: Iterable[int]) -> dict[int, Size]:
    """Sizes of all levels, from those of the backbone's maps."""
    sizes = dict(inputs)
    finest, coarsest = min(inputs), max(inputs)
    for level in range(coarsest + 1, max(levels, default=coarsest) + 1):
        high, wide = sizes[level - 1]
        sizes[level] = -(-high // 2), -(-wide // 2)
    for level in range(finest - 1, min(levels, default=finest) - 1, -1):
        high, wide = sizes[level + 1]
        sizes[level] = high * 2, wide * 2
    return sizes
