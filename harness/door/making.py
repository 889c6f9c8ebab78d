"""Says that draws of the test images are being made, where a command waits for them."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.draws import log

EVERY_S = 10.0
FIRST = "AP on draws of the test images is made, once for each trial, and then kept ..."
MORE = "... of {} so far"


class _Teller(logging.Handler):
    """Says the first at once, then how many there are, each so many seconds."""

    def __init__(self, say: Callable[[str], None], every_s: float) -> None:
        super().__init__(logging.INFO)
        self.say, self.every_s = say, every_s
        self.made, self.said_at = 0, 0.0

    def emit(self, record: logging.LogRecord) -> None:
        moment = time.monotonic()
        if not self.made:
            self.say(FIRST)
            self.said_at = moment
        elif moment - self.said_at >= self.every_s:
            self.say(MORE.format(self.made))
            self.said_at = moment
        self.made += 1


@contextmanager
def telling_of_draws(say: Callable[[str], None], every_s: float = EVERY_S) -> Iterator[None]:
    """While the block runs, draws that are made are told of."""
    teller, level = _Teller(say, every_s), log.level
    log.addHandler(teller)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(teller)
