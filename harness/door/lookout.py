"""A study as its files have it: the study file, the ledger and the claims, and nothing else."""

import dataclasses
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.claims import STALE_S, Beat, Onlooker, read_claim
from harness.door.board import Board, Ended, Row, best_of
from harness.door.progress import passed, seconds_left
from harness.errors import LedgerError
from harness.ledger import RECORD, Ledger, from_json
from harness.outcomes import is_tried_again
from harness.search import BACKBONE, Title, cell_name
from harness.space.search_faults import TAKEN
from harness.studies import StudyResults, read_study

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A study at one moment."""

    study: str
    profile: str
    board: Board
    ended: tuple[Ended, ...]
    counts: Mapping[str, int]
    """Trials by status; `running`, `stale` and `pending` are those without a record that stands."""

    @property
    def is_over(self) -> bool:
        """Nothing runs, and no run would train anything more unasked."""
        open_ends = any(self.counts.get(name) for name in ("running", "stale", "pending"))
        return not open_ends and not any(one.again for one in self.ended)

    def as_json(self) -> dict[str, Any]:
        """The document of `harness watch --json`."""
        board = dataclasses.asdict(self.board)
        return {
            "study": self.study,
            "profile": self.profile,
            "over": self.is_over,
            "counts": dict(self.counts),
            **{name: board[name] for name in ("total", "ended", "best", "left_s")},
            "running": board["rows"],
            "trials": [dataclasses.asdict(one) for one in self.ended],
        }


@dataclass(slots=True)
class _Sight:
    """What was seen of one claim."""

    first: Beat
    epoch: int
    since: float
    """When this epoch was seen first."""


@dataclass(slots=True)
class Lookout:
    """Looks at a study again and again; reads no finished record twice, and changes nothing."""

    results: Path
    study: str
    profile: str
    clock: Clock = time.monotonic
    wall: Clock = time.time
    """Seconds since 1970."""
    _done: dict[str, Ended] = field(default_factory=dict)
    _sights: dict[str, _Sight] = field(default_factory=dict)
    """By the owner of the claim."""
    _onlooker: Onlooker = field(init=False)

    def __post_init__(self) -> None:
        self._onlooker = Onlooker(clock=self.clock)

    def look(self) -> Snapshot:
        """Raises `LedgerError` where the study has no file."""
        study = read_study(self.results, self.study, self.profile)
        titles = titles_of(study)
        rows, ended = [], []
        for trial_id, title in titles.items():
            one, beat = self._ended(trial_id, title), read_claim(self._folder(trial_id))
            lives = beat is not None and self._lives(beat)
            if beat is not None and (lives or one is None):
                rows.append(self._row(trial_id, title, beat, stale=not lives))
            elif one is not None:
                ended.append(one)
        rows.sort(key=lambda row: row.stale)
        wanted = sum(title != BACKBONE for title in titles.values()) + to_come(study)
        own = [one for one in ended if one.title != BACKBONE]
        return self._snapshot(wanted, rows, own)

    def _snapshot(self, total: int, rows: list[Row], ended: list[Ended]) -> Snapshot:
        """total: trials of the study, backbones not counted."""
        running = [row for row in rows if not row.stale]
        counts = Counter(one.status for one in ended)
        own = [row for row in rows if row.title != BACKBONE]
        counts["running"] = sum(not row.stale for row in own)
        counts["stale"] = len(own) - counts["running"]
        counts["pending"] = total - len(ended) - len(own)
        left = _time_left(running, ended, counts["pending"] + counts["stale"])
        board = Board(total, len(ended), tuple(rows), best_of(ended), left)
        return Snapshot(self.study, self.profile, board, tuple(ended), +counts)

    def _folder(self, trial_id: str) -> Path:
        return Ledger(self.results).folder(trial_id)

    def _ended(self, trial_id: str, title: Title) -> Ended | None:
        """What its record says. A damaged one is left for the run to set aside."""
        if trial_id in self._done:
            return self._done[trial_id]
        try:
            record = from_json((self._folder(trial_id) / RECORD).read_bytes())
        except (OSError, LedgerError):
            return None
        ap = record.metrics.ap if record.metrics else None
        again = is_tried_again(record.status, asked=False)
        one = Ended(trial_id, title, record.status, ap, record.seconds, record.reason, again)
        if one.status == "done":
            self._done[trial_id] = one  # such a record never changes
        return one

    def _lives(self, beat: Beat) -> bool:
        """Until it changes under our eyes, a claim is believed by what its owner's clock said."""
        sight = self._sights.setdefault(beat.owner, _Sight(beat, beat.epoch, self.clock()))
        if sight.epoch != beat.epoch:
            sight.epoch, sight.since = beat.epoch, self.clock()
        silent_s = self.wall() - _seconds(beat.beaten)
        if beat.beat == sight.first.beat and silent_s > 2 * STALE_S:
            return False
        return self._onlooker.lives(beat)

    def _row(self, trial_id: str, title: Title, beat: Beat, stale: bool) -> Row:
        row = Row(
            trial_id,
            title,
            beat.epoch,
            beat.epochs,
            beat.loss,
            beat.ap,
            beat.images_per_second,
            host=beat.host,
            device=beat.device,
            peak_memory_mb=beat.peak_memory_mb,
            stale=stale,
        )
        row = dataclasses.replace(row, left_s=seconds_left(row, beat.seconds))
        return passed(row, self.clock() - self._sights[beat.owner].since)


def titles_of(study: StudyResults) -> dict[str, Title]:
    """Trials of a study by id: the backbones they share, and those of its cells."""
    titles = dict.fromkeys(study.sources, BACKBONE)
    for cell in study.cells:
        if cell.status not in ("rejected", "alias"):
            titles[cell.id] = Title(cell_name(cell.arm, cell.choice), cell.seed)
    return titles


def to_come(study: StudyResults) -> int:
    """Trials that a search may still propose."""
    if study.search is None:
        return 0
    searched = [cell for cell in study.cells if TAKEN.fullmatch(cell.arm)]
    left = int(study.search.get("left", 0))
    return max(0, left - sum(cell.status == "pending" for cell in searched))


def _seconds(moment: str) -> float:
    """Since 1970, of an ISO 8601 moment; 0 where it cannot be read."""
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _time_left(running: Sequence[Row], ended: Sequence[Ended], waiting: int) -> float | None:
    """Seconds, if as many run at once as now and what waits takes as long as what is done."""
    lefts = [row.left_s for row in running if row.left_s is not None]
    times = [one.seconds for one in ended if one.status == "done" and one.seconds]
    if not running or len(lefts) < len(running) or (waiting and not times):
        return None
    each = statistics.median(times) if times else 0.0
    return max(*lefts, (sum(lefts) + waiting * each) / len(running))
