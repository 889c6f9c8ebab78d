"""A user's own op: facts and module in a package of their own, found by the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import plugins
from harness.errors import SpecError
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES, OpSpec

ROOT = Path(__file__).parents[1]

FACTS = """
from harness.graph.ops import FUSES, OpSpec

FUSES.register("largest")(OpSpec())
"""
MODULES = """
import torch
from torch import nn

from harness.ops import FUSES


@FUSES.register("largest")
class Largest(nn.Module):
    def __init__(self, inputs):
        super().__init__()

    def forward(self, first, *others):
        for other in others:
            first = torch.maximum(first, other)
        return first
"""
TOPOLOGY = """
name: mine
source: A test.
published: Nothing.
inferred: Nothing.
levels: p3..p5
rows:
  td: {order: down, from: [in, td.coarser], fuse: largest}
"""
USE = """
import sys, torch
from harness import plugins
plugins.load(["my_ops"])
assert "torch" in sys.modules and "my_ops.modules" not in sys.modules
import harness
channels = {"p3": 4, "p4": 4, "p5": 4}
net = harness.compile(harness.load_topology("mine.yaml"), channels=channels, width=4)
assert "my_ops.modules" in sys.modules
maps = {f"p{level}": torch.randn(1, 4, 64 >> level, 64 >> level) for level in (3, 4, 5)}
assert "self.p4_td_1.fuse(" in net.code, net.code
print(tuple(net(maps)["p3"].shape))
"""


@pytest.fixture
def folder(tmp_path):
    package = tmp_path / "my_ops"
    package.mkdir()
    (package / "__init__.py").write_text(FACTS)
    (package / "modules.py").write_text(MODULES)
    (tmp_path / "mine.yaml").write_text(TOPOLOGY)
    return tmp_path


def python(folder, *args):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *args], cwd=folder, capture_output=True, text=True, env=env, check=False
    )


def test_the_command_line_finds_it(folder):
    without = python(folder, "-m", "harness.cli", "check", "mine.yaml")
    assert without.returncode == 2
    assert "no fuse 'largest'" in without.stderr
    found = python(folder, "-m", "harness.cli", "check", "--plugin", "my_ops", "mine.yaml")
    assert (found.returncode, found.stdout) == (0, "1 file: no fault\n")


def test_it_is_compiled(folder):
    made = python(folder, "-c", USE)
    assert (made.returncode, made.stdout) == (0, "(1, 4, 8, 8)\n"), made.stderr


def test_it_is_taken_home_with_its_name_and_its_own_licence(folder):
    command = ["-m", "harness.cli", "show", "mine.yaml", "--plugin", "my_ops", "--code"]
    made = python(folder, *command)
    assert made.returncode == 0, made.stderr
    head = made.stdout[: made.stdout.index("from __future__")].splitlines()
    (said,) = [line for line in head if line.startswith("#     harness show")]
    assert said.endswith(" --plugin my_ops --code")
    words = " ".join(line.strip("# ") for line in head)
    assert "What is copied from my_ops.modules is not: its own licence holds." in words
    assert "class Largest" in made.stdout


def test_installed_packages_bring_theirs_by_an_entry_point(folder):
    dist = folder / "my_ops-1.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: my-ops\nVersion: 1\n")
    (dist / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nmine = my_ops\n")
    code = "import sys; sys.path.insert(0, '.'); from harness.cli import main; main()"
    found = python(folder, "-c", code, "check", "mine.yaml")
    assert found.returncode == 0, found.stderr


def test_a_topology_cannot_name_one(folder):
    (folder / "mine.yaml").write_text(TOPOLOGY + "plugin: my_ops\n")
    told = python(folder, "-m", "harness.cli", "check", "mine.yaml")
    assert (told.returncode, "my_ops" in json.dumps(told.stdout)) == (2, False)
    assert "unknown field 'plugin'" in told.stderr


def test_one_that_is_not_there():
    with pytest.raises(SpecError, match="--plugin no_such_module: No module named"):
        plugins.load(["no_such_module"])


@pytest.mark.parametrize("name", ["two words", "max-pool", "1x", "x(y)"])
@pytest.mark.parametrize("table", [FUSES, RESAMPLES, BLOCKS])
def test_an_op_is_called_by_a_word_that_written_code_can_hold(table, name):
    with pytest.raises(ValueError, match="cannot be called so"):
        table.register(name)(OpSpec())


@pytest.mark.parametrize("name", ["p4", "lambda"])
def test_a_resample_is_called_by_a_word_that_written_code_can_call(name):
    with pytest.raises(ValueError, match="cannot be called so"):
        RESAMPLES.register(name)(OpSpec())
