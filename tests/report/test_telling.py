"""What a study can tell apart: advice from the spread that it measured."""

import numpy as np
import pytest

from harness.report.gather import gather
from harness.report.markdown import markdown
from harness.report.page import write_report
from harness.report.telling import telling_info
from harness.statistics.power import Narrowness, paired_narrowness, smallest_difference
from harness.statistics.samples import Sample, sample


def arms(gap, sd, n=6, draws=None):
    """Two arms whose seeds spread by exactly `sd`."""
    step = np.linspace(-1, 1, n)
    step *= sd / step.std(ddof=1)
    values = {"base": 0.4 + step, "more": 0.4 + gap + step}
    return {
        name: Sample(tuple(map(float, held)), tuple(range(n)), draws and draws(held))
        for name, held in values.items()
    }


def test_advice_is_that_of_the_spread_measured():
    info = telling_info(arms(0.02, 0.01), "base", (), "permutation")
    assert [row.seeds for row in info.advice] == [6, 10, 20, 40]
    assert [row.at_hand for row in info.advice] == [True, False, False, False]
    for row in info.advice:
        wanted = smallest_difference(row.seeds, 2 * 0.01**2, test="permutation")
        assert row.smallest == pytest.approx(wanted)
    found = [row.smallest for row in info.advice]
    assert found == sorted(found, reverse=True)
    assert info.images is None


def test_seeds_too_few_for_the_test_find_nothing():
    info = telling_info(arms(0.02, 0.01, n=2), "base", (), "permutation")
    assert [(row.seeds, row.smallest is None) for row in info.advice][:2] == [(2, True), (6, False)]
    paired = telling_info(arms(0.02, 0.01), "base", (), "paired_t")
    assert paired.advice[0].smallest == pytest.approx(0)  # seeds do the same to both


def test_what_test_images_hide_more_seeds_do_not_show():
    def drawn(values):
        noise = np.random.default_rng([9, round(1000 * values[0])]).normal(0, 0.01, 400)
        return values[:, None] + noise  # the images do the same to every seed of an arm

    info = telling_info(arms(0.02, 0.001, draws=drawn), "base", (), "permutation")
    assert info.images == pytest.approx(2.8 * 0.01 * 2**0.5, rel=0.1)
    assert info.advice[-1].smallest >= info.images


def test_seeds_that_no_two_arms_share_give_no_advice_by_pairs():
    """Else the least difference found would be 0."""
    apart = {
        "base": Sample((0.3, 0.31, 0.32), (0, 1, 2)),
        "b": Sample((0.4, 0.41, 0.42), (3, 4, 5)),
    }
    assert telling_info(apart, "base", (), "paired_t").advice == ()
    assert telling_info(apart, "base", (), "permutation").advice[1].smallest > 0


def test_networks_that_hardly_differ_are_said_to():
    narrow = telling_info(arms(0.001, 0.01), "base", (), "permutation").narrow[0][1]
    assert not narrow.can_rank
    assert narrow.words.endswith("so a ranking of these networks is unreliable.")
    wide = telling_info(arms(0.2, 0.01), "base", (), "permutation").narrow[0][1]
    assert wide.words.endswith("enough to rank networks by.")


def test_nothing_is_said_of_single_seeds_or_of_one_network():
    single = {"a": sample([0.4]), "b": sample([0.5])}
    assert telling_info(single, "a", (), "permutation") is None
    assert telling_info({"a": sample([0.4, 0.41])}, "a", (), "permutation") is None
    lone = telling_info({"a": sample([0.4, 0.41]), "b": sample([0.5])}, "b", (), "permutation")
    assert lone.advice == ()
    assert lone.narrow[0][1].networks == 2


def test_families_that_share_seeds_are_held_to_what_is_left_of_them():
    shared = np.array([0.0, 0.05, -0.05])
    own = np.array([[0.001, -0.001, 0.0], [-0.001, 0.001, 0.0], [0.0, 0.0, 0.0]])
    held = [
        Sample(tuple(map(float, 0.4 + at + shared + row)), (0, 1, 2))
        for at, row in zip((0.0, 0.01, 0.02), own, strict=True)
    ]
    found = paired_narrowness(held, "families")
    noise = float(((own - own.mean(axis=0)) ** 2).sum()) / 4
    assert found.seed_sd == pytest.approx(noise**0.5)
    assert found.space_sd == pytest.approx((0.01**2 - noise / 3) ** 0.5)
    assert "between the 3 families" in found.words
    assert paired_narrowness(held[:1], "families") is None


def test_the_page_and_markdown_have_it(make, keep, tmp_path):
    study, records = make.grid(seeds=6)
    results = keep(study, records)
    data = gather(results, "width", "laptop")
    assert [stratum for stratum, _ in data.telling.narrow] == ["", ""]
    assert data.telling.narrow[1][1].of == "families"
    page = write_report(results, "width", "laptop", tmp_path / "reports")[0].read_text()
    assert "What so many seeds can tell" in page
    assert all(narrow.words in page for _, narrow in data.telling.narrow)
    assert "6 (here)" in page
    assert (
        "Where one of two arms is above the other in 75%, 80% or 90% of trainings, 29, 20 or 12 "
        "pairs of seeds show which (Noether 1987; one-sided, both errors at .05)."
    ) in page
    assert data.telling.narrow[0][1].words.split(":")[0] in markdown(data).replace("\\", "")


def test_words_of_a_narrow_space():
    assert Narrowness(0.004, 0.003, 18).words == (
        "AP spreads by 0.0040 between the 18 networks and by 0.0030 between seeds of one (standard "
        "deviations, the first without what seeds add): less than 2 times as much, so a ranking of "
        "these networks is unreliable."
    )
