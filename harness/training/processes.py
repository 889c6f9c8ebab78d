"""Several processes of this machine that do one thing together: started, heard, and ended as one.

Each is a fresh interpreter (nothing is forked, and no `__main__` is imported again) with a line to
the process that started it. Whoever ends without its result takes the others down with it; and all
end at once when their parent does, however it ends: they see their line close.
"""

import contextlib
import logging
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from harness.engines.base import reason_of
from harness.errors import WorkerDied

log = logging.getLogger(__name__)

LOOK_S = 0.2
"""Between two looks at whether all must end."""
GRACE_S = 1.0
"""After one has failed, how long the others are waited for, to learn which was first."""
START = "from harness.training.processes import main; main()"

ECHOES = ("onnection closed", "onnection reset", "roken pipe", "imed out", "ECONNRE")
"""Words of errors by which a process learns that another has ended."""


@dataclass
class _Member:
    """One of the processes, as its parent sees it."""

    rank: int
    process: subprocess.Popen[bytes]
    line: "Connection[Any, Any]"
    words: Path
    """What it and its libraries print."""
    result: Any = None
    error: BaseException | None = None
    failed_at: float = 0.0
    ended: bool = False
    finished: bool = False

    @property
    def is_echo(self) -> bool:
        return self.error is not None and any(words in str(self.error) for words in ECHOES)


def run_together(
    work: str,
    job: object,
    count: int,
    heard: Callable[[Any], None] = lambda said: None,
    look: Callable[[], None] = lambda: None,
) -> list[Any]:
    """Call `work(job, rank, say)` in `count` processes; what each returns, in the order of ranks.

    work: `package.module:function`. job, results and what is said are pickled.
    heard: told what the processes `say`, here, while the one that says it waits.
    look: called now and then; what it raises ends all.
    What a process raises is raised here; `WorkerDied` where one ends without a word.
    """
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        members: list[_Member] = []
        try:
            for rank in range(count):
                members.append(_start(rank, Path(folder)))
            for member in members:
                with contextlib.suppress(OSError):  # it has ended: seen below
                    order = pickle.dumps((job, member.rank))
                    member.line.send((list(sys.path), work, order))
            _follow(members, heard, look)
        finally:
            codes = [member.process.poll() for member in members]
            for member in members:
                member.process.kill()
                member.process.wait()
                member.line.close()
        if any(not member.finished for member in members):
            raise _blame(members, codes)
    return [member.result for member in members]


def _start(rank: int, folder: Path) -> _Member:
    here, there = Pipe()
    words = folder / f"{rank}.txt"
    path = os.pathsep.join(place for place in sys.path if place)
    with words.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", START, str(there.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=[there.fileno()],
            env={**os.environ, "PYTHONPATH": path},
        )
    there.close()
    return _Member(rank, process, here, words)


def _follow(
    members: Sequence[_Member], heard: Callable[[Any], None], look: Callable[[], None]
) -> None:
    """Until all have ended, or some while after the first that failed."""
    until = float("inf")
    while left := {member.line: member for member in members if not member.ended}:
        for line in wait(list(left), LOOK_S):
            _hear(left[line], heard)  # type: ignore[index]
        if any(member.failed_at and not member.finished for member in members):
            until = min(until, time.monotonic() + GRACE_S)
        if time.monotonic() >= until:
            return
        look()


def _hear(member: _Member, heard: Callable[[Any], None]) -> None:
    """One message of a process, or its end."""
    try:
        kind, value = member.line.recv()
    except (EOFError, OSError):
        member.ended = True
        member.failed_at = member.failed_at or time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            member.process.wait(GRACE_S)
        return
    if kind == "said":
        heard(value)
        with contextlib.suppress(OSError):
            member.line.send("heard")
    elif kind == "logged":
        log.log(value[0], "process %d: %s", member.rank, value[1])
    elif kind == "done":
        member.result, member.finished = value, True
    else:
        member.failed_at, member.error = value[0], _revived(value)


def _revived(value: tuple[float, bytes, str, str]) -> BaseException:
    """A process's error, its traceback in a note; as words where it cannot be brought over."""
    _, pickled, reason, trace = value
    try:
        error: BaseException = pickle.loads(pickled)
    except Exception:
        error = RuntimeError(reason)
    error.add_note(trace)
    return error


def _blame(members: Sequence[_Member], codes: Sequence[int | None]) -> BaseException:
    """The error of the process that failed first; `WorkerDied` where it said nothing."""
    failed = [member for member in members if member.failed_at and not member.finished]
    first = min(failed, key=lambda member: (member.is_echo, member.failed_at))
    who = f"process {first.rank + 1} of {len(members)}"
    if first.error is None:
        return WorkerDied(f"{who} {_end(codes[first.rank])}{_tail(first.words)}")
    if first.is_echo:
        return WorkerDied(f"{who} lost the others: {reason_of(first.error)}")
    return first.error


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended without a word (exit code {code})"


def _tail(words: Path) -> str:
    """The last line that a process printed."""
    lines = words.read_text(errors="replace").strip().splitlines() if words.exists() else []
    return f": {lines[-1]}" if lines else ""


def main() -> None:
    """The life of one process: a job from its line, its result to it."""
    line: Connection[Any, Any] = Connection(int(sys.argv[1]))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent is told as well, and decides
    sys.path[:], work, pickled = line.recv()
    heard, lock = threading.Semaphore(0), threading.Lock()
    threading.Thread(target=_listen, args=(line, heard), daemon=True).start()

    def send(kind: str, value: object) -> None:
        with lock:
            line.send((kind, value))

    def say(said: object) -> None:
        send("said", said)
        heard.acquire()

    try:
        job, rank = pickle.loads(pickled)
        _forward(send, logging.WARNING if rank else logging.INFO)
        send("done", resolve_name(work)(job, rank, say))
    except BaseException as error:
        send("failed", _packed(error))
        raise SystemExit(1) from None


def _listen(line: "Connection[Any, Any]", heard: threading.Semaphore) -> None:
    """The parent tells that it has heard; the line closes when it ends."""
    with contextlib.suppress(EOFError, OSError):
        while line.recv():
            heard.release()
    os._exit(1)


def _forward(send: Callable[[str, object], None], level: int) -> None:
    """What the harness logs here is logged by the parent."""

    class Forward(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            send("logged", (record.levelno, record.getMessage()))

    logger = logging.getLogger("harness")
    logger.addHandler(Forward(level))
    logger.setLevel(level)


def _packed(error: BaseException) -> tuple[float, bytes, str, str]:
    """An error for its way to the parent, whatever can be pickled of it."""
    trace = "".join(traceback.format_exception(error))
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)
    except Exception:
        pickled = b""
    return time.monotonic(), pickled, reason_of(error), trace
