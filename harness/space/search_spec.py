"""What a study says of a search: what may vary, what is wanted, and for how many networks."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from harness.space.base import Frozen
from harness.space.limits import LATENCY, LIMITS
from harness.space.limits import MEASURED as PROBED
from harness.space.model import Count
from harness.space.topology_space import TopologySpaceStudy

Number = int | float


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What must be known of a way of searching without asking it."""

    meaning: str
    has_population: bool = False


KINDS: dict[str, KindFacts] = {
    "random": KindFacts("points drawn evenly"),
    "tpe": KindFacts("Optuna's tree-structured Parzen estimator, multivariate"),
    "nsga2": KindFacts("Optuna's NSGA-II", has_population=True),
    "nsga3": KindFacts("Optuna's NSGA-III", has_population=True),
}
"""Ways of searching; `harness.search.SEARCHERS` has their code under the same names. A grid and an
ablation are `vary` and `arms`."""

MEASURED = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
"""Objectives that are fractions of 1 and better the higher."""
COSTS = tuple(name for name in LIMITS if name not in PROBED)
"""What is known of a network before it is built."""
OBJECTIVES: dict[str, bool] = {
    **dict.fromkeys(MEASURED, True),
    **dict.fromkeys(COSTS, False),
    LATENCY: False,
}
"""Whether more of it is better, by name. """


class Dimension(Frozen):
    """One thing that is chosen: a number in a range, or one of several values."""

    low: Number | None = None
    high: Number | None = None
    """Included. Whole numbers where low, high and step are whole."""
    step: Number | None = None
    log: bool = False
    """Drawn evenly in the logarithm."""
    choices: Annotated[tuple[Any, ...], Field(min_length=1)] | None = None
    when: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """There only where each of these other paths of the space has one of these values; elsewhere
    the study's own value stands."""

    @property
    def is_whole(self) -> bool:
        """Whether its numbers are whole; meaningless for choices."""
        return all(isinstance(value, int) for value in (self.low, self.high, self.step or 1))


class Asha(Frozen):
    """Asynchronous successive halving: a trial that lags behind is stopped at a rung."""

    grace: Count = 1
    """Epochs that every trial gets."""
    reduction: Annotated[int, Field(ge=2)] = 3
    """Of so many trials at a rung one goes on; rungs are at grace times its powers."""


class Hyperband(Frozen):
    """Asynchronous Hyperband: brackets of successive halving that begin at different rungs."""

    reduction: Annotated[int, Field(ge=2)] = 3


class Scheduler(Frozen):
    """Early stopping, by Ray. One of the two."""

    asha: Asha | None = None
    hyperband: Hyperband | None = None


class Compare(Frozen):
    """After the search: the winner and random networks of equal cost, trained with fresh seeds."""

    random: Count = 8
    """Networks drawn from the same space. What is not of the network is as in the winner."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (100, 101, 102)
    """None that the search itself used: the winner was chosen by those."""
    band: Annotated[float, Field(gt=0, le=1)] = 0.1
    """How far the cost of a random network may be from the winner's, as a share of it."""
    cost: str = "macs"
    """What is equal: a name of `COSTS`."""


class SearchSpec(Frozen):
    """The `search` section of a study."""

    kind: str = "tpe"
    """A name of `KINDS`."""
    trials: Count
    """Distinct networks with a result: trained now, or known from the ledger."""
    objectives: Annotated[tuple[str, ...], Field(min_length=1)] = ("ap",)
    """Names of `OBJECTIVES`; each is the mean over the study's seeds."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the proposals, not of any training."""
    population: Annotated[int, Field(ge=2)] | None = None
    """Networks a generation (NSGA); None is a quarter of `trials`, 4 to 50."""
    space: dict[str, Dimension] = Field(default_factory=dict)
    """By dotted path into the study."""
    topology: TopologySpaceStudy | None = None
    """A space over graphs (`harness.search.topologies`)."""
    scheduler: Scheduler | None = None
    compare: Compare | None = None
