"""The search as part of a study's plan: what is known before it, its cells as they are now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.ledger import Ledger
from harness.plan import Plan
from harness.search import Asked
from harness.searching.cells import searched_cells
from harness.searching.kept import FoundNetwork, found_network, write_found
from harness.searching.preview import Preview, preview
from harness.searching.screen import Gate
from harness.searching.setting import open_searcher, search_of
from harness.searching.state import is_over
from harness.space.bind import FactsOf
from harness.space.study import Study
from harness.studies import Cell


@dataclass(frozen=True, slots=True)
class Searched:
    """See `harness.plan.plan.SearchPart`."""

    study: Study
    gate: Gate
    preview: Preview
    cells: tuple[Cell, ...]
    is_over: bool
    """Whether nothing more is proposed and all that was is told."""
    found: FoundNetwork | None = None
    """What a search over graphs found, when it is over."""

    def as_json(self) -> dict[str, Any]:
        """What the study asks for, and the preview."""
        said = search_of(self.study).model_dump(mode="json", exclude_none=True)
        space = said.pop("space")
        found = {"found": self.found.as_json()} if self.found else {}
        return {**said, "space": space, **self.preview.as_json(), "left": self.left, **found}

    @property
    def left(self) -> int:
        """Trainings still to come, at most."""
        search, state = search_of(self.study), self.preview
        now = state.progress
        networks = max(0, search.trials - now.trained - now.stopped - now.failed)
        if state.points is not None:
            networks = min(networks, state.points - now.proposed + now.open)
        compare, arms = search.compare, [cell for cell in self.cells if cell.status == "pending"]
        after = (1 + compare.random) * len(compare.seeds) if compare else 0
        if self.is_over or not networks:
            return len(arms)
        return networks * len(self.study.spec.seed_list) + after


def with_search(plan: Plan, ledger: Ledger, facts: FactsOf) -> Plan:
    """The plan with its study's search, as journal and ledger have it now; the same without one.

    A `SpecError` where no point of the space can be built.
    """
    if plan.study.spec.search is None:
        return plan
    gate = Gate(plan.study, facts)
    reader = open_searcher(plan.study, ledger.root.parent, facts, is_reader=True)
    before = preview(plan.study, reader, ledger, gate)
    return replace(plan, search=_now(plan.study, gate, before, ledger))


def settled_search(plan: Plan, ledger: Ledger, history: Sequence[Asked] | None = None) -> Plan:
    """The same plan when a run is over, or under way.

    history: of a search at work; None is as its journal has it.
    """
    search = plan.search
    if not isinstance(search, Searched):
        return plan
    return replace(plan, search=_now(search.study, search.gate, search.preview, ledger, history))


def keep_found(plan: Plan, results: Path) -> None:
    """Write what a search over graphs found as a topology file, when it is over."""
    if isinstance(plan.search, Searched):
        write_found(results, plan.study, plan.search.found)


def _now(
    study: Study,
    gate: Gate,
    before: Preview,
    ledger: Ledger,
    history: Sequence[Asked] | None = None,
) -> Searched:
    if history is None:
        results = ledger.root.parent
        history = open_searcher(study, results, gate.facts, is_reader=True).history()
    over = is_over(study, history)
    cells = searched_cells(study, history, ledger, gate, is_over=over)
    found = found_network(study, history, gate) if over else None
    return Searched(study, gate, before.at(history), cells, over, found)
