"""A driver of a search that kills itself (SIGKILL) when so many things are on disk."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import made_up_facts

from harness import files
from harness.run import Orders, run_study
from harness.search import journal
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.trainers import Named


def drive(study: Path, results: Path, steps: int, modules: Path) -> None:
    """For a process of its own. steps: before and after each fsync of the journal and each link of
    the ledger and the study's file; 0: never. modules: where the trainer lies."""
    sys.path.insert(0, str(modules))
    left = steps

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            step()
            done = real(*args, **more)
            step()
            return done

        return call

    journal.os.fsync = counted(os.fsync)
    files.os.link = counted(os.link)
    orders = Orders(Workplace(results))
    run_study(load_study(study), orders, work=Named("fake_trial:work"), facts=made_up_facts)
