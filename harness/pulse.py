"""Something done again and again beside what takes long."""

import threading
from collections.abc import Callable
from types import TracebackType

EVERY_S = 30.0


class Pulse:
    """Calls a function each so many seconds, in a thread of its own, until the context ends."""

    def __init__(self, beat: Callable[[], None], every_s: float = EVERY_S) -> None:
        self._beat, self._every_s = beat, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True, name="pulse")

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _live(self) -> None:
        while not self._over.wait(self._every_s):
            self._beat()
