"""What stands where in a generated image: classes, places and looks as numbers, no pixels.

A scene is laid out in units of 1/128 of the image's side, so that one seed gives one picture
whatever the size. Three needs are built in:

- `context`: beads of two classes look alike and lie together in a clearing. What is beyond it
  tells which they are: the hue of the ground and the banners that stand there, paler or stronger,
  one cue shared by all beads of the scene and nowhere nearer to any of them than `CLEARANCE`.
- `extent`: masts and frames are large and drawn in thin strokes, whose tips are the box.
- `none`: banners, wedges and tiles are told by their own colour, outline and texture.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Need = Literal["context", "extent", "none"]
Floats = npt.NDArray[np.float64]

UNIT = 128.0
"""Side of a scene in its own units."""
CLEARANCE = 34.0
"""Least gap (larger of the two axes) between a bead's box and anything that tells its class."""
CLUSTER = 30.0
"""Most such gap between two beads of a scene."""
LARGE_BEADS = 0.3
"""Share of beads 2.4 times as large: coarser levels answer for those and see farther. Without
them training either finds the way from coarse to fine or does not, and AP is bimodal over seeds."""

CATEGORIES: tuple[tuple[str, Need], ...] = (
    ("bead_red", "context"),
    ("bead_blue", "context"),
    ("mast", "extent"),
    ("frame", "extent"),
    ("banner_red", "none"),
    ("banner_blue", "none"),
    ("wedge", "none"),
    ("tile", "none"),
)
"""Names and needs in the order of their ids, from 1."""
BEAD, MAST, FRAME, BANNER, WEDGE, TILE = 0, 2, 3, 4, 6, 7


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: category index, box (x0, y0, x1, y1) in units, and its look in [0, 1]."""

    category: int
    box: tuple[float, float, float, float]
    look: tuple[float, ...]
    """Eight uniform numbers: what they mean is the painter's, by class."""
    strength: float
    """How far it stands out from what is behind it; of a banner, how strong the cue is."""


def lay_out(rng: np.random.Generator) -> list[Thing]:
    """The things of one scene, in the order they are painted."""
    banners = _banners(rng) if rng.random() < 0.88 else []
    things = [_large(rng)] if rng.random() < 0.8 else []
    beads = _beads(rng, banners) if banners else []
    fixed = [thing.box for thing in (*banners, *beads)]
    things += banners
    things += _scatter(rng, WEDGE, count=_count(rng, 0, 2), sides=(14, 52), fixed=fixed)
    things += _scatter(rng, TILE, count=_count(rng, 1, 3), sides=(8, 24), fixed=fixed)
    return things + beads


def _count(rng: np.random.Generator, low: int, high: int) -> int:
    return low + int(rng.random() * (high - low + 1))


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * rng.random()


def _looks(rng: np.random.Generator) -> tuple[float, ...]:
    return tuple(rng.random(8).tolist())


def _banners(rng: np.random.Generator) -> list[Thing]:
    """One to three of a class in a row at an edge, so that beads find room out of their sight."""
    category, edge = BANNER + _count(rng, 0, 1), _count(rng, 0, 3)
    banners = []
    start = 0.0
    for left in range(_count(rng, 1, 3), 0, -1):
        side, off = _between(rng, 26, 38), _between(rng, 0, 4)
        start = _between(rng, start, UNIT - 40 * left)
        across = off if edge < 2 else UNIT - off - side
        box = (start, across, start + side, across + side)
        if edge % 2:
            box = (box[1], box[0], box[3], box[2])
        banners.append(Thing(category, box, _looks(rng), _between(rng, 0.3, 1)))
        start += side + 2
    return banners


def _beads(rng: np.random.Generator, banners: list[Thing]) -> list[Thing]:
    """A cluster of beads of the class of the banners, each out of their sight."""
    wanted = _count(rng, 5, 10)
    sides = 9 + 6 * rng.random(192)
    sides = np.where(rng.random(192) < LARGE_BEADS, 2.4 * sides, sides)
    corners = rng.random((192, 2)) * (UNIT - sides)[:, None]
    boxes = np.concatenate([corners, corners + sides[:, None]], 1)
    far = np.minimum.reduce([gaps(boxes, banner.box) for banner in banners]) >= CLEARANCE
    beads: list[Thing] = []
    for box in boxes[far]:
        if len(beads) == wanted:
            break
        if all(1 < gaps(box[None], bead.box)[0] < CLUSTER for bead in beads):
            place = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
            category = banners[0].category - BANNER + BEAD
            beads.append(Thing(category, place, _looks(rng), _between(rng, 0.5, 1)))
    return beads


def _large(rng: np.random.Generator) -> Thing:
    wide, high = _between(rng, 44, 112), _between(rng, 44, 112)
    x, y = _between(rng, 0, UNIT - wide), _between(rng, 0, UNIT - high)
    kind = MAST if rng.random() < 0.5 else FRAME
    return Thing(kind, (x, y, x + wide, y + high), _looks(rng), _between(rng, 0.4, 1))


def _scatter(
    rng: np.random.Generator,
    category: int,
    count: int,
    sides: tuple[float, float],
    fixed: list[tuple[float, float, float, float]],
) -> list[Thing]:
    """Things laid anywhere, hiding at most a quarter of any thing in `fixed`."""
    placed: list[Thing] = []
    for _ in range(count):
        side = sides[0] * (sides[1] / sides[0]) ** rng.random()
        for x, y in rng.random((8, 2)) * (UNIT - side):
            box = (float(x), float(y), float(x) + side, float(y) + side)
            if all(hidden(box, other) <= 0.25 for other in fixed):
                placed.append(Thing(category, box, _looks(rng), _between(rng, 0.35, 1)))
                break
    return placed


def gaps(boxes: Floats, other: tuple[float, float, float, float]) -> Floats:
    """Larger of the horizontal and vertical gaps between each of (n, 4) boxes and another: (n,)."""
    x = np.maximum(other[0] - boxes[:, 2], boxes[:, 0] - other[2])
    y = np.maximum(other[1] - boxes[:, 3], boxes[:, 1] - other[3])
    return np.maximum(x, y)


def hidden(
    box: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> float:
    """Share of `other`'s box that `box` covers."""
    wide = min(box[2], other[2]) - max(box[0], other[0])
    high = min(box[3], other[3]) - max(box[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / ((other[2] - other[0]) * (other[3] - other[1]))
