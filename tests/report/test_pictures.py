"""Pictures of detections beside the truth: the same for every arm, by a measure that is stated."""

import base64
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from scenes import IMAGES, keep_study

from harness.ledger import Ledger
from harness.report import pictures as module
from harness.report.errors import NO_TRUTH
from harness.report.pictures import pictures_info
from harness.report.pictures_drawing import (
    class_colours,
    draw_images,
    draw_panel,
    draw_truth,
    panel_words,
)
from harness.report.style import OKABE_ITO
from harness.report.summary import summarise
from harness.report.table import study_table
from harness.statistics.kinds import HIT, find_kinds
from harness.statistics.oracles import shown
from harness.truths import keep_truth, read_truth


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


def told(study, results):
    cells = study_table(study, Ledger(results))
    return pictures_info(results, cells, summarise(cells, study.baseline))


@pytest.fixture
def info(make, results):
    return told(keep_study(make, results), results)


def test_all_arms_show_the_same_images_of_one_seed(info):
    assert info.arms == ("base", "good", "<i>same</i>")
    assert info.seed == 0
    assert info.sample == IMAGES
    assert len(info.shown) == 8
    assert all(len(one.panels) == 3 for one in info.shown)
    assert all(0.3 <= cut <= 0.9 for cut in info.cuts)


def test_where_arms_differ_most_comes_first(info, results):
    truth = read_truth(results, "f" * 8)
    worth = []
    for place in range(3):
        found = find_kinds(Ledger(results).detections(f"t{place}0"), truth)
        rows = shown(found)
        gain = np.where(found.kind[rows] == HIT, 1, -1)
        worth.append(np.bincount(found.image[rows], gain, IMAGES))
    spread = np.max(worth, axis=0) - np.min(worth, axis=0)
    order = sorted(range(IMAGES), key=lambda place: (-spread[place], place))[:8]
    assert [one.image for one in info.shown] == [place + 1 for place in order]
    assert [one.spread for one in info.shown] == [spread[place] for place in order]


def test_a_panel_counts_what_it_draws(info):
    for one in info.shown:
        for panel in one.panels:
            drawn = [box.what for box in panel.boxes]
            assert drawn.count("hit") == panel.hits
            assert drawn.count("false") == panel.false
            assert drawn.count("missed") == panel.missed
            assert panel.hits + panel.missed == len(one.truth) == 4


def test_boxes_are_in_pixels_of_the_kept_image(make, results):
    study = keep_study(make, results, truth=False)
    from scenes import BANDS, document

    told_by = document()
    for row in told_by["images"]:
        row |= {"width": 640, "height": 640}
    large = np.zeros((640, 640, 3), np.uint8)
    keep_truth(results, "f" * 8, told_by, BANDS, tuple(range(1, IMAGES + 1)), lambda at: large)
    one = told(study, results).shown[0]
    assert (one.width, one.height) == (320, 320)
    assert one.truth[0].box[:2] == (2.5, 2.5)


def test_svg_is_whole_and_names_are_escaped(info):
    one = info.shown[0]
    truth = draw_truth(info, one)
    panel = draw_panel(info, one, info.arms[2], one.panels[2])
    for svg in (truth, panel):
        root = ET.fromstring(svg)
        assert root.get("role") == "img"
        assert root.find("use").get("href") == f"#image-{one.image}"
        assert "<b>" not in svg
        assert "<i>" not in svg
    name = f"Image {one.image}, <i>same</i>: {panel_words(one.panels[2])}"
    assert ET.fromstring(panel).get("aria-label") == name
    assert ET.fromstring(truth).get("aria-label").startswith(f"Image {one.image}, truth: ")
    titles = [title.text for title in ET.fromstring(panel).iter("title")]
    assert any(re.fullmatch(r"<b>frame</b> 0\.\d\d, (hit|false positive)", one) for one in titles)


def test_lines_say_what_a_box_is(info):
    panel = next(p for one in info.shown for p in one.panels if p.hits and p.false and p.missed)
    root = ET.fromstring(draw_panel(info, info.shown[0], "a", panel))
    dashes = {}
    for group in root.iter("g"):
        what = group.find("title").text.rsplit(", ", 1)[1]
        dashes.setdefault(what, set()).add(group.findall("rect")[1].get("stroke-dasharray"))
    assert dashes == {"hit": {None}, "false positive": {"5 3"}, "missed": {"1.2 2.6"}}
    assert class_colours(info) == {"bead": OKABE_ITO[0], "<b>frame</b>": OKABE_ITO[1]}


def test_words_of_a_panel():
    assert panel_words(module.Panel((), 1, 1, 0)) == "1 hit, 1 false positive, 0 missed"
    assert panel_words(module.Panel((), 2, 0, 3)) == "2 hits, 0 false positives, 3 missed"


def test_an_image_is_in_the_page_once_and_together_they_fit(info, make, results, monkeypatch):
    root = ET.fromstring(draw_images(info))
    images = list(root.iter("image"))
    assert [one.get("id") for one in images] == [f"image-{one.image}" for one in info.shown]
    head, data = images[0].get("href").split(",")
    assert head == "data:image/webp;base64"
    assert base64.b64decode(data) == info.shown[0].data
    monkeypatch.setattr(module, "MOST_BYTES", 3 * max(len(one.data) for one in info.shown))
    study = keep_study(make, results)
    assert 3 <= len(told(study, results).shown) < 8


def test_five_arms_at_most_the_baseline_first(make, results):
    arms = {f"arm {i}": 0.4 + i / 20 for i in range(7)} | {"base": 0.3}
    info = told(keep_study(make, results, arms=arms, seeds=1), results)
    assert len(info.arms) == 5
    assert info.arms[0] == "base"
    assert "arm 6" in info.arms


def test_what_is_missing_is_said(make, results):
    study = keep_study(make, results, truth=False)
    assert told(study, results).missing == NO_TRUTH
    study = keep_study(make, results)
    for kept in results.glob("truths/*/*.webp"):
        kept.unlink()
    info = told(study, results)
    assert not info.shown
    for kept in results.glob("ledger/*/detections*"):
        kept.unlink()
    assert told(study, results).missing == "the detections of these trials were not kept"
