"""What was planned and what came after: reruns, added seeds, arms left out, known results."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.ledger import Ledger
from harness.plans import PlannedCell, StoredPlan, plans_folder, store_plan
from harness.records import TrialRecord
from harness.report import write_report
from harness.report.planned import PlannedInfo, known_before, planned_info
from harness.studies import Cell, StudyResults, write_study

FIRST, LATER, RUN = "2026-11-20T08:00:00.5+00:00", "2026-11-22T08:00:00+00:00", "2026-11-21T00:00Z"
ARMS = ("bifpn", "fpn", "narrow")


def plan(
    arms: Sequence[str], seeds: int, stored: str, known: Sequence[str] = (), **more: Any
) -> StoredPlan:
    cells = tuple(
        PlannedCell(arm, {}, seed, f"{arm}{seed}") for arm in arms for seed in range(seeds)
    )
    made = StoredPlan(
        "nets", "laptop", "Which?", cells, (), "r" * 16, {"baseline": "fpn"},
        "each arm against fpn", stored, found=dict.fromkeys(known, "done"),
    )  # fmt: skip
    return replace(made, **more)


@pytest.fixture
def info(tmp_path: Path, make: Any) -> Callable[..., PlannedInfo]:
    """Of a study as a run leaves it: cells by arm, records of those that ran, stored plans."""

    def info(
        arms: Sequence[str],
        seeds: int,
        plans: Sequence[StoredPlan],
        ran: Sequence[str] | None = None,
        started: str = RUN,
    ) -> PlannedInfo:
        cells = tuple(Cell(a, {}, s, f"{a}{s}", "done") for a in arms for s in range(seeds))
        study = StudyResults("nets", "laptop", "Which?", cells, arms=tuple(arms), baseline="fpn")
        ledger = Ledger(tmp_path)
        for trial in ran if ran is not None else [cell.id for cell in cells]:
            one: TrialRecord = make.record(trial, int(trial[-1]), 0.5)
            ledger.write(replace(one, environment=replace(one.environment, started=started)))
        for one_plan in plans:
            store_plan(tmp_path, one_plan)
        write_study(tmp_path, study)
        return planned_info(tmp_path, study, ledger)

    return info


def test_an_identical_rerun_is_what_was_planned(info: Any) -> None:
    first = plan(ARMS, 2, FIRST)
    again = plan(reversed(ARMS), 2, LATER, known=["fpn0"])  # the same decisions: not kept
    found = info(ARMS, 2, [first, again])
    [step] = found.steps
    assert (step.digest, step.stored) == (first.digest, "2026-11-20 08:00 UTC")
    assert (step.cells, step.new, step.known, step.seen) == (6, 6, 0, None)
    assert found.summary == (
        f"Plan {first.digest[:12]} was stored on 2026-11-20 08:00 UTC with 6 cells (6 trials). "
        "No result of them was known then. What is reported is what was planned then."
    )
    assert found.primary == "each arm against fpn"
    assert found.dropped == found.missing == found.complaints == ()


def test_an_added_seed_is_told_with_what_was_known_by_then(info: Any) -> None:
    known = [f"{arm}{seed}" for arm in ARMS for seed in range(2)]
    found = info(ARMS, 3, [plan(ARMS, 2, FIRST), plan(ARMS, 3, LATER, known, question="Now?")])
    first, later = found.steps
    assert later.added == ("bifpn: seed 2", "fpn: seed 2", "narrow: seed 2")
    assert (later.cells, later.new, later.seen) == (9, 3, "6 of 6")
    assert later.changes == ("question: Which? → Now?",)
    assert "Since then 3 were added and 0 left out." in found.summary
    assert first.changes == first.dropped == ()


def test_one_more_was_added(info: Any) -> None:
    found = info(ARMS[:1], 3, [plan(ARMS[:1], 2, FIRST)])
    assert "Since then 1 was added and 0 left out." in found.summary


def test_a_removed_arm_is_told_with_its_results(info: Any) -> None:
    known = ["bifpn0", "bifpn1", "fpn0", "narrow0"]
    kept = plan(ARMS[:2], 2, LATER, known, declared={"limits.macs": 1e9}, recipe="q" * 16)
    found = info(ARMS[:2], 2, [plan(ARMS, 2, FIRST), kept], ran=[*known, "fpn1"])
    assert found.steps[1].dropped == ("narrow: seeds 0, 1",)
    assert found.steps[1].added == ()
    assert found.steps[1].seen == "4 of 6"
    assert found.steps[1].changes == (
        "recipe", "baseline: fpn → not set", "limits.macs: not set → 1,000,000,000",
    )  # fmt: skip
    assert found.dropped == ("narrow: seeds 0, 1 (1 with a result, not shown here)",)
    assert "Since then 0 were added and 2 left out." in found.summary


def test_results_known_before_the_plan_are_counted(info: Any) -> None:
    told = info(ARMS, 2, [plan(ARMS, 2, FIRST, known=["fpn0", "fpn1"])])
    assert told.steps[0].known == 2
    assert "Results of 2 of them were known before it was stored." in told.summary


def test_the_clock_of_a_record_tells_too(info: Any, make: Any) -> None:
    """A record that was brought here later, from elsewhere, where it had been before the plan."""
    found = info(ARMS, 2, [plan(ARMS, 2, FIRST)], started="2026-11-19T00:00:00+00:00")
    assert found.steps[0].known == 6
    one = make.record("fpn0", 0, 0.5)
    cell = PlannedCell("fpn", {}, 0, "fpn0")
    for started, known in [("08:00:00.400000", False), ("07:59:40", True), ("07:59:41", False)]:
        where = replace(one.environment, started=f"2026-11-20T{started}+00:00")
        here = replace(one, environment=where)  # it took 20 s
        assert known_before(cell, plan(ARMS, 2, FIRST), here) is known


def test_results_without_a_plan_say_so(info: Any) -> None:
    found = info(ARMS, 2, [])
    assert found.steps == ()
    assert found.summary.startswith("No plan was stored before these results")


def test_cells_without_a_result_are_named(info: Any) -> None:
    found = info(ARMS, 2, [plan(ARMS, 2, FIRST)], ran=["bifpn0", "bifpn1", "fpn0"])
    assert found.missing == (
        ("fpn: seed 1", "missing", ""),
        ("narrow: seeds 0, 1", "missing", ""),
    )


def test_the_page_has_it(info: Any, tmp_path: Path) -> None:
    later = plan(ARMS[:2], 3, LATER, ["fpn0"], question="Which <b>now</b>?")
    info(ARMS[:2], 3, [plan(ARMS, 2, FIRST), later], ran=["bifpn0", "fpn0"])
    (plans_folder(tmp_path, "nets", "laptop") / "0.json").write_text("{")
    page = write_report(tmp_path, "nets", "laptop", tmp_path / "reports")[0].read_text()
    section = page[page.index('id="planned-h"') :]
    section = section[: section.index("</section>")]
    assert "decided otherwise</dt><dd>question: Which? → Which &lt;b&gt;now&lt;/b&gt;?" in section
    assert "<dt>left out</dt><dd>narrow: seeds 0, 1</dd>" in section
    assert "Planned and not in this report: narrow: seeds 0, 1 (no result)." in section
    assert "0.json: not a plan" in section
    assert later.digest[:12] in section
    assert "Every cell has a result" not in section
