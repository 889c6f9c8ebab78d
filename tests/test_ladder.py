"""Imports go only down, and the describing side stays without torch."""

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "harness"

FLOORS = (
    ("errors", "registry", "plugins", "plurals", "pulse", "outcomes", "files", "commit", "matches"),
    ("graph", "records", "claims", "statistics"),
    ("space",),
    (
        "ledger",
        "truths",
        "draws",
        "studies",
        "timings",
        "latencies",
        "leftovers",
        "sameness",
        "plans",
        "calibrations",
        "probes",
        "logs",
        "ops",
        "compiler",
        "weights",
    ),
    ("search", "published", "cost", "census", "takehome", "training.determinism", "environment"),
    ("engines", "detector", "data"),
    ("exchange", "training", "evaluate", "latency", "report", "comparing"),
    ("supplies", "underway", "trainers"),
    (
        "trial",
        "run",
        "crew",
        "waves",
        "plan",
        "gating",
        "searching",
        "prove",
        "own",
        "probe",
        "calibrate",
    ),
    ("evaluation", "doctor"),
    ("door",),
    ("fidelity",),
    ("cli", "door.options", "door.place"),
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}

DESCRIBING = {"errors", "registry", "plugins", "graph", "space", "records", "ledger", "studies",
              "comparing", "outcomes", "files", "claims", "statistics", "matches",
              "truths", "draws", "supplies", "commit", "plans", "calibrations",
              "probes", "gating", "searching", "logs", "trainers", "crew", "waves", "plurals",
              "timings", "published", "latencies", "leftovers", "sameness", "search",
              "engines", "report", "plan", "run", "door", "fidelity", "cli"}  # fmt: skip
HEAVY = {"torch", "timm", "torchvision", "fvcore", "effdet"}
ONLY_IN = {
    "ray": {
        "engines/ray/bridge.py",
        "engines/ray/cluster.py",
        "engines/ray/engine.py",
        "engines/ray/preflight.py",
    },
    "pycocotools": {"evaluate.py"},
    "tensorboardX": {"training/tensorboard.py"},
    "optuna": {"search/optuna_search.py"},
    "yaml": {"space/load.py"},
}


@cache
def imports(file: Path) -> list[tuple[str, bool]]:
    """(module and name, whether it is imported when the file is) of every import in a file."""
    tree = ast.parse(file.read_text())
    top = {id(node) for node in tree.body}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(f"{node.module}.{alias.name}", id(node) in top) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
    return found


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor(names: Sequence[str]) -> int:
    """The floor of a module by its names under `harness`; its package's, unless it has its own."""
    return FLOOR.get(".".join(names[:2]), FLOOR[names[0]])


def test_every_part_has_a_floor():
    parts = {part(file) for file in files()} - {"__init__"}
    assert parts <= FLOOR.keys(), parts - FLOOR.keys()


def test_imports_go_only_down():
    wrong = []
    for file in files():
        for module, _ in imports(file):
            head, *rest = module.split(".")
            if head == "harness" and rest and part(file) in FLOOR:
                own = file.relative_to(PACKAGE).with_suffix("").parts
                if floor(rest) > floor(own):
                    wrong.append(f"{file.relative_to(ROOT)} imports {module}")
    assert not wrong


def test_the_graph_needs_the_standard_library_alone():
    for file in (PACKAGE / "graph").glob("*.py"):
        heads = {module.split(".")[0] for module, _ in imports(file)}
        assert heads <= set(sys.stdlib_module_names) | {"harness"}, file


def test_the_describing_side_never_imports_torch():
    for file in files():
        if part(file) in DESCRIBING:
            heads = {module.split(".")[0] for module, _ in imports(file)}
            assert not heads & HEAVY, file


def test_some_packages_are_imported_in_one_file():
    for package, where in ONLY_IN.items():
        users = {
            str(file.relative_to(PACKAGE))
            for file in files()
            if any(module.split(".")[0] == package for module, _ in imports(file))
        }
        assert users <= where, package


def run_python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip


HELD = """
import sys
from click.testing import CliRunner
from harness.cli import main
result = CliRunner().invoke(main, {args!r})
assert result.exit_code == 0, (result.output, result.exception)
heavy = {heavy!r} & set(sys.modules)
assert not heavy, heavy
"""

COMMANDS = {
    "check": ["check", str(ROOT / "search_spaces" / "control.yaml")],
    "show": ["show", "bifpn"],
    "ls": ["ls"],
    "anchors": ["anchors"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_describing_commands_run_without_torch_and_ray(command, tmp_path):
    code = HELD.format(args=COMMANDS[command], heavy=HEAVY | {"ray", "pandas", "matplotlib"})
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_help_is_instant(tmp_path):
    code = (
        "import sys, time\n"
        "from harness.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "assert time.process_time() < 1.5, time.process_time()\n"
        "assert not {'pydantic', 'yaml', 'rich', 'numpy', 'torch', 'ray'} & set(sys.modules)\n"
    )
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_import_harness_is_instant_and_lazy(tmp_path):
    code = (
        "import sys, harness\n"
        "assert not {'pydantic', 'yaml', 'torch'} & set(sys.modules)\n"
        "harness.load_topology('bifpn')\n"
        "assert 'torch' not in sys.modules\n"
        "assert callable(harness.compile) and 'torch' in sys.modules\n"
    )
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr
