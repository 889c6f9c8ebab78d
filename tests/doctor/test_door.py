"""`harness doctor` at the door: what it prints, and with which exit code."""

import json

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.doctor import Check, Finding
from harness.doctor.missing import control_studies, train_missing
from harness.errors import SpecError
from harness.ledger import Ledger
from harness.space.workplace import Workplace


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    """Runs the command with the checks it is given."""
    monkeypatch.chdir(tmp_path)

    def doctor(verdict, *args):
        seen = []

        def run(setting):
            seen.append(setting)
            return Finding(verdict, "so it is", {"n": 1})

        checks = (Check("one", "it is so", run),)
        monkeypatch.setattr("harness.doctor.checks.CHECKS", checks)
        monkeypatch.setattr("harness.doctor.checks.examine.__defaults__", (checks, print))
        done = CliRunner().invoke(main, ["doctor", *args])
        return done, seen[0]

    return doctor


def test_what_holds_is_exit_0(doctor):
    done, setting = doctor("holds", "--seed", "3", "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert done.stdout == "✓ one  holds: so it is\nOf 1 checks 1 hold and none fails.\n"
    assert done.stderr == "one ...\n"
    assert (setting.full, setting.seed, setting.device) == (False, 3, "cpu")
    assert not setting.scratch.exists()


def test_what_does_not_hold_is_exit_1(doctor):
    done, setting = doctor("does not hold", "--full", "--json")
    assert done.exit_code == 1
    assert setting.full
    document = json.loads(done.stdout)
    assert document["summary"] == "Not to be believed here: it is so."
    assert document["checks"][0]["verdict"] == "does not hold"


def test_what_was_not_run_is_no_fault(doctor):
    assert doctor("not run")[0].exit_code == 0


def test_the_controls_are_trained_where_they_are_missing(tmp_path, monkeypatch, fake_trial, facts):
    monkeypatch.setattr("harness.run.open_facts", lambda cache: facts)
    monkeypatch.setattr("harness.run.RUN_TRIAL", fake_trial)
    studies = control_studies("scratch")
    assert [study.name for study in studies] == ["control", "aa"]
    where = Workplace(tmp_path / "results")
    done = train_missing(studies, where, lambda study: None, lambda line: None)
    assert [outcome.trained for outcome in done] == [18, 6]
    assert len(list(Ledger(where.results).records())) == 24
    again = train_missing(studies, where, lambda study: None, lambda line: None)
    assert [outcome.trained for outcome in again] == [0, 0]


def test_the_controls_need_their_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.doctor.missing.SHIPPED", tmp_path)
    said = "no search_spaces/control.yaml here: --controls needs a checkout"
    with pytest.raises(SpecError, match=said):
        control_studies(None)
