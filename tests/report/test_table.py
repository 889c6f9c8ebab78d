"""Results as a DataFrame and its summary: no planned cell is left out, whatever became of it."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import SpecError
from harness.report import table
from harness.report.summary import summarise, summary_table
from harness.statistics.estimates import estimate
from harness.studies import chosen_profile, read_study, study_path


def test_every_cell_is_a_row_with_its_end_and_reason(make: Any, keep: Any) -> None:
    study, records = make.ended_badly()
    rows = table(keep(study, records), "ends", "laptop")
    assert list(rows["status"]) == ["done", "diverged", "failed", "rejected", "pending", "missing"]
    reasons = dict(zip(rows["arm"] + rows["seed"].astype(str), rows["reason"], strict=True))
    assert reasons["a1"] == "loss is NaN at step 7"
    assert reasons["b0"] == "out of memory"
    assert "over the limit" in reasons["c0"]
    assert reasons["e0"] == "no record in the ledger"
    assert rows["ap"].notna().sum() == 1
    assert rows.set_index("arm").loc["c", "macs"] == 9100


def test_a_row_has_metrics_costs_and_where_it_ran(make: Any, keep: Any) -> None:
    study, records = make.grid()
    rows = table(keep(study, records), "width", "laptop")
    first, source = rows.iloc[0], records[0]
    assert first["ap"] == source.metrics.ap
    assert first["ap_by_need.context"] == source.metrics.ap_by_need["context"]
    assert first["macs"] == source.cost.macs
    assert first["macs.backbone"] == source.cost.parts["backbone"].macs
    assert first["fvcore_uncounted"] == "aten::sigmoid x 57"
    assert first["latency_ms"] == source.latency.median_ms
    assert (first["device"], first["version.torch"]) == ("cpu", "2.15")
    assert first["choice.feature_network.width.factor"] == 1.2


def test_aliases_repeat_their_trial_and_say_so(make: Any, keep: Any) -> None:
    study, records = make.grid()
    rows = table(keep(study, records), "width", "laptop")
    twins = rows[rows["status"] == "alias"]
    assert set(twins["alias_of"]) == {"factor 1.2, coefficient 1"}
    assert list(twins["ap"]) == list(rows[rows["label"] == "factor 1.2, coefficient 1"]["ap"])


def test_the_whole_ledger_without_a_study(make: Any, keep: Any) -> None:
    study, records = make.grid()
    rows = table(keep(study, records))
    assert sorted(rows["id"]) == sorted(record.id for record in records)


def test_a_place_without_results_is_told_with_the_nearest(
    make: Any, keep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, records = make.grid()
    results = keep(study, records)
    shipped = tmp_path / "here" / "results" / "shipped"
    shutil.copytree(results, shipped)
    monkeypatch.chdir(tmp_path / "here")
    said = {}
    for word in ("no/such/folder", "width", "results/shippd", "results"):
        with pytest.raises(SpecError) as caught:
            table(word)
        said[word] = str(caught.value)
    assert said == {
        "no/such/folder": "no results in no/such/folder; there are some in results/shipped",
        "width": "no results in width; 'width' is a study: harness.table('results/shipped', "
        "'width')",
        "results/shippd": "no results in results/shippd; did you mean 'results/shipped'?",
        "results": "no results in results; did you mean 'results/shipped'?",
    }
    (tmp_path / "new" / "ledger").mkdir(parents=True)
    assert table(tmp_path / "new")["ap"].empty


def test_a_profile_is_one_of_the_study_s(make: Any, keep: Any) -> None:
    study, records = make.grid()
    results = keep(study, records)
    with pytest.raises(SpecError, match="no results of profile 'lapto'; did you mean 'laptop'"):
        table(results, "width", "lapto")
    with pytest.raises(SpecError, match="profile 'laptop': of which study"):
        table(results, profile="laptop")


def test_shipped_results_are_pointed_to(
    make: Any, keep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, records = make.grid()
    shutil.copytree(keep(study, records), tmp_path / "here" / "shipped")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        chosen_profile(tmp_path / "here", "width", None)
    assert str(caught.value) == (
        "no results of study 'width' in here; there are shipped ones: --results here/shipped"
    )


def test_a_damaged_study_is_a_wrong_input(make: Any, keep: Any) -> None:
    study, records = make.grid()
    path = study_path(keep(study, records), "width", "laptop")
    path.write_text("{")
    with pytest.raises(SpecError) as caught:
        read_study(path.parents[2], "width", "laptop")
    assert str(caught.value).startswith(f"{path}  is damaged: Invalid JSON: EOF")


def test_the_only_profile_need_not_be_named(make: Any, keep: Any) -> None:
    study, records = make.grid()
    results = keep(study, records)
    assert table(results, "width").equals(table(results, "width", "laptop"))


def test_an_unknown_study_is_an_error(make: Any, keep: Any, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no results of study 'nope'"):
        table(keep(*make.grid()), "nope")
    with pytest.raises(SpecError, match=r"no results in .*nowhere"):
        table(tmp_path / "nowhere", "nope", "laptop")


def test_named_arms_with_axes_have_labels_of_their_own(make: Any, keep: Any) -> None:
    study, records = make.fusion(2)
    rows = table(keep(study, records), "fusion", "laptop")
    assert "fast, learning_rate 0.05" in set(rows["label"])
    assert rows.groupby("label").size().eq(2).all()


def test_summary_counts_what_is_done_and_names_what_is_not(make: Any, keep: Any) -> None:
    study, records = make.ended_badly()
    arms = summarise(table(keep(study, records), "ends", "laptop"), "a")
    by_label = {arm.label: arm for arm in arms}
    assert by_label["a"].ap == estimate([0.5])
    assert by_label["a"].planned == 2
    assert by_label["a"].note == "1 diverged; one seed: not judged"
    assert by_label["b"].ap is None
    assert by_label["c"].note == "1 rejected"
    assert by_label["a"].is_baseline
    assert len(summary_table(arms)) == 5


def test_aliases_enter_no_test(make: Any, keep: Any) -> None:
    study, records = make.grid(6)
    cells = table(keep(study, records), "width", "laptop")
    base = "factor 1.2, coefficient 1"
    arms = summarise(cells, base)
    twin = arms[-1]
    assert twin.alias_of == base
    assert twin.contrast is None
    tests = [arm.contrast for arm in arms if arm.contrast]
    raw = [test.p for test in tests]
    assert min(test.p_holm for test in tests) == pytest.approx(min(raw) * 8)


def test_choices_that_are_mappings_become_words(make: Any, keep: Any) -> None:
    from dataclasses import replace

    study, records = make.grid(1)
    choice = {"model.feature_network.fuse": {"weighted": {"norm": "fast"}}}
    cells = tuple(replace(cell, choice=choice) for cell in study.cells[:1])
    rows = table(keep(replace(study, cells=cells), records), "width", "laptop")
    assert rows["choice.model.feature_network.fuse"].iloc[0] == "weighted norm fast"
    assert summarise(rows)[0].ap is not None


def test_reading_and_drawing_need_no_torch(make: Any, keep: Any, tmp_path: Path) -> None:
    study, records = make.grid(1, (1.2, 1.3))
    results = keep(study, records)
    code = (
        "import sys, json; from harness.report import write_report; "
        f"write_report({str(results)!r}, 'width', 'laptop', {str(tmp_path / 'reports')!r}); "
        "print(json.dumps([m for m in ('torch', 'ray', 'timm', 'matplotlib.pyplot')"
        " if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_an_altered_trial_stands_outside_every_comparison(make: Any, keep: Any) -> None:
    """Half its batch at a time: its AP is shown, and is no AP of its arm."""
    study, records = make.grid()
    words = "batch of 4 in micro-batches of 2"
    records = [replace(records[0], altered=words), *records[1:]]
    row = table(keep(study, records), "width", "laptop").iloc[0]
    assert (row["status"], row["reason"]) == ("altered", words)
    assert pd.isna(row["ap"])
    assert row["altered_ap"] == records[0].metrics.ap
