"""Ablation as data: the arms a section makes, and what is said of a wrong one, word for word."""

import json
from pathlib import Path

import pytest

from harness.door.checking import check_file
from harness.errors import SpecError
from harness.search import grid
from harness.space.ablation import ablation_arms
from harness.space.bind import bind, price
from harness.space.matched import nearest_width
from harness.space.profiles import load_study

STUDY = """\
question: What is each part worth?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 2, projection: always}
  head: {depth: 2}
seeds: [3, 5]
"""
PARTS = """\
ablation:
  parts:
    weights: {without: {model.feature_network.fuse: sum}}
    repeats: {without: {model.feature_network.repeats: 1}}
    tower: {without: {model.head.depth: 1}}
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "t.yaml").write_text(text)
        return tmp_path / "t.yaml"

    return write


@pytest.fixture
def faults(write, facts):
    """Every fault of a study, as `harness check` tells them."""

    def faults(text):
        file = write(text)
        return [str(fault).replace(str(file), "t.yaml") for fault in check_file(file)]

    return faults


def arms_of(study):
    return {name: dict(fields) for name, fields in study.spec.arms.items()}


def bound(study, facts, seed=3):
    return {choice.arm: bind(study, choice, seed, facts) for choice in grid(study.spec)}


def macs(study, facts):
    return {
        choice.arm: price(study, choice, bind(study, choice, 3, facts)).macs
        for choice in grid(study.spec)
    }


def test_parts_go_from_full_and_come_to_base(write):
    study = load_study(write(STUDY + PARTS))
    fuse, repeats, depth = (
        {"model.feature_network.fuse": "sum"},
        {"model.feature_network.repeats": 1},
        {"model.head.depth": 1},
    )
    assert arms_of(study) == {
        "full": {},
        "base": fuse | repeats | depth,
        "full - weights": fuse,
        "full - repeats": repeats,
        "full - tower": depth,
        "base + weights": repeats | depth,
        "base + repeats": fuse | depth,
        "base + tower": fuse | repeats,
    }
    assert list(study.spec.arms)[:3] == ["full", "base", "full - weights"]
    assert study.spec.baseline == "full"


@pytest.mark.parametrize(
    ("ends", "arms", "baseline"),
    [
        ("full", ["full", "full - weights", "full - repeats", "full - tower"], "full"),
        ("base", ["base", "base + weights", "base + repeats", "base + tower"], "base"),
    ],
)
def test_one_end_alone(write, ends, arms, baseline):
    study = load_study(write(f"{STUDY}{PARTS}  ends: {ends}\n"))
    assert list(study.spec.arms) == arms
    assert study.spec.baseline == baseline


def test_a_swap_exchanges_one_thing_of_full(write):
    swap = "  swaps:\n    softmax: {model.feature_network.fuse: {weighted: softmax}}\n"
    arms = arms_of(load_study(write(STUDY + PARTS + swap)))
    assert arms["full, softmax"] == {"model.feature_network.fuse": {"weighted": "softmax"}}
    alone = load_study(write(STUDY + "ablation:\n" + swap))
    assert list(alone.spec.arms) == ["full", "full, softmax"]


def test_own_arms_and_a_baseline_stand_beside(write):
    own = "arms:\n  wide: {model.feature_network.width: 32}\nbaseline: base\n"
    study = load_study(write(STUDY + PARTS + own))
    assert list(study.spec.arms)[-1] == "wide"
    assert study.spec.baseline == "base"


def test_arms_have_the_same_seeds_and_data(write, facts):
    study = load_study(write(STUDY + PARTS))
    choices = grid(study.spec)
    seeds = {
        choice.arm: [bind(study, choice, seed, facts).seeds for seed in study.spec.seed_list]
        for choice in choices
    }
    assert len(choices) == len(seeds) == 8
    assert all(held == seeds["full"] for held in seeds.values())
    assert [one.init for one in seeds["full"]] == [3, 5]


def test_each_arm_is_a_network_of_its_own_and_is_no_other_trial_than_by_hand(write, facts):
    made = bound(load_study(write(STUDY + PARTS)), facts)
    assert len({spec.id for spec in made.values()}) == 8
    by_hand = "arms: {a: {model.feature_network.fuse: sum}, b: {}}\n"
    own = bound(load_study(write(STUDY + by_hand)), facts)
    assert (own["a"].id, own["b"].id) == (made["full - weights"].id, made["full"].id)


def test_a_profile_adds_a_part_or_replaces_one(write):
    profiles = """\
profiles:
  laptop:
    ablation:
      parts:
        tower: {without: {model.head.depth: 3}}
        size: {without: {model.image_size: 32}}
      ends: full
"""
    arms = arms_of(load_study(write(STUDY + PARTS + profiles)))
    assert arms["full - tower"] == {"model.head.depth": 3}
    assert list(arms)[-1] == "full - size"
    assert "full - weights" in arms
    assert "base" not in arms


def test_a_tuned_axis_is_in_every_arm(write):
    tune = "  tune: {recipe.optimizer.learning_rate: [0.01, 0.02]}\n"
    study = load_study(write(STUDY + PARTS + tune))
    assert study.spec.vary == {"recipe.optimizer.learning_rate": (0.01, 0.02)}
    assert study.spec.report.tuned == "recipe.optimizer.learning_rate"
    assert len(grid(study.spec)) == 16


def test_a_rate_of_an_arm_is_its_own(write, facts):
    rates = '  rates: {"full - tower": 0.5, base: 0.25}\n  matched: {arms: [full], widen: base}\n'
    made = bound(load_study(write(STUDY + PARTS + rates)), facts)
    held = {name: spec.recipe.optimizer.learning_rate for name, spec in made.items()}
    assert held["full - tower"] == 0.5
    assert held["base"] == held["base, matched to full"] == 0.25
    assert held["base + tower"] == held["full"] != 0.25


def test_a_matched_arm_costs_as_nearly_as_channels_allow(write, facts):
    study = load_study(write(STUDY + PARTS + "  matched: {arms: [full], widen: base}\n"))
    made, costs = bound(study, facts), macs(study, facts)
    width = made["base, matched to full"].model.feature_network.width
    assert width > 16 == made["base"].model.feature_network.width
    assert made["base, matched to full"].model.head.width == width
    off = abs(costs["base, matched to full"] - costs["full"])
    for other in (width - 1, width + 1):
        near = load_study(
            write(STUDY + PARTS),
            sets=["ablation.ends=base", f"model.feature_network.width={other}"],
        )
        assert abs(macs(near, facts)["base"] - costs["full"]) >= off
    assert {n: s.id for n, s in bound(load_study(write(STUDY + PARTS)), facts).items()} == {
        name: spec.id for name, spec in made.items() if "matched" not in name
    }


def test_true_matches_the_baseline_to_every_arm(write, facts):
    study = load_study(write(f"{STUDY}{PARTS}  ends: full\n  matched: true\n"))
    assert list(study.spec.arms)[4:] == [
        "full, matched to full - weights",
        "full, matched to full - repeats",
        "full, matched to full - tower",
    ]
    made = bound(study, facts)
    assert made["full, matched to full - repeats"].model.feature_network.width < 16
    assert made["full, matched to full - weights"].id == made["full"].id


def test_a_part_can_be_matched_and_widths_be_multiples(write, facts):
    said = "  matched: {arms: [full], widen: base, part: feature_network, multiple: 4}\n"
    study = load_study(write(STUDY + PARTS + said))
    made = bound(study, facts)["base, matched to full"]
    assert made.model.feature_network.width % 4 == 0
    parts = {
        choice.arm: price(study, choice, bind(study, choice, 3, facts)).parts
        for choice in grid(study.spec)
    }
    target = parts["full"]["feature_network"].macs
    own = parts["base, matched to full"]["feature_network"].macs
    assert abs(own - target) / target < 0.2
    assert made.model.feature_network.width == 20


def test_a_matched_arm_follows_each_value_of_an_axis(write, facts):
    vary = "  matched: {arms: [full], widen: base}\nvary:\n  model.image_size: [64, 128]\n"
    study = load_study(write(STUDY + PARTS + vary))
    made = [
        bind(study, choice, 3, facts).model
        for choice in grid(study.spec)
        if choice.arm == "base, matched to full"
    ]
    assert [model.image_size for model in made] == [64, 128]
    assert all(model.feature_network.width > 16 for model in made)


def test_compound_rules_of_other_things_leave_the_width_free(write, facts):
    text = STUDY.replace("  head:", "  compound: {coefficient: 1, head_depth: {base: 2}}\n  head:")
    parts = PARTS.replace("model.head.depth: 1", "model.compound.head_depth: {base: 1}")
    study = load_study(write(text + parts + "  matched: {arms: [full], widen: base}\n"))
    made = bound(study, facts)
    assert made["full"].model.head.depth == 2
    assert made["base, matched to full"].model.feature_network.width > 16


@pytest.mark.parametrize("target", [1, 2, 99, 100, 101, 4000, 4050, 4051, 10**7])
@pytest.mark.parametrize("multiple", [1, 8])
def test_nearest_width_is_the_nearest(target, multiple):
    def cost(width):
        return width * width + 3 * width

    width = nearest_width(cost, target, multiple)
    best = min(range(multiple, 8000, multiple), key=lambda w: (abs(cost(w) - target), w))
    assert width == best


def test_nearest_width_asks_for_few_costs():
    asked = []
    nearest_width(lambda width: asked.append(width) or width, 1000)
    assert len(asked) < 30
    with pytest.raises(SpecError, match="no width up to 65,536 costs 10 multiply-adds"):
        nearest_width(lambda width: 5, 10)


def test_the_arms_say_what_they_change(write):
    said = load_study(write(f"{STUDY}{PARTS}  matched: {{arms: [full], widen: base}}\n")).spec
    told = {arm.name: (arm.against, arm.changes) for arm in ablation_arms(said.ablation)}
    assert told["full - tower"] == ("full", "without tower")
    assert told["base + tower"] == ("base", "with tower")
    assert told["base, matched to full"] == ("full", "base at equal cost")
    assert (told["full"], told["base"]) == ((None, "every part"), (None, "no part"))


AT = "t.yaml:8  ablation"
ONE = "ablation:\n  parts:\n    weights: {without: {model.feature_network.fuse: sum}}\n"
TWO = ONE + "    tower: {without: {model.head.depth: 1}}\n"
WRONG = [
    ("ablation: {}\n", [f"{AT}: takes nothing apart: it has neither parts nor swaps"]),
    (ONE, [f"{AT}.ends: with 'weights' alone both ends have the same two networks: "
           "say full or base"]),
    (TWO + "  from: base\n",
     ["t.yaml:12  ablation.from: unknown field 'from'; there are ends, matched, parts, rates, "
      "swaps, tune"]),
    (TWO + "  ends: neither\n",
     ["t.yaml:12  ablation.ends: should be 'both', 'full' or 'base', not 'neither'"]),
    (TWO.replace("depth: 1", "dept: 1"),
     ["t.yaml:11  ablation.parts.tower.without.model.head.dept: no field 'model.head.dept'; "
      "did you mean 'model.head.depth'?"]),
    (TWO.replace("depth: 1", "depth: 2"),
     ["t.yaml:11  ablation.parts.tower.without: is what the study says already: "
      "taking the part out changes nothing"]),
    (TWO.replace("{model.head.depth: 1}", "{}"),
     ["t.yaml:11  ablation.parts.tower.without: is empty: taking the part out changes nothing"]),
    (TWO.replace("model.head.depth: 1", "model.image_size: 64, model.head.kind: efficientdet"),
     ["t.yaml:11  ablation.parts.tower.without: is what the study says already: "
      "taking the part out changes nothing"]),
    (TWO.replace("model.head.depth: 1", "model.feature_network.fuse: {weighted: softmax}"),
     ["t.yaml:11  ablation.parts.tower.without.model.feature_network.fuse: "
      "part 'weights' sets it too: an arm changes one thing"]),
    (TWO + "    all heads: {without: {model.head: {depth: 3}}}\n",
     ["t.yaml:12  ablation.parts.all heads.without.model.head: "
      "part 'tower' sets it too: an arm changes one thing"]),
    (TWO + "  swaps:\n    both: {model.feature_network.fuse: {weighted: softmax}, "
     "model.head.depth: 3}\n",
     ["t.yaml:13  ablation.swaps.both: sets what parts 'weights' and 'tower' set: "
      "an arm changes one thing"]),
    (TWO + "  swaps:\n    same: {model.feature_network.width: 16}\n",
     ["t.yaml:13  ablation.swaps.same: is what the study says already: the swap changes nothing"]),
    (TWO + "vary:\n  model.head.depth: [1, 2]\n",
     ["t.yaml:11  ablation.parts.tower.without.model.head.depth: is an axis of `vary` too"]),
    (TWO + "arms:\n  full - tower: {model.head.depth: 1}\n",
     ["t.yaml:13  arms.full - tower: is an arm of `ablation` too"]),
    (TWO + "baseline: ful\n", ["t.yaml:12  baseline: no arm 'ful'; did you mean 'full'?"]),
    (TWO + "  matched: [full - towr]\n",
     ["t.yaml:12  ablation.matched.0: no arm 'full - towr'; did you mean 'full - tower'?"]),
    (TWO + "  matched: [full]\n", ["t.yaml:12  ablation.matched.0: 'full' is the arm that is "
                                  "widened"]),
    (TWO + "  matched: {arms: [bas], widen: fll, part: neck}\n",
     ["t.yaml:12  ablation.matched.arms.0: no arm 'bas'; did you mean 'base'?",
      "t.yaml:12  ablation.matched.widen: no arm 'fll' of the ablation; did you mean 'full'?",
      "t.yaml:12  ablation.matched.part: no part 'neck'; there are backbone, box_head, "
      "class_head, feature_network, segmentation_head"]),
    (TWO + "  matched: 3\n",
     ["t.yaml:12  ablation.matched: should be true, a list of arms, or a mapping, not 3"]),
    (TWO + "  matched: [3]\n", ["t.yaml:12  ablation.matched.0: should be a valid string, not 3"]),
    (TWO + "  matched: {arm: [base]}\n",
     ["t.yaml:12  ablation.matched.arm: unknown field 'arm'; did you mean 'arms'?"]),
    (TWO + "  rates: {full - towr: 0.1}\n",
     ["t.yaml:12  ablation.rates.full - towr: no arm 'full - towr'; did you mean "
      "'full - tower'?"]),
    (TWO + "  rates: {full: -1.0}\n",
     ["t.yaml:12  ablation.rates.full: should be greater than 0, not -1.0"]),
    (TWO + "  rates: {base: 0.1}\n  tune: {recipe.optimizer.learning_rate: [0.1, 0.2]}\n",
     ["t.yaml:12  ablation.rates.base: recipe.optimizer.learning_rate is an axis: "
      "every arm has all its values"]),
    (TWO + "  tune: {recipe.optimizer.learning_rate: [0.1]}\n",
     ["t.yaml:12  ablation.tune.recipe.optimizer.learning_rate: "
      "should have two values or more to choose the best of"]),
    (TWO + "  tune: {recipe.optimizer.learning_rte: [0.1, 0.2]}\n",
     ["t.yaml:12  ablation.tune.recipe.optimizer.learning_rte: no field "
      "'recipe.optimizer.learning_rte'; did you mean 'recipe.optimizer.learning_rate'?"]),
    (TWO + "  tune: {recipe.optimizer.learning_rate: [1.0, 2.0], model.head.depth: [1, 3]}\n",
     ["t.yaml:12  ablation.tune: should be one axis, not 2"]),
    (TWO + "  tune: {model.head.depth: [1, 3]}\n",
     ["t.yaml:12  ablation.tune.model.head.depth: part 'tower' sets it too: "
      "an arm changes one thing"]),
    (TWO.replace("fuse: sum", "fuse: {weighted: fats}"),
     ["t.yaml:10  ablation.parts.weights.without.model.feature_network.fuse.weighted.norm: "
      "expected one of fast, softmax, none, got 'fats'; did you mean 'fast'?"]),
    (TWO.replace("depth: 1", "depth: 0"),
     ["t.yaml:11  ablation.parts.tower.without.model.head.depth: "
      "should be greater than or equal to 1, not 0"]),
]  # fmt: skip


@pytest.mark.parametrize(("section", "said"), WRONG, ids=range(len(WRONG)))
def test_faults_are_told_at_their_lines(faults, section, said):
    assert faults(STUDY + section) == said


GOVERNED = (
    "t.yaml:13  ablation.matched: 'base, matched to full': the width is the compound rule's "
    "(model.compound.width), so it cannot be changed to match; say model.feature_network.width "
    "instead of the rule"
)


def test_a_width_that_a_rule_governs_cannot_be_matched(faults):
    rule = "  compound: {coefficient: 1, width: {base: 16}}\n  head: {depth: 2}\n"
    text = STUDY.replace("  head: {depth: 2}\n", rule)
    matched = "  matched: {arms: [full], widen: base}\n"
    assert faults(text + TWO + matched) == [GOVERNED]
    axis = f"{matched}vary:\n  model.feature_network.width: [8, 16]\n"
    assert faults(STUDY + TWO + axis) == [
        "t.yaml:12  ablation.matched: 'base, matched to full': model.feature_network.width is an "
        "axis, so it cannot be changed to match"
    ]


def test_the_plan_document_is_plain_data(write):
    said = load_study(write(STUDY + TWO)).spec.ablation
    assert json.loads(said.model_dump_json())["ends"] == "both"


SHIPPED = Path(__file__).parents[2] / "search_spaces" / "bifpn_parts.yaml"


def test_the_shipped_ablation_is_of_the_shipped_bifpn(facts):
    study = load_study(SHIPPED)
    made = bound(study, facts, 0)
    assert len(made) * len(study.spec.seed_list) == 22
    assert len({spec.id for spec in made.values()}) == 11
    bifpn = "{topology: bifpn, projection: always, width: 24, repeats: 2}"
    shipped = load_study(SHIPPED, sets=[f"model.feature_network={bifpn}"])
    assert bind(shipped, grid(shipped.spec)[0], 0, facts).id == made["full"].id


@pytest.mark.parametrize("profile", ["laptop", "laptop_full", "scratch", "photos", "coco"])
def test_each_arm_of_the_shipped_ablation_is_another_network(facts, profile):
    study = load_study(SHIPPED, profile=profile)
    choices = grid(study.spec)
    ids = {
        (choice.arm, repr(choice.values)): bind(study, choice, 0, facts).id for choice in choices
    }
    assert len(set(ids.values())) == len(ids) == len(choices)
    assert (study.spec.report.tuned is None) == (profile in ("laptop", "scratch"))
