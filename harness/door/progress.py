"""Live progress on standard error: a table in a terminal, one line a trial elsewhere."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.engines.base import Event

Clock = Callable[[], float]


@dataclass(slots=True)
class Running:
    """A trial under way."""

    epoch: int = 0
    epochs: int = 0
    ap: float | None = None
    loss: float | None = None

    @property
    def share(self) -> float:
        return self.epoch / self.epochs if self.epochs else 0.0


class Progress:
    """Watches an engine: trials done and running, epoch and AP (or loss) so far, time left."""

    def __init__(
        self, names: Mapping[str, str], console: Console, clock: Clock = time.monotonic
    ) -> None:
        self.names = names
        self.console = console
        self.clock = clock
        self.began = clock()
        self.ended: set[str] = set()
        self.best: float | None = None
        self.running: dict[str, Running] = {}
        self.live: Live | None = None
        if console.is_terminal:
            self.live = Live(
                get_renderable=self.render, console=console, refresh_per_second=2, transient=True
            )

    def __enter__(self) -> "Progress":
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.live:
            self.live.stop()

    def __call__(self, event: Event) -> None:
        if event.kind == "started":
            self.running.setdefault(event.id, Running())
        elif event.kind == "epoch":
            self._epoch(event.id, event.facts)
        elif event.id not in self.ended:
            self._end(event.id, event.facts)

    def _epoch(self, trial_id: str, facts: Mapping[str, Any]) -> None:
        running = self.running.setdefault(trial_id, Running())
        running.epoch = int(facts.get("epoch", running.epoch + 1))
        running.epochs = int(facts.get("epochs", running.epochs))
        for name in ("ap", "loss"):
            if facts.get(name) is not None:
                setattr(running, name, float(facts[name]))

    def _end(self, trial_id: str, facts: Mapping[str, Any]) -> None:
        self.running.pop(trial_id, None)
        self.ended.add(trial_id)
        ap = facts.get("ap")
        if ap is not None:
            self.best = ap if self.best is None else max(self.best, ap)
        words = [
            f"[{len(self.ended)}/{len(self.names)}]",
            self.names.get(trial_id, trial_id),
            str(facts.get("status", "ended")),
        ]
        if ap is not None:
            words.append(f"AP {ap:.3f}")
        if facts.get("seconds"):
            words.append(f"{facts['seconds']:.0f} s")
        if facts.get("reason"):
            words.append(str(facts["reason"]))
        left = self.seconds_left()
        if left is not None and len(self.ended) < len(self.names):
            words.append(f"{clock_words(left)} left")
        self.console.print("  ".join(words), highlight=False, markup=False, soft_wrap=True)

    def seconds_left(self) -> float | None:
        """From the share of all trials' epochs that is behind us; None before there is any."""
        behind = len(self.ended) + sum(running.share for running in self.running.values())
        if not behind:
            return None
        return (self.clock() - self.began) * (len(self.names) - behind) / behind

    def render(self) -> Group:
        """What a terminal shows below the lines of ended trials."""
        left = self.seconds_left()
        words = f"{len(self.ended)} of {len(self.names)} trials"
        if self.best is not None:
            words += f", best AP {self.best:.3f}"
        words += f", {clock_words(left)} left" if left is not None else ""
        bar = ProgressBar(total=max(1, len(self.names)), completed=len(self.ended), width=40)
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for trial_id, running in self.running.items():
            epochs = f"epoch {running.epoch}/{running.epochs}" if running.epochs else "starting"
            loss = f"loss {running.loss:.3f}" if running.loss is not None else ""
            so_far = f"AP {running.ap:.3f}" if running.ap is not None else loss
            table.add_row(Text(self.names.get(trial_id, trial_id)), epochs, so_far)
        return Group(table, bar, Text(words))


def clock_words(seconds: float) -> str:
    """`40 s`, `12 min` or `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
