"""The table as LaTeX (booktabs): intervals, n, and a note on method. Nothing is bold.

A dagger marks every arm that is not separated from the highest mean.
"""

from collections.abc import Mapping

from harness.report.gather import ReportData
from harness.report.markdown import difference, interval
from harness.report.signature import signature
from harness.report.summary import ArmSummary
from harness.report.wordings import cost_digits, giga, mega, number, p_value

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
    "−": r"$-$", "–": "--", "→": r"$\to$", "×": r"$\times$", "·": r"$\cdot$",
    "⁹": r"\textsuperscript{9}",
    "≥": r"$\ge$", "≤": r"$\le$", "●": r"$\bullet$", "±": r"$\pm$", "[": "{[}", "]": "{]}",
}  # fmt: skip
"""What LaTeX would read as a command, or has no letter for. Brackets stand in braces, since
`\\\\ [` would be a length."""


def escaped(text: str) -> str:
    """Text that LaTeX sets as it is, on one line; control characters are left out."""
    line = " ".join(text.split())
    return "".join(SPECIAL.get(sign, sign) for sign in line if sign.isprintable())


def latex(data: ReportData) -> str:
    """`table.tex`: one table, to be `\\input`; it needs the package booktabs.

    With differences it is as wide as two columns of a paper, where there are two.
    """
    tests = [arm.contrast for arm in data.arms if arm.contrast is not None]
    against = tests[0].against if tests else None
    late = any("latency_ms" in arm.costs for arm in data.arms)
    head = ["Arm", "$n$", r"AP [95\% interval]"]
    head += [f"Minus {escaped(against)}", "$p$ (Holm)"] if against else []
    head += ["Params (M)", "GFLOPs"] + (["ms"] if late else [])
    kinds = "lrl" + ("lr" if against else "") + "rr" + ("r" if late else "")
    digits = cost_digits(arm.costs for arm in data.arms)
    rows = [_row(arm, against is not None, late, digits) for arm in data.arms if not arm.alias_of]
    place = "table*" if against else "table"
    lines = [
        "% Needs \\usepackage{booktabs}. Made from results/ by `harness report`.",
        rf"\begin{{{place}}}[t]",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{escaped(data.study.question)} {escaped(data.answer)}}}",
        rf"\label{{tab:{_label(data.study.study)}}}",
        rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
        r"\toprule",
        " & ".join(head) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip\begin{minipage}{\linewidth}\footnotesize",
        _note(data),
        r"\end{minipage}",
        rf"\end{{{place}}}",
    ]
    return "\n".join(lines) + "\n"


def _row(arm: ArmSummary, tested: bool, late: bool, digits: Mapping[str, int]) -> str:
    dagger = r"$^{\dagger}$" if arm.in_best_set else ""
    cells = [escaped(arm.label) + dagger, str(arm.ap.n if arm.ap else 0), escaped(interval(arm.ap))]
    if tested:
        one = arm.contrast
        cells += [escaped(difference(one)) if one else "--", _p(one.p_holm if one else None)]
    cells += [escaped(mega(arm.costs.get("params"), digits["params"]))]
    cells += [escaped(giga(arm.costs.get("macs"), digits["macs"]))]
    cells += [escaped(number(arm.costs.get("latency_ms"), 1))] if late else []
    return " & ".join(cells) + r" \\"


def _p(value: float | None) -> str:
    return escaped(p_value(value)).replace(r"\textless{}", "$<$")


def _note(data: ReportData) -> str:
    said = signature(data)
    method = said or f"Intervals: {data.method}. Test: {data.test}."
    words = f"{data.marked}. GFLOPs are 10⁹ multiply-adds, one per MAC. {method}"
    return r"$^{\dagger}$ " + escaped(words)


def _label(name: str) -> str:
    return "".join(sign if sign.isalnum() else "-" for sign in name)
