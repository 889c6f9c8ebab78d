"""The whole line, cut down: YAML to plot under Ray Tune, and the same numbers without it."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import trial
from harness.cli import main
from harness.latency import measure
from harness.ledger import Ledger

ROOT = Path(__file__).parents[1]

STUDY = """\
question: Which width?
model:
  image_size: 64
  backbone:
    name: lcnet_035
    frozen: all
    frozen_norms: true
    source:
      model:
        feature_network: {topology: lateral, width: 8, repeats: 1, projection: always}
        head: {width: 8, depth: 1}
      recipe: &recipe
        batch_size: 8
        optimizer: {name: adamw, learning_rate: 2e-3, reference_batch: 8}
        schedule: {epochs: 1, warmup_epochs: 0.5, ema_decay: 0.9}
        augmentation: {flip: true, scale: [1, 1]}
  feature_network: {topology: bifpn, repeats: 1, projection: always}
  head: {depth: 1}
vary: {model.feature_network.width: [8, 12]}
recipe: *recipe
data: {name: shapes, train_images: 16, val_images: 8}
"""


def harness(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *args], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=280, check=False,
    )  # fmt: skip


def without_torch(folder: Path) -> subprocess.CompletedProcess[str]:
    """A study that is done is planned, run and reported in a process that never loads torch."""
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from harness.cli import main\n"
        "for args in (['plan', 'width.yaml'], ['run', 'width.yaml'], ['report', 'width']):\n"
        "    result = CliRunner().invoke(main, args)\n"
        "    assert result.exit_code == 0, result.output\n"
        "    assert not {'torch', 'timm', 'ray'} & set(sys.modules), args\n"
        "    if args[0] == 'run':\n"
        "        assert 'nothing was left to train' in result.stdout, result.stdout\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120, check=False,
    )  # fmt: skip


def facts(results: Path) -> dict[str, object]:
    """What must not depend on the engine, by trial."""
    return {
        record.id: (
            record.status,
            record.metrics,
            record.cost,
            [(row.epoch, row.loss, row.fusion_weights) for row in record.curve],
        )
        for record in Ledger(results).records()
    }


@pytest.mark.timeout(300)
def test_under_ray_and_in_this_process(tmp_path, monkeypatch):
    (tmp_path / "width.yaml").write_text(STUDY)
    under_ray = harness(tmp_path, "run", "width.yaml")
    assert under_ray.returncode == 0, under_ray.stderr
    assert "2 cells: 2 done" in under_ray.stdout
    for name in ("table.csv", "pareto.svg", "index.html"):
        assert (tmp_path / "reports" / "width" / "default" / name).is_file()
        assert name in under_ray.stdout

    held = without_torch(tmp_path)
    assert held.returncode == 0, held.stderr

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trial, "measure", partial(measure, budget=0.02))
    words = ["run", "width.yaml", "--engine", "inline", "--results", "other", "--reports", "more"]
    inline = CliRunner().invoke(main, words)
    assert inline.exit_code == 0, inline.output
    assert facts(tmp_path / "results") == facts(tmp_path / "other")
    engines = {record.environment.engine for record in Ledger(tmp_path / "results").records()}
    assert engines == {"ray"}
