"""A plan: every cell of a study with the trial behind it, and what is still to be trained."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from harness.errors import SpecError
from harness.ledger import Ledger
from harness.plan.ablation import ablation_data
from harness.records import TrialRecord
from harness.space.assumed import assumption
from harness.space.beside import published_data
from harness.space.model import ModelSpec
from harness.space.rates import rate_notes
from harness.space.study import Study
from harness.space.trial import TrialSpec
from harness.space.validate import located
from harness.space.workplace import Workplace
from harness.studies import Cell, StudyResults
from harness.supplies import is_at_hand


@dataclass(frozen=True, slots=True)
class Planned:
    """A cell and the complete trial behind it."""

    cell: Cell
    spec: TrialSpec


class SearchPart(Protocol):
    """What a study searches: `harness.searching.Searched`."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Proposals so far, and the arms that are compared after them."""

    @property
    def left(self) -> int:
        """Trainings still to come, at most."""

    def as_json(self) -> dict[str, Any]:
        """What is asked for, and what is known of the space before anything is trained."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All cells of a study as the ledger has them now."""

    study: Study
    cells: tuple[Planned, ...]
    sources: Mapping[str, TrialSpec]
    """Trials whose backbone others take over, each after its own sources."""
    search: SearchPart | None = None

    @property
    def all_cells(self) -> tuple[Cell, ...]:
        """Those the study spells out, then those of its search."""
        spelt = tuple(planned.cell for planned in self.cells)
        return spelt + (self.search.cells if self.search else ())

    @property
    def name(self) -> tuple[str, str]:
        """Study and profile."""
        return self.study.name, self.study.profile

    def pending(self) -> tuple[TrialSpec, ...]:
        """What is still to be trained, each trial once: first all first seeds, then all second."""
        found = {p.spec.id: p for p in self.cells if p.cell.status == "pending"}

        def place(planned: Planned) -> int:
            return self.study.spec.seeds_of(planned.cell.arm).index(planned.cell.seed)

        ordered = sorted(found.values(), key=place)
        return tuple(planned.spec for planned in ordered)

    def pending_sources(
        self, ledger: Ledger, where: Workplace, trials: Sequence[TrialSpec] | None = None
    ) -> tuple[TrialSpec, ...]:
        """Sources that have no finished record, or whose weights are gone.

        trials: that need them; None is all that are pending.
        """
        pending = self.pending() if trials is None else trials
        wanted = {source.id for spec in pending for source in sources_of(spec)}
        return tuple(
            spec
            for trial_id, spec in self.sources.items()
            if trial_id in wanted and not is_at_hand(spec, ledger, where)
        )

    def results(self) -> StudyResults:
        spec = self.study.spec
        return StudyResults(
            study=self.study.name,
            profile=self.study.profile,
            question=spec.question,
            cells=self.all_cells,
            axes={path: list(values) for path, values in spec.vary.items()},
            arms=tuple(spec.arms),
            baseline=spec.baseline,
            report=spec.report.model_dump(mode="json"),
            published=self.published(),
            sources=tuple(self.sources),
            file=str(self.study.file),
            search=self.search.as_json() if self.search else None,
            changes={arm: dict(fields) for arm, fields in spec.arms.items()},
            ablation=self.ablation(),
        )

    def ablation(self) -> dict[str, Any] | None:
        """What the study takes apart (`harness.plan.ablation`)."""
        rows = ((planned.cell, planned.spec.model) for planned in self.cells)
        return ablation_data(self.study.spec, rows)

    def published(self) -> dict[str, Any] | None:
        """The study's published table, with ours beside it for each arm that is one network."""
        networks: dict[str, dict[str, ModelSpec]] = {}
        for planned in self.cells:
            model = planned.spec.model
            networks.setdefault(planned.cell.arm, {})[network_key(model)] = model
        single = {arm: one for arm, found in networks.items() if len(one := [*found.values()]) == 1}
        models = {arm: one[0] for arm, one in single.items()}
        try:
            return published_data(self.study.spec, models)
        except SpecError as error:
            raise SpecError(located(self.study.placed, error.faults)) from None

    def as_json(self, estimate: Mapping[str, Any]) -> dict[str, Any]:
        """The document of `harness plan --json`."""
        spec = self.study.spec
        trials = [
            {
                "id": cell.id,
                "arm": cell.arm,
                "choice": cell.choice,
                "seed": cell.seed,
                "status": cell.status,
                "reason": cell.reason,
                "params": cell.params,
                "macs": cell.macs,
                "acts": cell.acts,
                "parts": {name: asdict(part) for name, part in cell.parts.items()},
            }
            for cell in self.all_cells
        ]
        return {
            "study": self.study.name,
            "profile": self.study.profile,
            "trials": trials,
            "estimate": dict(estimate),
            "assumed": assumption(spec),
            "published": self.published(),
            "search": self.search.as_json() if self.search else None,
            "ablation": self.ablation(),
            "untuned": rate_notes(spec.arms, spec.vary, spec.baseline),
        }


def sources_of(spec: TrialSpec) -> Iterator[TrialSpec]:
    """The trials a trial's backbone comes from, the earliest first."""
    source = spec.model.backbone.source
    if source is not None:
        yield from sources_of(source)
        yield source


def is_done(record: TrialRecord | None) -> bool:
    return record is not None and record.status == "done"


def network_key(model: ModelSpec) -> str:
    return model.model_dump_json(exclude={"backbone": {"source"}})
