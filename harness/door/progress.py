"""Live progress on standard error: a table in a terminal; elsewhere one line a trial, and one each
half a minute that says how far it is."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live

from harness.door.board import Best, Board, Ended, Row, best_of, draw, ended_words, way_words
from harness.engines.base import Event
from harness.pulse import Pulse
from harness.search import Title

Clock = Callable[[], float]


class Progress:
    """Watches an engine: trials done and running, epoch and AP (or loss) so far, time left."""

    def __init__(
        self,
        titles: Mapping[str, Title],
        console: Console,
        clock: Clock = time.monotonic,
        *,
        slots: int | None = None,
        best: Best | None = None,
    ) -> None:
        """titles: of the trials to come, by id; they may grow. best: of those done before."""
        self.titles, self.console, self.clock = titles, console, clock
        self.slots, self.before = slots, best
        self.began = clock()
        self.ended: dict[str, Ended] = {}
        self.running: dict[str, tuple[Row, float]] = {}
        """With the moment at which it last told."""
        self.live: Live | Pulse = Pulse(self.say_way)
        if console.is_terminal:
            self.live = Live(
                get_renderable=self.render, console=console, refresh_per_second=2, transient=True
            )

    def __enter__(self) -> "Progress":
        self.live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.live.__exit__(kind, error, trace)

    def say_way(self) -> None:
        """The line that is printed now and then where there is no table to look at."""
        self._print(way_words(self.board()))

    def _print(self, words: str) -> None:
        self.console.print(words, highlight=False, markup=False, soft_wrap=True)

    def __call__(self, event: Event) -> None:
        if event.kind == "started":
            self.running.setdefault(event.id, (self._row(event.id), self.clock()))
        elif event.kind == "epoch":
            row, _ = self.running.get(event.id, (self._row(event.id), 0.0))
            self.running[event.id] = told(row, event.facts), self.clock()
        elif event.id not in self.ended:
            self._end(event.id, event.facts)

    @property
    def total(self) -> int:
        return max(len(self.titles), len(self.ended) + len(self.running))

    def _title(self, trial_id: str) -> Title:
        return self.titles.get(trial_id) or Title(trial_id[:8])

    def _row(self, trial_id: str) -> Row:
        return Row(trial_id, self._title(trial_id))

    def _end(self, trial_id: str, facts: Mapping[str, Any]) -> None:
        self.running.pop(trial_id, None)
        known: dict[str, Any] = {name: facts.get(name) for name in ("ap", "seconds", "reason")}
        one = Ended(trial_id, self._title(trial_id), str(facts.get("status", "ended")), **known)
        self.ended[trial_id] = one
        self._print(ended_words(one, len(self.ended), self.total, self.seconds_left()))

    def seconds_left(self) -> float | None:
        """From the share of all trials' epochs that is behind us; None before there is any."""
        running = [row for row, _ in [*self.running.values()]]
        behind = len(self.ended) + sum(row.share for row in running)
        if not behind:
            return None
        return (self.clock() - self.began) * (self.total - behind) / behind

    def board(self) -> Board:
        """What is known now. Called by the thread that draws, while events come in."""
        moment = self.clock()
        rows = [passed(row, moment - since) for row, since in [*self.running.values()]]
        bests = [best for best in (self.before, best_of([*self.ended.values()])) if best]
        return Board(
            total=self.total,
            ended=len(self.ended),
            rows=tuple(rows),
            best=max(bests, key=lambda best: best.ap, default=None),
            left_s=self.seconds_left(),
            slots=self.slots,
        )

    def render(self) -> RenderableType:
        """What a terminal shows below the lines of ended trials."""
        return draw(self.board(), self.console.width, self.console.height)


def told(row: Row, facts: Mapping[str, Any]) -> Row:
    """The row after what a trial told at the end of an epoch (`EpochLog`, `epochs`, `ap`, ...)."""
    names = ("epochs", "loss", "ap", "images_per_second", "host", "device", "peak_memory_mb")
    known = {name: facts[name] for name in names if facts.get(name) is not None}
    row = replace(row, epoch=int(facts.get("epoch", row.epoch + 1)), **known)
    return replace(row, left_s=seconds_left(row, facts.get("seconds")))


def seconds_left(row: Row, epoch_seconds: float | None) -> float | None:
    """Of a trial that has just ended an epoch, which took so long."""
    if epoch_seconds is None or not row.epochs:
        return None
    return epoch_seconds * (row.epochs - row.epoch)


def passed(row: Row, seconds: float) -> Row:
    """The row so many seconds after it last told."""
    return row if row.left_s is None else replace(row, left_s=max(0.0, row.left_s - seconds))
