"""`harness.contrast` and `harness.pareto`: what a notebook asks of results."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.errors import SpecError
from harness.report.gather import gather
from harness.studies import Cell, StudyResults

from .conftest import ALONG, grid, record

ROOT = Path(__file__).parents[2]
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def results(keep: Any) -> Path:
    """Arms with 6, 6 and 1 seeds; the second is 5 points better, its name is an attack."""
    cells, records = [], []
    for place, (arm, seeds) in enumerate((("plain", 6), (EVIL, 6), ("lone", 1), ("never", 1))):
        for seed in range(seeds):
            trial = f"t{place}{seed}"
            if arm != "never":
                ap = 0.4 + 0.05 * place + 0.001 * (seed % 3)
                records.append(record(trial, seed, ap, 10**9 * (place + 1)))
            done = "pending" if arm == "never" else "done"
            cells.append(Cell(arm, {}, seed, trial, done, None, 10**6, 10**9))
    arms = ("plain", EVIL, "lone", "never")
    study = StudyResults("study", "laptop", "Which?", tuple(cells), arms=arms, baseline="plain")
    return keep(study, records)


def test_two_arms_of_a_study(results: Path) -> None:
    found = harness.contrast(f"study:{EVIL}", "study:plain", results=results)
    assert (found.arm, found.against, found.n) == (EVIL, "plain", (6, 6))
    assert found.difference == pytest.approx(0.05)
    low, high = found.interval
    assert low < 0.05 < high
    assert found.p < 0.01
    assert found.verdict == "higher"
    back = harness.contrast("study:plain", f"study:{EVIL}", results=str(results))
    assert (back.difference, back.verdict) == (pytest.approx(-0.05), "lower")


def test_the_metric_is_a_column_of_the_table(results: Path) -> None:
    found = harness.contrast(f"study:{EVIL}", "study:plain", results=results, metric="ap50")
    assert str(found).startswith(f"{EVIL} against plain: ap50 +0.050 [")
    assert str(found).endswith("n=6 and 6: higher")


def test_a_paired_test_needs_pairs(keep: Any) -> None:
    study, records = grid(2, factors=(1.2,))
    apart = tuple(replace(c, seed=c.seed + 10 * (c.choice[ALONG] == 2)) for c in study.cells)
    moved = [
        replace(one, spec=one.spec | {"seeds": {"init": cell.seed}})
        for one, cell in zip(records, apart, strict=False)
    ]
    results = keep(replace(study, cells=apart), moved)
    with pytest.raises(SpecError, match=r"share no seed, and paired_t is by seed"):
        harness.contrast(
            "width:factor 1.2, coefficient 1",
            "width:factor 1.2, coefficient 2",
            results=results,
            test="paired_t",
        )


def test_two_lists_of_numbers() -> None:
    found = harness.contrast([0.4, 0.42], [0.4, 0.41])
    assert str(found).startswith("a against b: ap +0.005 [")
    assert found.verdict.startswith("not separated")
    alone = harness.contrast([0.4], [0.3])
    assert alone.interval is None
    assert "a against b: ap +0.100 (no interval), n=1 and 1: not separated" in str(alone)


def test_an_arm_against_itself(results: Path) -> None:
    found = harness.contrast("study:plain", "study:plain", results=results)
    assert found.difference == 0
    assert found.verdict.startswith("not separated")


def test_a_notebook_shows_it_escaped(results: Path) -> None:
    shown = harness.contrast(f"study:{EVIL}", "study:plain", results=results)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "<th>verdict</th><td>higher</td>" in shown
    assert "the interval must leave out zero. Interval: 95%, over seeds alone.</small>" in shown
    front = harness.pareto(harness.table(results, "study"))._repr_html_()
    assert "<script>" not in front
    assert "&lt;script&gt;" in front
    assert "Not shown: never (1 pending)." in front


@pytest.mark.parametrize(
    ("said", "options", "words"),
    [
        (("control", [0.1]), {}, "'control': should be study:arm, such as control:bifpn"),
        (("study:plian", [0.1]), {}, "no arm 'plian' in study 'study'; did you mean 'plain'?"),
        (("study:never", [0.1]), {}, "study:never: no trial of it has ap"),
        (
            ("study:plain", [0.1]),
            {"metric": "ap_smal"},
            "no column 'ap_smal'; did you mean 'ap_small'?",
        ),
        (([0.1], []), {}, "b: should be numbers, AP of each seed, not []"),
        (([float("nan")], [0.1]), {}, "a: should be numbers, AP of each seed, not [nan]"),
        (("other:plain", [0.1]), {}, "no results of study 'other'"),
    ],
)
def test_what_cannot_be_compared(results: Path, said: Any, options: Any, words: str) -> None:
    with pytest.raises(SpecError) as error:
        harness.contrast(*said, results=results, **options)
    assert str(error.value).startswith(words)


def test_a_front_is_of_means(results: Path) -> None:
    found = harness.pareto(harness.table(results, "study"), x="macs")
    columns = ["label", "macs", "ap", "low", "high", "n", "on_front", "front_probability"]
    assert list(found.points) == columns
    assert found.points["front_probability"][0] == 1  # the cheapest
    assert "over seeds alone." in found._repr_html_()
    assert list(found.points["macs"]) == [1e9, 2e9, 3e9]
    assert list(found.points["n"]) == [6, 6, 1]
    assert list(found.front["label"]) == ["plain", EVIL, "lone"]
    assert found.left_out == (("never", "1 pending"),)
    assert found.points["ap"][0] == pytest.approx(0.401)


def test_a_front_is_the_report_s(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals and probabilities are over test images too, where draws of them are known."""
    cells = harness.table(results, "study")
    alone = harness.pareto(cells).points
    noise = np.random.default_rng(0).normal(0, 0.05, 400)

    def drawn(_: Path, one: Any, *__: Any) -> Any:
        return {"ap": one.metrics.ap + noise}

    monkeypatch.setattr("harness.report.sampled.draws_of", drawn)
    found = harness.pareto(cells)
    assert found.over == "seeds and test images or test images alone"  # one has one seed
    assert (found.points["high"] - found.points["low"])[0] > 0.19
    assert (alone["high"] - alone["low"])[0] < 0.003
    held = gather(results, "study", "laptop")
    for row, point in zip(found.points.itertuples(), held.pareto.points, strict=True):
        assert (row.low, row.high) == pytest.approx((point.ap.low, point.ap.high))
        if point.front_probability is None:  # one seed
            assert np.isnan(row.front_probability)
        else:
            assert row.front_probability == point.front_probability
    cells.attrs.clear()
    assert harness.pareto(cells).over == "seeds alone"
    assert harness.pareto(cells, results=results).points.equals(found.points)


def test_fronts_over_other_costs(keep: Any) -> None:
    study, records = grid()
    results = keep(study, records)
    cells = harness.table(results, "width")
    for x, column in (("params", "params"), ("latency", "latency_ms"), ("fvcore", "fvcore_total")):
        found = harness.pareto(cells, x)
        assert found.x == column
        assert found.points[column].is_monotonic_increasing
        assert len(found.points) == 9


def test_what_has_no_front(results: Path) -> None:
    with pytest.raises(SpecError, match=r"no cost 'mac'; did you mean 'macs'\?"):
        harness.pareto(harness.table(results, "study"), "mac")
    with pytest.raises(SpecError, match=r"this table has no arms: harness\.table"):
        harness.pareto(harness.table(results))
    none = harness.pareto(harness.table(results, "study").iloc[-1:])
    assert (len(none.points), none.left_out) == (0, (("never", "1 pending"),))


def test_neither_needs_torch(results: Path) -> None:
    code = (
        "import sys, harness\n"
        "found = harness.contrast('study:plain', 'study:lone', results=sys.argv[1])\n"
        "front = harness.pareto(harness.table(sys.argv[1], 'study'))\n"
        "assert not {'torch', 'ray', 'pycocotools'} & set(sys.modules)\n"
        "print(len(front.points))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(results)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("3\n", 0), done.stderr
    assert json.loads(done.stdout) == 3
