"""Latencies of arms measured in turn, as the page shows them: computed first, then drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.style import INK, SOFT, colours, figure
from harness.studies import StudyResults
from harness.timings import (
    METHOD,
    MODES,
    PARTS,
    Comparison,
    PublishedSpeedup,
    Speedup,
    all_timings,
    published_speedups,
)

MODE_WORDS = {
    "stepwise": "step by step, eager",
    "eager": "this project's, eager",
    "compiled": "this project's, torch.compile",
}
PART_WORDS = {"feature_network": "feature network alone", "model": "whole model"}
WORDS = {"parts": PART_WORDS, "modes": MODE_WORDS, "method": METHOD}


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """One arm against the first at one setting; without a speed-up, why there is none."""

    model: str
    part: str
    mode: str
    device: str
    against_ms: float | None
    own_ms: float | None
    speedup: Speedup | None
    reason: str | None
    arm: str
    against: str


@dataclass(frozen=True, slots=True)
class LatencyInfo:
    """Rows in the order of the page, and what the literature prints of the same question."""

    rows: tuple[LatencyRow, ...]
    quoted: tuple[PublishedSpeedup, ...]
    source: str | None

    @property
    def groups(self) -> dict[str, list[LatencyRow]]:
        """Rows by what was measured and where."""
        found: dict[str, list[LatencyRow]] = {}
        for row in self.rows:
            found.setdefault(f"{row.model}; {row.device}", []).append(row)
        return found

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Which arm is measured by which."""
        return tuple(dict.fromkeys((row.arm, row.against) for row in self.rows))


def latency_info(results: Path, study: StudyResults) -> LatencyInfo | None:
    """What was measured of a study under any of its profiles; None where nothing was."""
    found = [one for timings in all_timings(results, study.study) for one in timings.comparisons]
    rows = [row for one in found for row in _rows(one)]
    if not rows:
        return None
    order: dict[str, int] = {name: place for place, name in enumerate((*PARTS, *MODES))}
    rows.sort(key=lambda row: (row.device, row.model, order[row.part], order[row.mode]))
    quoted = published_speedups(study.published)
    source = study.published["source"] if study.published and quoted else None
    return LatencyInfo(tuple(rows), quoted, source)


def _rows(one: Comparison) -> Iterator[LatencyRow]:
    said = one.setting
    first, *others = said.arms
    speedups = {speedup.arm: speedup for speedup in one.speedups()}
    threads = f"{said.threads} thread{'s' if said.threads > 1 else ''}"
    for arm in others:
        yield LatencyRow(
            model=" against ".join(
                dict.fromkeys((said.models[said.arms.index(arm)], said.models[0]))
            ),
            part=said.part,
            mode=said.mode,
            device=f"{said.device}, {threads}, batch {said.batch}, {said.precision}",
            against_ms=one.median_ms(first) if arm in speedups else None,
            own_ms=one.median_ms(arm) if arm in speedups else None,
            speedup=speedups.get(arm),
            reason=one.reason,
            arm=arm,
            against=first,
        )


def draw_latency(info: LatencyInfo) -> Figure:
    """A dot a row at its median ratio, a bar for the interval; what is published is a band."""
    lines = list(_lines(info))
    fig, axes = figure(7.2, 0.9 + 0.25 * len(lines))
    _draw_published(info.quoted, axes)
    axes.axvline(1, color=SOFT, linewidth=0.9)
    modes = dict(zip(MODE_WORDS, colours(len(MODE_WORDS)), strict=True))
    for y, (_, row) in enumerate(lines):
        if row is None or row.speedup is None:
            continue
        speedup, colour = row.speedup, modes[row.mode]
        axes.plot(speedup.quartiles, (y, y), color=colour, linewidth=4.5, alpha=0.25)
        if speedup.interval is not None:
            axes.plot(speedup.interval, (y, y), color=colour, linewidth=1.4)
        axes.plot([speedup.median], [y], marker="o", markersize=5.5, color=colour)
    axes.set_yticks(range(len(lines)), [words for words, _ in lines])
    for tick, (_, row) in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_color(INK if row is None else SOFT)
        tick.set_fontweight("bold" if row is None else "normal")
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.set_xlabel("times as fast (right of 1 is faster)")
    return fig


def _lines(info: LatencyInfo) -> Iterator[tuple[str, LatencyRow | None]]:
    """What stands at each height: the head of a group, then its rows."""
    one_device = len({row.device for row in info.rows}) == 1
    for name, rows in info.groups.items():
        yield rows[0].model if one_device else name, None
        for row in rows:
            if row.speedup is not None:
                which = f", {row.arm}" if len(info.pairs) > 1 else ""
                yield f"{PART_WORDS[row.part]}, {MODE_WORDS[row.mode]}{which}", row


def _draw_published(quoted: Sequence[PublishedSpeedup], axes: Axes) -> None:
    if quoted:
        values = [one.value for one in quoted]
        axes.axvspan(min(values), max(values), color=SOFT, alpha=0.25, linewidth=0)
        axes.annotate(
            "published", (max(values), 1), (3, 2), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=8, color=SOFT,
        )  # fmt: skip
