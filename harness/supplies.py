"""The supply of a planned study: trials that the ledger lacks, the free ones first."""

from collections.abc import Collection, Sequence

from harness.claims import Onlooker, read_claim
from harness.ledger import Ledger
from harness.records import TrialRecord
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace

MICRO_BATCHES = (1, 2, 4, 8)
"""Into how many parts a batch is cut that does not fit, one after the other until it does."""


class Missing:
    """A list of trials, as another driver on the same ledger leaves it.

    What the other finished meanwhile is passed over. What it is training comes last: by then it is
    done, or whoever is handed it waits for its record, or takes it over from the dead.
    """

    adaptive = False

    def __init__(
        self,
        trials: Sequence[TrialSpec],
        ledger: Ledger,
        where: Workplace,
        sources: Collection[str] = (),
    ) -> None:
        """sources: trials that are wanted for their backbone, and again where its weights are
        gone."""
        self._left = list(trials)
        self._ledger, self._where, self._onlooker = ledger, where, Onlooker()
        self._again = {
            spec.id
            for spec in trials
            if spec.id in sources and self._is_done(spec) and not is_at_hand(spec, ledger, where)
        }
        """Done, and wanted again. Others that are done by now were trained by another driver."""

    def next(self) -> TrialSpec | None:
        if self._where.is_over():
            return None
        claimed: TrialSpec | None = None
        for spec in tuple(self._left):
            is_claimed = self._is_claimed(spec)  # first: a record is there before its claim is gone
            if spec.id not in self._again and self._is_done(spec):
                self._left.remove(spec)
            elif not is_claimed:
                self._left.remove(spec)
                return spec
            else:
                claimed = claimed or spec
        if claimed is not None:
            self._left.remove(claimed)
        return claimed

    def ended(self, spec: TrialSpec, record: TrialRecord | None) -> None:
        pass

    def _is_done(self, spec: TrialSpec) -> bool:
        record = self._ledger.get(spec.id)
        return record is not None and record.status == "done"

    def _is_claimed(self, spec: TrialSpec) -> bool:
        beat = read_claim(self._ledger.folder(spec.id))
        return beat is not None and self._onlooker.lives(beat)


def is_at_hand(source: TrialSpec, ledger: Ledger, where: Workplace) -> bool:
    """Whether a source is trained and its backbone can be taken over: it lies by itself, or in the
    checkpoint that it is taken out of when it is first asked for."""
    record = ledger.get(source.id)
    places = (where.backbone(source.id), where.checkpoint(source.id))
    return record is not None and record.status == "done" and any(at.exists() for at in places)


def standing(spec: TrialSpec, ledger: Ledger, where: Workplace) -> TrialRecord | None:
    """The finished record of a trial that was handed out, where another driver has done it since.

    Between the supply and the worker lies time: an engine asks for trials before there is room.
    """
    record = ledger.get(spec.id)
    if record is None or record.status != "done":
        return None
    return None if where.for_backbone and not is_at_hand(spec, ledger, where) else record


def is_oversized(record: TrialRecord | None) -> bool:
    """Whether a trial last ran out of memory."""
    return record is not None and record.status == "out_of_memory"
