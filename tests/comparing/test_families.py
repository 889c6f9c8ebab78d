"""`harness compare STUDY:VALUE STUDY:VALUE`: the report's families, two or more of them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from report.conftest import grid

from harness.cli import main
from harness.ledger import Ledger
from harness.report.gather import gather
from harness.studies import write_study


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, records = grid(seeds=6, gain=0.05)
    ledger = Ledger(tmp_path / "results")
    for one in records:
        ledger.write(one)
    write_study(tmp_path / "results", study)
    return tmp_path / "results"


def compare(*args, code=0):
    result = CliRunner().invoke(main, ["compare", *args])
    assert "Traceback" not in result.output
    assert result.exit_code == code, result.output
    return result


def test_the_gap_is_the_report_s(results):
    """In either order: the first is the baseline."""
    gaps = gather(results, "width", "laptop").families[0].gaps
    gap = next(one for one in gaps if (one.arm, one.against) == ("1.2", "1.4"))
    for words, sign in ((("1.4", "1.2"), 1), (("1.2", "1.4"), -1)):
        sides = [f"width:{word}" for word in words]
        found = json.loads(compare(*sides, "--json").stdout)
        (one,) = found["verdicts"]
        assert (one["against"], one["arm"]) == words
        assert one["difference"] == pytest.approx(sign * gap.difference)
        ends = sorted((sign * gap.low, sign * gap.high))
        assert (one["low"], one["high"]) == pytest.approx(ends)
        assert (one["p"], one["p_holm"]) == (gap.p, gap.p_holm)
        assert one["words"] == ("lower" if sign > 0 else "higher")
        chance = one["superiority"]
        assert chance[1] <= chance[0] <= chance[2]
        assert (chance[0] < 0.5) is (sign > 0)
    assert [arm["n"] for arm in found["arms"]] == [6, 6]


def test_what_is_said_of_them(results):
    out = compare("width/laptop:1.2", "width/laptop:1.4", "--out", "out").stdout
    assert out.startswith("width/laptop: factor 1.2, 1.4 at equal cost\n")
    assert (
        "note: AP here is the mean height of a family's curve, AP against log cost, over 0.980 to "
        "1.493 GFLOPs, the costs that all families of width/laptop reach\n"
    ) in out
    assert "note: p is by Holm over all pairs of the study's families, as in its report\n" in out
    page = Path("out/index.html").read_text()
    assert "Holm's adjustment is over all pairs of the study's families." in page
    answer = out.splitlines()[-2]
    assert answer.startswith("1.4 minus 1.2: +0.0666 AP [+0.0")
    assert answer.endswith(": higher; p < .001 after Holm.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("width:1.4", "width:factor 1.2, coefficient 1"),
         "width:1.4: no arm '1.4' in width/laptop: it is a family of networks; compare it with "
         "another of width/laptop"),
        (("width:factor 1.2", "width:1.4"),
         "width:factor 1.2: no arm 'factor 1.2' in width/laptop; name one: factor 1.2, coefficient "
         "1; factor 1.2, coefficient 2; factor 1.2, coefficient 3"),
        (("width:1.2", "width:1.21"), "factor 1.21 has no curve over the common costs; did you "
         "mean '1.2'?"),
        (("width:1.2", "width:1.2"),
         "1.2 is there twice; a comparison is of different things"),
    ],
)  # fmt: skip
def test_what_is_no_comparison_of_families(results, words, said):
    assert compare(*words, code=2).stderr == f"{said}\n"


def test_families_that_share_no_seed_are_not_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, records = grid(seeds=2)
    ids = {"t0": 0, "t1": 1, "t2": 1}
    ledger = Ledger(tmp_path / "results")
    for one in records:
        if one.spec["seeds"]["init"] == ids[one.id[:2]]:
            ledger.write(one)
    write_study(tmp_path / "results", study)
    assert compare("width:1.2", "width:1.4", code=2).stderr == (
        "factor 1.4 and 1.2 share no seed, and families are compared seed by seed\n"
    )
    compare("width:1.3", "width:1.4")


def test_names_with_commas_are_listed_with_semicolons(results):
    said = compare("width:x", "width:1.2", code=2).stderr
    assert "; there are factor 1.2, coefficient 1; factor 1.2, coefficient 2; " in said
