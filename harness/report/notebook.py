"""What a notebook asks of results: `harness.contrast` and `harness.pareto`.

Both give small frozen values that a notebook shows as a table; every name in it is escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from harness.errors import SpecError, did_you_mean
from harness.files import place
from harness.ledger import Ledger
from harness.report.arms import Arm, arm_of, contrast_of, on_shared_images
from harness.report.fronts import times_of
from harness.report.pareto import AXES
from harness.report.pareto import pareto as front_of
from harness.report.sampled import samples
from harness.report.summary import summarise
from harness.search import is_passed_over
from harness.statistics.contrasts import Contrast
from harness.statistics.estimates import Estimate
from harness.statistics.samples import Sample, common_seeds, sample
from harness.statistics.tests import Test


@dataclass(frozen=True, slots=True)
class Compared:
    """One arm minus another. Differences and their interval are fractions of 1, as AP is."""

    contrast: Contrast
    metric: str
    """The column of `harness.table` that is compared."""

    @property
    def arm(self) -> str:
        return self.contrast.arm

    @property
    def against(self) -> str:
        return self.contrast.against

    @property
    def difference(self) -> float:
        """Mean of `arm` minus mean of `against`."""
        return self.contrast.difference

    @property
    def interval(self) -> tuple[float, float] | None:
        """95% interval of the difference; None where there are too few seeds for one."""
        low, high = self.contrast.low, self.contrast.high
        return None if low is None or high is None else (low, high)

    @property
    def n(self) -> tuple[int, int]:
        """Seeds of each."""
        return self.contrast.n

    @property
    def p(self) -> float | None:
        """Raw, two-sided, of this one comparison."""
        return self.contrast.p

    @property
    def verdict(self) -> str:
        """`higher`, `lower` or `not separated`, with what that rests on."""
        return self.contrast.verdict

    def __str__(self) -> str:
        seeds = "n={} and {}".format(*self.n)
        return (
            f"{self.arm} against {self.against}: {self.metric} {self._interval()}, {seeds}: "
            f"{self.verdict}"
        )

    def _interval(self) -> str:
        found = self.interval
        held = f" [{found[0]:+.3f}, {found[1]:+.3f}]" if found else " (no interval)"
        return f"{self.difference:+.3f}{held}"

    @property
    def _over(self) -> str:
        """What the interval is over."""
        over = self.contrast.sources
        return f"Interval: 95%, over {over}." if self.interval and over else "No interval."

    def _repr_html_(self) -> str:
        rows = {
            "difference": f"{self.metric} {self._interval()}",
            "seeds": "{} and {}".format(*self.n),
            "p": "none" if self.p is None else f"{self.p:.4f}",
            "verdict": self.verdict,
        }
        body = Markup("").join(
            Markup("<tr><th>{}</th><td>{}</td></tr>").format(name, said)
            for name, said in rows.items()
        )
        head = Markup("<caption>{} against {}</caption>").format(self.arm, self.against)
        foot = Markup(
            "<p><small>Test: {}; the interval must leave out zero. {}</small></p>"
        ).format(self.contrast.test, self._over)
        return str(Markup("<table>{}{}</table>{}").format(head, body, foot))


def contrast(
    a: str | Sequence[float],
    b: str | Sequence[float],
    *,
    results: str | Path = "results",
    profile: str | None = None,
    metric: str = "ap",
    test: Test = "permutation",
) -> Compared:
    """What parts two arms of studies, or two lists of AP, as a report would say it of these alone.

    The difference is a minus b; `harness compare A B` has the baseline first, and is B minus A.

    The interval is over seeds and test images where match records of both arms on the same images
    are kept, else over seeds.

    a, b: `study:arm`, the arm as the study file or the report calls it; or AP of each seed's
        network, fractions of 1.
    results: the folder, or store, of the records of both.
    profile: of both studies; None is `laptop`, or the only one that has results.
    metric: a column of `harness.table`: `ap`, `ap50`, `ap_small`, `ap_by_need.context`, ...
    test: `permutation` of seeds, or `paired_t` over the seeds that both have.

    `SpecError` where a name is not there, nothing of it is measured, or no seed makes a pair.
    """
    one, other = (_arm(said, word, results, profile, metric) for said, word in ((a, "a"), (b, "b")))
    mine, others = on_shared_images(one, other)
    if test == "paired_t" and not common_seeds((mine, others)):
        raise SpecError(f"{one.name} and {other.name} share no seed, and paired_t is by seed")
    found = contrast_of(mine, others, one.name, other.name, test)
    return Compared(found, metric)


def _arm(
    said: str | Sequence[float], word: str, results: str | Path, profile: str | None, metric: str
) -> Arm:
    if isinstance(said, str):
        study, colon, arm = said.partition(":")
        if not (study and colon and arm):
            raise SpecError(f"{said!r}: should be study:arm, such as control:bifpn")
        return arm_of(place(results), study, profile, arm, metric)
    numbers = np.asarray(said, dtype=float)
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all():
        raise SpecError(f"{word}: should be numbers, AP of each seed, not {said!r}")
    return Arm(word, sample([float(one) for one in numbers]), pd.DataFrame())


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """Networks by rising cost. The front is of the means; seeds may not separate its points."""

    points: pd.DataFrame
    """`label`; the cost, under its column's name in `harness.table` and in its unit; `ap` (mean),
    `low`, `high` (95%), `n` (seeds); `on_front` (of the means);
    `front_probability`, how likely its true mean is on the front of the true means
    (`harness.statistics.fronts`), NaN for one seed."""
    x: str
    left_out: tuple[tuple[str, str], ...]
    """Arms that have no point, and why."""
    over: str = "seeds alone"
    """What intervals and probabilities are over."""

    @property
    def front(self) -> pd.DataFrame:
        """The points on the front alone."""
        return self.points[self.points["on_front"]]

    def _repr_html_(self) -> str:
        table = self.points.to_html(index=False, escape=True, float_format=lambda x: f"{x:,.3f}")
        said = "; ".join(f"{label} ({why})" for label, why in self.left_out)
        missing = f" Not shown: {said}." if said else ""
        note = (
            "on_front is of the means over seeds; front_probability is how likely a network's true "
            f"mean is on the front of the true means. Intervals: 95%, over {self.over}.{missing}"
        )
        return f"{table}<p><small>{escape(note)}</small></p>"


def pareto(table: pd.DataFrame, x: str = "macs", *, results: str | Path | None = None) -> Front:
    """The Pareto front of AP (mean over seeds) against a cost, with every other network beside it.

    Intervals and probabilities are the report's: over seeds and test images where match records of
    all networks on the same images are kept, else over seeds alone.

    table: of a study, as `harness.table(results, study)` gives it.
    x: `macs` (multiply-adds), `fvcore` (its count), `params`, or `latency` (milliseconds).
    results: where its records are; None is where the table is from, as it remembers.

    `SpecError` where the table is no study's, or there is no such cost.
    """
    if x not in AXES:
        raise SpecError(f"no cost {x!r}{did_you_mean(x, AXES)}")
    if not {"arm", "label", "status"} <= set(table.columns):
        raise SpecError("this table has no arms: harness.table(results, study) has them")
    passed = [is_passed_over(*one) for one in zip(table["arm"], table["status"], strict=True)]
    rows = table[[not one for one in passed]]
    held = _drawn(rows, results or table.attrs.get("results"))
    times = times_of(rows) if x == "latency" else None
    found = front_of(summarise(rows, samples=held), x, samples=held, times=times)
    column, scale = found.axis.column, found.axis.scale
    shown = [
        {
            "label": point.label,
            column: point.x * scale,
            "ap": point.ap.mean,
            "low": point.ap.low,
            "high": point.ap.high,
            "n": point.ap.n,
            "on_front": point.on_front,
            "front_probability": point.front_probability,
        }
        for point in found.points
    ]
    columns = ["label", column, "ap", "low", "high", "n", "on_front", "front_probability"]
    kinds = {"on_front": bool, "n": int, "front_probability": float}
    points = pd.DataFrame(shown, columns=columns).astype(kinds)
    return Front(points, column, found.left_out, _over([point.ap for point in found.points]))


def _drawn(rows: pd.DataFrame, results: object) -> dict[str, Sample] | None:
    """By label, with draws of the test images where they are known; None where nobody says which
    results the table is of."""
    if results is None:
        return None
    at = place(str(results))
    return samples(rows, at, Ledger(at))


def _over(aps: Sequence[Estimate]) -> str:
    """What the intervals of these are over, in words."""
    return " or ".join(dict.fromkeys(one.sources for one in aps if one.sources)) or "nothing"
