"""Latencies on the page: what is shown, beside what is published."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.records import Environment
from harness.report import write_report
from harness.report.latency_section import draw_latency, latency_info
from harness.timings import Comparison, Setting, Timings, write_timings

SETTING = Setting(
    "feature_network", "stepwise", ("softmax", "fast"), ("<b0>, bifpn",) * 2,
    1, "float32", "channels_last", "cpu: X & Co", 2,
)  # fmt: skip
HERE = Environment("host", "cpu: X & Co", 2, {}, None, "2026-11-27T00:00:00+00:00")
TABLE = {
    "source": "paper, table 6",
    "note": "",
    "rows": [
        {"arm": "fast", "label": "Model1", "figures": {"speedup": "1.28x"}, "note": ""},
        {"arm": "fast", "label": "Model3", "figures": {"speedup": "1.31x"}, "note": ""},
        {"arm": "softmax", "label": "", "figures": {"ap": "33.96"}, "note": ""},
    ],
}


def comparisons() -> tuple[Comparison, ...]:
    slow = {"softmax": (2.0, 2.2, 2.4, 2.6, 2.8, 3.0), "fast": (1.0,) * 6}
    same = {"softmax": (0.9, 1.1, 1.0, 0.9, 1.1, 1.0), "fast": (1.0,) * 6}
    return (
        Comparison(replace(SETTING, part="model", mode="compiled"), HERE, reason="no <compiler>"),
        Comparison(replace(SETTING, mode="eager"), HERE, same, 1),
        Comparison(SETTING, HERE, slow, 1),
    )


@pytest.fixture
def results(make: Any, keep: Any) -> Path:
    study, records = make.fusion(1)
    folder: Path = keep(replace(study, published=TABLE), records)
    write_timings(folder, Timings(study.study, "coco", comparisons()))
    return folder


def test_rows_are_in_the_order_of_the_page(make: Any, results: Path) -> None:
    study, _ = make.fusion(1)
    info = latency_info(results, replace(study, published=TABLE))
    assert info is not None
    assert [(row.part, row.mode) for row in info.rows] == [
        ("feature_network", "stepwise"), ("feature_network", "eager"), ("model", "compiled"),
    ]  # fmt: skip
    first = info.rows[0]
    assert first.speedup is not None
    assert first.speedup.median == pytest.approx(2.5)
    assert (first.own_ms, first.against_ms) == pytest.approx((1.0, 2.5))
    assert [(one.label, one.value) for one in info.quoted] == [("Model1", 1.28), ("Model3", 1.31)]
    assert info.pairs == (("fast", "softmax"),)


def test_the_picture_has_a_dot_a_measured_row_and_the_published_band(
    make: Any, results: Path
) -> None:
    study, _ = make.fusion(1)
    info = latency_info(results, replace(study, published=TABLE))
    assert info is not None
    (axes,) = draw_latency(info).axes
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert dots == pytest.approx([2.5, 1.0])
    (band,) = axes.patches
    assert band.get_extents().transformed(axes.transData.inverted()).x0 == pytest.approx(1.28)
    words = [tick.get_text() for tick in axes.get_yticklabels()]
    assert words[0] == "<b0>, bifpn"
    assert words[1] == "feature network alone, step by step, eager"


def test_the_page_shows_ratio_spread_device_and_what_is_quoted(
    results: Path, tmp_path: Path
) -> None:
    page = write_report(results, "fusion", "laptop", tmp_path / "reports")[0].read_text()
    _, _, section = page.partition('id="latency-h"')
    section = section.partition("</section>")[0]
    assert "Latency, interleaved" in section
    assert '2.500 <span class="soft">[2.000, 3.000]</span>' in section
    assert section.count("not told from 1") == 1
    assert "2.250 to 2.750" in section
    assert "&lt;b0&gt;, bifpn; cpu: X &amp; Co, 2 threads, batch 1, float32" in section
    assert "not measured: no &lt;compiler&gt;" in section
    assert "Model1 1.28x, Model3 1.31x, <strong>published</strong> (paper, table 6)" in section
    assert "order statistics" in section


def test_a_study_that_nobody_timed_has_no_section(make: Any, keep: Any, tmp_path: Path) -> None:
    folder = keep(*make.fusion(1))
    page = write_report(folder, "fusion", "laptop", tmp_path / "reports")[0].read_text()
    assert "latency-h" not in page


def test_without_published_figures_nothing_is_quoted(make: Any, results: Path) -> None:
    study, _ = make.fusion(1)
    info = latency_info(results, study)
    assert info is not None
    assert info.quoted == ()
    assert not draw_latency(info).axes[0].patches
