"""`harness` in processes of its own that begin with everything imported: a start takes no seconds.

They come from a server that has imported it once (`multiprocessing`'s forkserver), and can be
killed as any other process.
"""

import contextlib
import multiprocessing
import os
from multiprocessing.process import BaseProcess
from pathlib import Path

NEEDED = ["harness.run", "harness.searching", "harness.report", "harness.data", "optuna"]
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(NEEDED)


def start(words: list[str], folder: Path) -> BaseProcess:
    """`harness` with these words in a folder, under way; what it says lies in its `<pid>.out`."""
    process = CONTEXT.Process(target=_command, args=(words, folder))
    process.start()
    return process


def said(process: BaseProcess, folder: Path) -> str:
    """What it had said when it ended."""
    process.join()
    return (folder / f"{process.pid}.out").read_text()


def _command(words: list[str], folder: Path) -> None:
    from harness.cli import main

    os.chdir(folder)
    with (
        (folder / f"{os.getpid()}.out").open("w") as out,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        main(words, prog_name="harness")
