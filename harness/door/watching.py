"""A study from another terminal, as `lookout.py` sees it, until it is over: `harness watch`.

And from the terminal that runs it: `watcher`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.live import Live

from harness.crew import Watching
from harness.door.board import draw, ended_words, footer
from harness.door.lookout import Lookout, Snapshot
from harness.door.progress import Progress
from harness.search import Title

REFRESH_S = 1.5


def watcher(results: Path, study: str, profile: str, console: Console) -> Watching:
    """Shows what `run_study` does, beside the best of what was done before."""

    def watching(titles: Mapping[str, Title], slots: int) -> Progress:
        before = Lookout(results, study, profile).look().board.best
        return Progress(titles, console, slots=slots, best=before)

    return watching


def say_snapshot(snapshot: Snapshot, console: Console) -> None:
    """What `harness watch --once` prints."""
    console.print(draw(snapshot.board, console.width))
    console.print(count_words(snapshot.counts), highlight=False)


def count_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items())


def watch_study(
    lookout: Lookout, console: Console, sleep: Callable[[float], None] = time.sleep
) -> Snapshot:
    """Show a study until it is over: a table in a terminal, else a line a trial that ends."""
    snapshots = _snapshots(lookout, sleep)
    first = next(snapshots)
    show = _live if console.is_terminal else _lines
    last = show(first, snapshots, console)
    if console.is_terminal or last is not first:
        for line in [*footer(last.board), count_words(last.counts)]:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    return last


def _snapshots(lookout: Lookout, sleep: Callable[[float], None]) -> Iterator[Snapshot]:
    while True:
        snapshot = lookout.look()
        yield snapshot
        if snapshot.is_over:
            return
        sleep(REFRESH_S)


def _live(first: Snapshot, following: Iterator[Snapshot], console: Console) -> Snapshot:
    shown = first
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for shown in chain([first], following):
            live.update(draw(shown.board, console.width, console.height), refresh=True)
    return shown


def _lines(first: Snapshot, following: Iterator[Snapshot], console: Console) -> Snapshot:
    say_snapshot(first, console)
    shown = first
    for snapshot in following:
        before = {one.id for one in shown.ended}
        fresh = [one for one in snapshot.ended if one.id not in before]
        for number, one in enumerate(fresh, 1 + len(snapshot.ended) - len(fresh)):
            words = ended_words(one, number, snapshot.board.total, snapshot.board.left_s)
            console.print(words, highlight=False, markup=False, soft_wrap=True)
        shown = snapshot
    return shown
