"""A plan trained in waves: backbones before the trials that take them over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.crew import Crew
from harness.errors import EngineError
from harness.ledger import Ledger
from harness.plan import Plan
from harness.plurals import many
from harness.search import BACKBONE, Title, cell_name
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.supplies import MICRO_BATCHES, Missing, is_oversized


def train_plan(
    crew: Crew, plan: Plan, pending: Sequence[TrialSpec], ledger: Ledger, where: Workplace
) -> None:
    """Sources first, so that no two trials make the same backbone; then the trials."""
    waves = _Waves(crew, ledger, titles_of(plan), plan.sources)
    for wave in _ordered(plan.pending_sources(ledger, where, pending)):
        kept = replace(where, keep="last", for_backbone=True)  # others take it out of them
        waves.train(wave, kept, "pretraining {}", "backbone")
    waves.train([spec for spec in pending if _is_ready(spec, ledger)], where, "training {}")


@dataclass(frozen=True, slots=True)
class _Waves:
    crew: Crew
    ledger: Ledger
    titles: Mapping[str, Title]
    sources: Collection[str]

    def train(
        self, trials: Sequence[TrialSpec], where: Workplace, doing: str, what: str = "trial"
    ) -> None:
        """All at once; then those that ran out of memory before, each with its device to itself,
        first with the whole batch and then with ever smaller parts of it."""
        alone = [spec for spec in trials if is_oversized(self.ledger.get(spec.id))]
        self._train([spec for spec in trials if spec not in alone], where, doing, what)
        for parts in MICRO_BATCHES:
            alone = [spec for spec in alone if is_oversized(self.ledger.get(spec.id))]
            by_itself = replace(where, alone=True, micro_batches=parts)
            self._train(alone, by_itself, f"{doing}, each alone on its device", what)

    def _train(self, trials: Sequence[TrialSpec], where: Workplace, doing: str, what: str) -> None:
        if trials and not where.is_over():
            titles = {spec.id: self.titles.get(spec.id, BACKBONE) for spec in trials}
            supply = Missing(trials, self.ledger, where, self.sources)
            self.crew.train(supply, where, doing.format(many(len(trials), what)), titles)


def _ordered(sources: Sequence[TrialSpec]) -> list[list[TrialSpec]]:
    """Sources that need no other pending source, then those that need only these, and so on."""
    waves: list[list[TrialSpec]] = []
    left = list(sources)
    while left:
        ids = {spec.id for spec in left}
        source = {spec.id: spec.model.backbone.source for spec in left}
        wave = [spec for spec in left if (s := source[spec.id]) is None or s.id not in ids]
        if not wave:
            raise EngineError("backbones' sources go in a circle")
        waves.append(wave)
        left = [spec for spec in left if spec not in wave]
    return waves


def _is_ready(spec: TrialSpec, ledger: Ledger) -> bool:
    source = spec.model.backbone.source
    if source is None:
        return True
    record = ledger.get(source.id)
    return record is not None and record.status == "done"


def titles_of(plan: Plan) -> dict[str, Title]:
    """What trials are called where people watch: by their first cell."""
    titles: dict[str, Title] = {}
    for cell in (planned.cell for planned in plan.cells):
        titles.setdefault(cell.id, Title(cell_name(cell.arm, cell.choice), cell.seed))
    return titles
