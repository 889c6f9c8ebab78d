"""`harness report --live`: the report drawn again whenever a trial ends, until all have.

It reads what anybody can read of a study under way (`lookout.py`), so whoever runs it, in whatever
process, need not know.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.door.lookout import Lookout, Snapshot
from harness.plurals import many
from harness.report.live import Live
from harness.studies import study_path

POLL_S = 2.0

Draw = Callable[[Live | None], Sequence[Path]]
"""Draws the report, and returns the files that it wrote, the page first."""


def follow(
    lookout: Lookout,
    draw: Draw,
    say: Callable[[str], Any],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Sequence[Path]:
    """Draw until the study is over; what is left then, and on Ctrl-C, is a report at rest.

    Nothing is drawn while nothing has changed, and drawing takes at most half of the time.
    """
    drawn: tuple[Any, ...] | None = None
    written: Sequence[Path] = ()
    try:
        while True:
            look = lookout.look()
            now, took = _state(lookout, look), 0.0
            if now != drawn or look.is_over:
                began = clock()
                written = draw(None if look.is_over else live_of(look))
                drawn, took = now, clock() - began
                say(told(look, written))
            if look.is_over:
                return written
            sleep(max(POLL_S, took))
    except KeyboardInterrupt:
        draw(None)
        raise


def live_of(look: Snapshot, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Live:
    """What the page says of a study that is not over."""
    moment = now().strftime("%Y-%m-%d %H:%M:%S UTC")
    return Live(look.board.ended, look.board.total, look.counts.get("running", 0), moment)


def told(look: Snapshot, written: Sequence[Path]) -> str:
    """A line for each time the report is drawn."""
    states = ", ".join(f"{number} {status}" for status, number in look.counts.items())
    page = str(written[0]) if written else "nothing"
    return f"{page}: {look.board.ended} of {many(look.board.total, 'trial')} ({states})"


def _state(lookout: Lookout, look: Snapshot) -> tuple[Any, ...]:
    """What a report is drawn from: the trials that ended, and the study's own file."""
    return look.ended, _digest(study_path(lookout.results, lookout.study, lookout.profile))


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
