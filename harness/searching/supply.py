"""The supply of a search: what is proposed, as far as it must be trained.

Each proposal passes the gate, is told at once where it is a network seen before or all its
records are in the ledger, and is handed out seed by seed otherwise. When the search is over, the
winner and random networks of equal cost follow (`compare.py`).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.engines.base import WAIT, Wait
from harness.gating import objection
from harness.ledger import Ledger
from harness.outcomes import FAILURES, is_tried_again
from harness.plan.plan import sources_of
from harness.probes import Probes
from harness.records import TrialRecord
from harness.search import AbstractSearcher, Asked, Proposal, Title, Told
from harness.searching.compare import compared
from harness.searching.screen import Gate
from harness.searching.setting import search_of
from harness.searching.state import BARREN, is_counted
from harness.searching.verdicts import Open, failure, rejection, same_as, success, title_of
from harness.space.bind import FactsOf
from harness.space.study import Study
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.supplies import is_at_hand, is_oversized


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one run may do."""

    limit: int | None = None
    """Most trials handed out."""
    retry_failed: bool = False
    """Proposals that failed are trained again."""


class SearchSupply:
    """Which trial of a search comes next. See `harness.engines.base.Supply`."""

    adaptive = True

    def __init__(
        self,
        study: Study,
        searcher: AbstractSearcher,
        ledger: Ledger,
        where: Workplace,
        facts: FactsOf,
        allowed: Allowed,
    ) -> None:
        self.study, self.searcher, self.ledger, self.where = study, searcher, ledger, where
        self.search, self.gate = search_of(study), Gate(study, facts)
        self.retry_failed, self.limit = allowed.retry_failed, allowed.limit
        self.handed_out = 0
        self.ended_because: str | None = None
        """Why the search has fewer networks than it might."""
        self._open: dict[int, Open] = {}
        self._by_trial: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self.titles: dict[str, Title] = {}
        """What trials are called where people watch."""
        self._queue: deque[TrialSpec] = deque()
        self._running: set[str] = set()
        self._again: deque[Proposal] = deque()
        self._told: dict[int, Told] = {}
        self._networks: set[int] = set()
        """Told proposals that are networks of their own."""
        self._newest = self._latest = -1
        """The last proposal with a new network, and the last of all."""
        self.compares = False
        """Whether the compare stage may begin: it is no search, and nothing stops it early."""
        self._compared = False
        self._recall()

    @property
    def counted(self) -> int:
        """Distinct networks with a result."""
        return len(self._networks)

    def next(self) -> TrialSpec | Wait | None:
        if self.where.is_over() or self.is_spent:
            return None
        while True:
            spec = self._ready()
            if spec is not None:
                self.handed_out += 1
                self._running.add(spec.id)
                return spec
            if self._queue or not (self._ask() or self._compare()):
                return WAIT if self._running else None

    def ended(self, spec: TrialSpec, record: TrialRecord | None) -> None:
        self._running.discard(spec.id)
        number = self._by_trial.get(spec.id)
        if number not in self._open:
            return
        if record is not None and self._is_known(record):
            self._open[number].records[spec.id] = record
            self._conclude(self._open[number])
        elif record is None and (reason := self._objection(spec)):
            one = self._open[number]
            self._close(one, rejection(replace(one.screened, reason=reason)))

    @property
    def is_over(self) -> bool:
        """Whether all that is proposed is told."""
        enough = self.ended_because is not None or self.counted >= self.search.trials
        return enough and not self._open and not self._again

    def missing_sources(self) -> tuple[TrialSpec, ...]:
        """Backbones that what comes next takes over and that are not trained, earliest first."""
        found = {source.id: source for spec in self._queue for source in self._lacking(spec)}
        return tuple(found.values())

    def open_trials(self) -> tuple[tuple[TrialSpec, Title], ...]:
        """Trials of earlier runs' proposals that were never told: those that were lost on the way,
        or ran out of memory."""
        left = [one.proposal for one in self.searcher.history() if one.told is None]
        return tuple((spec, title_of(one, spec)) for one in left for spec in self.gate(one).specs)

    @property
    def left(self) -> int:
        """Trials that may still be handed out, compared ones not counted before they come."""
        networks = max(0, self.search.trials - self.counted - len(self._open))
        if self.ended_because:
            networks = 0
        return networks * len(self.study.spec.seed_list) + len(self._queue)

    @property
    def is_spent(self) -> bool:
        """Whether as many trials were handed out as may be."""
        return self.handed_out == self.limit

    def _recall(self) -> None:
        """What earlier runs told; failed ones are taken up again where that is asked for."""
        for one in self.searcher.history():
            if one.told is None:
                continue
            self._remember(one.proposal, one.told)
            if self.retry_failed and self._failed(one):
                self._again.append(one.proposal)
                self._networks.discard(one.proposal.number)

    def _failed(self, one: Asked) -> bool:
        status = one.told.note.get("status") if one.told else None
        return status in FAILURES and is_tried_again(status, True)

    def _remember(self, proposal: Proposal, told: Told) -> None:
        number = proposal.number
        self._told[number], self._latest = told, max(self._latest, number)
        if is_counted(told):
            self._networks.add(number)
            self._newest = max(self._newest, number)
        for trial_id in told.note.get("ids", ())[:1]:
            self._first.setdefault(trial_id, proposal.number)

    def _ready(self) -> TrialSpec | None:
        """The next of the queue whose backbone is there."""
        for spec in self._queue:
            if not any(self._lacking(spec)):
                self._queue.remove(spec)
                return spec
        return None

    def _lacking(self, spec: TrialSpec) -> Iterator[TrialSpec]:
        for source in sources_of(spec):
            if not is_at_hand(source, self.ledger, self.where):
                yield source

    def _ask(self) -> bool:
        """Take one more proposal in hand, whatever comes of it; False where there is none."""
        if self.counted + len(self._open) >= self.search.trials or self.ended_because:
            return False
        if self._latest - self._newest >= BARREN:
            self.ended_because = f"{BARREN} proposals in a row brought no new network"
            return False
        proposal = self._again.popleft() if self._again else self.searcher.ask()
        if proposal is None:
            self.ended_because = "every point of the space was proposed"
            return False
        self._take(proposal)
        return True

    def _take(self, proposal: Proposal) -> None:
        screened = self.gate(proposal)
        first = self._first.get(screened.id or "", proposal.number)
        if screened.reason is not None or screened.id is None:
            self._tell(proposal, rejection(screened))
        elif first in self._open:
            self._open[first].followers.append(proposal)
        elif first in self._told and first != proposal.number:
            self._tell(proposal, same_as(self._told[first], first))
        else:
            self._first[screened.id] = proposal.number
            self._begin(Open(proposal, screened))

    def _begin(self, one: Open) -> None:
        """Look its trials up in the ledger; what is lacking is queued."""
        self._open[one.proposal.number] = one
        self._newest = max(self._newest, one.proposal.number)
        for spec in one.screened.specs:
            self._by_trial[spec.id] = one.proposal.number
            self.titles[spec.id] = title_of(one.proposal, spec)
            record = self.ledger.get(spec.id)
            if record is not None and self._is_known(record, self.retry_failed):
                one.records[spec.id] = record
            elif not is_oversized(record):  # `_alone` of a run has those to itself, and had them
                self._queue.append(spec)
        self._conclude(one)

    def _is_known(self, record: TrialRecord, retry_failed: bool = False) -> bool:
        """Whether a record is the last word on its trial."""
        if record.status == "stopped":
            return self.search.scheduler is not None
        return not is_tried_again(record.status, retry_failed)

    def _conclude(self, one: Open) -> None:
        """Tell a proposal whose trials are all known, or of which one has failed."""
        records = list(one.records.values())
        bad = [record for record in records if record.status not in ("done", "stopped")]
        if not bad and len(records) < len(one.screened.specs):
            return
        told = failure(one, bad[0]) if bad else success(one, records, self.search.objectives)
        self._close(one, told)

    def _objection(self, spec: TrialSpec) -> str | None:
        """Why the gate's second step, in the worker, has let no trial of this network through."""
        return objection(Probes(self.where).get(spec), self.study.spec.limits)

    def _close(self, one: Open, told: Told) -> None:
        """Tell a proposal and those of the same network; what it has in the queue is let go."""
        ids = {spec.id for spec in one.screened.specs}
        self._queue = deque(spec for spec in self._queue if spec.id not in ids)
        del self._open[one.proposal.number]
        self._tell(one.proposal, told)
        for follower in one.followers:
            self._tell(follower, same_as(told, one.proposal.number))

    def _tell(self, proposal: Proposal, told: Told) -> None:
        self.searcher.tell(proposal, told)
        self._remember(proposal, told)

    def _compare(self) -> bool:
        """Once, when all is told and it may: queue what the compare stage lacks."""
        if self._compared or self._running or not (self.compares and self.is_over):
            return False
        self._compared = True
        for one in compared(self.study, self.searcher.history(), self.gate):
            for spec in one.screened.specs:
                record = self.ledger.get(spec.id)
                if record is None or is_tried_again(record.status, self.retry_failed):
                    self.titles[spec.id] = title_of(one.proposal, spec)
                    self._queue.append(spec)
        return bool(self._queue)
