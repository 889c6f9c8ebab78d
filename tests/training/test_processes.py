"""Processes that do one thing together: heard, ended as one, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import WorkerDied
from harness.training.processes import run_together

ROOT = Path(__file__).parents[2]


def is_there(pid):
    """Whether a process lives; one that has ended and was not asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def test_what_they_say_is_heard_and_what_they_return_comes_in_their_order():
    heard = []
    assert run_together("plain_jobs:answer", 3, 2, heard.append) == [30, 31]
    assert sorted(heard) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_what_one_raises_is_raised_with_its_traceback(caplog):
    with pytest.raises(FileNotFoundError) as caught:
        run_together("plain_jobs:fail", "raise", 2)
    assert caught.value.filename == "somewhere"
    assert "in fail\n" in caught.value.__notes__[0]
    assert "process 1: process here" in caplog.text


def test_an_error_that_cannot_be_brought_over_is_told_in_words():
    with pytest.raises(RuntimeError, match="Odd: this and that"):
        run_together("plain_jobs:fail", "odd", 2)


def test_one_that_is_killed_takes_the_others_down():
    with pytest.raises(WorkerDied, match=r"^process 2 of 2 was killed by SIGKILL$"):
        run_together("plain_jobs:fail", "killed", 2)


def test_one_that_ends_without_a_word_has_its_last_line_told():
    with pytest.raises(WorkerDied) as caught:
        run_together("plain_jobs:fail", "exit", 2)
    assert str(caught.value) == "process 2 of 2 ended without a word (exit code 7): last words"


def test_the_first_reason_is_told_not_its_echo():
    with pytest.raises(ValueError, match="the reason"):
        run_together("plain_jobs:echo", None, 2)


def test_a_job_that_is_not_there_is_an_error():
    with pytest.raises(ModuleNotFoundError):
        run_together("no_such_module:work", None, 1)


def test_what_ends_the_parent_s_look_ends_them_all(tmp_path):
    def look():
        if len(list(tmp_path.glob("*.pid"))) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_together("plain_jobs:wait", str(tmp_path), 2, look=look)
    pids = [int(path.read_text()) for path in tmp_path.glob("*.pid")]
    assert len(pids) == 2
    assert not any(map(is_there, pids))


def test_none_is_left_behind_when_the_parent_is_killed(tmp_path):
    code = (
        "from harness.training.processes import run_together\n"
        f"run_together('plain_jobs:wait', {str(tmp_path)!r}, 2)\n"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    parent = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    try:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        pids = [int(path.read_text()) for path in tmp_path.glob("*.pid")]
        assert all(map(is_there, pids))
        os.kill(pids[0], signal.SIGTERM)  # not theirs to heed: the parent decides
        os.kill(pids[1], signal.SIGINT)
        time.sleep(0.1)
        assert all(map(is_there, pids))
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not any(map(is_there, pids)))
