"""What the documentation tells a reader to write and type works as it stands."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.space.zoo import topology_names

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "adding-a-topology.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]


def block(language: str, start: str, page: str = GUIDE) -> str:
    """The fenced block of a language that begins so."""
    found = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return next(one for one in found if one.startswith(start))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with what the guide has its reader save."""
    folder = tmp_path_factory.mktemp("checkout")
    spaces = folder / "search_spaces"
    (spaces / "topologies").mkdir(parents=True)
    for name in ("profiles.yaml", "control.yaml"):
        shutil.copy(ROOT / "search_spaces" / name, spaces)
    (spaces / "topologies" / "two_ways.yaml").write_text(block("yaml", "name: two_ways"))
    (spaces / "two_ways.yaml").write_text(block("yaml", "question:"))
    ablation = (ROOT / "docs" / "ablation.md").read_text()
    (spaces / "my_parts.yaml").write_text(block("yaml", "question:", ablation))
    (folder / "my_ops").mkdir()
    (folder / "my_ops" / "__init__.py").write_text(block("python", "# my_ops/__init__.py"))
    (folder / "my_ops" / "modules.py").write_text(block("python", "# my_ops/modules.py"))
    return folder


TYPED = {
    "check": "search_spaces/topologies/two_ways.yaml search_spaces/two_ways.yaml",
    "check --build": "search_spaces/topologies/two_ways.yaml",
    "show": "search_spaces/topologies/two_ways.yaml --width 64 --svg two.svg",
    "diff": "search_spaces/topologies/two_ways.yaml bifpn",
    "check ": "search_spaces/my_parts.yaml",
    "plan": "search_spaces/my_parts.yaml --set data.train_images=8 --set data.val_images=4",
    "check --plugin": "my_ops --build mine.yaml",
}
"""What the pages have their reader type. The plugin comes last: it stays loaded."""
PROGRAM = """
import json, sys
from click.testing import CliRunner
from harness.cli import main
done = [CliRunner().invoke(main, words) for words in json.loads(sys.argv[1])]
print(json.dumps([(one.exit_code, one.stdout, one.output + repr(one.exception)) for one in done]))
"""


@pytest.fixture(scope="module")
def typed(checkout):
    """Exit code, standard output and all that was said, by command: one process for them all."""
    mine = block("yaml", "name: two_ways").replace("{weighted: fast}", "largest")
    (checkout / "mine.yaml").write_text(mine.replace("name: two_ways", "name: mine"))
    words = json.dumps([f"{command} {rest}".split() for command, rest in TYPED.items()])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, words],
        cwd=checkout,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(TYPED, json.loads(done.stdout), strict=True))


@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("command", list(TYPED)[:-1])
def test_the_guide_works(typed, command):
    code, _, all_said = typed[command]
    assert code == 0, all_said


@pytest.mark.xdist_group("docs")
def test_an_op_of_ones_own_works(typed):
    code, out, all_said = typed["check --plugin"]
    assert (code, out) == (0, "1 file: no fault\n"), all_said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_shipped_files_that_pages_name_are_there():
    for page in PAGES:
        for name in re.findall(
            r"`((?:harness|search_spaces|docs|benchmarks)/[\w/]+\.\w+)`", page.read_text()
        ):
            known = (ROOT / name).exists() or "two_ways" in name or "my_parts" in name
            assert known, f"{page.name}: {name}"
    assert "two_ways" not in topology_names()


def test_the_study_of_the_page_on_searching_is_right(tmp_path):
    from harness.door.checking import check_file

    page = (ROOT / "docs" / "search.md").read_text()
    file = tmp_path / "which_bifpn.yaml"
    file.write_text(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])
    assert not check_file(file)
