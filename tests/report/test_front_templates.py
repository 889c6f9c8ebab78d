"""The sections of fronts, equal cost, trends and the proxy render, and names in them stay text."""

from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.report.fronts import FrontCell, FrontRow, FrontsInfo
from harness.report.matched_cost import MatchedRow
from harness.report.proxy import ProxyInfo, ProxyRow, Side
from harness.report.trends import Trend
from harness.report.wordings import chance, gap_digits
from harness.statistics.contrasts import Contrast
from harness.statistics.estimates import Estimate
from harness.statistics.fronts import Disagreement, Hypervolume
from harness.statistics.ranks import Correlation

BAD = "<script>x</script>"


def number(value: Any, digits: int = 3, sign: bool = False) -> str:
    return "–" if value is None else f"{value:{'+' if sign else ''}.{digits}f}"


def render(name: str, **data: Any) -> str:
    made = Environment(
        loader=PackageLoader("harness.report"), autoescape=True, undefined=StrictUndefined
    )
    made.filters |= {"num": number, "p": number, "chance": chance, "gap_digits": gap_digits}
    text = made.get_template(name).render(data=SimpleNamespace(**data), **data)
    assert "<script>" not in text
    return " ".join(text.split())


def test_fronts() -> None:
    row = FrontRow(BAD, (FrontCell(0.4, "perhaps"), FrontCell(None, "perhaps", False), None))
    one = Disagreement(BAD, "wide", 0.9, 1.5, 1.2, 1.8)
    volumes = (Hypervolume(0.5, 0.4, 0.6, 2.2), None, Hypervolume(0.5, None, None, 1.0))
    info = FrontsInfo(("multiply-adds", "parameters", "latency"), (row,), volumes, (one,), True)
    text = render("fronts.html", fronts=info)
    assert '0.40 <span class="soft">perhaps</span>' in text
    assert '<td class="n"><span class="soft">one seed: not judged</span>' in text
    assert (
        "has 10.0% fewer multiply-adds than wide and takes 1.50 times as long "
        '<span class="soft">[1.20, 1.80]</span>' in text
    )
    assert "reference AP 0 and 1.1 times the largest cost" in text


def test_equal_cost() -> None:
    test = Contrast(BAD, "base", 0.02, 0.01, 0.03, (6, 6), 0.01, 0.02, 0.03, True, True)
    rows = (
        MatchedRow(BAD, "base", 1.1, "control", f"{BAD} was made", test),
        MatchedRow("b", "base", 1.3, "none", "b costs 30.0% more", None),
    )
    text = render("matched.html", matched=rows, PAIRED="paired t")
    assert "+0.020" in text
    assert "b costs 30.0% more" in text


def test_proxy() -> None:
    sides = Side("laptop", "shared frozen backbone", "6", (0.5, 0.6)), Side(BAD, "x", "1", None)
    row = ProxyRow(*sides, ("a", "b", "c", "d"), Correlation(0.3, -0.1, 0.8),
                   Correlation(0.4, None, None), False)  # fmt: skip
    text = render("proxy.html", proxy=ProxyInfo("shared frozen backbone", (row,)))
    assert "This report reads shared frozen backbone" in text
    assert "two halves of one profile&#39;s own seeds agree with tau-b laptop 0.50." in text


def test_trends() -> None:
    one = Trend("model.image_size", "resolution", Estimate(0.02, 0.01, 6, 0.01, 0.03), 9, 2.0)
    text = render("trends.html", info=SimpleNamespace(caution="", trends=(one,), stratum=""))
    assert "resolution" in text
    assert "+0.020" in text
