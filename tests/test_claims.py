"""Claims: one process trains a trial at a time, and the dead hold nothing."""

import dataclasses
import json
import subprocess
import sys
import threading
import time

import pytest

from harness import claims
from harness.claims import STALE_S, Onlooker, held, read_claim, take
from harness.errors import Elsewhere


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(claims, "BEAT_S", 0.02)


def elsewhere(folder, **changed):
    """Make the claim in a folder that of another machine."""
    beat = dataclasses.replace(read_claim(folder), place="another machine", pid=1, **changed)
    (folder / "claim.json").write_text(json.dumps(dataclasses.asdict(beat)))


def test_a_claim_is_taken_once_and_given_back(tmp_path):
    own = take(tmp_path, Onlooker())
    assert take(tmp_path, Onlooker()) is None
    assert read_claim(tmp_path).pid > 0
    own.release()
    assert list(tmp_path.iterdir()) == []
    other = take(tmp_path, Onlooker())
    assert other is not None
    other.release()


def test_a_claim_beats_and_tells_how_far_the_trial_is(tmp_path, quick):
    own = take(tmp_path, Onlooker())
    own.tell({"epoch": 3, "epochs": 9, "loss": 0.5, "ap": None, "of no use": 1})
    first = read_claim(tmp_path)
    assert (first.epoch, first.epochs, first.loss, first.ap) == (3, 9, 0.5, None)
    deadline = time.monotonic() + 20
    while read_claim(tmp_path).beat == first.beat:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    own.release()


def test_the_claim_of_a_process_that_is_gone_is_dead_at_once(tmp_path):
    code = (
        "import os, pathlib, sys; from harness.claims import *\n"
        "take(pathlib.Path(sys.argv[1]), Onlooker()); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert read_claim(tmp_path) is not None
    own = take(tmp_path, Onlooker())
    assert own is not None
    own.release()


def test_a_number_that_another_process_has_now_is_no_life(tmp_path):
    own = take(tmp_path, Onlooker())
    beat = read_claim(tmp_path)
    assert Onlooker().lives(beat)
    assert not Onlooker().lives(dataclasses.replace(beat, born="long ago"))
    own.release()


def test_the_claim_of_another_machine_dies_when_it_no_longer_changes(tmp_path):
    """By the onlooker's clock alone: what time the other thinks it is does not count."""
    moment = [0.0]
    onlooker = Onlooker(clock=lambda: moment[0])
    own = take(tmp_path, Onlooker())
    own.release()
    take(tmp_path, Onlooker()).release()
    first = take(tmp_path, Onlooker())
    first._over.set()
    first._thread.join()
    elsewhere(tmp_path, beaten="1970-01-01T00:00:00+00:00")
    assert take(tmp_path, onlooker) is None
    moment[0] = STALE_S - 1
    assert take(tmp_path, onlooker) is None
    elsewhere(tmp_path, beat=7)
    assert take(tmp_path, onlooker) is None
    moment[0] = 2 * STALE_S - 2
    assert take(tmp_path, onlooker) is None, "it had changed"
    moment[0] = 2 * STALE_S
    got = take(tmp_path, onlooker)
    assert got is not None
    assert not list(tmp_path.glob(".*"))
    got.release()


def test_who_was_taken_for_dead_does_not_disturb_the_new_owner(tmp_path, quick):
    slow = take(tmp_path, Onlooker())
    elsewhere(tmp_path, owner="the new one")
    slow.tell({"epoch": 5})
    time.sleep(0.1)
    slow.release()
    assert read_claim(tmp_path).owner == "the new one"
    assert read_claim(tmp_path).epoch == 0


def test_of_many_that_ask_at_once_one_gets_it(tmp_path):
    own = take(tmp_path, Onlooker())
    own._over.set()
    elsewhere(tmp_path)
    (dead := tmp_path / "claim.json").write_text(dead.read_text().replace("another machine", "x"))
    gate, got = threading.Barrier(8), []
    onlookers = [Onlooker(clock=lambda: STALE_S * 2) for _ in range(8)]
    beat = read_claim(tmp_path)
    for onlooker in onlookers:
        onlooker.seen[beat.owner] = (beat.beat, 0.0)

    def ask(onlooker):
        gate.wait()
        if (claim := take(tmp_path, onlooker)) is not None:
            got.append(claim)

    threads = [threading.Thread(target=ask, args=(one,)) for one in onlookers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) <= 1
    for claim in got:
        claim.release()


def test_who_died_while_it_took_over_holds_up_nobody(tmp_path):
    own = take(tmp_path, Onlooker())
    own._over.set()
    own._thread.join()
    elsewhere(tmp_path)
    moment = [0.0]
    onlooker = Onlooker(clock=lambda: moment[0])
    assert take(tmp_path, onlooker) is None
    dead = read_claim(tmp_path)
    mark = tmp_path / f".claim.json.{dead.owner}.next"
    mark.write_text(json.dumps(dataclasses.asdict(dataclasses.replace(dead, owner="taker"))))
    moment[0] = STALE_S
    assert take(tmp_path, onlooker) is None, "another is about to take it"
    moment[0] = 2 * STALE_S
    assert take(tmp_path, onlooker) is None
    got = take(tmp_path, onlooker)
    assert got is not None
    assert [path.name for path in tmp_path.iterdir()] == ["claim.json"]
    got.release()


@pytest.mark.parametrize("text", ["", '{"owner":', "[]", '{"owner": "x", "news": 1}'])
def test_a_torn_claim_holds_nothing(tmp_path, text):
    (tmp_path / "claim.json").write_text(text)
    own = take(tmp_path, Onlooker())
    assert own is not None
    own.release()


def test_held_waits_for_the_living_and_says_so(tmp_path):
    first = take(tmp_path, Onlooker())
    threading.Timer(0.1, first.release).start()
    with held(tmp_path, poll_s=0.01) as (claim, waited):
        assert waited
        assert read_claim(tmp_path).owner == claim.beat.owner
    with held(tmp_path) as (_, waited):
        assert not waited
    assert read_claim(tmp_path) is None


def test_held_waits_no_longer_than_the_run_lasts(tmp_path):
    first = take(tmp_path, Onlooker())
    polls = iter([False, True])
    with (
        pytest.raises(Elsewhere, match="time was over while another process trained it"),
        held(tmp_path, poll_s=0.01, is_over=lambda: next(polls)),
    ):
        raise AssertionError("it holds what another process has")
    first.release()
    with held(tmp_path, is_over=lambda: True) as (_, waited):
        assert not waited


def test_a_full_disk_does_not_end_the_trial(tmp_path, monkeypatch):
    own = take(tmp_path, Onlooker())

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(claims, "write_whole", full)
    own.tell({"epoch": 1})
    own.release()
