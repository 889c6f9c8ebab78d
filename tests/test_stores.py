"""A results folder may be a store: the same study, run, planned and reported on `memory://`."""

import json
import uuid
from functools import partial

import fsspec
import pytest
from click.testing import CliRunner
from tiny import STUDY

from harness import trial
from harness.cli import main
from harness.files import place, scratch_of
from harness.latency import measure
from harness.ledger import Ledger


@pytest.fixture
def store():
    """An empty store of this process."""
    name = f"memory://results-{uuid.uuid4().hex}"
    yield name
    fsspec.filesystem("memory").rm(name, recursive=True)


@pytest.fixture
def harness(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trial, "measure", partial(measure, budget=0.02))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "one.yaml").write_text(STUDY)

    def harness(*args, code=0):
        done = CliRunner().invoke(main, [str(arg) for arg in args])
        assert done.exit_code == code, done.output
        return done.stdout

    return harness


def objects(store):
    fs = fsspec.filesystem("memory")
    root = fs._strip_protocol(store)
    return {path.removeprefix(root + "/"): fs.cat_file(path) for path in fs.find(store)}


def test_a_study_in_a_store_is_trained_once(harness, store, tmp_path):
    run = ("run", "one.yaml", "--engine", "inline", "--results", store)
    assert "1 cell: 1 done" in harness(*run)
    kept = objects(store)
    assert sum(name.endswith("/record.json") for name in kept) == 2  # the backbone's, too
    assert sum(name.endswith("/log.txt") for name in kept) == 2
    assert any(name.startswith("backbones/") for name in kept)
    assert not any(name.endswith((".part", "claim.json", "partial.json")) for name in kept)
    assert not any(name.startswith("cache/") for name in kept)
    assert not (tmp_path / "results").exists()
    assert (scratch_of(place(store)) / "cache").is_dir()
    assert str(tmp_path) in str(scratch_of(place(store)))
    records = {name: text for name, text in kept.items() if name.endswith("record.json")}

    assert "nothing was left to train" in harness(*run)
    again = objects(store)
    assert {name: again[name] for name in records} == records
    [trial] = json.loads(harness("plan", "one.yaml", "--results", store, "--json"))["trials"]
    assert trial["status"] == "done"
    assert harness("report", "one", "--results", store)
    assert (tmp_path / "reports" / "one" / "default" / "index.html").exists()
    names = json.loads(harness("ls", "--results", store, "--json"))
    assert names["studies"] == ["one (default)"]
    assert Ledger(place(store)).detections(trial["id"]) is not None
    import harness as package

    assert list(package.table(store)["status"]) == ["done", "done"]
    assert "equal to the last digit" in harness("rerun", trial["id"], "--results", store)
    (tmp_path / "t.csv").write_text(f"trial,device,runtime,milliseconds\n{trial['id']},J,T,1\n")
    harness("latency", "one", "--import", "t.csv", "--results", store)
    assert "latencies/one/default.json" in objects(store)


def test_a_store_that_cannot_be_opened_is_told_before_anything_runs(harness):
    done = CliRunner().invoke(main, ["run", "one.yaml", "--results", "nosuch://x"])
    assert done.exit_code == 2
    assert "nosuch://x: Unsupported filesystem" in done.stderr
