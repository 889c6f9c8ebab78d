"""Colours stay apart on paper and in the dark, and the page has the dark ones as they are here."""

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

from harness.report.style import DARK, OKABE_ITO, SWAPS, tinted

PAPER, NIGHT = "#ffffff", "#0d1117"


def linear(colour: str) -> np.ndarray:
    """sRGB (IEC 61966-2-1) as linear light."""
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(colour: str) -> np.ndarray:
    """CIE 1976 L*a*b* under D65."""
    to_xyz = np.array(
        [[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]
    )
    x, y, z = np.cbrt(to_xyz @ linear(colour) / [0.9505, 1.0, 1.0888])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(a: str, b: str) -> float:
    """WCAG's ratio of luminances."""
    low, high = sorted(float(linear(one) @ [0.2126, 0.7152, 0.0722]) + 0.05 for one in (a, b))
    return high / low


@pytest.mark.parametrize("colours", [OKABE_ITO, DARK])
def test_every_two_colours_are_told_apart(colours: tuple[str, ...]) -> None:
    """1.2 and 1.45 were 8 apart in the dark, where about 2 is the least that is seen at all."""
    apart = {(a, b): float(np.linalg.norm(lab(a) - lab(b))) for a, b in combinations(colours, 2)}
    assert min(apart.values()) > 25


def test_every_colour_is_seen_in_the_dark() -> None:
    assert min(contrast(colour, NIGHT) for colour in DARK) > 4.5


def test_the_page_has_these_colours_in_the_dark() -> None:
    page = files("harness.report").joinpath("templates/page.css").read_text()
    dark = re.search(r"prefers-color-scheme:dark\)\{:root\{([^}]*)", page)
    assert dark
    assert tuple(re.findall(r"--c\d:(#\w+)", dark[1])) == DARK
    assert tinted(OKABE_ITO[1]) == "var(--c1, #d55e00)"
    assert set(OKABE_ITO) < set(SWAPS)
