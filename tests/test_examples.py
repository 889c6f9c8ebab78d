"""The scripts in `examples/` run as they stand and print what they say they print."""

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ("run_and_read", "add_topology", "compare_fusion", "search_under_flops")


@pytest.fixture
def example(tmp_path, capsys):
    """Runs a script as if it were typed, and returns what it prints."""

    def example(name: str) -> str:
        runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](tmp_path)
        return capsys.readouterr().out

    return example


@pytest.fixture
def untrained(monkeypatch, fake_trial, facts):
    """Trials that are instant, on data that are never opened."""
    monkeypatch.setattr("harness.run.RUN_TRIAL", fake_trial)
    monkeypatch.setattr("harness.run.open_facts", lambda cache: facts)


@pytest.mark.parametrize("name", NAMES)
def test_they_are_short_and_say_how_they_are_run(name):
    text = (EXAMPLES / f"{name}.py").read_text()
    assert len(text.splitlines()) < 60
    assert f"    python examples/{name}.py [FOLDER]\n" in text


@pytest.mark.usefixtures("untrained")
def test_run_and_read(example, tmp_path):
    said = example("run_and_read")
    assert "wide against narrow: ap +0.008 [" in said
    assert "not separated" in said
    assert re.search(r"^narrow\s+0\s+done", said, re.MULTILINE)
    page = tmp_path / "reports" / "widths" / "default" / "index.html"
    assert said.splitlines()[-1] == str(page)
    assert page.is_file()


def test_add_topology(example, tmp_path):
    said = example("add_topology").splitlines()
    assert said == [
        "zigzag: 7 nodes, 116,294 parameters, 0.11 billion multiply-adds at 512 px",
        "all that was put to the test holds",
        "p3 (1, 64, 64, 64)",
        "p4 (1, 64, 32, 32)",
        "p5 (1, 64, 16, 16)",
    ]
    assert (tmp_path / "zigzag.yaml").is_file()


@pytest.mark.usefixtures("untrained")
def test_search_under_flops(example):
    said = example("search_under_flops").splitlines()
    done = [line for line in said if ": done, " in line]
    assert len(done) == 3
    assert all(re.fullmatch(r"proposal \d+: done, [\d,]+ multiply-adds", line) for line in done)
    assert any(re.search(r": rejected, \S.* over the limit", line) for line in said)
    assert said[-1].startswith("best under the limit: proposal ")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_not_there_is_one_line(name, tmp_path, monkeypatch, capsys):
    missing = tmp_path / "nowhere"
    monkeypatch.setattr("sys.argv", [f"{name}.py", str(missing)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert (end.value.code, capsys.readouterr().err) == (2, f"{missing}: no such folder\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_they_run_as_they_stand(example, name):
    said = example(name)
    if name == "compare_fusion":
        assert "softmax against sum: ap " in said
        assert re.search(r"^fast: p\d_\w+@1 weighs its inputs 0\.\d{3}, 0\.\d{3}", said, re.M)
