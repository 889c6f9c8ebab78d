"""Checks of the machine, the packages and the folder; and the round that makes them all."""

import os
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from harness.claims import STALE_S
from harness.doctor import CHECKS, Check, Finding, average_precision, determinism, examine
from harness.doctor import counts as counting
from harness.doctor.counts import counts
from harness.doctor.folder import clock_skew_s, folder, tried
from harness.doctor.machine import machine
from harness.doctor.versions import judged, pins, versions
from harness.door.doctor import doctor_document, doctor_words
from harness.errors import TrialError

WANTED = (Requirement("torch>=2.11"), Requirement("numpy>=2.0"))


def test_versions_as_pinned():
    found = judged(
        WANTED, {"torch": "2.11.0+cpu", "numpy": "2.1"}, {"torch": "2.11.0", "numpy": "2.1"}
    )
    assert found.verdict == "holds"
    assert found.said.startswith("2 packages and Python 3.")
    assert found.said.endswith(" as supported, all as pinned in constraints.txt")


def test_other_versions_than_the_pinned_are_told():
    found = judged(WANTED, {"torch": "2.12", "numpy": "2.1"}, {"torch": "2.11.0", "numpy": "2.1"})
    assert found.verdict == "holds"
    assert found.said.endswith("other than tests run with: torch 2.12 (pinned 2.11.0)")
    assert judged(WANTED, {"torch": "2.12", "numpy": "2.1"}, None).said.endswith(
        "; no constraints.txt here to compare with"
    )


def test_versions_outside_of_a_range_do_not_hold():
    found = judged(WANTED, {"torch": "2.10.1", "numpy": None}, {})
    assert found.verdict == "does not hold"
    assert found.said == ("torch 2.10.1 is outside of >=2.11; numpy is not installed (needs >=2.0)")


def test_pins_are_read_by_any_spelling(tmp_path):
    (tmp_path / "pins.txt").write_text("# ours\nFoo_Bar==1.0  # why\nother>=2\n\n")
    assert pins(tmp_path / "pins.txt") == {"foo-bar": "1.0"}


def test_these_versions(setting):
    assert versions(setting).verdict == "holds"


def test_this_machine(setting, monkeypatch):
    found = machine(setting)
    assert found.figures["device"].startswith("cpu: ")
    assert found.figures["cores"] >= 1
    monkeypatch.setattr("harness.doctor.machine.free_memory_gb", lambda: 1.25)
    monkeypatch.setattr("harness.doctor.machine.free_disk_gb", lambda results: None)
    found = machine(setting)
    assert (found.verdict, found.said) == (
        "does not hold",
        "1.2 GB of memory are free, 2 are wanted",
    )


def test_this_folder_is_left_as_it_was(setting):
    found = folder(setting)
    assert (found.verdict, found.said) == ("holds", "files are replaced and created whole")
    assert found.figures["links"] is True
    assert not setting.results.exists()
    assert [path.name for path in setting.results.parent.iterdir()] == ["scratch"]


def test_a_folder_without_links(tmp_path, monkeypatch):
    def refuse(*args: object, **options: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    found = tried(tmp_path)
    assert found.verdict == "holds"
    assert "it has no links, so two drivers" in found.said


def test_a_folder_that_does_not_replace(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.doctor.folder.create_whole", lambda path, text: True)
    found = tried(tmp_path)
    assert found.verdict == "does not hold"
    assert found.said == "a file that is there can be created again"


def test_a_clock_that_is_off(tmp_path, monkeypatch):
    assert abs(clock_skew_s(tmp_path)) < 1
    monkeypatch.setattr("harness.doctor.folder.clock_skew_s", lambda trial: STALE_S + 1)
    found = tried(tmp_path)
    assert found.verdict == "does not hold"
    assert found.said.endswith("s off: claims of other machines would look given up")
    for file in tmp_path.iterdir():
        file.unlink()
    monkeypatch.setattr("harness.doctor.folder.clock_skew_s", lambda trial: -9.0)
    assert tried(tmp_path).said.endswith("; its clock is -9 s off")


def test_counts_that_agree_and_one_that_does_not(setting, monkeypatch):
    monkeypatch.setattr(counting, "FEW", ("lateral", "dyhead"))
    monkeypatch.setattr(counting, "_of_d0", lambda: iter(()))
    found = counts(setting)
    assert found.verdict == "holds"
    assert found.said.startswith("2 networks of the zoo by torch, 1 of them by fvcore")
    monkeypatch.setattr(counting, "conv_macs", lambda network, shapes: 7)
    found = counts(setting)
    assert found.verdict == "does not hold"
    assert found.said.startswith("lateral: multiply-adds by torch are 7, ")


def test_average_precision_under_weights_is_cocoevals(setting, monkeypatch):
    found = average_precision.average_precision(setting)
    assert found.verdict == "holds", found.said
    assert found.said.startswith("3 draws of 40 images: ")
    assert found.said.endswith(" figures, none off by more than 1e-12")
    right = average_precision.ap_draws
    wrong = lambda matches, weights: right(matches, (weights > 0).astype(int))  # noqa: E731
    monkeypatch.setattr(average_precision, "ap_draws", wrong)  # as who counts copies once
    assert average_precision.average_precision(setting).verdict == "does not hold"


@pytest.mark.slow
def test_determinism_here(setting):
    assert determinism.determinism(setting).verdict == "holds"


def test_determinism_names_the_first_difference(setting, monkeypatch):
    trained = []

    def train(spec, folder, device, workers):
        trained.append(workers)
        return workers, folder

    monkeypatch.setattr(determinism, "_spec", lambda scratch: None)
    monkeypatch.setattr(determinism, "_trained", train)
    monkeypatch.setattr(determinism, "_apart", lambda spec, a, b: "loss: 1 and 2" if b[0] else "")
    found = determinism.determinism(setting)
    assert trained == [0, 0, 2]
    assert (found.verdict, found.said) == ("does not hold", "with 2 data workers: loss: 1 and 2")


def fails(setting):
    raise TrialError("no such device")


def breaks(setting):
    raise ZeroDivisionError("by zero")


ROUND = (
    Check("good", "this is good", lambda setting: Finding.of(True, "it is", n=1)),
    Check("bad", "that is right", fails),
    Check("broken", "all is whole", breaks),
    Check("later", "it is known", lambda setting: Finding.not_run("nobody asked")),
)


def test_a_round_is_made_to_its_end(setting):
    told = []
    found = examine(setting, ROUND, say=lambda check: told.append(check.name))
    assert told == ["good", "bad", "broken", "later"]
    assert list(doctor_words(found)) == [
        "✓ good    holds: it is",
        "✗ bad     does not hold: no such device",
        "✗ broken  does not hold: the check broke: ZeroDivisionError: by zero",
        "– later   not run, because nobody asked",
        "Not to be believed here: that is right, all is whole; not known: it is known.",
    ]
    document = doctor_document(found, full=True)
    assert (document["full"], document["holds"]) == (True, False)
    assert document["checks"][0] | {"seconds": 0} == {
        "name": "good", "what": "this is good", "verdict": "holds", "said": "it is",
        "figures": {"n": 1}, "seconds": 0,
    }  # fmt: skip
    held = examine(setting, (ROUND[0], ROUND[3]))
    assert list(doctor_words(held))[-1] == (
        "Of 2 checks 1 hold and none fails; not known: it is known."
    )


def test_names_are_told_apart():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(Path(check.name).name == check.name for check in CHECKS)
