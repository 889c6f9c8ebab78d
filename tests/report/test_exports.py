"""Markdown and LaTeX: the same numbers as on the page, and names that stay text."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.report import write_report
from harness.report.gather import ReportData, gather
from harness.report.latex import escaped as tex
from harness.report.latex import latex
from harness.report.markdown import escaped as md
from harness.report.markdown import markdown
from harness.report.unchanged import made_of

EVIL = r"a_b & 50% {x} \input{/etc/passwd} $y$ #1 ~^ <b>|c|</b> [k]"


@pytest.fixture
def data(make: Any, keep: Any) -> ReportData:
    study, records = make.fusion(3)
    cells = tuple(replace(c, arm=EVIL if c.arm == "fast" else c.arm) for c in study.cells)
    study = replace(study, cells=cells, report={"tuned": study.report["tuned"]})
    return gather(keep(study, records), study.study, study.profile)


def test_markdown_says_what_the_page_says(data: ReportData) -> None:
    text = markdown(data)
    assert text.startswith("# Does \\<b\\>weighting\\</b\\> pay for \\$x\\_1\\$?\n\n")
    assert md(data.answer) in text
    rows = [line for line in text.splitlines() if line.startswith("| mean")]
    assert rows[-1].startswith("| mean, learning\\_rate 0.1 (baseline) | 3/3 | 0.5")
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.M)
    for one in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in one.splitlines()}) == 1
    assert "## Signature" in text
    assert "**" not in text


def test_latex_is_balanced_and_marks_with_a_dagger(data: ReportData) -> None:
    text = latex(data)
    plain = re.sub(r"\\[{}$&#_%]", "", text)
    assert plain.count("{") == plain.count("}")
    assert len(re.findall(r"\$", plain)) % 2 == 0
    for kind in ("begin", "end"):
        assert re.findall(rf"\\{kind}{{(\w+)}}", text).count("tabular") == 1
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    columns = re.search(r"\\begin{tabular}{@{}(\w+)@{}}", text)
    assert columns
    for line in body.splitlines()[1:]:
        assert line.endswith(r" \\")
        assert len(re.findall(r"(?<!\\)&", line)) == len(columns[1]) - 1
    assert r"\input" not in text
    assert r"$^{\dagger}$" in body
    assert r"\textbf" not in text
    wide = any(arm.contrast for arm in data.arms)
    assert text.count("{table*}") == (2 if wide else 0)
    assert text.count("{table}") == (0 if wide else 2)


def test_every_special_character_is_set_as_it_is() -> None:
    assert tex("50% of $x_1 & #2 {a}") == r"50\% of \$x\_1 \& \#2 \{a\}"
    assert tex("\\end\n~^") == r"\textbackslash{}end \textasciitilde{}\textasciicircum{}"
    assert tex("−0.1 [a]\x00") == r"$-$0.1 {[}a{]}"
    assert md("*a* | `b`\n_c_") == r"\*a\* \| \`b\` \_c\_"


def test_latex_compiles(data: ReportData, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here")
    (tmp_path / "table.tex").write_text(latex(data))
    (tmp_path / "a.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\n\\begin{document}\\input{table}\\end{document}"
    )
    subprocess.run(["pdflatex", "-halt-on-error", "a.tex"], cwd=tmp_path, check=True)


def test_an_unchanged_report_is_not_drawn_again(make: Any, keep: Any, tmp_path: Path) -> None:
    study, records = make.ended_badly()
    results, reports = keep(study, records), tmp_path / "reports"
    where = (results, study.study, study.profile)
    first = write_report(*where, reports)
    page = first[0]
    page.write_text("kept")
    assert write_report(*where, reports) == first
    assert page.read_text() == "kept"
    write_report(*where, reports, force=True)
    assert page.read_text() != "kept"


def test_what_changes_a_report_changes_its_digest(make: Any, keep: Any) -> None:
    study, records = make.ended_badly()
    results = keep(study, records)
    where = (results, study.study, study.profile)
    seen = {made_of(*where, False), made_of(*where, True)}
    keep(replace(study, question="Another?"), records)
    seen.add(made_of(*where, False))
    record = results / "ledger" / "good" / "record.json"
    record.write_text(record.read_text().replace("20.0", "21.0"))
    seen.add(made_of(*where, False))
    (record.parent / "matches-abc.npz").write_bytes(b"x")
    seen.add(made_of(*where, False))
    assert len(seen) == 5
