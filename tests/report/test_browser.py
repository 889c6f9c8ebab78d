"""The page in a real headless Chromium: `make browser` installs what these tests need.

They are skipped, with the reason, where Chromium, playwright or axe is not there.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.report import write_report
from harness.report.sections import SECTIONS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
EVIL = "<script>alert(1)</script>"
api: Any = pytest.importorskip("playwright.sync_api", reason="no playwright: run `make browser`")
axe: Any = pytest.importorskip("axe_playwright_python.base", reason="no axe: run `make browser`")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with as many sections as one study can have, one arm with a hostile name."""
    from report.conftest import fusion

    from harness.ledger import Ledger
    from harness.studies import write_study

    study, records = fusion(3)
    cells = tuple(replace(c, arm=EVIL if c.arm == "fast" else c.arm) for c in study.cells)
    study = replace(
        study, cells=cells, arms=("mean", EVIL, "softmax"), question=f"Does {EVIL} pay?",
        report={**study.report, "spine": ["mean", "softmax", EVIL]},
    )  # fmt: skip
    for record in records:
        record.spec["model"]["feature_network"]["graph"]["name"] = EVIL
    folder = tmp_path_factory.mktemp("browser")
    ledger = Ledger(folder / "results")
    for record in records:
        ledger.write(record)
    write_study(folder / "results", study)
    files = write_report(folder / "results", study.study, study.profile, folder / "reports")
    return files[0]


class Visit:
    """An open page, with what it asked for and what it complained of."""

    def __init__(self, chromium: Any, file: Path, **how: Any) -> None:
        self.context = chromium.new_context(**how)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.goto(file.as_uri())


@pytest.fixture
def visit(chromium: Any, written: Path) -> Iterator[Any]:
    opened = []

    def go(width: int = 1280, height: int = 800, **how: Any) -> Visit:
        opened.append(Visit(chromium, written, viewport={"width": width, "height": height}, **how))
        return opened[-1]

    yield go
    for one in opened:
        one.context.close()


@pytest.fixture(scope="module")
def checker() -> str:
    """The text of axe-core, as its package brings it."""
    found = list(Path(axe.__file__).parent.glob("axe.min.js"))
    return found[0].read_text()


def test_nothing_is_fetched_and_nothing_complained_of(visit: Any, written: Path) -> None:
    seen = visit()
    assert seen.asked == [written.as_uri()]
    assert seen.said == []


def test_every_section_renders(visit: Any) -> None:
    page = visit().page
    listed = page.eval_on_selector_all(".side a", "all => all.map(a => a.hash.slice(1))")
    assert listed[0] == "pareto-h"
    known = [f"{section.name}-h" for section in SECTIONS]
    assert [name for name in known if name in listed] == listed[1:]
    for name in listed:
        assert page.locator(f"#{name}").bounding_box()["height"] > 10
    for name in ("contrasts-h", "summary-h", "networks-h", "parts-h", "planned-h", "cells-h"):
        assert name in listed


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (375, 812)])
def test_the_first_screen_has_question_answer_and_plot(visit: Any, width: int, height: int) -> None:
    page = visit(width, height).page
    assert page.locator("h1").bounding_box()["y"] < 100
    assert page.locator(".answer").is_visible()
    plot = page.locator("figure.pareto svg >> visible=true").bounding_box()
    assert plot["y"] + plot["height"] * 0.75 < height


@pytest.mark.parametrize("width", [1280, 768, 375])
def test_the_page_itself_never_scrolls_sideways(visit: Any, width: int) -> None:
    page = visit(width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_stay_text(visit: Any) -> None:
    seen = visit()
    assert seen.page.locator("script").count() == 2
    assert EVIL in seen.page.locator("h1").inner_text()
    seen.page.locator("svg .point >> visible=true").first.focus()
    for _ in range(3):
        seen.page.keyboard.press("ArrowRight")
        assert seen.page.locator("#card script").count() == 0
    assert seen.page.locator("script").count() == 2
    assert seen.said == []


def test_the_table_is_sorted_by_click_and_by_key(visit: Any) -> None:
    page = visit().page
    table = page.locator("#summary-h ~ .wide table")
    head = table.locator("th", has_text="AP [95% interval]")
    means = "rows => rows.map(r => Number.parseFloat(r.cells[2].dataset.value))"
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    rising = table.locator("tbody tr").evaluate_all(means)
    assert rising == sorted(rising)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert table.locator("tbody tr").evaluate_all(means) == rising[::-1]
    assert table.locator("th[aria-sort]").count() == 1


def test_without_script_it_is_a_plain_page(visit: Any) -> None:
    page = visit(java_script_enabled=False).page
    assert page.locator("table.sortable tbody tr").first.is_visible()
    assert page.locator("table.sortable button").count() == 0
    assert not page.locator("#card").is_visible()
    assert not page.locator(".script-only").first.is_visible()


def test_a_point_shows_its_card_to_the_pointer(visit: Any) -> None:
    page = visit().page
    card = page.locator("#card")
    assert not card.is_visible()
    page.locator("svg .point >> visible=true").first.hover(force=True)
    assert card.is_visible()
    assert "multiply-adds" in card.inner_text()
    assert card.locator("svg").is_visible()
    card.hover()
    page.wait_for_timeout(300)
    assert card.is_visible()
    page.keyboard.press("Escape")
    assert not card.is_visible()
    page.locator("svg .point >> visible=true").nth(1).hover(force=True)
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    assert not card.is_visible()


def test_a_point_shows_its_card_to_the_keyboard(visit: Any) -> None:
    page = visit().page
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('point')"):
            break
    card = page.locator("#card")
    first = card.inner_text()
    page.keyboard.press("ArrowRight")
    assert card.is_visible()
    assert card.inner_text() != first
    page.keyboard.press("Escape")
    assert not card.is_visible()
    assert page.locator(".point[tabindex='0'] >> visible=true").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_an_accessibility_checker_finds_nothing(
    visit: Any, checker: str, scheme: str, width: int
) -> None:
    page = visit(width, color_scheme=scheme, bypass_csp=True).page
    page.locator("svg .point >> visible=true").first.focus()
    page.evaluate(checker)
    found = page.evaluate("axe.run()")["violations"]
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]][:3]) for one in found] == []


def test_dark_and_light_differ_and_print_is_light(visit: Any) -> None:
    page = visit(color_scheme="dark").page
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(13, 17, 23)"
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert not page.locator(".side").is_visible()
    page.emulate_media(media="screen", color_scheme="light")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [390, 375])
def test_on_a_phone_a_plot_fits_or_shows_that_it_scrolls(visit: Any, width: int) -> None:
    page = visit(width, 812).page
    cut = page.eval_on_selector_all(
        ".draw, .wide, figure > .narrow-only",
        """all => all.filter(one => one.offsetParent && one.scrollWidth > one.clientWidth + 1)
            .filter(one => !getComputedStyle(one).backgroundAttachment.includes("local"))
            .map(one => one.className)""",
    )
    assert cut == []
    for name in ("needs", "curves", "above"):
        shown = page.locator(f"#fig-{name} svg >> visible=true")
        if shown.count():
            assert shown.count() == 1
            assert shown.bounding_box()["width"] <= width - 30
    key = page.locator("figure.pareto svg >> visible=true").text_content()
    assert "perhaps on the front" in " ".join(key.split())


def test_a_network_is_drawn_larger_on_demand_without_a_script(visit: Any) -> None:
    page = visit(1280, 800, java_script_enabled=False).page
    drawing = page.locator(".net svg").first
    before = drawing.bounding_box()["width"]
    box = page.get_by_label("full size:").first
    assert box.get_attribute("aria-label") != EVIL
    box.check()
    assert drawing.bounding_box()["width"] >= before
    assert page.locator(".nets details").first.bounding_box()["width"] > 800
