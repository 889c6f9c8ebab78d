"""What a results folder holds that no record needs: found, and freed only when that is asked."""

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.claims import Onlooker, take
from harness.cli import main
from harness.door.leftovers import size_words
from harness.errors import SpecError
from harness.ledger import Ledger
from harness.leftovers import Rules, find_leftovers, free
from harness.matches import Evidence
from harness.records import Environment, TrialRecord
from harness.studies import StudyResults, write_study
from harness.timings import Timings, write_timings

HERE = Environment("here", "cpu", 1, {}, None, "2026-01-01T00:00:00+00:00")
DAY = 86_400


@pytest.fixture
def results(tmp_path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def put(results):
    """Writes a file that was last changed so many days ago."""

    def put(path, days=0.0, text="x" * 100):
        file = results / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        age(file, days)
        return file

    return put


def age(path, days):
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def keep(results, trial, status="done", **facts):
    record = TrialRecord(trial, status, {}, HERE, 1.0, **facts)
    return Ledger(results).write(record, Evidence({"box": [1, 2]}) if status == "done" else None)


def found(results, **rules):
    return {
        str(one.path.relative_to(results)): one.kind
        for one in find_leftovers(results, Rules(**rules)).leftovers
    }


def both(put, trial, days=0.0):
    for name in ("last.pt", "best.pt"):
        file = put(f"checkpoints/{trial}/{name}", days)
    age(file.parent, days)


def test_of_a_finished_trial_what_its_record_keeps_stays(results, put):
    for kept in ("last", "best", "none", None):
        keep(results, f"t-{kept}", kept=kept)
        both(put, f"t-{kept}")
    put("checkpoints/t-none/mine.bin", 99)
    assert found(results) == dict.fromkeys(
        (
            "checkpoints/t-last/best.pt",
            "checkpoints/t-best/last.pt",
            "checkpoints/t-none/last.pt",
            "checkpoints/t-none/best.pt",
            "checkpoints/t-None/best.pt",
        ),
        "checkpoints",
    )
    assert len(found(results, all_checkpoints=True)) == 8


def test_the_checkpoint_of_an_unfinished_trial_stays_until_it_is_old(results, put):
    keep(results, "diverged", "diverged", reason="x")
    keep(results, "cut", "cut", reason="x")
    for trial in ("diverged", "cut", "unknown"):
        both(put, trial, days=8)
    assert {path.split("/")[1] for path in found(results)} == {"diverged", "unknown"}
    assert found(results, days=9) == {}
    put("checkpoints/unknown/last.pt", 6)
    assert {path.split("/")[1] for path in found(results)} == {"diverged"}


def test_a_backbone_still_to_be_taken_out_stays(results, put):
    keep(results, "source", kept="none")
    both(put, "source")
    write_study(results, StudyResults("s", "p", "?", (), sources=("source",)))
    assert list(found(results)) == ["checkpoints/source/best.pt"]
    put("backbones/source.pt", 99)
    put("backbones/source.pt.sha256", 99)
    put("backbones/other.pt", 99)
    put("backbones/young.pt", 1)
    assert found(results) == {
        "checkpoints/source/best.pt": "checkpoints",
        "checkpoints/source/last.pt": "checkpoints",
        "backbones/other.pt": "backbones",
    }
    (results / "studies" / "s" / "p.json").write_text("{")
    assert "backbones/other.pt" not in found(results)
    [note] = find_leftovers(results, Rules()).notes
    assert note.startswith("backbones stay: ")


def test_detections_that_no_record_names_and_torn_files(results, put):
    first = keep(results, "a", "failed", reason="x")
    kept = keep(results, "a")
    assert (first.attempt, kept.attempt) == (1, 2)
    put("ledger/a/detections-000000000000.npz", 1)
    put("ledger/a/detections-111111111111.npz", 0.01)
    age(results / "ledger" / "a" / kept.detections, 1)
    put("ledger/a/.record.json.1-ab.part", 1)
    put("ledger/a/.claim.json.ab.next", 1)
    put("ledger/a/.record.json.2-ab.part", 0.01)
    put("cache/features/.key.1.part/train.p3.npy", 1)
    age(results / "cache/features/.key.1.part", 1)
    put("ledger/b/detections-000000000000.npz", 1)
    put("ledger/b/record.json", 1, "{torn")
    assert found(results) == {
        "ledger/a/detections-000000000000.npz": "detections",
        "ledger/a/.record.json.1-ab.part": "torn files",
        "ledger/a/.claim.json.ab.next": "torn files",
        "cache/features/.key.1.part": "torn files",
    }
    assert (results / "ledger/b/record.json").read_text() == "{torn", "looking changes nothing"


def test_nothing_of_a_trial_under_a_claim_is_touched(results, put):
    keep(results, "a", kept="none")
    both(put, "a")
    put("ledger/a/.x.part", 1)
    put("cache/features/key/train.p3.npy", 1)
    put("tune/old/x", 1)
    claim = take(results / "ledger" / "a", Onlooker())
    assert found(results, cache=True) == {}
    path = results / "ledger" / "a" / "claim.json"
    beat = dataclasses.replace(claim.beat, place="another machine")
    claim.release()
    path.write_text(json.dumps(dataclasses.asdict(beat)))
    assert "checkpoints/a/last.pt" not in found(results)
    age(path, 1)
    dead = found(results, cache=True)
    assert dead["ledger/a/claim.json"] == "dead claims"
    assert dead.keys() >= {"checkpoints/a/last.pt", "cache/features/key"}
    assert "cache/features/key" not in found(results)


def test_a_claim_that_came_meanwhile_is_heeded(results, put):
    keep(results, "a", kept="none")
    both(put, "a")
    leftovers = find_leftovers(results, Rules()).leftovers
    claim = take(results / "ledger" / "a", Onlooker())
    assert free(leftovers, results) == 0
    claim.release()
    assert free(leftovers, results) == 200
    assert not (results / "checkpoints" / "a").exists()


def test_links_are_never_followed(results, put, tmp_path):
    outside = tmp_path / "outside"
    for name in ("a/last.pt", "old/x", "deep/.x.part"):
        (outside / name).parent.mkdir(parents=True, exist_ok=True)
        (outside / name).write_text("precious")
        age(outside / name, 99)
    keep(results, "a", kept="none")
    put("checkpoints/b/x", 99)
    (results / "checkpoints" / "a").symlink_to(outside / "a")
    (results / "checkpoints" / "b" / "last.pt").symlink_to(outside / "a" / "last.pt")
    (results / "tune").symlink_to(outside / "old")
    (results / "cache").mkdir()
    (results / "cache" / "features").symlink_to(outside / "old")
    put("cache/shapes/x/y", 99)
    (results / "cache" / "shapes" / "x" / "deep").symlink_to(outside / "deep")
    leftovers = find_leftovers(results, Rules(days=0, all_checkpoints=True, cache=True)).leftovers
    assert [str(one.path.relative_to(results)) for one in leftovers] == ["cache/shapes/x"]
    free(leftovers, results)
    assert {p.read_text() for p in outside.rglob("*") if p.is_file()} == {"precious"}
    assert len([p for p in outside.rglob("*") if p.is_file()]) == 3


def test_the_command_is_dry_until_it_is_told(results, put, monkeypatch, tmp_path):
    keep(results, "a", kept="none")
    both(put, "a")
    put("tune/run/x", 1, "y" * 1500)
    age(results / "tune" / "run", 1)
    put("ledger/a/log.txt", 99)
    write_timings(results, Timings("s", "p"))
    monkeypatch.chdir(tmp_path)

    def gc(*options):
        done = CliRunner().invoke(main, ["gc", *options])
        assert done.exit_code == 0, done.output
        return done.stdout

    before = sorted(p for p in results.rglob("*"))
    document = json.loads(gc("--json"))
    assert document["kinds"]["checkpoints"] == {"count": 2, "bytes": 200}
    assert (document["bytes"], document["freed"]) == (1700, None)
    assert "1.7 kB" in gc()
    assert "--yes frees it" in gc()
    assert sorted(p for p in results.rglob("*")) == before
    assert "1.7 kB freed" in gc("--yes")
    assert "nothing to free" in gc("--yes", "--cache")
    assert Ledger(results).get("a").status == "done"
    assert (results / "ledger" / "a" / "log.txt").exists()
    assert Ledger(results).detections("a") is not None


def test_a_store_is_refused():
    from harness.files import place

    with pytest.raises(SpecError, match="gc frees folders"):
        find_leftovers(place("memory://gc"), Rules())


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (12 * 10**9, "12.0 GB")],
)
def test_sizes_in_words(size, words):
    assert size_words(size) == words
