"""What people see of a study under way: in the run's own terminal, and from another."""

import dataclasses
import io
import json
import re
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.live import Live

from harness.claims import BEAT_S, CLAIM, STALE_S, Beat, Onlooker, born, here, take
from harness.cli import main
from harness.crew import Crew
from harness.door.board import Best, Board, Row, clock_words, draw
from harness.door.logs import followed, said, trial_of
from harness.door.lookout import Lookout
from harness.door.progress import Progress
from harness.door.watching import REFRESH_S, watch_study
from harness.engines import Event
from harness.errors import SpecError
from harness.ledger import LOG, Ledger
from harness.pulse import EVERY_S, Pulse
from harness.records import Environment, Metrics, TrialRecord
from harness.search import BACKBONE, Title
from harness.space.workplace import Workplace
from harness.studies import Cell, StudyResults, write_study
from harness.trainers import RUN_TRIAL, Named

A, B, C = Title("width 8", 0), Title("width 16", 0), Title("width 16", 1)
IDS = {A: "a" * 16, B: "b1" + "b" * 14, C: "b2" + "c" * 14}
SOURCE = "5" * 16
NOON = "2026-01-01T12:00:00+00:00"
NOON_S = 1767268800.0


class Hand:
    """A clock that is moved by hand."""

    def __init__(self, moment=0.0):
        self.moment = moment

    def __call__(self):
        return self.moment


def drawn(board, width=80, height=24):
    console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True)
    console.print(draw(board, width, height))
    return console.export_text().splitlines()


def test_progress_in_plain_lines():
    now = iter(range(0, 1000, 10))
    console = Console(record=True, width=200, force_terminal=False)
    progress = Progress({"a": A, "b": B}, console, clock=lambda: next(now))
    with progress:
        progress(Event("a", "started", {}))
        progress(Event("a", "epoch", {"epoch": 1, "epochs": 2}))
        progress(Event("a", "ended", {"status": "done", "ap": 0.25, "seconds": 9.0}))
        progress(Event("a", "ended", {"status": "done"}))
        progress(Event("b", "ended", {"status": "failed", "reason": "told to"}))
    lines = console.export_text().splitlines()
    assert lines == ["[1/2]  width 8, seed 0  done  AP 0.250  9 s  30 s left",
                     "[2/2]  width 16, seed 0  failed  told to"]  # fmt: skip
    assert clock_words(7500) == "2 h 05 min"


def test_progress_in_plain_lines_says_now_and_then_how_far_it_is():
    clock = Hand()
    console = Console(record=True, width=200, force_terminal=False)
    progress = Progress({SOURCE: BACKBONE}, console, clock)
    progress.say_way()
    progress(Event(SOURCE, "started", {}))
    progress.say_way()
    clock.moment = 30.0
    progress(Event(SOURCE, "epoch", {"epoch": 1, "epochs": 4, "seconds": 30.0}))
    progress.say_way()
    for trial, title in (("a", A), ("b", B), ("c", C)):
        progress.titles = {**progress.titles, trial: title}
        progress(Event(trial, "started", {}))
    progress.say_way()
    assert console.export_text().splitlines() == [
        "0 of 1 trial; running: nothing",
        "0 of 1 trial; running: backbone, starting",
        "0 of 1 trial, 2 min left; running: backbone, epoch 1/4",
        "0 of 4 trials, 8 min left; running: backbone, epoch 1/4; width 8, seed 0, starting; "
        "width 16, seed 0, starting; 1 more",
    ]


def test_a_pulse_beats_until_its_context_ends():
    beats = []
    heard = threading.Event()

    def beat():
        beats.append(1)
        if len(beats) == 2:
            heard.set()

    with Pulse(beat, every_s=0.001):
        assert heard.wait(10)
    after = len(beats)
    time.sleep(0.01)
    assert len(beats) == after
    assert EVERY_S == 30


def test_plain_progress_has_a_pulse_and_a_terminal_a_table():
    plain = Progress({}, Console(record=True, force_terminal=False))
    assert isinstance(plain.live, Pulse)
    assert isinstance(Progress({}, Console(force_terminal=True, quiet=True)).live, Live)


def test_probing_says_how_far_it_is(monkeypatch, tmp_path):
    class Engine:
        def run(self, supply, work, where, watch, *, sink):
            watch(Event("a", "started", {}))
            watch(Event("a", "ended", {}))
            now()

    def pulse(beat):
        nonlocal now
        now = beat
        return nullcontext()

    now, told = None, []
    monkeypatch.setattr("harness.crew.Pulse", pulse)
    crew = Crew(Engine(), Named(RUN_TRIAL), None, told.append)
    crew.probe([object()] * 3, Workplace(tmp_path), latency=False)
    assert told == ["probing 3 networks", "probed 1 of 3 networks"]


def test_progress_in_a_terminal():
    clock = Hand()
    console = Console(record=True, width=80, force_terminal=True)
    titles = {IDS[A]: A, IDS[B]: B, IDS[C]: C}
    progress = Progress(titles, console, clock, slots=2, best=Best(C, 0.5))
    progress(Event(IDS[A], "started", {}))
    facts = {"epochs": 4, "loss": 0.5, "images_per_second": 1234.5, "seconds": 10.0}
    progress(Event(IDS[B], "epoch", {"epoch": 1, **facts, "ap": None, "device": "cpu: x"}))
    clock.moment = 4.0
    console.print(progress.render())
    progress(Event(IDS[B], "epoch", {"epoch": 2, **facts, "ap": 0.125, "peak_memory_mb": 2048}))
    progress(Event(IDS[A], "ended", {"status": "done", "ap": 0.75}))
    clock.moment = 12.0
    console.print(progress.render())
    assert [line.rstrip() for line in console.export_text().splitlines()] == [
        "trial     arm       seed  epoch  so far    images/s  left",
        "aaaaaaaa  width 8      0                             starting",
        "b1bbbbbb  width 16     0    1/4  loss 0.5     1,234  26 s",
        "━━━━━━━━━━━━━━━━━━━━━━━━ 0 of 3 trials, 44 s left",
        "best AP 0.500: width 16, seed 1",
        "2 running of 2 at once, cpu: x",
        "[1/3]  width 8, seed 0  done  AP 0.750  4 s left",
        "trial     arm       seed  epoch  so far    images/s  left",
        "b1bbbbbb  width 16     0    2/4  AP 0.125     1,234  12 s",
        "━━━━━━━━╺━━━━━━━━━━━━━━━ 1 of 3 trials, 12 s left",
        "best AP 0.750: width 8, seed 0",
        "1 running of 2 at once, peak 2.0 GiB a trial, cpu: x",
    ]


def test_progress_knows_trials_that_nobody_announced():
    """A search proposes as it goes."""
    progress = Progress({}, Console(record=True, quiet=True), Hand())
    progress(Event(IDS[A], "started", {}))
    assert progress.board().total == 1
    assert progress.board().rows[0].title == Title("aaaaaaaa")


def test_the_table_fits_where_it_is_narrow():
    long = Title("bifpn, width 64, repeats 3, coefficient 2, factor 1.25", 0)
    told = {"epoch": 123, "epochs": 300, "images_per_second": 12345.6, "left_s": 7500.0}
    row = Row("0123456789abcdef", long, ap=0.25, host="node-1.cluster", **told)
    alone, more = Board(2, 1, (row,)), dataclasses.replace(row, host="node-2")
    line = drawn(alone)[1]
    assert len(line) <= 80
    assert line.startswith("01234567  bifpn, width 64")
    assert "…" in line
    assert line.rstrip().endswith("0  123/300  AP 0.250    12,346  2 h 05 min")
    two = drawn(Board(2, 0, (row, more)))
    assert "images/s" not in two[0]
    assert two[0].rstrip().endswith("left        host")
    assert [line.split()[-1] for line in two[1:3]] == ["node-1", "node-2"]
    assert "images/s" in drawn(Board(2, 0, (row, more)), 120)[0]


def test_more_trials_than_lines_are_counted():
    rows = tuple(Row(f"{number:016x}", A) for number in range(30))
    lines = drawn(Board(30, 0, rows), height=12)
    assert len(lines) < 12
    assert "and 24 more" in lines
    assert lines[-1].strip() == "30 running"


@pytest.fixture
def results(tmp_path):
    """A study of three trials and the backbone they share; a fourth cell was rejected."""
    cells = [
        Cell("base", {"model.width": int(title.arm.split()[1])}, title.seed, trial_id, "pending")
        for title, trial_id in IDS.items()
    ]
    cells[0] = dataclasses.replace(cells[0], arm="width 8")
    cells[1], cells[2] = (dataclasses.replace(cell, arm="width 16") for cell in cells[1:])
    extra = (
        dataclasses.replace(cells[0], id="d" * 16, status="rejected"),
        dataclasses.replace(cells[0], arm="the same", status="alias"),
    )
    study = StudyResults("small", "default", "Which?", (*cells, *extra), sources=(SOURCE,))
    write_study(tmp_path / "results", study)
    return tmp_path / "results"


def keep(results, trial_id, status="done", ap=0.25, **fields):
    metrics = Metrics(ap, None, None, None, None, None, {}) if status == "done" else None
    place = Environment("here", "cpu", 1, {}, None, NOON)
    record = TrialRecord(trial_id, status, {}, place, 20.0, metrics, **fields)
    Ledger(results).write(record)


def claim(results, trial_id, *, place="elsewhere", pid=1, at=None, beaten=NOON, **told):
    folder = Ledger(results).folder(trial_id)
    folder.mkdir(parents=True, exist_ok=True)
    beat = Beat(trial_id, place, "node-1", pid, at, NOON, beaten=beaten, **told)
    (folder / CLAIM).write_text(json.dumps(dataclasses.asdict(beat)))


@pytest.fixture
def lookout(results):
    return Lookout(results, "small", "default", clock=Hand(), wall=Hand(NOON_S + 5))


def test_a_snapshot_of_records_and_claims(results, lookout):
    keep(results, IDS[A])
    told = {"epoch": 2, "epochs": 6, "loss": 0.5, "seconds": 5.0, "images_per_second": 40.0}
    claim(results, IDS[B], **told, device="cpu: x", peak_memory_mb=512.0)
    claim(results, IDS[C], place=here(), pid=2**22 + 1, at="long ago", epoch=1, epochs=6)
    shown = lookout.look()
    assert shown.counts == {"done": 1, "running": 1, "stale": 1}
    assert shown.board.total == 3
    assert shown.board.best == Best(A, 0.25)
    living, dead = shown.board.rows
    assert (living.title, living.stale, living.left_s) == (B, False, 20.0)
    assert (living.loss, living.device, living.peak_memory_mb) == (0.5, "cpu: x", 512.0)
    assert (dead.title, dead.stale) == (C, True)
    assert shown.board.left_s == 40.0, "what runs, and then what is stale, as long as what is done"
    assert not shown.is_over
    lookout.clock.moment = 12.0
    assert lookout.look().board.rows[0].left_s == 8.0
    document = shown.as_json()
    json.dumps(document)
    assert document["running"][0]["title"] == {"arm": "width 16", "seed": 0}
    assert document["trials"][0]["status"] == "done"
    assert document["best"] == {"title": {"arm": "width 8", "seed": 0}, "ap": 0.25}


def test_a_claim_of_another_machine_grows_stale_and_lives_again(results, lookout):
    claim(results, IDS[B])
    assert lookout.look().counts["running"] == 1
    lookout.clock.moment = STALE_S - 1
    assert lookout.look().counts["running"] == 1
    lookout.clock.moment = STALE_S + 1
    assert lookout.look().counts == {"stale": 1, "pending": 2}
    claim(results, IDS[B], beat=9)
    assert lookout.look().counts["running"] == 1


def test_a_claim_that_was_silent_long_before_is_stale_at_first_sight(results, lookout):
    claim(results, IDS[B])
    lookout.wall.moment = NOON_S + 2 * STALE_S + 1
    assert lookout.look().counts["stale"] == 1
    claim(results, IDS[B], beat=1)
    assert lookout.look().counts["running"] == 1, "its clock is wrong, it lives all the same"
    assert BEAT_S < STALE_S


def test_the_backbone_is_shown_and_not_counted(results, lookout):
    claim(results, SOURCE, epoch=1, epochs=2)
    shown = lookout.look()
    assert [row.title for row in shown.board.rows] == [BACKBONE]
    assert drawn(shown.board)[-1].strip() == "1 running"
    assert shown.counts == {"pending": 3}
    assert (shown.board.total, shown.board.ended) == (3, 0)
    keep(results, SOURCE, ap=0.99)
    (Ledger(results).folder(SOURCE) / CLAIM).unlink()
    assert lookout.look().board == Board(3)
    assert drawn(Board(3))[-1].strip() == "nothing is running"


def test_what_failed_ends_a_study_and_what_a_run_would_try_again_does_not(results, lookout):
    keep(results, IDS[A])
    keep(results, IDS[B], "diverged", reason="no number")
    keep(results, IDS[C], "worker_died", reason="gone")
    shown = lookout.look()
    assert shown.counts == {"done": 1, "diverged": 1, "worker_died": 1}
    assert not shown.is_over
    claim(results, IDS[C])
    assert lookout.look().counts["running"] == 1, "it is tried again"
    keep(results, IDS[C])
    (Ledger(results).folder(IDS[C]) / CLAIM).unlink()
    assert lookout.look().is_over


def test_a_damaged_record_is_left_alone(results, lookout):
    folder = Ledger(results).folder(IDS[A])
    folder.mkdir(parents=True)
    (folder / "record.json").write_text('{"version": 2, "id"')
    assert lookout.look().counts == {"pending": 3}
    assert [path.name for path in folder.iterdir()] == ["record.json"]


@pytest.mark.parametrize("terminal", [True, False])
def test_watch_ends_with_the_study(results, lookout, terminal):
    console = Console(record=True, width=80, force_terminal=terminal)
    claim(results, IDS[A], epoch=1, epochs=2, loss=0.5)
    steps = iter([(A, "done"), (B, "done"), (C, "failed")])

    def sleep(seconds):
        assert seconds == REFRESH_S
        title, status = next(steps)
        (Ledger(results).folder(IDS[title]) / CLAIM).unlink(missing_ok=True)
        keep(results, IDS[title], status, reason=None if status == "done" else "told to")

    shown = watch_study(lookout, console, sleep)
    assert shown.counts == {"done": 2, "failed": 1}
    text = console.export_text()
    lines = [line.rstrip() for line in text.splitlines()]
    again = watch_study(lookout, console, sleep)
    assert again.is_over, "nothing to wait for"
    assert lines[-3:] == ["3 of 3 trials", "best AP 0.250: width 8, seed 0", "2 done, 1 failed"]
    if not terminal:
        assert lines[:-3] == [
            "trial     arm      seed  epoch  so far    images/s  left",
            "aaaaaaaa  width 8     0    1/2  loss 0.5",
            "0 of 3 trials",
            "1 running",
            "1 running, 2 pending",
            "[1/3]  width 8, seed 0  done  AP 0.250  20 s",
            "[2/3]  width 16, seed 0  done  AP 0.250  20 s",
            "[3/3]  width 16, seed 1  failed  20 s  told to",
        ]


def harness(results, *args):
    return CliRunner().invoke(main, [*map(str, args), "--results", str(results)])


def test_watch_once_and_as_json(results):
    keep(results, IDS[A])
    claim(results, IDS[B], place=here(), pid=1, at=born(1), epoch=3, epochs=6)
    once = harness(results, "watch", "small", "--once")
    assert once.exit_code == 0, once.output
    assert "b1bbbbbb  width 16     0    3/6" in once.stdout
    assert "1 of 3 trials\nbest AP 0.250: width 8, seed 0" in once.stdout
    document = json.loads(harness(results, "watch", "small.yaml", "--json").stdout)
    assert (document["study"], document["profile"]) == ("small", "default")
    assert (document["total"], document["ended"], document["over"]) == (3, 1, False)
    missing = harness(results, "watch", "smal")
    assert missing.exit_code == 2
    assert "no results of study 'smal'" in missing.stderr


def test_ctrl_c_is_how_one_stops_watching(results, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.door.watching.watch_study", stop)
    ended = harness(results, "watch", "small")
    assert (ended.exit_code, ended.output) == (0, "")


def test_ls_says_how_far_studies_are(results, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    keep(results, IDS[A])
    claim(results, IDS[B], beaten="2020-01-01T00:00:00+00:00")
    said = harness(results, "ls").stdout
    assert "\nstudies:\n  small (default): 1 done, 1 stale, 1 pending\n" in said
    document = json.loads(harness(results, "ls", "--json").stdout)
    assert document["studies"] == ["small (default)"]
    assert document["progress"] == {"small (default)": {"done": 1, "stale": 1, "pending": 1}}
    assert "study files" not in said
    monkeypatch.chdir(results)
    (results / "search_spaces").mkdir()
    (results / "search_spaces" / "mine.yaml").write_text("question: Which\n  width?")
    (results / "search_spaces" / "profiles.yaml").write_text("profiles: {}")
    (results / "search_spaces" / "two.yaml").write_text("question: Q\nprofiles: {a: {}, b: {}}")
    (results / "search_spaces" / "torn.yaml").write_text("{")
    assert harness(results, "ls").stdout.endswith(
        "\nstudy files:\n  search_spaces/mine.yaml: Which width?\n"
        "  search_spaces/two.yaml: Q (a, b)\n"
    )
    (results / "studies" / "small" / "default.json").write_text("{")
    assert "\n  small (default): cannot be read\n" in harness(results, "ls").stdout


def write_log(results, trial_id, text):
    file = Ledger(results).folder(trial_id) / LOG
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as log:
        log.write(text)


def test_the_log_of_a_trial_by_how_its_id_begins(results):
    write_log(results, IDS[A], "one\ntwo\n")
    write_log(results, IDS[B], "other\n")
    keep(results, IDS[A])
    shown = harness(results, "log", "aaa")
    assert (shown.exit_code, shown.stdout) == (0, "one\ntwo\n")
    assert harness(results, "log", "aaa", "--follow").stdout == "one\ntwo\n"
    write_log(results, IDS[C], "")
    assert "'b' begins 2 trials: b1" in harness(results, "log", "b").stderr
    wrong = harness(results, "log", "aaaaaaaaaaaaaaab")
    assert wrong.exit_code == 2
    assert f"no trial 'aaaaaaaaaaaaaaab' in {results}/ledger; did you mean" in wrong.stderr


@pytest.mark.parametrize(
    ("word", "found"), [("width 8", A), ("width 16, seed 1", C), ("b1", B), ("width 16", None)]
)
def test_the_log_of_a_trial_by_its_name_in_a_study(results, word, found):
    from harness.studies import read_study

    study = read_study(results, "small", "default")
    if found is not None:
        assert trial_of(word, results, study) == IDS[found]
        return
    said = re.escape("'width 16' has 2 trials: say which of 'width 16, seed 0', 'width 16, seed 1'")
    with pytest.raises(SpecError, match=said):
        trial_of(word, results, study)
    with pytest.raises(SpecError, match="no trial 'widt 8, seed 0' of study 'small'; did you mean"):
        trial_of("widt 8, seed 0", results, study)


def test_a_log_ends_with_why_it_failed(results):
    trace = "".join(f"line {number}\n" for number in range(20))
    keep(results, IDS[A], "failed", reason="ValueError: told to", traceback=trace)
    lines = "".join(said(results, IDS[A])).splitlines()
    assert lines == ["...", *(f"line {n}" for n in range(12, 20)), "failed: ValueError: told to"]
    named = harness(results, "log", "width 8", "--study", "small")
    assert named.stdout.splitlines() == lines
    nothing = harness(results, "log", IDS[B], "--study", "small")
    assert nothing.exit_code == 2
    assert "has no log: it has not started" in nothing.stderr


def test_a_log_is_followed_to_its_end(results):
    """From before the trial starts; while lines are half written; to the record."""
    folder = Ledger(results).folder(IDS[A])
    claims = []

    def start():
        claims.append(take(folder, Onlooker()))
        write_log(results, IDS[A], "one\ntw")

    def end():
        keep(results, IDS[A], "failed", reason="told to")
        claims[0].release()

    steps = iter([start, lambda: write_log(results, IDS[A], "o\n"), end])
    pieces = list(followed(results, IDS[A], sleep=lambda seconds: next(steps)()))
    assert pieces == ["one\n", "two\n", "failed: told to\n"]


def test_watching_needs_neither_torch_nor_ray(results):
    keep(results, IDS[A])
    write_log(results, IDS[A], "one\n")
    code = (
        "import sys\n"
        "from harness.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'torch', 'ray', 'timm', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    root = Path(__file__).parents[1]
    for args in (["watch", "small", "--once"], ["log", "aaa"], ["ls"]):
        command = [sys.executable, "-c", code, *args, "--results", str(results)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
        assert done.returncode == 0, done.stderr
