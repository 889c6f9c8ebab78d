"""What people see of trials under way: a table of those that run, and a footer of the study.

`progress.py` fills it from an engine's events, `watching.py` from the ledger and its claims.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.plurals import many
from harness.search import Title

NARROW = 96
"""Columns of a terminal below which host and rate do not both fit."""
AROUND = 6
"""Lines of a terminal that are not rows of running trials."""


@dataclass(frozen=True, slots=True)
class Row:
    """A trial under way, as far as it has told."""

    id: str
    title: Title
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    ap: float | None = None
    """At its last evaluation on the way."""
    images_per_second: float | None = None
    left_s: float | None = None
    """Seconds to the end of its last epoch."""
    host: str | None = None
    device: str | None = None
    peak_memory_mb: float | None = None
    stale: bool = False
    """Its process is gone, or silent for too long."""

    @property
    def share(self) -> float:
        return self.epoch / self.epochs if self.epochs else 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial that has a record."""

    id: str
    title: Title
    status: str
    ap: float | None = None
    seconds: float | None = None
    reason: str | None = None
    again: bool = False
    """Whether the next run trains it again, unasked."""


@dataclass(frozen=True, slots=True)
class Best:
    """The highest AP of a finished trial so far."""

    title: Title
    ap: float


@dataclass(frozen=True, slots=True)
class Board:
    """A study at one moment."""

    total: int
    """Trials."""
    ended: int = 0
    rows: tuple[Row, ...] = ()
    best: Best | None = None
    left_s: float | None = None
    slots: int | None = None
    """Trials that run at once, where it is known."""


def best_of(ended: Sequence[Ended]) -> Best | None:
    """Trials that did not come to their end do not compare."""
    done = [Best(one.title, one.ap) for one in ended if one.status == "done" and one.ap is not None]
    return max(done, key=lambda best: best.ap, default=None)


def draw(board: Board, width: int = 80, height: int | None = None) -> RenderableType:
    """The table of running trials, and the footer with a bar.

    height: lines of the terminal: trials that do not fit are counted. None is a file: no bar.
    """
    most = len(board.rows) if height is None else max(1, height - AROUND)
    parts: list[RenderableType] = []
    if board.rows:
        parts.append(_table(board.rows[:most], width))
    if len(board.rows) > most:
        parts.append(Text(f"and {len(board.rows) - most} more", style="dim"))
    far, *others = [Text(line, no_wrap=True, overflow="ellipsis") for line in footer(board)]
    return Group(*parts, far if height is None else _with_bar(board, far), *others)


def _with_bar(board: Board, words: Text) -> Table:
    bar = ProgressBar(total=max(1, board.total), completed=board.ended, width=24)
    line = Table.grid(padding=(0, 1))
    line.add_row(bar, words)
    return line


def _table(rows: Sequence[Row], width: int) -> Table:
    hosts = len({row.host for row in rows}) > 1
    rate = width >= NARROW or not hosts
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in _columns(rate, hosts):
        right = name in ("seed", "epoch", "images/s")
        # The arm alone gives way where it is narrow.
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "arm")
    for row in rows:
        table.add_row(*_cells(row, rate, hosts), style="yellow" if row.stale else None)
    return table


def _columns(rate: bool, hosts: bool) -> list[str]:
    names = ["trial", "arm", "seed", "epoch", "so far"]
    return [*names, *(["images/s"] if rate else []), "left", *(["host"] if hosts else [])]


def _cells(row: Row, rate: bool, hosts: bool) -> list[Text]:
    words = {
        "trial": row.id[:8],
        "arm": row.title.arm,
        "seed": "" if row.title.seed is None else str(row.title.seed),
        "epoch": f"{row.epoch}/{row.epochs}" if row.epochs else "",
        "so far": _so_far(row),
        "images/s": "" if row.images_per_second is None else f"{row.images_per_second:,.0f}",
        "left": _left(row),
        "host": (row.host or "").partition(".")[0][:12],
    }
    return [Text(words[name], no_wrap=True, overflow="ellipsis") for name in _columns(rate, hosts)]


def _so_far(row: Row) -> str:
    if row.ap is not None:
        return f"AP {row.ap:.3f}"
    return "" if row.loss is None else f"loss {row.loss:.3g}"


def _left(row: Row) -> str:
    if row.stale:
        return "stale"
    if not row.epochs:
        return "starting"
    if row.epoch == row.epochs:
        return "evaluates"
    return "" if row.left_s is None else clock_words(row.left_s)


def footer(board: Board) -> list[str]:
    """How far it is; the best so far; the device."""
    words = [f"{board.ended} of {many(board.total, 'trial')}"]
    if board.left_s is not None and board.ended < board.total:
        words.append(f"{clock_words(board.left_s)} left")
    best = board.best
    bests = [] if best is None else [f"best AP {best.ap:.3f}: {best.title}"]
    return [", ".join(words), *bests, *_device_words(board)]


def _device_words(board: Board) -> list[str]:
    running = [row for row in board.rows if not row.stale]
    if board.ended == board.total and not board.rows:
        return []
    of = "" if board.slots is None else f" of {board.slots} at once"
    words = [f"{len(running)} running{of}" if running or of else "nothing is running"]
    if stale := len(board.rows) - len(running):
        words.append(f"{stale} stale")
    peaks = [row.peak_memory_mb for row in running if row.peak_memory_mb is not None]
    if peaks:
        words.append(f"peak {max(peaks) / 1024:.1f} GiB a trial")
    return [", ".join([*words, *sorted({row.device for row in running if row.device})])]


def ended_words(one: Ended, number: int, total: int, left_s: float | None) -> str:
    """The line that is left of a trial."""
    words = [f"[{number}/{total}]", str(one.title), one.status]
    if one.ap is not None:
        words.append(f"AP {one.ap:.3f}")
    if one.seconds:
        words.append(f"{one.seconds:.0f} s")
    if one.reason:
        words.append(one.reason)
    if left_s is not None and number < total:
        words.append(f"{clock_words(left_s)} left")
    return "  ".join(words)


def way_words(board: Board, most: int = 3) -> str:
    """`0 of 2 trials, 30 s left; running: width 8, seed 0, epoch 1/2`: the footer in one line."""
    rows = [row for row in board.rows if not row.stale]
    named = [f"{row.title}, {_epoch_words(row)}" for row in rows[:most]]
    more = [f"{len(rows) - most} more"] if len(rows) > most else []
    return f"{footer(board)[0]}; running: {'; '.join([*named, *more]) or 'nothing'}"


def _epoch_words(row: Row) -> str:
    return f"epoch {row.epoch}/{row.epochs}" if row.epochs else "starting"


def clock_words(seconds: float) -> str:
    """`40 s`, `12 min` or `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
