"""Arms as samples: AP by seed, with draws of the test images where match records are kept."""

from dataclasses import replace

import numpy as np
import pytest

import harness
from harness.draws import draws_of
from harness.ledger import Ledger
from harness.matches import Evidence
from harness.report.sampled import sample_of, samples
from harness.report.table import study_table
from harness.statistics.samples import Sample, minus
from harness.studies import Cell, StudyResults, write_study


@pytest.fixture
def keep_study(make, tmp_path):
    """Writes a study of two arms of three seeds; `old` has no match records."""

    def write(name="study", lacking=(), fingerprint="f" * 8):
        ledger, cells = Ledger(tmp_path / "results"), []
        for place, (arm, share) in enumerate({"one": 0.4, "two": 0.6}.items()):
            for seed in range(3):
                trial = f"{name}{place}{seed}".ljust(16, "0")
                made = make.record(trial, seed, share + seed / 100)
                made = replace(made, spec={**made.spec, "facts": {"fingerprint": fingerprint}})
                kept = Evidence({}, make.matches(share, seed)) if arm not in lacking else None
                ledger.write(made, kept)
                cells.append(Cell(arm, {}, seed, trial, "done"))
        study = StudyResults(name, "laptop", "?", tuple(cells), arms=("one", "two"))
        write_study(tmp_path / "results", study)
        return study_table(study, ledger), tmp_path / "results", ledger

    return write


def test_draws_of_the_images_stand_beside_each_seed(keep_study):
    cells, results, ledger = keep_study()
    for metric, drawn in (("ap", "ap"), ("ap_by_need.context", "need.context")):
        held = samples(cells, results, ledger, metric)
        assert list(held) == ["one", "two"]
        assert held["two"].seeds == (0, 1, 2)
        assert held["two"].values == tuple(cells[cells["label"] == "two"][metric])
        first = draws_of(results, ledger.get("study10".ljust(16, "0")))
        np.testing.assert_array_equal(held["two"].draws[0], first[drawn])
    assert sample_of(cells, results, ledger, "no such column").n == 0


def test_an_arm_without_all_of_them_has_its_seeds_alone(keep_study):
    held = samples(*keep_study(lacking=("one",)))
    assert held["one"].draws is None
    assert held["two"].draws is not None


def test_other_images_do_not_pair(keep_study):
    cells, results, ledger = keep_study()
    cells.loc[cells["label"] == "two", "data_fingerprint"] = "other"
    assert all(one.draws is None for one in samples(cells, results, ledger).values())


def test_python_says_what_its_interval_is_over(keep_study):
    _, results, _ = keep_study()
    found = harness.contrast("study:two", "study:one", results=results)
    assert found.contrast.sources == "seeds and test images"
    assert "Interval: 95%, over seeds and test images." in found._repr_html_()
    keep_study("other", fingerprint="other")
    apart = harness.contrast("study:two", "other:one", results=results)
    assert apart.contrast.sources == "seeds alone", "draws of other images do not pair"
    assert apart.interval != found.interval
    paired = harness.contrast("study:two", "study:one", results=results, test="paired_t")
    assert paired.contrast.test.startswith("paired t over the seeds both arms have")
    keep_study("bare", lacking=("one", "two"))
    bare = harness.contrast("bare:two", "bare:one", results=results)
    assert "Interval: 95%, over seeds alone." in bare._repr_html_()
    assert "No interval." in harness.contrast([0.4], [0.3])._repr_html_()


def test_one_sample_less_another_keeps_the_draws_paired():
    a = Sample((3.0, 5.0), (0, 1), np.array([[3.0, 4.0], [5.0, 6.0]]))
    b = Sample((1.0, 2.0, 9.0), (1, 0, 7), np.array([[1.0, 0.0], [2.0, 1.0], [9.0, 9.0]]))
    found = minus(a, b)
    assert (found.values, found.seeds) == ((1.0, 4.0), (0, 1))
    np.testing.assert_array_equal(found.draws, [[1.0, 3.0], [4.0, 6.0]])
    assert minus(a, Sample((1.0,), (0,))).draws is None
