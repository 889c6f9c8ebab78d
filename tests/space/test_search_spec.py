"""The `search` section of a study: what it means and what is refused, each at its line."""

import json

import pytest

from harness.errors import SpecError
from harness.space.profiles import load_study, read_study
from harness.space.schema import study_schema

STUDY = """\
question: What is found?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 1}
recipe: {schedule: {epochs: 4}}
search:
  kind: tpe
  trials: 40
  objectives: [ap, macs]
  seed: 3
  space:
    model.feature_network.width: {low: 16, high: 48, step: 4}
    recipe.optimizer.learning_rate: {low: 1.0e-3, high: 1.0e-1, log: true}
    model.feature_network.fuse: {choices: [sum, {weighted: fast}]}
    model.head.depth: {low: 1, high: 3, when: {model.feature_network.fuse: [sum]}}
  compare: {random: 8, seeds: [100, 101, 102], band: 0.1}
"""


@pytest.fixture
def load(tmp_path):
    def load(old="", new="", text=STUDY, **options):
        assert old in text
        file = tmp_path / "s.yaml"
        file.write_text(text.replace(old, new) if old else text)
        return load_study(file, **options)

    return load


def faults(load, *args, **options) -> list[str]:
    with pytest.raises(SpecError) as error:
        load(*args, **options)
    return [str(fault).rpartition("s.yaml:")[2] for fault in error.value.faults]


def test_a_search_is_read_whole(load):
    search = load().spec.search
    assert search.kind == "tpe"
    assert search.objectives == ("ap", "macs")
    assert search.space["model.feature_network.width"].is_whole
    assert not search.space["recipe.optimizer.learning_rate"].is_whole
    assert search.space["model.feature_network.fuse"].choices == ("sum", {"weighted": "fast"})
    assert search.compare.seeds == (100, 101, 102)
    assert load("  objectives: [ap, macs]\n").spec.search.objectives == ("ap",)


def test_profiles_and_options_lay_over_a_space(load):
    profile = STUDY + (
        "profiles:\n  laptop:\n    search:\n      trials: 5\n"
        "      space: {model.head.depth: {low: 1, high: 2}}\n"
        "      scheduler: {asha: {}}\n      objectives: [ap]\n"
    )
    search = load(text=profile).spec.search
    assert search.trials == 5
    assert list(search.space) == [
        "model.feature_network.width", "recipe.optimizer.learning_rate",
        "model.feature_network.fuse", "model.head.depth",
    ]  # fmt: skip
    assert search.space["model.head.depth"].high == 2
    assert search.space["model.head.depth"].when == {}
    changed = load(sets=["search.space.model.head.depth={low: 2, high: 5}", "search.trials=9"])
    assert changed.spec.search.space["model.head.depth"].high == 5
    assert changed.spec.search.trials == 9


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("kind: tpe", "kind: tpee",
         "8  search.kind: no way of searching 'tpee'; did you mean 'tpe'?"),
        ("kind: tpe", "kind: grid",
         "8  search.kind: no way of searching 'grid': points that are spelt out are `vary` and "
         "`arms`"),
        ("seed: 3", "population: 8", "11  search.population: tpe has none"),
        ("[ap, macs]", "[ap, mac]",
         "10  search.objectives.1: no objective 'mac'; did you mean 'macs'?"),
        ("[ap, macs]", "[ap, ap]", "10  search.objectives.1: ap stands there twice"),
        ("[ap, macs]", "[macs, params]",
         "10  search.objectives: costs alone need no training; add 'ap'"),
        ("recipe.optimizer.learning_rate", "recipe.optimizer.learning_rat",
         "14  search.space.recipe.optimizer.learning_rat: no field "
         "'recipe.optimizer.learning_rat'; did you mean 'recipe.optimizer.learning_rate'?"),
        ("low: 16, high: 48, step: 4", "low: 48, high: 16",
         "13  search.space.model.feature_network.width: low 48 is not below high 16"),
        ("low: 16, high: 48, step: 4", "low: 16, high: 48, step: 5",
         "13  search.space.model.feature_network.width: step 5 does not divide high - low = 32"),
        ("low: 16, high: 48, step: 4", "low: 16, high: 48, step: 0",
         "13  search.space.model.feature_network.width: step 0 is not above 0"),
        ("low: 16, high: 48, step: 4", "low: 16",
         "13  search.space.model.feature_network.width: should say low and high, or choices"),
        ("low: 16, high: 48, step: 4", "choices: [16, 24], step: 4",
         "13  search.space.model.feature_network.width: has choices, so no step"),
        ("low: 16, high: 48, step: 4", "choices: [16, 16]",
         "13  search.space.model.feature_network.width: a choice stands there twice"),
        ("low: 1.0e-3, high", "low: 0.0, high",
         "14  search.space.recipe.optimizer.learning_rate: log needs a low above 0"),
        ("1.0e-1, log: true", "1.0e-1, log: true, step: 0.001",
         "14  search.space.recipe.optimizer.learning_rate: has a step, so no log"),
        ("when: {model.feature_network.fuse: [sum]}", "when: {model.feature_network.fus: [sum]}",
         "16  search.space.model.head.depth.when.model.feature_network.fus: no other path "
         "'model.feature_network.fus' in the space; did you mean 'model.feature_network.fuse'?"),
        ("fuse: [sum]}", "fuse: [su]}",
         "16  search.space.model.head.depth.when.model.feature_network.fuse: "
         "model.feature_network.fuse is never 'su'; did you mean 'sum'?"),
        ("choices: [sum, {weighted: fast}]}",
         "choices: [sum, {weighted: fast}], when: {model.head.depth: [1]}}",
         "15  search.space.model.feature_network.fuse.when: waits for itself: conditions go in a "
         "circle"),
        ("seeds: [100, 101, 102]", "seeds: [0, 100]",
         "17  search.compare.seeds: seed 0 is the search's own: the winner was chosen by it"),
        ("seeds: [100, 101, 102]", "seeds: [100, 100]",
         "17  search.compare.seeds: a seed stands there twice"),
        ("band: 0.1", "band: 0.1, cost: flops",
         "17  search.compare.cost: no cost 'flops'; there are "),
        ("  compare:", "  scheduler: {asha: {}}\n  compare:",
         "17  search.scheduler: stopped trials would stand on the front of several objectives as "
         "if finished"),
        ("search:\n", "vary: {model.feature_network.width: [16]}\nsearch:\n",
         "14  search.space.model.feature_network.width: is an axis of `vary` too"),
        ("search:\n", "arms: {proposal 3: {}}\nsearch:\n",
         "7  arms.proposal 3: is what a search calls its own; give it another name"),
        ("trials: 40", "trails: 40", "9  search.trails: unknown field 'trails'; did you mean "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_line(load, old, new, wanted):
    found = faults(load, old, new)
    assert any(fault.startswith(wanted) for fault in found), found


def test_an_empty_space_is_refused(load):
    text = STUDY[: STUDY.index("  space:")]
    assert faults(load, text=text) == [
        "7  search.space: is empty: say what may vary, or a `topology` space"
    ]


@pytest.mark.parametrize(
    ("scheduler", "seeds", "objectives", "wanted"),
    [
        ("{asha: {}, hyperband: {}}", 1, "[ap]", "should be one of asha and hyperband"),
        ("{}", 1, "[ap]", "should be one of asha and hyperband"),
        ("{asha: {}}", 3, "[ap]", "stops single trainings, and each proposal here has several"),
        ("{asha: {}}", 1, "[ap50]", "sees ap alone, and the objective is ap50"),
        ("{asha: {grace: 4}}", 1, "[ap]", "all 4 epochs: nothing is ever stopped"),
    ],
)
def test_schedulers_that_would_mislead_are_refused(load, scheduler, seeds, objectives, wanted):
    text = STUDY.replace("[ap, macs]", objectives).replace(
        "  seed: 3", f"  seed: 3\n  scheduler: {scheduler}"
    )
    found = faults(load, text=text, seeds=seeds)
    assert len(found) == 1
    assert wanted in found[0]


def test_all_faults_come_at_once(load, tmp_path):
    text = STUDY.replace("kind: tpe", "kind: tpee").replace("[ap, macs]", "[ap, mac]")
    file = tmp_path / "s.yaml"
    file.write_text(text.replace("step: 4", "step: 5").replace("seed: 3", "seed: -3"))
    _, found = read_study(file)
    assert [fault.line for fault in found] == [11, 8, 10, 13]


def test_the_schema_of_studies_has_it():
    schema = study_schema()
    search = schema["$defs"]["SearchSpec"]["properties"]
    assert {"kind", "trials", "space", "objectives", "compare", "scheduler"} <= set(search)
    assert "tpe" in search["kind"]["enum"]
    assert "feature_network.macs" in search["objectives"]["items"]["enum"]
    assert "recipe.optimizer.learning_rate" in json.dumps(search["space"]["propertyNames"])
    assert "search" in schema["$defs"]["profile"]["anyOf"][0]["properties"]
