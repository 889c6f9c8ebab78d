"""Jobs without torch for processes of a group, importable by name in a fresh interpreter."""

import logging
import os
import signal
import sys
import time
from pathlib import Path


def answer(job, rank, say):
    for number in range(2):
        say((rank, number))
    return job * 10 + rank


class Odd(Exception):
    """Cannot be brought over a line."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fail(job, rank, say):
    """The second fails in the way it is told to; the first would wait for ever."""
    logging.getLogger("harness.job").warning("process here")
    if rank == 0:
        time.sleep(600)
    if job == "raise":
        raise FileNotFoundError(2, "No such file", "somewhere")
    if job == "odd":
        raise Odd("this", "that")
    if job == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    print("last words", file=sys.stderr, flush=True)
    os._exit(7)


def echo(job, rank, say):
    """The second fails; the first hears of it, and says so before the second can."""
    if rank == 0:
        raise RuntimeError("Connection closed by peer [127.0.0.1]")
    time.sleep(0.3)
    raise ValueError("the reason")


def wait(job, rank, say):
    """Says which process it is, and waits for ever."""
    (Path(job) / f"{rank}.part").write_text(str(os.getpid()))
    (Path(job) / f"{rank}.part").rename(Path(job) / f"{rank}.pid")
    time.sleep(600)
