"""Who trains: an engine, what it does with a trial, and who watches."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from harness.engines import AbstractEngine, Early, Event, Listed, Supply, Watch, Work
from harness.gating import Gated, ProbeSink
from harness.plurals import many
from harness.pulse import Pulse
from harness.search import Title
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.trainers import PROBE, PROBE_TIMED, RUN_TRIAL, Named

Say = Callable[[str], None]
"""Tells the user one line."""

Watching = Callable[[Mapping[str, Title], int], Any]
"""Makes a context manager that watches trials, from their titles by id and how many run at once."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Hands supplies to an engine; what is to be said of it is said to the user."""

    engine: AbstractEngine
    work: Work
    watching: Watching | None
    say: Say

    def train(
        self,
        supply: Supply,
        where: Workplace,
        what: str,
        titles: Mapping[str, Title],
        early: Early | None = None,
    ) -> None:
        """Until the supply has ended. what: said before; titles: of the trials that may come."""
        self.say(what)
        seen = (
            self.watching(titles, self.engine.slots(where))
            if self.watching
            else nullcontext(_unwatched)
        )
        with seen as watch:
            self.engine.run(supply, self.work, where, watch, early=early)

    @property
    def probes(self) -> bool:
        """Whether networks can be probed: what a user's own training builds is not known here."""
        return isinstance(self.work, Named) and self.work.name == RUN_TRIAL

    def probe(self, specs: Sequence[TrialSpec], where: Workplace, latency: bool) -> None:
        """One step of each trial's network, kept as probes; where it takes long, how far it is."""
        if not isinstance(self.work, Named):
            raise AssertionError("asked for where `probes` is false")
        networks, ended = many(len(specs), "network"), set[str]()
        self.say(f"probing {networks}")
        probing = Named(PROBE_TIMED if latency else PROBE, self.work.plugins)

        def watch(event: Event) -> None:
            if event.kind == "ended":
                ended.add(event.id)

        with Pulse(lambda: self.say(f"probed {len(ended)} of {networks}")):
            self.engine.run(Listed(specs), probing, where, watch, sink=ProbeSink())

    def gated(self, limits: Mapping[str, float]) -> "Crew":
        """A crew that probes a network in the worker that is about to train it, where it can."""
        if not self.probes or not isinstance(self.work, Named):
            return self
        return Crew(self.engine, Gated(self.work, dict(limits)), self.watching, self.say)


_unwatched: Watch = lambda event: None  # noqa: E731
