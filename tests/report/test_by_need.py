"""What the largest difference to the baseline is where context is needed, and where nothing is."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from harness.report.by_need import need_words
from harness.report.gather import gather
from harness.report.page import write_files
from harness.statistics.contrasts import contrasts
from harness.statistics.samples import sample

NOISE = [0.001 * seed for seed in range(6)]


def held(**means: float) -> dict[str, Any]:
    return {name: sample([mean + one for one in NOISE]) for name, mean in means.items()}


def test_the_arm_that_differs_most_is_told_by_need() -> None:
    arms = held(base=0.3, near=0.301, far=0.34)
    found = [SimpleNamespace(contrast=one) for one in contrasts(arms, "base")]
    needs = {"context": held(base=0.2, near=0.2, far=0.38), "none": held(base=0.5, far=0.501)}
    twice = [SimpleNamespace(contrast=None), *found, found[1]]  # an alias has its network's
    assert need_words(twice, needs, "permutation") == (
        "far minus base: where distant context is needed +0.180 AP [+0.178, +0.182], higher; where "
        "neither is +0.001 AP [-0.001, +0.003], not separated (needs about 75 seeds)."
    )
    assert need_words(found, {"texture": held(base=0.2, far=0.38)}, "permutation").startswith(
        "far minus base: where texture is needed +0.180 AP"
    )
    needs["none"]["near"] = sample([0.5 + one for one in NOISE])
    assert "not separated (needs about 80 seeds)." in need_words(found, needs, "permutation")
    assert need_words([], needs, "permutation") == ""
    assert need_words(found, {}, "permutation") == ""


def test_the_page_has_it_and_the_answer_where_the_study_asks(
    make: Any, keep: Any, tmp_path: Any
) -> None:
    study, records = make.fusion(6)
    plain = gather(keep(study, records), "fusion", "laptop")
    assert plain.need_words.startswith("fast, learning_rate 0.1 minus mean, learning_rate 0.1: ")
    assert plain.need_words not in plain.answer
    asked = replace(study, report=dict(study.report) | {"by_need": True})
    data = gather(keep(asked, records), "fusion", "laptop")
    assert data.answer == f"{plain.answer} {plain.need_words}"
    page = write_files(plain, tmp_path / "page")[0].read_text()
    assert f"<p>{plain.need_words}</p>" in page
