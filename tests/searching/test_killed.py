"""A driver killed outright (SIGKILL) at random moments of a search, and started again each time."""

import os
import random
import subprocess
import sys
from pathlib import Path

from searching.conftest import LARGE

from harness.ledger import Ledger
from harness.searching import open_searcher

ROOT = Path(__file__).parents[2]
DRIVER = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{modules!r}, {tests!r}]
from conftest import made_up_facts
from harness import files, ledger
from harness.run import Orders, run_study
from harness.trainers import Named
from harness.search import journal
from harness.space.profiles import load_study
from harness.space.workplace import Workplace

left = int(sys.argv[2])

def counted(real):
    def step(*args, **more):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(*args, **more)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return step

journal.os.fsync = counted(os.fsync)  # before and after each thing is on disk: that of the journal,
files.os.link = counted(os.link)      # the ledger and the study's file
run_study(load_study({study!r}), Orders(Workplace(Path(sys.argv[1]))),
          work=Named("fake_trial:work"), facts=made_up_facts)
"""


def drive(code: str, results: Path, steps: int) -> int:
    """Exit code of a driver that dies at that step (0: never)."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(results), str(steps)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode in (0, -9), done.stderr
    return done.returncode


def outcome(study, results: Path, facts):
    """All that a search leaves, without times and places."""
    history = open_searcher(study, results, facts, is_reader=True).history()
    records = {one.id: (one.status, one.metrics) for one in Ledger(results).records()}
    return history, records


def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(study, tmp_path, fake_trial, facts):
    searched = study(LARGE, kind="tpe", trials=8, more="  compare: {random: 2, seeds: [9]}")
    code = DRIVER.format(
        modules=str(tmp_path / "modules"), tests=str(ROOT / "tests"), study=str(searched.file)
    )
    assert drive(code, tmp_path / "whole", 0) == 0
    stream, kills = random.Random(5), 0
    while drive(code, tmp_path / "killed", stream.randrange(4, 40)) != 0:
        kills += 1
        journal = tmp_path / "killed" / "studies" / "searched" / "default.search.journal"
        if journal.exists() and kills % 2:  # and a write that was cut short
            journal.write_bytes(journal.read_bytes()[: -stream.randrange(1, 80)])
        assert kills < 40
    assert kills >= 3
    whole = outcome(searched, tmp_path / "whole", facts)
    assert outcome(searched, tmp_path / "killed", facts) == whole
    done = [path.name for path in (tmp_path / "killed" / "calls").glob("*")]
    again = [name for name in done if not name.endswith("-1")]
    assert len(again) <= kills  # at most what was in training at a kill
