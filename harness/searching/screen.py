"""The gate of a proposal: what can be known of it without training and without torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import Fault, SpecError
from harness.plan.plan import network_key
from harness.records import Cost
from harness.search import Proposal
from harness.space.bind import FactsOf, bind, price
from harness.space.heads import HEAD_FACTS
from harness.space.limits import excesses, over_limit
from harness.space.study import Study
from harness.space.trial import Seeds, TrialSpec


@dataclass(frozen=True, slots=True)
class Screened:
    """A proposal behind the gate, or why it is not let through."""

    specs: tuple[TrialSpec, ...] = ()
    """One a seed; none where it could not be bound."""
    cost: Cost | None = None
    reason: str | None = None
    """Why it is not trained; None lets it through."""
    faults: tuple[Fault, ...] = ()
    """Of one that could not be bound."""
    violations: tuple[float, ...] = ()
    """See `harness.search.Told`."""

    @property
    def id(self) -> str | None:
        """That of its first seed: one point, one id."""
        return self.specs[0].id if self.specs else None


Screen = Callable[[Proposal], Screened]


class Gate:
    """Binds and prices proposals of one study. The same network is priced once."""

    def __init__(self, study: Study, facts: FactsOf) -> None:
        self._study, self.facts = study, facts
        self._costs: dict[str, Cost] = {}

    def __call__(self, proposal: Proposal) -> Screened:
        try:
            spec = bind(self._study, proposal.choice, proposal.seeds[0], self.facts)
            cost = self._cost(proposal, spec)
        except SpecError as error:
            return Screened(reason=_in_short(error.faults), faults=error.faults)
        limits, head = self._study.spec.limits, spec.model.head.kind
        reason = over_limit(limits, cost)
        if not HEAD_FACTS.get(head).detects:
            reason = f"its head {head!r} is costed, not trained yet"
        specs = tuple(_with_seed(spec, seed) for seed in proposal.seeds)
        return Screened(specs, cost, reason, violations=excesses(limits, cost))

    def _cost(self, proposal: Proposal, spec: TrialSpec) -> Cost:
        key = network_key(spec.model)
        if key not in self._costs:
            self._costs[key] = price(self._study, proposal.choice, spec)
        return self._costs[key]


def _with_seed(spec: TrialSpec, seed: int) -> TrialSpec:
    return spec.model_copy(update={"seeds": Seeds.all(seed)})


def _in_short(faults: Sequence[Fault]) -> str:
    first = faults[0]
    return f"{first.path}: {first.message}" if first.path else first.message


def costs_of(cost: Cost | None) -> dict[str, Any]:
    """Costs as plain values."""
    if cost is None:
        return {}
    parts = {name: (part.params, part.macs, part.acts) for name, part in cost.parts.items()}
    return {"params": cost.params, "macs": cost.macs, "acts": cost.acts, "parts": parts}
