"""Names keep off points and bars: beside their points, else farther with a line, else nowhere."""

from typing import Any

from harness.report.labels import place_labels
from harness.report.style import figure


def placed(lines: Any = (), **more: Any) -> list[tuple[str, float, float]]:
    """Text and offset of every annotation; a line to a point is one without text."""
    fig, axes = figure(5, 4)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    place_labels(fig, axes, [(0.5, 0.5)], ["a name"], 0, lines, **more)
    return [(one.get_text(), *one.xyann) for one in axes.texts]


def test_a_name_stands_beside_its_point() -> None:
    assert placed() == [("a name", 7, 6)]


def test_a_name_goes_far_from_bars_with_a_line_to_its_point() -> None:
    bars = [((x, 0.4), (x, 0.56)) for x in (0.4, 0.45, 0.5, 0.55, 0.6, 0.65)]
    (name, x, y), (line, *_) = placed(bars)
    assert name == "a name"
    assert (x, y) == (16, 28)
    assert line == ""


def test_a_name_without_room_crosses_a_bar_or_is_left_to_the_key() -> None:
    bars = [((x / 50, 0.0), (x / 50, 1.0)) for x in range(50)]
    assert placed(bars) == [("a name", 7, 6)]
    assert placed(bars, strict=True) == []
