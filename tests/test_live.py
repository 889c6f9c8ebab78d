"""`harness report --live`: a report of a study under way, whoever runs it."""

import re
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.door.live import POLL_S, follow, live_of, told
from harness.door.lookout import Lookout
from harness.ledger import Ledger
from harness.plan import make_plan
from harness.records import Environment, Metrics, TrialRecord
from harness.report.gather import gather
from harness.report.live import RELOAD_S, Live
from harness.report.page import render
from harness.run import Orders, run_study
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.studies import write_study

HERE = Environment("host", "cpu", 1, {}, None, "2026-01-01T00:00:00+00:00")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def study(tmp_path, small_study, facts):
    """A planned study: six trials that nobody has trained, and how one of them ends."""
    results = tmp_path / "results"
    plan = make_plan(load_study(small_study), Ledger(results), facts)
    write_study(results, plan.results())
    pending = {spec.id: spec for spec in plan.pending()}

    def end(number: int) -> None:
        spec = list(pending.values())[number]
        metrics = Metrics(0.25 + number / 100, 0.5, 0.3, None, 0.3, 0.4, {"a": 0.25})
        tree = spec.model_dump(mode="json")
        Ledger(results).write(TrialRecord(spec.id, "done", tree, HERE, 2.0, metrics))

    return Lookout(results, "small", "default"), end


def test_it_draws_when_a_trial_ends_and_not_otherwise(study):
    lookout, end = study
    drawn, said, slept = [], [], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) % 3 == 0:  # two looks that find nothing new, then a trial has ended
            end(len(slept) // 3 - 1)

    def draw(live: Live | None) -> list[Path]:
        drawn.append(live and (live.done, live.of, live.running))
        return [Path("page"), Path("table.csv")]

    written = follow(lookout, draw, said.append, sleep)
    assert drawn == [(0, 6, 0), (1, 6, 0), (2, 6, 0), (3, 6, 0), (4, 6, 0), (5, 6, 0), None]
    assert slept == [POLL_S] * 18
    assert said[0] == "page: 0 of 6 trials (6 pending)"
    assert said[-1] == "page: 6 of 6 trials (6 done)"
    assert written == [Path("page"), Path("table.csv")]


def test_it_draws_when_the_study_file_changes(study):
    lookout, _ = study
    drawn = []

    def sleep(_: float) -> None:
        if len(drawn) == 2:
            raise KeyboardInterrupt
        file = lookout.results / "studies" / "small" / "default.json"
        file.write_text(file.read_text().replace("Which width?", "Which width pays?"))

    with pytest.raises(KeyboardInterrupt):
        follow(lookout, lambda live: drawn.append(live) or (), lambda line: None, sleep)
    assert drawn[2] is None  # what Ctrl-C leaves is a report at rest


def test_drawing_takes_at_most_half_of_the_time(study):
    lookout, _ = study
    slept, ticks = [], iter((0.0, 9.0))

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(lookout, lambda live: (), lambda line: None, sleep, lambda: next(ticks))
    assert slept == [9.0]


def test_the_page_says_that_it_is_of_a_study_under_way(study):
    lookout, end = study
    end(0)
    look = lookout.look()
    live = live_of(look, lambda: NOON)
    assert live == Live(1, 6, 0, "2026-01-01 12:00:00 UTC")
    assert told(look, ()) == "nothing: 1 of 6 trials (1 done, 5 pending)"

    data = gather(lookout.results, "small", "default")

    def page(live: Live | None) -> str:
        return render(replace(data, live=live), {}, [])

    assert f'<meta http-equiv="refresh" content="{RELOAD_S}">' in page(live)
    assert live.words in page(live)
    assert live.words == (
        "A study under way: 1 of 6 trials by 2026-01-01 12:00:00 UTC, nobody trains the rest now. "
        "What follows is of those alone. This page loads itself again every 10 s."
    )
    assert ", 2 running." in Live(1, 6, 2, "now").words
    at_rest = page(None)
    assert 'http-equiv="refresh"' not in at_rest
    assert "under way" not in at_rest


def test_beside_a_run_on_the_inline_engine(tmp_path, small_study, fake_trial, facts):
    """Another process runs the study; this one draws and ends with it."""
    (tmp_path / "results" / "orders").mkdir(parents=True)
    where = Workplace(tmp_path / "results")
    study = load_study(small_study)
    command = """
from click.testing import CliRunner
from harness.cli import main
from harness.door import live
from harness.report import page
live.POLL_S = 0.2
page.draw = lambda data: ({}, [], None)
done = CliRunner().invoke(main, ["report", "small", "--live"])
print(done.output)
raise SystemExit(done.exit_code)
"""
    plan = make_plan(study, Ledger(where.results), facts)
    write_study(where.results, plan.results())
    watcher = subprocess.Popen(
        [sys.executable, "-c", command], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    page = tmp_path / "reports" / "small" / "default" / "index.html"
    while not page.exists() and watcher.poll() is None:
        time.sleep(0.05)
    assert "0 of 6 trials" in page.read_text()
    run_study(study, Orders(where), work=work_of(fake_trial), facts=facts)
    said = watcher.communicate(timeout=60)[0]
    assert watcher.returncode == 0, said
    assert "6 of 6 trials (6 done)" in said
    assert re.search(r"^reports/small/default/index.html$", said, re.MULTILINE), said
    assert "under way" not in page.read_text()


def work_of(fake_trial: str):
    from importlib import import_module

    module, _, name = fake_trial.partition(":")
    return getattr(import_module(module), name)


def test_a_study_that_is_over_is_drawn_once(study, tmp_path, monkeypatch):
    _, end = study
    for number in range(6):
        end(number)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["report", "small", "--live"])
    assert done.exit_code == 0, done.output
    assert done.stderr == "reports/small/default/index.html: 6 of 6 trials (6 done)\n"
