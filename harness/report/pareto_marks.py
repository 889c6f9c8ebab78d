"""How measured points look on a Pareto plot: filled where on the front, half where perhaps."""

from textwrap import fill
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from harness.report.style import BAND, INK, MARKERS, SOFT, colours, in_number_order
from harness.statistics.estimates import LEVEL
from harness.statistics.standings import Standing

if TYPE_CHECKING:
    from harness.report.pareto import ParetoInfo, ParetoPoint

SEVERAL = "several"
"""Networks that several families share, as one group of points."""
NAMED = 14
"""Arms of which the key still gives each a line."""
SAID: dict[Standing, str] = {
    "on": "on the front: separated above all that cost no more",
    "perhaps": "perhaps on the front: not separated",
    "off": "not on it: separated below one that costs no more",
}
"""What the fillings mean."""


def said_of(point: "ParetoPoint") -> str:
    """Where a point stands to the front, in words."""
    return SAID[point.standing] if point.is_judged else "one seed: not judged"


def caption(info: "ParetoInfo") -> str:
    """What the marks of a plot claim, and no more."""
    judged = [point for point in info.points if point.is_judged]
    line = "The dashed line is the Pareto front of the means. " if len(info.front) > 1 else ""
    if len(judged) < 2:
        return f"{line}Arms of one seed are not judged: all of these may be on the front or not."
    others, level = len(judged) - 1, _bare(LEVEL)
    tested = f"The difference is tested at {level}"
    if others > 1:
        tested = (
            f"A network meets {others} others, so each difference is tested at {level} / {others}"
        )
    words = (
        f"{line}Marks follow the test of the verdicts. Filled: separated above every network that "
        "costs no more. Hollow: separated below one that costs no more. Half-filled: neither. "
        f"{tested}; besides, its interval must leave out zero."
    )
    if any(point.shared for point in info.points):
        words += " Grey: one network of several families, in brackets."
    if info.is_one_cost:
        return f"{words} All cost the same here, so the front is the highest AP alone."
    first = info.points[0]
    if first.standing == "on" and all(one.x > first.x for one in info.points[1:]):
        words += f" Nothing costs as little as {first.title}: on the front whatever its AP."
    if len(judged) < len(info.points):
        words += (
            " Arms of one seed are not judged: they, and what else could only be on the front by "
            "being above them, are half-filled."
        )
    return words


def colour_of(info: "ParetoInfo") -> dict[str, str]:
    """A colour for each family, or for each point where there are none."""
    groups = list(info.families or dict.fromkeys(point.label for point in info.points))
    groups.sort(key=in_number_order)  # the same over every cost
    found = dict(zip(groups, colours(len(groups)), strict=True))
    shared = any(point.shared for point in info.points)
    return found | ({SEVERAL: SOFT} if shared else {})


def markers_of(info: "ParetoInfo") -> dict[str, str]:
    """A shape for each of the same groups; for each stratum where a study has several."""
    strata = list(dict.fromkeys(point.stratum for point in info.points))
    if len(strata) > 1:
        shape = dict(zip(strata, MARKERS * len(strata), strict=False))
        return {point.label: shape[point.stratum] for point in info.points}
    shape = dict(zip(colour_of(info), MARKERS * len(info.points), strict=False))
    shape[SEVERAL] = "h"
    return {point.label: shape[point.group] for point in info.points}


def draw_measured(axes: Axes, info: "ParetoInfo", colour: dict[str, str]) -> None:
    """The points with intervals and seeds, and the front of the means where it has a step."""
    front = info.front
    if len(front) > 1:
        axes.step(
            [point.x for point in front],
            [point.ap.mean for point in front],
            where="post",
            color=SOFT,
            linewidth=1.1,
            linestyle=(0, (4, 2)),
            zorder=1,
            label="front of the means",
        )
    shape = markers_of(info)
    for i, point in enumerate(info.points):
        _draw_point(axes, point, colour[point.group], shape[point.label], f"point-{i}")


def _draw_point(axes: Axes, point: "ParetoPoint", colour: str, marker: str, name: str) -> None:
    """name: of the marker in the SVG, where the page finds it."""
    if point.ap.low is not None and point.ap.high is not None:
        axes.plot(
            [point.x, point.x], [point.ap.low, point.ap.high], color=colour, linewidth=1.2, zorder=2
        )
    axes.plot(
        [point.x] * len(point.seeds),
        point.seeds,
        linestyle="none",
        marker="_",
        markersize=7,
        color=colour,
        alpha=0.9,
        zorder=3,
    )
    look = _look(point.standing, colour)
    axes.plot(
        [point.x], [point.ap.mean], linestyle="none", marker=marker, zorder=4, gid=name, **look
    )


def _look(standing: Standing, colour: str) -> dict[str, Any]:
    """Filled: on the front; half filled: perhaps; hollow: not."""
    return {
        "markersize": 6.5 if standing == "off" else 8.5,
        "fillstyle": "left" if standing == "perhaps" else "full",
        "markerfacecolor": BAND if standing == "off" else colour,
        "markerfacecoloralt": BAND,
        "markeredgecolor": INK if standing == "on" else colour,
        "markeredgewidth": 1.2,
    }


def draw_keys(axes: Axes, info: "ParetoInfo", colour: dict[str, str], letters: int = 28) -> None:
    """Lines for the key: families, or arms while these are few; then what the marks say.

    letters: in a line of it.
    """
    none: Any = {"linestyle": "none"}
    shape = markers_of(info)
    strata = list(dict.fromkeys(point.stratum for point in info.points if point.stratum))
    of = {point.group: shape[point.label] for point in info.points}
    if is_named(info):
        words = {point.label: point.title for point in info.points} | {
            SEVERAL: "several, in brackets"
        }
        for name, shade in colour.items():
            marker = "o" if len(strata) > 1 else of.get(name, "o")
            text = fill(words.get(name, name), letters)
            axes.plot([], [], marker=marker, color=shade, label=text, **none)
    for marker, stratum in zip(MARKERS, strata, strict=False):
        if len(strata) > 1:
            axes.plot([], [], marker=marker, color=SOFT, label=fill(stratum, letters), **none)
    for one in dict.fromkeys(sorted((p.standing for p in info.points), key=list(SAID).index)):
        axes.plot([], [], marker="o", label=fill(SAID[one], letters), **none, **_look(one, SOFT))
    axes.plot([], [], marker="_", color=SOFT, label="one seed", **none)
    axes.plot([], [], color=SOFT, linewidth=1.2, label="95% interval")


def is_named(info: "ParetoInfo") -> bool:
    """Whether the key says which colour and shape is whose."""
    return bool(info.families) or len(info.points) <= NAMED


def _bare(probability: float) -> str:
    return f"{probability:.2f}".removeprefix("0")
