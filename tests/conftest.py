"""What tests share: a small study, made-up facts, and a trial function that trains nothing."""

import sys
from pathlib import Path

import pytest

from harness.space.data import DataFacts, DataSpec

SMALL_STUDY = """\
question: Which width?
model:
  image_size: 64
  backbone:
    name: lcnet_050
    frozen: all
    source:
      model:
        feature_network: {topology: lateral, width: 8, repeats: 1}
        head: {depth: 1}
      recipe: {schedule: {epochs: 1}}
  feature_network: {topology: bifpn, width: 16, repeats: 1, projection: always}
  head: {depth: 1}
  compound:
    width: {base: 16, factor: 1.2, rounding: multiple_of_8}
vary:
  model.compound.width.factor: [1.2, 1.25, 2.0]
  model.compound.coefficient: [0, 1]
seeds: 2
recipe: {schedule: {epochs: 2}}
"""
"""Six of its twelve cells are aliases (widths 16, 16; 16, 24; 16, 32): six trials, one source."""

FAKE_TRIAL = '''
"""Stands for training: instant, counts its calls, fails where it is told to."""
import builtins
import os
import sys
import time
from pathlib import Path

from harness import errors
from harness.records import Environment, Metrics, TrialRecord


def node():
    ray = sys.modules.get("ray")
    there = ray is not None and ray.is_initialized()
    return ray.get_runtime_context().get_node_id() if there else "here"


def work(spec, where, on_epoch):
    calls = Path(where.results) / "calls"
    calls.mkdir(parents=True, exist_ok=True)
    attempt = 1 + len(list(calls.glob(f"{spec.id}-*")))
    (calls / f"{spec.id}-{attempt}").write_text(
        f"{os.getpid()} {node()} {'alone' if where.alone else 'beside'} {where.micro_batches}"
    )
    for epoch in range(1, 3):
        if on_epoch:
            on_epoch({"epoch": epoch, "epochs": 2, "loss": 1.0 / epoch})
    orders = Path(where.results) / "orders"
    told = orders / spec.id
    if told.exists():
        what = told.read_text()
        if what == "raise":
            raise ValueError("told to")
        error, _, times = what.partition(" times ")
        if times and attempt <= int(times):
            raise (getattr(errors, error, None) or getattr(builtins, error))("told to")
        if what == "die" or (what == "die once" and attempt == 1):
            os._exit(9)
        if what == "interrupt":
            raise KeyboardInterrupt
        while what == "wait" and attempt == 1:
            time.sleep(0.05)
    width = spec.model.feature_network.width
    where.backbone(spec.id).parent.mkdir(parents=True, exist_ok=True)
    where.backbone(spec.id).write_bytes(b"weights")
    ap = 0.3 + width / 1000 + spec.seeds.init / 100
    return TrialRecord(
        id=spec.id,
        status="done",
        spec=spec.model_dump(mode="json"),
        environment=Environment(
            node(), "cpu", where.threads, {"omp": os.environ["OMP_NUM_THREADS"]}, None,
            "2026-01-01T00:00:00+00:00", where.engine,
        ),
        seconds=2.0,
        metrics=Metrics(ap, 0.5, 0.3, None, 0.3, 0.4, {"a": ap}),
    )
'''


RAY = ("chaos", "engines", "test_whole_line.py")
"""Tests that start a Ray of their own: one after another, since two at once starve on two cores."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items):
    for item in items:
        if set(RAY) & set(item.path.parts):
            item.add_marker(pytest.mark.xdist_group("ray"))


def made_up_facts(spec: DataSpec, image_size: int) -> DataFacts:
    """Facts of a dataset that is never opened."""
    return DataFacts(
        fingerprint=f"{spec.name}@{image_size}",
        categories=("a", "b", "c"),
        train_images=4,
        val_images=2,
    )


@pytest.fixture
def facts():
    return made_up_facts


@pytest.fixture
def small_study(tmp_path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL_STUDY)
    return file


@pytest.fixture
def fake_trial(tmp_path, monkeypatch) -> str:
    """`package:function` of a trial that trains nothing, importable here and in workers."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "fake_trial.py").write_text(FAKE_TRIAL)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "fake_trial", raising=False)
    yield "fake_trial:work"
    sys.modules.pop("fake_trial", None)


@pytest.fixture(autouse=True)
def piped(monkeypatch):
    """Output is nobody's terminal, whatever says how wide one is (pytest-xdist's workers do)."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True)
def quick_pictures(request, monkeypatch):
    """Pages are made with empty pictures, at a fifth of the time; tests marked `drawn` with whole
    ones. Figures are still composed: what a test of their data or drawing sees is the same."""
    if request.node.get_closest_marker("drawn"):
        return
    from harness.report import page

    empty = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>'
    monkeypatch.setattr(page, "to_svg", lambda figure: empty)
    monkeypatch.setattr(page, "to_png", lambda figure: b"\x89PNG")
    monkeypatch.setattr(page, "paper_plots", lambda data: {})
