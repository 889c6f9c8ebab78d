"""Published figures beside measured ones: quoted, and in nothing else of the report."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.report import write_report
from harness.report.gather import gather
from harness.report.quoted import quoted
from harness.space.study import PublishedTable

SOURCE = "EfficientDet, arXiv 1911.09070v7, table 6 (COCO val)"
TABLE: dict[str, Any] = {
    "source": SOURCE,
    "note": "Not stated: which models these are.",
    "rows": [
        {"arm": "fast", "label": "Fast", "figures": {"ap": 33.85, "speedup": "1.28x"}},
        {"arm": "mean", "figures": {"ap": "99.99", "macs": "2.5B", "odd": 3}},
        {"label": "BiFPN of theirs", "figures": {"ap": "12.0"}, "note": "another head"},
        {"arm": "gone", "label": "Gone"},
    ],
}


def plain(table: dict[str, Any]) -> dict[str, Any]:
    """As a study file's section reaches the report."""
    return PublishedTable.model_validate_json(json.dumps(table)).model_dump(mode="json")


@pytest.fixture
def published(make: Any) -> tuple[Any, Any]:
    study, records = make.fusion(2)
    return replace(study, published=plain(TABLE)), records


def test_rows_stand_in_the_order_of_the_paper_beside_their_arms(published: Any, keep: Any) -> None:
    study, records = published
    info = gather(keep(study, records), study.study, study.profile).quoted
    assert info is not None
    assert info.names == ("ap", "macs", "speedup", "odd")
    assert info.heads == ("AP (%)", "FLOPs", "times as fast", "odd")
    assert [(row.label, row.arm, row.why) for row in info.rows] == [
        ("Fast", "fast, learning_rate 0.1", ""),
        ("mean", "mean, learning_rate 0.1", ""),
        ("BiFPN of theirs", None, "no arm of this study"),
        ("Gone", None, "no arm 'gone' in these results"),
    ]
    assert info.rows[0].figures == {"ap": "33.85", "speedup": "1.28x"}
    assert re.fullmatch(r"5\d\.\d \[5\d\.\d, 5\d\.\d\], n=2", info.rows[0].measured_ap)
    assert info.rows[0].costs is not None
    assert info.rows[0].costs["macs"] == 10**9
    assert info.protocol == "profile laptop, shapes, 128 px"


def test_an_arm_without_ap_says_why(make: Any, keep: Any) -> None:
    study, records = make.ended_badly()
    rows = [{"arm": name, "figures": {"ap": "1"}} for name in ("a", "b", "c")]
    table = plain({"source": "s", "rows": rows})
    info = gather(keep(replace(study, published=table), records), "ends", "laptop").quoted
    assert info is not None
    assert [row.measured_ap for row in info.rows] == ["50.0, n=1", "1 failed", "1 rejected"]


def test_a_study_without_a_published_table_has_no_section(make: Any) -> None:
    assert quoted(make.grid()[0], (), {}) is None


def test_page_and_file_state_source_and_both_protocols(
    published: Any, keep: Any, tmp_path: Path
) -> None:
    study, records = published
    files = write_report(keep(study, records), "fusion", "laptop", tmp_path / "reports")
    page = files[0].read_text()
    section = page[page.index('<section aria-labelledby="quoted-h">') :]
    section = section[: section.index("</section>")]
    assert (
        f"Published: {SOURCE}. Measured: profile laptop, shapes, 128 px. These are two protocols: "
        "what is published is quoted in its own order, and no rank, front or test of this page "
        "has it." in section
    )
    assert "Not stated: which models these are." in section
    assert "no arm &#39;gone&#39; in these results" in section
    assert not re.search(r"<b>|<strong|class=\"best|●", section)
    with (files[0].parent / "published.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["published.ap"] for row in rows] == ["33.85", "99.99", "12.0", ""]
    assert rows[0]["measured.arm"] == "fast, learning_rate 0.1"
    assert float(rows[0]["measured.ap_mean"]) == pytest.approx(0.54, abs=0.02)
    assert (rows[2]["why_not"], rows[2]["note"]) == ("no arm of this study", "another head")
    assert {row["source"] for row in rows} == {SOURCE}


def test_nothing_else_of_the_report_changes(published: Any, keep: Any, tmp_path: Path) -> None:
    study, records = published
    results = keep(study, records)
    with_it = gather(results, "fusion", "laptop")
    files = write_report(results, "fusion", "laptop", tmp_path / "reports")
    folder = files[0].parent
    before = {
        p.name: p.read_bytes() for p in files if p.name not in ("index.html", "published.csv")
    }
    keep(replace(study, published=None), [])
    without = gather(results, "fusion", "laptop")
    write_report(results, "fusion", "laptop", tmp_path / "reports")
    assert (with_it.arms, with_it.declared, with_it.pareto, with_it.answer) == (
        without.arms, without.declared, without.pareto, without.answer,
    )  # fmt: skip
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert not (folder / "published.csv").exists()


def test_a_remark_without_rows_has_no_empty_table(make: Any, keep: Any, tmp_path: Path) -> None:
    study, records = make.fusion(2)
    remark = plain({"source": SOURCE, "note": "It prints no AP."})
    results = keep(replace(study, published=remark), records)
    files = write_report(results, "fusion", "laptop", tmp_path / "reports")
    page = files[0].read_text()
    section = page[page.index('<section aria-labelledby="quoted-h">') :]
    section = section[: section.index("</section>")]
    assert "It prints no AP." in section
    assert "<table" not in section
    assert not (files[0].parent / "published.csv").exists()


def test_published_names_stay_text(published: Any, keep: Any, tmp_path: Path) -> None:
    study, records = published
    evil = "<script>alert(1)</script>"
    row = {"arm": None, "label": evil, "figures": {evil: "1"}, "note": evil}
    table = {"source": evil, "note": evil, "rows": [row]}
    results = keep(replace(study, published=table), records)
    page = write_report(results, "fusion", "laptop", tmp_path / "reports")[0].read_text()
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5
