"""How measured points look on a Pareto plot: filled where on the front, half where perhaps."""

from typing import TYPE_CHECKING, Any, Literal

from matplotlib.axes import Axes

from harness.report.style import BAND, INK, MARKERS, SOFT, colours, in_number_order

if TYPE_CHECKING:
    from harness.report.pareto import ParetoInfo, ParetoPoint

Standing = Literal["on", "perhaps", "off"]
UNSURE = (0.05, 0.95)
"""Between these probabilities a network is perhaps on the front."""


def standing(on_front: bool, probability: float | None) -> Standing:
    """To the front, as far as is known; by the means where no probability is."""
    if probability is None:
        return "on" if on_front else "off"
    if UNSURE[0] < probability < UNSURE[1]:
        return "perhaps"
    return "on" if probability >= UNSURE[1] else "off"


def colour_of(info: "ParetoInfo") -> dict[str, str]:
    """A colour for each family, or for each point where there are none."""
    groups = list(dict.fromkeys(point.family or point.label for point in info.points))
    groups.sort(key=in_number_order)  # the same over every cost
    return dict(zip(groups, colours(len(groups)), strict=True))


def draw_measured(axes: Axes, info: "ParetoInfo", colour: dict[str, str]) -> None:
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
    groups, strata = list(colour), list(dict.fromkeys(point.stratum for point in info.points))
    for i, point in enumerate(info.points):
        group = point.family or point.label
        kind = strata.index(point.stratum) if len(strata) > 1 else groups.index(group) // 8
        _draw_point(axes, point, colour[group], MARKERS[kind % len(MARKERS)], f"point-{i}")


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


def draw_keys(axes: Axes, info: "ParetoInfo", colour: dict[str, str]) -> None:
    """A key where colours mean families; labels beside the points say the rest."""
    if any(point.family for point in info.points):
        for name, shade in colour.items():
            axes.plot([], [], linestyle="none", marker="o", color=shade, label=name)
    strata = list(dict.fromkeys(point.stratum for point in info.points if point.stratum))
    for marker, stratum in zip(MARKERS, strata, strict=False):
        axes.plot([], [], linestyle="none", marker=marker, color=SOFT, label=stratum)
    known = any(point.front_probability is not None for point in info.points)
    for one, words in _standings(known):
        axes.plot([], [], linestyle="none", marker="o", label=words, **_look(one, SOFT))
    axes.plot([], [], linestyle="none", marker="_", color=SOFT, label="one seed")
    axes.plot([], [], color=SOFT, linewidth=1.2, label="95% interval")
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0,
        title=info.by.rsplit(".", 1)[-1] or None,
    )


def _standings(known: bool) -> tuple[tuple[Standing, str], ...]:
    """What the fillings mean; known: by probability, else by the means alone."""
    if not known:
        return (("on", "on the front of the means"),)
    return (
        ("on", f"on the front (p ≥ {_bare(UNSURE[1])})"),
        ("perhaps", "perhaps on the front"),
        ("off", f"not on it (p ≤ {_bare(UNSURE[0])})"),
    )


def _bare(probability: float) -> str:
    return f"{probability:.2f}".removeprefix("0")
