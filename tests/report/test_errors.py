"""Errors by kind and size of arms: from records and truth alone, paired; what lacks is said."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from scenes import BANDS, IMAGES, keep_study

from harness.evaluate import coco_metrics
from harness.ledger import Ledger
from harness.report.errors import NO_TRUTH, errors_info, errors_table
from harness.report.gather import gather
from harness.report.page import write_report
from harness.report.render import _environment
from harness.report.summary import summarise
from harness.report.table import study_table
from harness.report.trial_errors import DRAWS, trial_errors
from harness.statistics.kinds import KINDS
from harness.statistics.oracles import ORACLES
from harness.truths import read_truth, truth_path


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def info(make, results):
    return told(keep_study(make, results), results)


def told(study, results, **more):
    cells = study_table(study, Ledger(results))
    return errors_info(results, cells, summarise(cells, study.baseline), **more)


def test_every_arm_has_values_and_differences_to_the_baseline(info):
    base, good, same = info.arms
    assert info.baseline == base.label == "base"
    assert (base.n, base.is_baseline, base.gaps) == (3, True, {})
    assert info.images == IMAGES
    assert info.bands == BANDS
    for oracle in ORACLES:
        name = f"kind.{oracle}"
        gap = good.gaps[name]
        assert gap.mean == pytest.approx(good.values[name].mean - base.values[name].mean)
        nothing = (gap.mean, gap.low, gap.high) == (0, None, None)  # of a kind that neither makes
        assert nothing or gap.low <= gap.mean <= gap.high
    assert good.gaps["kind.classification"].high < 0  # what the arm is better at
    assert same.gaps["kind.classification"].low < 0 < same.gaps["kind.classification"].high
    assert good.values["kind.missed"].mean == 0
    assert good.gaps["size.small.hits"].low > 0


def test_values_are_the_trials_own(info, make, results):
    ledger, truth = Ledger(results), read_truth(results, "f" * 8)
    drawn = trial_errors(ledger, truth, "t10", 20)
    metrics = coco_metrics(truth.document, ledger.detections("t10"), bands=BANDS)
    assert drawn["ap50"].shape == (21,)
    assert drawn["ap50"][0] == pytest.approx(metrics.ap50, abs=1e-12)
    found = [trial_errors(ledger, truth, f"t1{seed}", 1)["ap50"][0] for seed in range(3)]
    assert info.arms[1].values["ap50"].mean == pytest.approx(np.mean(found))


def test_draws_are_shared_by_arms(make, results):
    """The same network under two names differs by nothing, whatever images are drawn."""
    study = keep_study(make, results, arms={"base": 0.5, "twin": 0.5}, seeds=1)
    one = told(study, results).arms[1]
    gap, value = one.gaps["kind.classification"], one.values["kind.classification"]
    assert value.high - value.low > 0.02
    assert (gap.mean, gap.low, gap.high) == (0, None, None)  # nothing spreads


def test_one_seed_has_the_interval_of_its_images(make, results):
    info = told(keep_study(make, results, seeds=1), results)
    one = info.arms[1].values["ap50"]
    assert info.arms[1].n == 1
    assert one.low < one.mean < one.high


def test_what_is_kept_elsewhere_is_taken(make, results):
    study = keep_study(make, results)
    asked = []

    def look(ledger, truth, trial):
        asked.append(trial)
        return {"ap50": np.full(1 + DRAWS, 0.5)}

    info = told(study, results, look=look)
    assert len(asked) == 9
    assert info.arms[0].values["ap50"].mean == 0.5


def test_a_second_report_computes_none(make, results, monkeypatch):
    study = keep_study(make, results)
    first = told(study, results)
    assert len(list((results / "draws").glob("detections-*"))) == 6  # two arms found the same
    module = "harness.report.trial_errors"
    monkeypatch.setattr(f"{module}.find_kinds", lambda *_: pytest.fail("computed again"))
    assert told(study, results) == first


def test_detections_whose_name_tells_nothing_are_not_kept_by_it(make, results):
    """As records of version 1 have it."""
    study = keep_study(make, results, arms={"base": 0.5}, seeds=1)
    record = results / "ledger/t00/record.json"
    [file] = results.glob("ledger/t00/detections-*")
    file.rename(file.with_name("detections.npz"))
    record.write_text(record.read_text().replace(file.name, "detections.npz"))
    assert told(study, results).arms[0].values["ap50"].mean > 0
    assert not (results / "draws").exists()


def test_without_truth_the_page_says_so(make, results):
    study = keep_study(make, results, truth=False)
    assert told(study, results).missing == NO_TRUTH
    said = SimpleNamespace(errors=told(study, results))
    page = _environment().get_template("errors.html").render(data=said)
    assert f"<p>Not shown: {NO_TRUTH}.</p>" in page


def test_a_damaged_truth_fails_no_report(make, results):
    study = keep_study(make, results)
    truth_path(results, "f" * 8).write_bytes(b"torn")
    assert told(study, results).missing == NO_TRUTH


def test_without_detections_arms_are_named_or_the_section_says_so(make, results):
    study = keep_study(make, results)
    for kept in results.glob("ledger/t1*/detections*"):
        kept.unlink()
    info = told(study, results)
    assert [arm.label for arm in info.arms] == ["base", "<i>same</i>"]
    assert info.left_out == (("good", "its detections were not kept"),)
    for kept in results.glob("ledger/*/detections*"):
        kept.unlink()
    shutil.rmtree(results / "draws")
    assert told(study, results).missing == "the detections of these trials were not kept"


def test_an_arm_on_other_data_is_named(make, results):
    study = keep_study(make, results)
    for seed in range(3):
        path = results / f"ledger/t1{seed}/record.json"
        path.write_text(path.read_text().replace("f" * 8, "e" * 8))
    info = told(study, results)
    assert [arm.label for arm in info.arms] == ["base", "<i>same</i>"]
    assert info.left_out == (("good", "it saw other data than the first arm"),)


def test_nothing_to_show_is_no_section(make, keep):
    study, records = make.ended_badly()
    results = keep(study, [one for one in records if one.status != "done"])
    assert told(study, results) is None
    assert gather(results, "ends", "laptop").errors is None


def test_the_table_has_all(info):
    table = errors_table(info)
    assert list(table["label"].unique()) == ["base", "good", "<i>same</i>"]
    row = table[(table["label"] == "good") & (table["what"] == "kind.classification")].iloc[0]
    assert row["difference_low"] <= row["difference"] <= row["difference_high"] < 0
    assert table.loc[table["label"] == "base", "difference"].isna().all()


def test_at_most_twelve_arms_are_drawn_the_baseline_among_them(make, results):
    arms = {f"arm {i}": 0.5 for i in range(13)} | {"base": 0.5}
    study = keep_study(make, results, arms=arms, seeds=1)
    flat = {"kind.missed": np.linspace(0, 1, 3)}
    info = told(study, results, look=lambda *_: flat)
    assert len(info.arms) == 14
    assert len(info.drawn) == 12
    assert "base" in {arm.label for arm in info.drawn}


@pytest.mark.drawn
def test_the_page_shows_both_sections(make, results):
    keep_study(make, results)
    page, *files = write_report(results, "wrong", "laptop", results.parent / "reports")
    text = page.read_text()
    assert "Detections beside the truth" in text
    for title in (
        "Errors by kind",
        "Errors by kind, minus the baseline",
        "Errors by kind and size",
    ):
        _, _, drawn = text.partition(f'aria-label="{title}"')
        svg = drawn[: drawn.index("</svg>")]
        assert all(f">{kind}<" in svg for kind in KINDS), title
        assert "&lt;i&gt;same&lt;/i&gt;" in svg, title
    assert "<i>same" not in text.replace("&lt;i&gt;same", "")
    assert "<b>frame" not in text
    assert len(text) < 2_000_000
    assert "errors.csv" in {file.name for file in files}
