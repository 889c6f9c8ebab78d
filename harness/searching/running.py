"""A search run to its end, with whatever trains: backbones when they are needed, then trials."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from harness.engines.base import Early, Supply, Wait
from harness.ledger import Ledger
from harness.plurals import many
from harness.records import TrialRecord
from harness.search import BACKBONE, Asked, Title
from harness.searching.setting import open_searcher, search_of
from harness.searching.supply import Allowed, SearchSupply
from harness.space.bind import FactsOf
from harness.space.study import Study
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.supplies import MICRO_BATCHES, Missing, is_oversized


class Train(Protocol):
    """Hands a supply to the engine and returns when it has ended."""

    def __call__(
        self,
        supply: Supply,
        where: Workplace,
        what: str,
        titles: Mapping[str, Title],
        early: Early | None = None,
    ) -> None: ...


class Titles(Mapping[str, Title]):
    """What trials are called, as they are handed out; its length is what there may be in all."""

    def __init__(self, supply: SearchSupply) -> None:
        self._supply, self._before = supply, supply.handed_out

    def __getitem__(self, trial_id: str) -> Title:
        return self._supply.titles[trial_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._supply.titles)

    def __len__(self) -> int:
        return self._supply.handed_out - self._before + self._supply.left


Noted = Callable[[Sequence[Asked]], object]
"""Told what was proposed so far, each time a trial is handed out."""


@dataclass(slots=True)
class _Noting:
    """A search's supply, of which each step is noted."""

    supply: SearchSupply
    noted: Noted
    adaptive: bool = True

    def next(self) -> TrialSpec | Wait | None:
        spec = self.supply.next()
        if isinstance(spec, TrialSpec):
            self.noted(self.supply.searcher.history())
        return spec

    def ended(self, spec: TrialSpec, record: TrialRecord | None) -> None:
        self.supply.ended(spec, record)


def run_search(
    study: Study,
    ledger: Ledger,
    where: Workplace,
    facts: FactsOf,
    train: Train,
    allowed: Allowed,
    noted: Noted = lambda history: None,
) -> int:
    """How many trials were handed out. The journal goes on; nothing is lost or repeated."""
    searcher = open_searcher(study, ledger.root.parent, facts)
    try:
        supply = SearchSupply(study, searcher, ledger, where, facts, allowed)
        _alone(supply, ledger, where, train)
        early = early_of(study)
        at = replace(where, evaluate_at=early.rungs) if early else where
        _to_the_end(supply, at, _what(study), train, noted, early)
        if search_of(study).compare is not None and supply.is_over and not supply.is_spent:
            supply.compares = True
            what = "comparing what was found with random networks"
            _to_the_end(supply, where, what, train, noted)
        return supply.handed_out
    finally:
        searcher.close()


def _to_the_end(
    supply: SearchSupply,
    where: Workplace,
    what: str,
    train: Train,
    noted: Noted,
    early: Early | None = None,
) -> None:
    """Until nothing more comes: each time backbones are lacking they are trained, once."""
    tried: set[str] = set()
    while True:
        train(_Noting(supply, noted), where, what, Titles(supply), early)
        wave = [spec for spec in supply.missing_sources() if spec.id not in tried]
        if not wave or where.is_over() or supply.is_spent:
            return
        tried |= {spec.id for spec in wave}
        _backbones(wave, supply.ledger, where, train)


def early_of(study: Study) -> Early | None:
    """The study's scheduler as engines take it."""
    scheduler, epochs = search_of(study).scheduler, study.spec.recipe.schedule.epochs
    if scheduler is None:
        return None
    if scheduler.asha is not None:
        return Early(epochs, scheduler.asha.grace, scheduler.asha.reduction)
    if scheduler.hyperband is None:
        raise AssertionError("refused by search_faults")
    one = Early(epochs, 1, scheduler.hyperband.reduction)
    return replace(one, brackets=max(1, len(one.rungs)))


def _what(study: Study) -> str:
    search = search_of(study)
    networks = many(search.trials, "network")
    return f"searching ({search.kind}): {networks} by {', '.join(search.objectives)}"


def _backbones(wave: Sequence[TrialSpec], ledger: Ledger, where: Workplace, train: Train) -> None:
    """One after another as they need each other: each comes after its own source."""
    kept = replace(where, keep="last", for_backbone=True)  # others take it out of them
    for spec in wave:
        train(
            Missing([spec], ledger, where, {spec.id}),
            kept,
            "pretraining a backbone",
            {spec.id: BACKBONE},
        )


def _alone(supply: SearchSupply, ledger: Ledger, where: Workplace, train: Train) -> None:
    """What ran out of memory in an earlier run, each with the device to itself."""
    for parts in MICRO_BATCHES:
        left = [one for one in supply.open_trials() if is_oversized(ledger.get(one[0].id))]
        if left and not where.is_over():
            by_itself = replace(where, alone=True, micro_batches=parts)
            what = f"training {many(len(left), 'trial')}, each alone on its device"
            titles = {spec.id: title for spec, title in left}
            train(Missing([spec for spec, _ in left], ledger, where), by_itself, what, titles)
