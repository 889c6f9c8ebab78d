"""An arm with seeds of its own: one network under two names, compared by trials no two share."""

from pathlib import Path

import pytest

from harness.door.checking import check_file
from harness.errors import SpecError
from harness.ledger import Ledger
from harness.plan import make_plan, stored_plan
from harness.space.profiles import load_study
from harness.space.rates import rate_notes

AA = Path(__file__).parents[2] / "search_spaces" / "aa.yaml"
STUDY = """\
question: Is there a difference where there is none?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 1, projection: always}
arms:
  one: {}
  same: {seeds: SEEDS}
baseline: one
seeds: [5, 4]
"""


@pytest.fixture
def planned(tmp_path, facts):
    def planned(said, **options):
        file = tmp_path / "aa.yaml"
        file.write_text(STUDY.replace("SEEDS", said))
        return make_plan(load_study(file, **options), Ledger(tmp_path / "results"), facts)

    return planned


def test_an_arm_has_seeds_of_its_own(planned):
    plan = planned("[7, 8, 9]")
    cells = [(one.cell.arm, one.cell.seed, one.cell.status) for one in plan.cells]
    assert [cell[:2] for cell in cells] == [
        ("one", 5), ("one", 4), ("same", 7), ("same", 8), ("same", 9),
    ]  # fmt: skip
    assert {cell[2] for cell in cells} == {"pending"}
    assert len({one.spec.id for one in plan.cells}) == 5
    assert [spec.seeds.init for spec in plan.pending()] == [5, 7, 4, 8, 9]
    assert [one.cell.seed for one in planned("2").cells] == [5, 4, 0, 1]


def test_seeds_of_ones_own_change_no_id_and_no_digest(planned, tmp_path):
    """A trial is what it would be by the study's seeds, so trials of other studies are found."""
    ledger = Ledger(tmp_path / "results")
    own, other = planned("[7, 5]"), planned("[7, 8]")
    ids = {(one.cell.arm, one.cell.seed): one.spec.id for one in own.cells}
    assert ids["same", 5] == ids["one", 5]
    digests = {stored_plan(plan, ledger).digest for plan in (own, other, planned("[7, 8]"))}
    assert len(digests) == 2


def test_the_same_seeds_are_the_same_arm(planned):
    said = "aa.yaml:8  arms.same: changes nothing: it is the same trial as the baseline 'one'"
    with pytest.raises(SpecError, match=said):
        planned("[5, 4]")


def test_fewer_by_option(planned):
    assert [one.cell.seed for one in planned("[7, 8, 9]", seeds=1).cells] == [0, 7]
    assert [one.cell.seed for one in planned("[7, 8]", seeds=3).cells] == [0, 1, 2, 7, 8]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("two", "should be how many seeds, or a list of them, not 'two'"),
        ("[]", "should be how many seeds, or a list of them, not []"),
        ("0", "should be how many seeds, or a list of them, not 0"),
        ("[1, true]", "should be how many seeds, or a list of them, not [1, True]"),
        ("[3, 3]", "a seed stands there twice"),
    ],
)
def test_what_is_no_seeds(tmp_path, said, fault):
    file = tmp_path / "aa.yaml"
    file.write_text(STUDY.replace("SEEDS", said))
    assert [str(one) for one in check_file(file)] == [f"{file}:8  arms.same.seeds: {fault}"]


def test_nobody_asks_for_a_learning_rate_of_the_same_network():
    changes = {"one": {}, "same": {"seeds": [7]}, "other": {"seeds": [7], "model.image_size": 96}}
    assert list(rate_notes(changes, {}, "one")) == ["other"]


def test_the_shipped_study_shares_half_of_its_trials_with_the_control(facts, tmp_path):
    ledger = Ledger(tmp_path)
    aa, control = (
        make_plan(load_study(AA.with_name(name)), ledger, facts)
        for name in ("aa.yaml", "control.yaml")
    )
    ids = {arm: {one.spec.id for one in aa.cells if one.cell.arm == arm} for arm in ("one", "same")}
    assert [len(found) for found in ids.values()] == [6, 6]
    assert not ids["one"] & ids["same"]
    assert ids["one"] == {one.spec.id for one in control.cells if one.cell.arm == "bifpn"}
