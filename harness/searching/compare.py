"""After a search: its winner and random networks of equal cost, to be trained with fresh seeds.

The winner was the best of many by the seeds of the search, so its AP there is too high by its
luck. Fresh seeds take that away, and random networks of the same space and cost say what the
search was worth.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.search import Asked, Proposal
from harness.search.space import RandomPick
from harness.searching.found import winner
from harness.searching.screen import Screened
from harness.searching.setting import search_of, space_of
from harness.space.bind import Choice
from harness.space.limits import cost_of
from harness.space.search_spec import Compare
from harness.space.study import Study

DRAWS = 500
"""Most points drawn for each random network that is wanted."""
FOUND = "found"


@dataclass(frozen=True, slots=True)
class Compared:
    """One arm of the compare stage."""

    proposal: Proposal
    screened: Screened


def compared(
    study: Study, history: Sequence[Asked], gate: Callable[[Proposal], Screened]
) -> tuple[Compared, ...]:
    """The winner, then the random networks; none where nothing was trained to its end.

    The same history gives the same networks. Where the space has too few of that cost, there are
    fewer.
    """
    search = search_of(study)
    best = winner(history, search.objectives)
    if best is None or search.compare is None:
        return ()
    values, seeds = best.asked.proposal.choice.values, search.compare.seeds
    proposal = Proposal(best.number, Choice(FOUND, {}, values), seeds)
    found = Compared(proposal, gate(proposal))
    return (found, *_random(study, search.compare, found, gate))


def _random(
    study: Study, compare: Compare, found: Compared, gate: Callable[[Proposal], Screened]
) -> list[Compared]:
    """Random networks of the winner's cost, none twice and none the winner."""
    space, seed, seen = space_of(study), search_of(study).seed, {found.screened.id}
    drawn: list[Compared] = []
    for turn in range(compare.random * DRAWS):
        if len(drawn) == compare.random:
            break
        values = _as_winner(space.draw(RandomPick(seed, "compare", turn)), found)
        choice = Choice(f"random {len(drawn)}", {}, values)
        one = replace(found.proposal, choice=choice)
        screened = gate(one)
        if screened.reason is None and screened.id not in seen and _fits(compare, screened, found):
            seen.add(screened.id)
            drawn.append(Compared(one, screened))
    return drawn


def _as_winner(values: Mapping[str, Any], found: Compared) -> dict[str, Any]:
    """A point's network with the winner's recipe: networks are compared, not learning rates."""
    own = {path: value for path, value in values.items() if path.startswith("model.")}
    won = found.proposal.choice.values
    return own | {path: value for path, value in won.items() if not path.startswith("model.")}


def _fits(compare: Compare, screened: Screened, found: Compared) -> bool:
    if screened.cost is None or found.screened.cost is None:
        return False
    target = cost_of(compare.cost, found.screened.cost)
    return abs(cost_of(compare.cost, screened.cost) - target) <= compare.band * target
