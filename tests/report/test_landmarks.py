"""Published detectors on the Pareto plot: seen, said to be quoted, and in nothing measured."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.published.detectors import PublishedDetector
from harness.report import landmarks as room
from harness.report import write_report
from harness.report.gather import gather
from harness.report.landmarks import LEGEND, landmarks
from harness.report.pareto import AXES
from harness.report.pareto_drawing import draw_pareto
from harness.report.style import styled, to_svg
from harness.space.printed import Printed
from harness.space.study import ReportStudy

CATEGORIES = [str(n) for n in range(80)]
COCO = {"data": {"name": "coco"}, "facts": {"val_images": 5000, "categories": CATEGORIES}}
SHAPES = {"data": {"name": "shapes"}}


def test_points_are_the_printed_figures_in_the_unit_of_the_axis() -> None:
    marks = landmarks("macs", AXES["macs"].scale, [COCO])
    assert marks is not None
    held = {point.of.name: point for point in marks.points}
    assert (held["YOLOv3"].x, held["YOLOv3"].ap, held["YOLOv3"].split) == (71, 0.33, "test-dev")
    assert (held["EfficientDet-D0"].x, held["EfficientDet-D0"].ap) == (2.5, pytest.approx(0.343))
    assert marks.left_out == ("Mask R-CNN X152 (Detectron2)",)
    params = landmarks("params", AXES["params"].scale, [COCO])
    assert params is not None
    assert {point.of.name: point.x for point in params.points}["RetinaNet-R50 (640)"] == 34
    assert "YOLOv3" in params.left_out
    assert landmarks("latency_ms", 1.0, [COCO]) is None


@pytest.mark.parametrize(
    ("change", "data"),
    [
        ({}, "coco (5000 images)"),
        (SHAPES, "shapes (5000 images)"),
        (
            {"facts": {"val_images": 500, "categories": CATEGORIES}},
            "coco (500 images)",
        ),
        ({"facts": {"val_images": 5000, "categories": ["cat"]}}, "coco (5000 images)"),
    ],
)
def test_only_whole_coco_val_shares_a_panel(change: dict[str, Any], data: str) -> None:
    """A folder of COCO's form may hold other images, or a part of COCO's."""
    marks = landmarks("macs", 1e9, [COCO, COCO | change])
    assert marks is not None
    assert marks.beneath is not bool(change)
    assert data in marks.data


def test_without_trials_nothing_shares_a_panel() -> None:
    marks = landmarks("macs", 1e9, [])
    assert marks is not None
    assert not marks.beneath


def test_captions_say_what_may_be_compared() -> None:
    own, shared = landmarks("macs", 1e9, [SHAPES]), landmarks("macs", 1e9, [COCO])
    assert own is not None
    assert shared is not None
    said = (
        "They are quoted (arXiv 1911.09070v7, table 2; CVPR 2020 version of arXiv 1911.09070, "
        "table 2), not ranked: the front is of measured points alone. D0 to D7x are "
        "EfficientDet's. × is AP on val, + on test-dev where the source has no other; cost is as "
        "printed, FLOPs as each row was counted. A name without room is in the list below, with "
        "the convention. No such cost is printed of Mask R-CNN X152 (Detectron2)."
    )
    assert own.caption == (
        "The lower panel is of COCO and the upper one of shapes: the two APs are not comparable, "
        "nor are the scales of cost. " + said
    )
    assert shared.caption == (
        "Grey crosses are detectors that their authors trained on all of COCO, at their own input "
        "sizes and lengths. " + said
    )


@pytest.mark.parametrize("spec", [COCO, SHAPES])
def test_both_plots_have_marks_names_and_legend(spec: Any, make: Any, keep: Any) -> None:
    study, records = make.grid(1, (1.2, 1.3))
    info = gather(keep(study, records), "width", "laptop").pareto
    shown = replace(info, landmarks=landmarks("macs", 1e9, [spec]))
    with styled():
        fig = draw_pareto(shown)
        svg = to_svg(fig)
    words = re.sub(r"\s+", " ", " ".join(re.findall(r">([^<>]+)</text>", svg)))
    assert LEGEND in words
    assert {"D0", "D7x", "YOLOv3"} <= set(words.split())
    assert len(fig.axes) == (1 if spec is COCO else 2)
    heights = [tick for axes in fig.axes for tick in axes.get_ylim()]
    assert min(heights) < 0.33 < 0.544 < max(heights)


@pytest.mark.parametrize("asked_by", ["flag", "study"])
def test_front_and_statistics_are_the_same_with_and_without(
    asked_by: str, make: Any, keep: Any
) -> None:
    study, records = make.fusion(2)
    plain = gather(keep(study, records), "fusion", "laptop")
    said = ReportStudy(published_detectors=asked_by == "study").model_dump(mode="json")
    report = said | study.report
    results = keep(replace(study, report=report), records)
    shown = gather(results, "fusion", "laptop", published=asked_by == "flag")
    assert plain.pareto.landmarks is None
    assert shown.pareto.landmarks is not None
    assert replace(shown.pareto, landmarks=None) == plain.pareto
    assert shown.pareto.front == plain.pareto.front
    for name in ("arms", "declared", "others", "families", "answer"):
        assert getattr(shown, name) == getattr(plain, name)
    assert shown.cells.equals(plain.cells)


def test_the_command_lays_them_under_and_lists_them(make: Any, keep: Any, tmp_path: Path) -> None:
    study, records = make.grid(1, (1.2, 1.3))
    where = ["--results", str(keep(study, records)), "--reports", str(tmp_path / "reports")]
    page = tmp_path / "reports" / "width" / "laptop" / "index.html"
    assert CliRunner().invoke(main, ["report", "width", *where]).exit_code == 0
    assert "YOLOv3" not in page.read_text()
    assert CliRunner().invoke(main, ["report", "width", "--published", *where]).exit_code == 0
    text = page.read_text()
    assert "The lower panel is of COCO and the upper one of shapes" in text
    assert "<summary>Published detectors, quoted (COCO)</summary>" in text
    assert (
        "arXiv 1911.09070v7, table 2: every figure read in two stored copies of the paper&#39;s "
        "text, 2026-11. RetinaNet is trained by the paper&#39;s authors; others are as their own "
        "papers print them."
    ) in text
    assert "37.0 (test-dev) in the CVPR version, which does not say where from" in text


def test_names_of_detectors_stay_text(
    make: Any, keep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = "<script>alert(1)</script>"
    ap, cost = Printed.read("40.0"), Printed.read("1B")
    one = PublishedDetector(evil, evil, evil, evil, evil, evil, evil, ap, None, None, cost, None)
    unknown = replace(one, name="bare", verified="", flops=cost)
    monkeypatch.setattr(room, "detectors", lambda: (one, unknown))
    study, records = make.grid(1, (1.2, 1.3))
    results = keep(study, records)
    page = write_report(results, "width", "laptop", tmp_path / "reports", published=True)[0]
    assert "<script>alert" not in page.read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.read_text()
    assert "not checked against the source" in page.read_text()
