"""From a scene to pixels: signed distances in a window each, textured backgrounds, tight boxes.

Only operations that IEEE 754 rounds exactly are used on pixels (+ - * / sqrt floor min max), so
that the same seed gives the same bytes on every machine. Angles come as tangents of their half.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from harness.data.scene import BANNER, CLEARANCE, FRAME, MAST, TILE, UNIT, WEDGE, Thing

Pixels = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]

TEXTURE = 256
FADE = 6.0
"""Units over which the ground beyond a clearing takes its hue."""
HUES: Pixels = np.array([[1.0, -0.2, -0.8], [-0.8, -0.2, 1.0]], dtype=np.float32)


def texture_bank(rng: np.random.Generator, count: int = 12) -> Pixels:
    """Seamless noise tiles (count, TEXTURE, TEXTURE) in [-1, 1], from coarse grain to fine."""
    return np.stack([_texture(rng, cells=(8, 16, 32, 64, 128, 256)[i % 6]) for i in range(count)])


def _texture(rng: np.random.Generator, cells: int) -> Pixels:
    grid = rng.random((cells, cells)) * 2 - 1
    step = TEXTURE // cells
    for axis in (0, 1):
        grid = _stretch(grid, step, axis)
    return grid.astype(np.float32)


def _stretch(grid: npt.NDArray[np.float64], step: int, axis: int) -> npt.NDArray[np.float64]:
    """Linear interpolation to `step` times the length, around the edge."""
    moved = np.moveaxis(grid, axis, -1)
    after = np.roll(moved, -1, -1)
    share = np.arange(step) / step
    mixed = moved[..., None] * (1 - share) + after[..., None] * share
    return np.moveaxis(mixed.reshape(*moved.shape[:-1], -1), -1, axis)


def paint(
    things: list[Thing], side: int, bank: Pixels, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], list[Box | None]]:
    """Image (side, side, 3) and the tight box of each thing in pixels; None where none is left."""
    canvas = _background(side, bank, rng)
    _wash(canvas, things)
    boxes = [_paint(canvas, thing, side / UNIT) for thing in things]
    canvas += _crop(bank[5], rng, side)[..., None] * np.float32(6)
    np.clip(canvas, 0, 255, out=canvas)
    return (canvas + np.float32(0.5)).astype(np.uint8), boxes


def _crop(tile: Pixels, rng: np.random.Generator, side: int) -> Pixels:
    """A random window of a tile, repeated where the window is larger."""
    x, y = int(rng.random() * TEXTURE), int(rng.random() * TEXTURE)
    return tile[np.ix_((np.arange(side) + y) % TEXTURE, (np.arange(side) + x) % TEXTURE)]


def _background(side: int, bank: Pixels, rng: np.random.Generator) -> Pixels:
    picks = rng.random(12)
    base = (90 + 70 * picks[0] + 24 * (picks[1:4] - 0.5)).astype(np.float32)
    coarse = _crop(bank[int(picks[4] * 3)], rng, side)[..., None]
    fine = _crop(bank[2 + int(picks[5] * 4)], rng, side)[..., None]
    tint = ((12 + 26 * picks[6]) * (0.6 + 0.4 * picks[7:10])).astype(np.float32)
    canvas: Pixels = coarse * tint
    canvas += fine * np.float32(6 + 20 * picks[10])
    canvas += base
    return canvas


def _wash(canvas: Pixels, things: list[Thing]) -> None:
    """Give the ground beyond the beads' clearing the hue of the scene's banners."""
    banner = next((thing for thing in things if BANNER <= thing.category < WEDGE), None)
    if banner is None:
        return
    side = canvas.shape[0]
    at = (np.arange(side) + 0.5) * (UNIT / side)
    gap = np.full((side, side), np.inf)
    for thing in things:
        if thing.category < MAST:
            x0, y0, x1, y1 = thing.box
            x, y = np.maximum(x0 - at, at - x1), np.maximum(y0 - at, at - y1)
            np.minimum(gap, np.maximum(x[None, :], y[:, None]), out=gap)
    beyond = np.clip((gap - CLEARANCE) / FADE, 0, 1).astype(np.float32)
    canvas += beyond[..., None] * (_hue(banner) * np.float32(60 * banner.strength))


def _hue(banner: Thing) -> Pixels:
    """(3,): its class's hue, shifted a little by its look."""
    shift = np.array(banner.look[1:4], dtype=np.float32) * np.float32(0.6) - np.float32(0.3)
    hue: Pixels = HUES[banner.category - BANNER] + shift
    return hue


def _paint(canvas: Pixels, thing: Thing, scale: float) -> Box | None:
    """Draw one thing into the canvas; its box covers the pixels that are half covered or more."""
    side = canvas.shape[0]
    x0, y0, x1, y1 = (value * scale for value in thing.box)
    left, top = max(int(x0) - 1, 0), max(int(y0) - 1, 0)
    right, bottom = min(int(x1) + 2, side), min(int(y1) + 2, side)
    u = (np.arange(left, right) + 0.5 - (x0 + x1) / 2).astype(np.float32)[None, :]
    v = (np.arange(top, bottom) + 0.5 - (y0 + y1) / 2).astype(np.float32)[:, None]
    half = ((x1 - x0) / 2, (y1 - y0) / 2)
    draw = _PAINTERS.get(thing.category, _bead if thing.category < MAST else _banner)
    distance, colour = draw(u, v, half, scale, thing)
    cover = np.clip(np.float32(0.5) - distance, 0, 1)
    window = canvas[top:bottom, left:right]
    window += cover[..., None] * (colour - window)
    solid = cover >= 0.5
    columns, rows = np.flatnonzero(solid.any(0)), np.flatnonzero(solid.any(1))
    if not len(columns):
        return None
    return (
        left + int(columns[0]),
        top + int(rows[0]),
        left + int(columns[-1]) + 1,
        top + int(rows[-1]) + 1,
    )


Half = tuple[float, float]
"""Half the width and height of a thing, pixels."""
Drawn = tuple[Pixels, Pixels]
"""Signed distance to the outline (h, w), negative inside; colour, broadcast to (h, w, 3)."""
Painter = Callable[[Pixels, Pixels, Half, float, Thing], Drawn]
"""From coordinates about the middle: u (1, w) and v (h, 1), pixels."""


def _turned(u: Pixels, v: Pixels, half_tangent: float) -> tuple[Pixels, Pixels]:
    """Coordinates turned by the angle whose half has this tangent."""
    square = half_tangent * half_tangent
    cosine, sine = (
        np.float32((1 - square) / (1 + square)),
        np.float32(2 * half_tangent / (1 + square)),
    )
    return cosine * u + sine * v, cosine * v - sine * u


def _wave(x: Pixels) -> Pixels:
    """Triangle wave of period 1 in [-1, 1]."""
    share = x - np.floor(x)
    wave: Pixels = np.float32(4) * np.abs(share - np.float32(0.5)) - np.float32(1)
    return wave


def _grey(level: float) -> Pixels:
    return np.full(3, level, dtype=np.float32)


def _bead(u: Pixels, v: Pixels, half: Half, scale: float, thing: Thing) -> Drawn:
    """A light ring round a dark centre: the same for both classes."""
    r = np.sqrt(u * u + v * v)
    radius = np.float32(half[0])
    inner = np.clip(radius * np.float32(0.5 + 0.15 * thing.look[0]) - r + np.float32(0.5), 0, 1)
    light = 128 + 110 * thing.strength
    level = np.float32(light) + inner * np.float32(40 + 30 * thing.look[1] - light)
    return r - radius, level[..., None]


def _banner(u: Pixels, v: Pixels, half: Half, scale: float, thing: Thing) -> Drawn:
    """A rectangle whose hue and weave are its class, paler or stronger."""
    distance = np.maximum(np.abs(u) - np.float32(half[0]), np.abs(v) - np.float32(half[1]))
    kind = thing.category - BANNER
    hue = _hue(thing) * np.float32(95 * thing.strength)
    period = np.float32((6 + 3 * thing.look[5]) * scale)
    a, b = _turned(u, v, 0.4 * thing.look[0] - 0.2)
    weave = _wave(a / period)
    if kind:
        weave = np.maximum(weave, _wave(b / period))
    colour = np.float32(90 + 70 * thing.look[4]) + hue
    return distance, (weave * np.float32(60 * thing.strength))[..., None] + colour


def _mast(u: Pixels, v: Pixels, half: Half, scale: float, thing: Thing) -> Drawn:
    """A body with four thin arms of unequal length; the tips are the box."""
    cx = np.float32((thing.look[0] - 0.5) * half[0])
    cy = np.float32((thing.look[1] - 0.5) * half[1])
    body = np.sqrt((u - cx) * (u - cx) + (v - cy) * (v - cy))
    radius = np.float32(min(half) * (0.28 + 0.14 * thing.look[2]))
    thick = np.float32((1.0 + 0.8 * thing.look[3]) * scale)
    across = np.maximum(np.abs(v - cy) - thick, np.abs(u) - np.float32(half[0]))
    down = np.maximum(np.abs(u - cx) - thick, np.abs(v) - np.float32(half[1]))
    distance = np.minimum(np.minimum(across, down), body - radius)
    dark = thing.look[4] < 0.5
    level = 128 - 110 * thing.strength if dark else 128 + 115 * thing.strength
    return distance, _grey(level)


def _frame(u: Pixels, v: Pixels, half: Half, scale: float, thing: Thing) -> Drawn:
    """A hollow rectangle in a thin stroke."""
    thick = np.float32((1.0 + 0.8 * thing.look[3]) * scale)
    outer = np.maximum(np.abs(u) - np.float32(half[0]), np.abs(v) - np.float32(half[1]))
    distance = np.maximum(outer, -outer - 2 * thick)
    dark = thing.look[4] < 0.5
    level = 128 - 110 * thing.strength if dark else 128 + 115 * thing.strength
    return distance, _grey(level)


def _wedge(u: Pixels, v: Pixels, half: Half, scale: float, thing: Thing) -> Drawn:
    """A triangle on its base, with stripes."""
    flip = np.float32(1 if thing.look[0] < 0.5 else -1)
    radius = np.float32(half[0])
    slope = np.float32(2 / 5**0.5)
    side = (np.abs(u) + (flip * v - radius) * np.float32(0.5)) * slope
    distance = np.maximum(side, -(flip * v) - radius)
    period = np.float32((4 + 3 * thing.look[1]) * scale)
    level = np.float32(128) + _wave((u + v) / period) * np.float32(100 * thing.strength)
    return distance, level[..., None]


def _tile(u: Pixels, v: Pixels, half: Half, scale: float, thing: Thing) -> Drawn:
    """A small square of checks."""
    distance = np.maximum(np.abs(u), np.abs(v)) - np.float32(half[0])
    cell = np.float32((2.2 + 1.3 * thing.look[1]) * scale)
    odd = np.floor(u / cell) + np.floor(v / cell)
    check = np.abs(odd - np.float32(2) * np.floor(odd / 2)) * 2 - 1
    level = np.float32(128) + check.astype(np.float32) * np.float32(105 * thing.strength)
    return distance, level[..., None]


_PAINTERS: dict[int, Painter] = {MAST: _mast, FRAME: _frame, WEDGE: _wedge, TILE: _tile}
