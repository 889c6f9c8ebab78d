"""The written report: its files, its sections, its honesty, and that it opens offline."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from report.conftest import grid

from harness.ledger import Ledger
from harness.report import write_report
from harness.studies import write_study

OWN_SCRIPTS = ['<script type="application/json" id="points">', "<script>"]
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Tags balanced, ids, and everything that could be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        held = dict(attrs)
        if held.get("id"):
            self.ids.append(str(held["id"]))
        for name in ("src", "href", "xlink:href", "data", "action"):
            if held.get(name) and not str(held[name]).startswith("#"):
                self.fetched.append(str(held[name]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def report(make_study: Any, keep: Any, tmp_path: Path) -> tuple[Path, str]:
    study, records = make_study
    files = write_report(keep(study, records), study.study, study.profile, tmp_path / "reports")
    return files[0].parent, files[0].read_text()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small grid's report with whole pictures; `results` lies beside `reports`."""
    at = tmp_path_factory.mktemp("drawn")
    study, records = grid(1, (1.2, 1.3))
    for one in records:
        Ledger(at / "results").write(one)
    write_study(at / "results", study)
    files = write_report(at / "results", study.study, study.profile, at / "reports")
    assert files[0].parent == at / "reports" / "width" / "laptop"
    return files[0].parent


@pytest.mark.drawn
@pytest.mark.xdist_group("drawn")
def test_files(drawn: Path) -> None:
    folder = drawn
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")) == [
        ".made.json", "curves.svg", "families.svg", "forest.svg", "index.html",
        "paper/families.pdf", "paper/forest.pdf", "paper/pareto.pdf", "paper/parts.pdf",
        "pareto.png", "pareto.svg", "report.md", "summary.csv", "table.csv", "table.tex",
    ]  # fmt: skip
    assert (folder / "pareto.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.drawn
@pytest.mark.xdist_group("drawn")
def test_page_is_whole_and_fetches_nothing(drawn: Path) -> None:
    assert_whole((drawn / "index.html").read_text())


@pytest.mark.drawn
@pytest.mark.parametrize("study", ["fusion", "ended_badly"])
def test_other_pages_are_whole(study: str, make: Any, keep: Any, tmp_path: Path) -> None:
    made = make.fusion(2) if study == "fusion" else make.ended_badly()
    assert_whole(report(made, keep, tmp_path)[1])


def assert_whole(text: str) -> None:
    """Tags balanced, no id twice, nothing fetched, every reference to something that is there."""
    page = Page(text)
    assert page.open == []
    assert page.fetched == []
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"@import|url\((?!#)", text)
    used = set(re.findall(r"url\(#([^)]+)\)", text))
    assert used <= set(page.ids)


def test_frozen_backbones_are_said_plainly(make: Any, keep: Any, tmp_path: Path) -> None:
    _, text = report(make.grid(1, (1.2, 1.3)), keep, tmp_path)
    assert "Routing on fixed features" in text


def test_trained_backbones_are_not_called_fixed(make: Any, keep: Any, tmp_path: Path) -> None:
    _, text = report(make.fusion(2), keep, tmp_path)
    assert "Routing on fixed features" not in text
    assert "not tested" in text
    assert "mean → softmax → fast" in text
    assert "fusion weights hardly moved: softmax, learning_rate 0.1." in text


def test_every_end_is_on_the_page(make: Any, keep: Any, tmp_path: Path) -> None:
    _, text = report(make.ended_badly(), keep, tmp_path)
    for words in ("loss is NaN at step 7", "out of memory", "over the limit", "no record in the"):
        assert words in text
    assert "1 diverged" in text
    assert "so they flatter: a, b" in text


@pytest.mark.drawn
def test_names_stay_text(make: Any, keep: Any, tmp_path: Path) -> None:
    study, records = make.fusion(1)
    evil = "<script>alert(1)</script>"
    cells = tuple(replace(c, arm=evil if c.arm == "fast" else c.arm) for c in study.cells)
    renamed = replace(study, cells=cells, question=evil, report={"note": evil})
    _, text = report((renamed, records), keep, tmp_path)
    assert evil not in text
    assert "alert(1)<" not in text
    assert re.findall("<script[^>]*>", text) == OWN_SCRIPTS
    assert "&lt;script&gt;" in text


def test_nothing_done_still_gives_a_page(make: Any, keep: Any, tmp_path: Path) -> None:
    study, _ = make.ended_badly()
    waiting = tuple(replace(cell, status="pending") for cell in study.cells)
    folder, text = report((replace(study, cells=waiting), []), keep, tmp_path)
    assert "no answer yet" in text
    assert not (folder / "pareto.svg").exists()


@pytest.mark.drawn
@pytest.mark.xdist_group("drawn")
def test_the_same_results_give_the_same_bytes(drawn: Path) -> None:
    before = {path: path.read_bytes() for path in drawn.rglob("*.*")}
    reports = drawn.parents[1]
    write_report(reports.parent / "results", "width", "laptop", reports, force=True)
    assert {path: path.read_bytes() for path in drawn.rglob("*.*")} == before


def test_trials_that_differ_in_more_than_the_axes_are_pointed_out(
    make: Any, keep: Any, tmp_path: Path
) -> None:
    study, records = make.grid(1, (1.2, 1.3))
    moved = replace(records[0], environment=replace(records[0].environment, device="cuda"))
    _, text = report((study, [moved, *records[1:]]), keep, tmp_path)
    assert "Trials differ in devices: cuda, cpu" in text
