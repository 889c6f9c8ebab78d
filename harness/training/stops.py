"""What ends a trial before its end, looked at between two steps: time, and a wish of the system.

The checkpoint of the last whole epoch is on disk by then; a later run goes on from it.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from harness.errors import Cut, Preempted, TimedOut
from harness.space.workplace import Workplace

Clock = Callable[[], float]


class Stops:
    """Raises where a trial must end. It is told of SIGTERM by `heeded`."""

    def __init__(self, where: Workplace, clock: Clock = time.time) -> None:
        self.clock, self.limit, self.deadline = clock, where.timeout_s, where.deadline
        self.started = clock()
        self.terminated = False

    def look(self) -> None:
        """Called before every step; a trial that has done its last step is not stopped."""
        if self.terminated:
            raise Preempted("SIGTERM: this process was told to end")
        now = self.clock()
        if self.deadline is not None and now >= self.deadline:
            raise Cut("the run's time is over")
        if self.limit is not None and now - self.started >= self.limit:
            raise TimedOut(f"it took longer than {self.limit:g} s")


@contextmanager
def heeded(stops: Stops) -> Iterator[Stops]:
    """SIGTERM ends the trial between two steps, then does what it would have done at once.

    The second SIGTERM does it at once. In a thread other than the main one, as Ray has it, no
    signal can be heeded.
    """
    if threading.current_thread() is not threading.main_thread():
        yield stops
        return
    before = signal.getsignal(signal.SIGTERM)

    def hear(number: int, frame: FrameType | None) -> None:
        stops.terminated = True
        signal.signal(signal.SIGTERM, before)

    if before in (signal.SIG_IGN, None):
        yield stops
        return
    signal.signal(signal.SIGTERM, hear)
    try:
        yield stops
    finally:
        signal.signal(signal.SIGTERM, before)
    if stops.terminated:
        if callable(before):
            before(signal.SIGTERM, None)
        else:
            raise SystemExit(128 + signal.SIGTERM)
