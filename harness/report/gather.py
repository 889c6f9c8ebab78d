"""Everything a report shows, read from `results/` and computed before anything is drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from harness.latencies import read_latencies
from harness.ledger import Ledger
from harness.records import TrialRecord
from harness.report.ablation import AblationInfo, ablation_info
from harness.report.answer import answer
from harness.report.asked import Asked, Tuning, asked, tune
from harness.report.by_need import need_words
from harness.report.compared import declared_of, families_of, matched_of, telling_of
from harness.report.elsewhere import ElsewhereInfo, elsewhere_info, with_elsewhere
from harness.report.errors import ErrorsInfo, errors_info
from harness.report.families import FamiliesInfo
from harness.report.fronts import FrontsInfo, fronts_info, times_of
from harness.report.fusion import FusionArm, fusion_arms
from harness.report.fusion_curves import CurvesInfo, fusion_curves
from harness.report.landmarks import landmarks
from harness.report.latency_section import LatencyInfo, latency_info
from harness.report.live import Live
from harness.report.matched_cost import MatchedRow
from harness.report.methods import mark_words, method_words, test_words
from harness.report.networks import NetworksInfo, networks_info
from harness.report.pareto import AXES, ParetoInfo, pareto
from harness.report.pictures import PicturesInfo, pictures_info
from harness.report.planned import PlannedInfo, planned_info
from harness.report.plots import Losses, losses
from harness.report.proxy import ProxyInfo, proxy_info
from harness.report.quoted import QuotedInfo, quoted
from harness.report.ran import Ran, what_ran
from harness.report.sampled import samples
from harness.report.searched import SearchInfo, search_info
from harness.report.summary import ArmSummary, label_of, summarise
from harness.report.table import study_table
from harness.report.telling import TellingInfo
from harness.search import is_passed_over
from harness.space.rates import rate_notes
from harness.statistics.contrasts import Contrast
from harness.statistics.samples import Sample
from harness.studies import StudyResults, read_study


@dataclass(frozen=True, slots=True)
class ReportData:
    """What the page is made of."""

    study: StudyResults
    asked: Asked
    cells: pd.DataFrame
    arms: tuple[ArmSummary, ...]
    declared: tuple[Contrast, ...]
    """Contrasts the study file names, by seed."""
    pareto: ParetoInfo
    others: tuple[ParetoInfo, ...]
    """The same arms over other costs."""
    families: tuple[FamiliesInfo, ...]
    fusion: tuple[FusionArm, ...]
    needs: tuple[str, ...]
    need_words: str
    """The largest difference to the baseline by need; empty where there is none."""
    losses: Losses
    ran: Ran
    planned: PlannedInfo
    networks: NetworksInfo
    """The distinct feature networks, and how each differs from the baseline's."""
    fusion_curves: CurvesInfo | None = None
    """Fusion weights over time, where an arm learns them."""
    latency: LatencyInfo | None = None
    """Arms measured in turn, where someone did."""
    elsewhere: ElsewhereInfo | None = None
    """Latencies that were brought in."""
    quoted: QuotedInfo | None = None
    """What the study says is published of its question."""
    search: SearchInfo | None = None
    """What was searched, where the study searches."""
    ablation: AblationInfo | None = None
    """What each part is worth, where the study takes something apart."""
    errors: ErrorsInfo | None = None
    """Errors by kind and size, where an arm has results."""
    pictures: PicturesInfo | None = None
    """Detections beside the truth."""
    live: Live | None = None
    """How far the study is, where its report is drawn while it runs."""
    fronts: FrontsInfo | None = None
    """How likely each arm is on each front."""
    telling: TellingInfo | None = None
    """How far networks lie apart beside seeds, and what so many seeds would show."""
    matched: tuple[MatchedRow, ...] = ()
    """Arms against the baseline at equal cost, where costs differ."""
    proxy: ProxyInfo | None = None
    """The order of the arms under the study's other profiles."""

    @property
    def method(self) -> str:
        """What intervals are over."""
        return method_words(self.arms)

    @property
    def test(self) -> str:
        """The primary test, in words."""
        paired = {
            "families": self.families,
            "arms at equal cost": self.matched,
            "what a search found": self.search and self.search.gap,
        }
        return test_words(self.asked, [words for words, there in paired.items() if there])

    @property
    def marked(self) -> str:
        """What the mark of an arm says."""
        return mark_words(self.arms)

    @property
    def answer(self) -> str:
        if self.search is not None and self.search.gap is not None:
            return self.search.verdict
        still = [arm.label for arm in self.fusion if not arm.tested and not arm.frozen]
        said = answer(self.arms, self.families, still, self.asked.test)
        return f"{said} {self.need_words}".rstrip() if self.asked.by_need else said


def gather(results: Path, study: str, profile: str, *, published: bool = False) -> ReportData:
    """Read and compute; draw nothing.

    published: lay published detectors under the Pareto plot, as a study file may ask itself.
    """
    found = read_study(results, study, profile)
    wanted = asked(found)
    ledger = _ReadOnce(results)
    brought = read_latencies(results, study, profile)
    cells = with_elsewhere(study_table(found, ledger), brought)
    tuning = tune(found, cells, wanted.tuned)
    untuned = rate_notes(found.changes, found.axes, found.baseline)
    summed = _summed_up(cells)
    held = samples(summed, results, ledger)
    needs = {
        str(name).removeprefix("ap_by_need."): samples(summed, results, ledger, str(name))
        for name in cells
        if str(name).startswith("ap_by_need.")
    }
    arms = summarise(
        summed, found.baseline, tuning, untuned, samples=held, needs=needs, test=wanted.test
    )
    trials = _trials(cells, ledger)
    records = [record for held in trials.values() for record in held]
    ran = what_ran(found, cells, records)
    times = times_of(cells)
    at_best = cells[cells["label"].isin(list(tuning.tried))] if tuning.tried else cells
    by_family = families_of(at_best, held, wanted, found)
    main = pareto(arms, wanted.cost, wanted, samples=held)
    if published or found.report.get("published_detectors"):
        shown = landmarks(main.axis.column, main.axis.scale, [record.spec for record in records])
        main = replace(main, landmarks=shown)
    others = [x for x in ("macs", "fvcore", "params", "latency") if x != wanted.cost]
    drawn = [
        pareto(arms, x, wanted, samples=held, times=times if x == "latency" else None)
        for x in others
    ]
    shown_costs = [info for info in (main, *drawn) if info.points and info.axis != AXES["fvcore"]]
    return ReportData(
        study=found,
        asked=wanted,
        cells=cells,
        arms=arms,
        declared=declared_of(cells, held, wanted, tuning),
        pareto=main,
        others=tuple(info for info in drawn if info.points),
        families=by_family,
        fusion=fusion_arms(trials),
        fusion_curves=fusion_curves(_best(trials, tuning), arms),
        needs=tuple(needs),
        need_words=need_words(arms, needs, wanted.test),
        losses=losses(trials),
        ran=ran,
        planned=planned_info(results, found, ledger),
        networks=networks_info(trials, label_of(cells, found.baseline)),
        latency=latency_info(results, found),
        elsewhere=elsewhere_info(cells, brought),
        quoted=quoted(found, arms, ran.settings),
        search=search_info(found, cells, records, held),
        ablation=ablation_info(found, cells, tuning, untuned, results),
        errors=errors_info(results, cells, arms),
        pictures=pictures_info(results, cells, arms),
        fronts=fronts_info(shown_costs, arms, times, samples=held),
        telling=telling_of(arms, held, by_family, wanted),
        matched=matched_of(found, cells, held, arms, wanted),
        proxy=proxy_info(results, study, profile, _samples_of(results, study, ledger)),
    )


class _ReadOnce(Ledger):
    """Records that are asked for again are not read and checked again."""

    def __init__(self, results: Path) -> None:
        super().__init__(results)
        self._held: dict[str, TrialRecord | None] = {}

    def get(self, trial_id: str) -> TrialRecord | None:
        if trial_id not in self._held:
            self._held[trial_id] = super().get(trial_id)
        return self._held[trial_id]


def _summed_up(cells: pd.DataFrame) -> pd.DataFrame:
    """All but what a search passed over: that is counted, and stands in the table of cells."""
    passed = [is_passed_over(*one) for one in zip(cells["arm"], cells["status"], strict=True)]
    return cells[[not one for one in passed]]


def _samples_of(results: Path, study: str, ledger: Ledger) -> Callable[[str], Mapping[str, Sample]]:
    """A profile's samples, for a comparison of profiles."""
    return lambda profile: samples(
        study_table(read_study(results, study, profile), ledger), results, ledger
    )


def _best(trials: Mapping[str, list[TrialRecord]], tuning: Tuning) -> dict[str, list[TrialRecord]]:
    """Each arm at its best value of the tuned axis; all of them where none is tuned."""
    chosen = set(tuning.best.values()) or set(trials)
    return {label: records for label, records in trials.items() if label in chosen}


def _trials(cells: pd.DataFrame, ledger: Ledger) -> dict[str, list[TrialRecord]]:
    """Records by label, aliases left out (they are trials already shown)."""
    found: dict[str, list[TrialRecord]] = {}
    for cell in cells.to_dict("records"):
        record = None if cell["status"] in ("alias", "rejected") else ledger.get(str(cell["id"]))
        if record is not None:
            found.setdefault(str(cell["label"]), []).append(record)
    return found
