"""Stored plans: what their digest is of, that they come before results, and that they stay."""

import json
from pathlib import Path

import pytest

from harness.ledger import Ledger
from harness.plan import make_plan, stored_plan
from harness.plans import changed, plans_folder, read_plans, store_plan, without
from harness.run import Orders, run_study
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.studies import read_study
from harness.trainers import Named

STUDY = """\
question: Which network?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 1}
  head: {depth: 1}
arms:
  bifpn: {}
  fpn: {model.feature_network.topology: fpn}
  narrow: {model.feature_network.width: 8}
baseline: bifpn
seeds: 2
recipe: {schedule: {epochs: 2}}
report:
  contrasts: [[fpn, bifpn], [narrow, bifpn]]
"""

SPELT_OTHERWISE = """\
# the same study: other order, other spellings, other words of what it looks like
report: {contrasts: [[narrow, bifpn], [fpn, bifpn]], note: "Nothing decided."}
recipe:
  batch_size: 128
  schedule: {warmup_epochs: 1.0, epochs: 2}
seeds: [0, 1]
baseline: bifpn
arms:
  narrow: {"model.feature_network.width": 8, recipe.schedule.epochs: 2}
  fpn: {"model.feature_network.topology": fpn}
  bifpn: {}
model:
  head: {depth: 1}
  feature_network: {repeats: 1, width: 16, topology: bifpn}
  backbone: {name: lcnet_050, frozen: none}
  image_size: 64
question: Which network?
"""


@pytest.fixture
def stored(tmp_path, facts):
    """The stored plan of a study's text (always under one name)."""

    def stored(text: str, **options):
        file = tmp_path / "nets.yaml"
        file.write_text(text)
        study = load_study(file, **options)
        return stored_plan(make_plan(study, Ledger(tmp_path / "results"), facts), Ledger(tmp_path))

    return stored


@pytest.fixture
def run(tmp_path, facts, fake_trial):
    def run(text: str, work: str = fake_trial, **options):
        file = tmp_path / "nets.yaml"
        file.write_text(text)
        orders = Orders(Workplace(tmp_path / "results"))
        return run_study(load_study(file, **options), orders, work=Named(work), facts=facts)

    return run


def test_the_digest_is_of_what_is_decided_not_of_order_and_spelling(stored):
    plain, other = stored(STUDY), stored(SPELT_OTHERWISE)
    assert plain.digest == other.digest
    assert len(plain.digest) == 64
    assert plain.declared == {
        "baseline": "bifpn",
        "report.contrasts": [["fpn", "bifpn"], ["narrow", "bifpn"]],
    }
    assert plain.primary == "fpn against bifpn, narrow against bifpn, seed by seed"


def test_axes_may_be_written_in_any_order(stored, small_study):
    text = small_study.read_text()
    factor = "  model.compound.width.factor: [1.2, 1.25, 2.0]\n"
    turned = text.replace(factor, "").replace("seeds: 2", factor + "seeds: 2")
    assert turned != text
    one, other = stored(text), stored(turned)
    assert {cell.arm for cell in one.cells} != {cell.arm for cell in other.cells}
    assert one.digest == other.digest


OTHER = {
    "a seed": ("seeds: 2", "seeds: 3"),
    "an arm": ("arms:\n", "arms:\n  wide: {model.feature_network.width: 24}\n"),
    "no arm": ("  narrow: {model.feature_network.width: 8}\n", ""),
    "an arm's name": ("narrow", "slim"),
    "the question": ("Which network?", "Which network is best?"),
    "the baseline": ("baseline: bifpn", "baseline: fpn"),
    "a contrast": ("[narrow, bifpn]", "[narrow, fpn]"),
    "a contrast's direction": ("[narrow, bifpn]", "[bifpn, narrow]"),
    "the recipe": ("epochs: 2", "epochs: 3"),
    "a limit": ("seeds: 2", "seeds: 2\nlimits: {macs: 1e12}"),
    "the primary comparison": ("report:\n", "report:\n  family: arm\n"),
}


@pytest.mark.parametrize("what", OTHER)
def test_another_decision_is_another_digest(stored, what):
    before, after = OTHER[what]
    text = STUDY.replace(before, after)
    assert text != STUDY
    if what == "no arm":
        text = text.replace(", [narrow, bifpn]", "")
    assert stored(text).digest != stored(STUDY).digest


def test_what_two_plans_differ_in(stored):
    first = stored(STUDY)
    text = STUDY.replace("  narrow: {model.feature_network.width: 8}\n", "")
    text = text.replace(", [narrow, bifpn]", "").replace("baseline: bifpn", "baseline: fpn")
    later = stored(text, seeds=3)
    assert [(cell.arm, cell.seed) for cell in without(later, first)] == [("bifpn", 2), ("fpn", 2)]
    assert [(c.arm, c.seed) for c in without(first, later)] == [("narrow", 0), ("narrow", 1)]
    assert changed(first, later) == {
        "baseline": ("bifpn", "fpn"),
        "report.contrasts": ([["fpn", "bifpn"], ["narrow", "bifpn"]], [["fpn", "bifpn"]]),
    }


CHECKING = '''
"""A trial that looks whether the plan is there before it."""
import json
from pathlib import Path

import fake_trial


def work(spec, where, on_epoch):
    [plan] = Path(where.results).glob("studies/nets/default/plans/*.json")
    tree = json.loads(plan.read_text())
    assert spec.id in {cell["id"] for cell in tree["cells"]}
    assert tree["found"] == {}
    Path(where.results, f"saw-{spec.id}").touch()
    return fake_trial.work(spec, where, on_epoch)
'''


def test_the_plan_is_there_before_the_first_trial_starts(run, tmp_path, fake_trial):
    (tmp_path / "modules" / "checking_trial.py").write_text(CHECKING)
    outcome = run(STUDY, "checking_trial:work")
    assert outcome.failed == 0
    assert len(list((tmp_path / "results").glob("saw-*"))) == 6
    [plan] = read_plans(tmp_path / "results", "nets", "default").plans
    assert read_study(tmp_path / "results", "nets", "default").plans == (plan.digest,)
    assert plan.seeds == (0, 1)
    assert plan.stored.endswith("+00:00")
    assert plan.file == str(tmp_path / "nets.yaml")


def files(results: Path) -> dict[str, str]:
    folder = plans_folder(results, "nets", "default")
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_plans_are_only_ever_added(run, tmp_path):
    run(STUDY)
    first = files(tmp_path / "results")
    assert len(first) == 1
    run(SPELT_OTHERWISE)
    assert files(tmp_path / "results") == first
    run(STUDY, seeds=3)
    both = files(tmp_path / "results")
    assert len(both) == 2
    assert first.items() < both.items()
    run(STUDY)
    assert files(tmp_path / "results") == both
    one, two = read_plans(tmp_path / "results", "nets", "default").plans
    assert [f"{one.digest}.json"] == list(first)
    assert read_study(tmp_path / "results", "nets", "default").plans == (one.digest, two.digest)
    assert (one.first, one.added, one.left_out) == (None, (), ())
    assert two.first == one.digest
    assert [(cell.arm, cell.seed) for cell in two.added] == [
        ("bifpn", 2), ("fpn", 2), ("narrow", 2)
    ]  # fmt: skip
    assert two.left_out == ()
    assert one.found == {}
    assert set(two.found.values()) == {"done"}
    assert set(two.found) == one.trials


DAMAGE = {
    "was changed after it was stored: its digest is now ": {"question": "What did we find?"},
    "version 2; this harness reads 1": {"version": 2},
    "cells: Field required": {"cells": None},
}


@pytest.mark.parametrize("said", DAMAGE)
def test_a_plan_that_was_changed_is_told_and_not_believed(run, tmp_path, said):
    run(STUDY)
    results = tmp_path / "results"
    [file] = plans_folder(results, "nets", "default").iterdir()
    tree = json.loads(file.read_text())
    assert tree["digest"] == file.stem
    tree = {name: value for name, value in (tree | DAMAGE[said]).items() if value is not None}
    file.write_text(json.dumps(tree))
    kept = read_plans(results, "nets", "default")
    assert kept.plans == ()
    [complaint] = kept.complaints
    assert complaint.startswith(f"{file}: ")
    assert said in complaint
    assert complaint in run(STUDY).complaints
    assert json.loads(file.read_text()) == tree


def test_a_torn_plan_is_told(run, tmp_path):
    run(STUDY)
    [file] = plans_folder(tmp_path / "results", "nets", "default").iterdir()
    file.write_text("{")
    [complaint] = read_plans(tmp_path / "results", "nets", "default").complaints
    assert "not a plan" in complaint


def test_of_two_drivers_the_first_ones_time_stays(stored, tmp_path, monkeypatch):
    one, other = stored(STUDY), stored(STUDY)
    assert one.stored < other.stored
    path = store_plan(tmp_path, one)
    monkeypatch.setattr(Path, "exists", lambda self: False)  # the other looked a moment earlier
    store_plan(tmp_path, other)
    monkeypatch.undo()
    assert json.loads(path.read_text())["stored"] == one.stored
    assert [file.name for file in path.parent.iterdir()] == [path.name]
