"""Published detectors as landmarks of a cost-AP plot: grey, labelled, in no front and no test."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes

from harness.plurals import many
from harness.published.detectors import PublishedDetector, Split, detectors
from harness.report.style import SOFT

LEGEND = "published, quoted (COCO); not ranked with measured points"
FIGURES = {"macs": "flops", "fvcore_total": "flops", "params": "params"}
"""The figure of a detector that stands on the axis of a column; latency has none."""
VAL_IMAGES, CATEGORIES = 5000, 80
"""Of COCO val2017, whole."""
CROSSES: dict[Split, str] = {"val": "x", "test-dev": "+"}


@dataclass(frozen=True, slots=True)
class Landmark:
    """A published detector on a plot. x in the axis' unit, ap a fraction."""

    of: PublishedDetector
    x: float
    ap: float
    split: Split

    @property
    def name(self) -> str:
        return self.of.short


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Points by falling cost.

    beneath: under the measured points, as both are of COCO; else in a panel of their own.
    """

    points: tuple[Landmark, ...]
    beneath: bool
    left_out: tuple[str, ...]
    """Detectors whose source does not say this cost."""
    sources: tuple[str, ...]
    data: str
    """What the measured points are of."""

    @property
    def sources_read(self) -> tuple[str, ...]:
        """Each source: how its figures were checked, and what must be known of them."""
        said = [
            f"{one.source}: {one.verified or 'not checked against the source'}. {one.source_note}"
            for one in (point.of for point in self.points)
        ]
        return tuple(sorted(dict.fromkeys(line.strip() for line in said)))

    @property
    def caption(self) -> str:
        """What a reader must know to look at both."""
        theirs = (
            "Grey crosses are detectors that their authors trained on all of COCO, at their own "
            "input sizes and lengths"
            if self.beneath
            else f"The lower panel is of COCO and the upper one of {self.data}: the two APs are "
            "not comparable, nor are the scales of cost"
        )
        none = f" No such cost is printed of {', '.join(self.left_out)}." if self.left_out else ""
        return (
            f"{theirs}. They are quoted ({'; '.join(self.sources)}), not ranked: the front is of "
            "measured points alone. D0 to D7x are EfficientDet's. × is AP on val, + on test-dev "
            "where the source has no other; cost is as printed, FLOPs as each row was "
            f"counted. A name without room is in the list below, with the convention.{none}"
        )


def landmarks(
    column: str, scale: float, specs: Sequence[Mapping[str, Any]] = ()
) -> Landmarks | None:
    """The published detectors on a cost. None where their sources have no such cost.

    specs: of the measured trials, which say what they were measured on.
    """
    if column not in FIGURES:
        return None
    known = detectors()
    points = sorted(_points(known, FIGURES[column], scale), key=lambda point: -point.x)
    shown = {point.of for point in points}
    return Landmarks(
        points=tuple(points),
        beneath=bool(specs) and all(map(is_coco_val, specs)),
        left_out=tuple(one.name for one in known if one not in shown),
        sources=tuple(dict.fromkeys(one.source for one in known if one in shown)),
        data=", ".join(dict.fromkeys(map(_data, specs))) or "nothing yet",
    )


def is_coco_val(spec: Mapping[str, Any]) -> bool:
    """Whether a trial was measured on COCO val2017: a `coco` folder may hold anything."""
    facts = spec.get("facts") or {}
    return (
        spec["data"]["name"] == "coco"
        and facts.get("val_images") == VAL_IMAGES
        and len(facts.get("categories") or ()) == CATEGORIES
    )


def _data(spec: Mapping[str, Any]) -> str:
    name, images = spec["data"]["name"], (spec.get("facts") or {}).get("val_images")
    return f"{name} ({many(images, 'image')})" if images else str(name)


def _points(known: Sequence[PublishedDetector], figure: str, scale: float) -> Iterator[Landmark]:
    for one in known:
        cost = getattr(one, figure)
        if cost is not None:
            ap, split = one.ap
            yield Landmark(one, cost.value / scale, ap.value / 100, split)


def draw_landmarks(axes: Axes, marks: Landmarks) -> None:
    """Grey crosses beneath all else, on a logarithmic scale of cost."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    said = {"val": fill(f"{LEGEND}: val", 26)}
    for split, marker in CROSSES.items():
        points = [point for point in marks.points if point.split == split]
        axes.plot(
            [point.x for point in points],
            [point.ap for point in points],
            linestyle="none",
            marker=marker,
            markersize=6,
            color=SOFT,
            alpha=0.8,
            zorder=1.5,
            label=said.get(split, f"the same, {split}"),
        )


def draw_own_panel(above: Axes, axes: Axes, marks: Landmarks, cost: str) -> None:
    """The landmarks alone, where nothing measured shares their scale. cost: the axis in words."""
    above.set_title(f"measured: {marks.data}", loc="left")
    axes.set_title(LEGEND, loc="left", color=SOFT)
    draw_landmarks(axes, marks)
    axes.set_xlabel(f"{cost.partition(' (')[0]} as printed (log scale)")
    axes.set_ylabel("AP (COCO, as printed)")
    axes.margins(x=0.08, y=0.12)
    crosses = [line for line in axes.get_lines() if line.get_marker() in CROSSES.values()]
    axes.legend(crosses, [f"AP on {split}" for split in CROSSES], loc="lower right")


def named(points: Sequence[Landmark]) -> tuple[list[tuple[float, float]], list[str]]:
    """Where the points are, and their names."""
    return [(point.x, point.ap) for point in points], [point.name for point in points]
