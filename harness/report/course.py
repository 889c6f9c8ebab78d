"""The course of a search: its proposals in the order of asking, and the best so far."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.plurals import many
from harness.report.style import OKABE_ITO, SOFT, figure
from harness.search import PROPOSAL, is_passed_over
from harness.studies import Cell, StudyResults


@dataclass(frozen=True, slots=True)
class Step:
    """One network of the search, in the order of asking."""

    arm: str
    status: str
    """The worst of its seeds."""
    ap: float | None
    """Mean over the search's seeds; None unless all were trained to their end."""
    best: float | None
    """The highest so far, this one included."""


@dataclass(frozen=True, slots=True)
class Course:
    """All proposals of a search."""

    steps: tuple[Step, ...] = ()
    """Those that were trained, or should be; the rest is counted alone."""
    repeated: int = 0
    """Proposals that are a network proposed before."""
    rejected: tuple[tuple[str, int], ...] = ()
    """How many for each reason, the commonest first; numbers of single networks left out."""

    @property
    def proposed(self) -> int:
        return len(self.steps) + self.repeated + sum(count for _, count in self.rejected)

    @property
    def words(self) -> str:
        """What became of the proposals, in one sentence."""
        states = Counter("trained" if one.status == "done" else one.status for one in self.steps)
        told = [f"{count} {state}" for state, count in states.items()]
        told += [f"{self.repeated} a network proposed before"] if self.repeated else []
        told += [f"{count} rejected ({reason})" for reason, count in self.rejected]
        return f"Of {many(self.proposed, 'proposal')}: {', '.join(told)}."


def course_of(study: StudyResults, aps: Mapping[str, Mapping[int, float]]) -> Course:
    """aps: AP by arm and seed, of trials that are done."""
    cells: dict[str, list[Cell]] = {}
    for cell in study.cells:
        if PROPOSAL.fullmatch(cell.arm):
            cells.setdefault(cell.arm, []).append(cell)
    passed = [one[0] for one in cells.values() if is_passed_over(one[0].arm, one[0].status)]
    networks = {arm: held for arm, held in cells.items() if held[0] not in passed}
    rejected = Counter(_kind(one.reason) for one in passed if one.status == "rejected")
    return Course(
        steps=tuple(_steps(networks, aps)),
        repeated=sum(one.status == "alias" for one in passed),
        rejected=tuple(rejected.most_common()),
    )


def _steps(
    networks: Mapping[str, list[Cell]], aps: Mapping[str, Mapping[int, float]]
) -> Iterable[Step]:
    best: float | None = None
    for arm, held in networks.items():
        status = next((cell.status for cell in held if cell.status != "done"), "done")
        values = aps.get(arm, {})
        whole = status == "done" and len(values) == len(held)
        ap = statistics.fmean(values.values()) if whole else None
        best = ap if best is None else max(best, ap if ap is not None else best)
        yield Step(arm, status, ap, best)


def _kind(reason: str | None) -> str:
    """A reason without the numbers of one network: `macs over the limit of 5`."""
    name, found, most = (reason or "no reason is known").partition(" is over the limit of ")
    return f"{name.split(' ')[0]} over the limit of {most}" if found else name


def draw_course(course: Course) -> Figure:
    """AP of each network, and the best so far; those without an AP of a whole training are crosses
    at the foot."""
    fig, axes = figure(7.2, 3.2)
    places = range(1, len(course.steps) + 1)
    done = [(x, one.ap) for x, one in zip(places, course.steps, strict=True) if one.ap is not None]
    best = [
        (x, one.best) for x, one in zip(places, course.steps, strict=True) if one.best is not None
    ]
    axes.plot(*zip(*done, strict=True), "o", color=OKABE_ITO[0], markersize=4.5, label="a network")
    axes.step(
        *zip(*best, strict=True), where="post", color=OKABE_ITO[1], linewidth=1.6,
        label="best so far",
    )  # fmt: skip
    none = [x for x, one in zip(places, course.steps, strict=True) if one.ap is None]
    if none:
        axes.plot(
            none, [0.02] * len(none), "x", color=SOFT, markersize=5, label="stopped or failed",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    axes.set_xlabel("networks, in the order of asking")
    axes.set_ylabel("AP (COCO, in the search)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return fig
