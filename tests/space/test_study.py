"""Studies from YAML to complete trials, and what is said of wrong ones."""

from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.graph import from_tree
from harness.search import grid
from harness.space.bind import bind
from harness.space.data import DataFacts, DataSpec
from harness.space.profiles import load_study, profile_names
from harness.space.trial import TrialSpec

STUDY = """\
question: Which width?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 1, projection: always}
  head: {depth: 1}
vary:
  model.feature_network.width: [8, 16]
seeds: 2
recipe:
  schedule: {epochs: 3}
profiles:
  laptop: {recipe: {schedule: {warmup_epochs: 0.5}}}
  long: {recipe: {schedule: {epochs: 30}}, seeds: [7]}
"""


def facts(spec: DataSpec, image_size: int) -> DataFacts:
    return DataFacts(
        fingerprint=f"{spec.name}@{image_size}",
        categories=("a", "b", "c"),
        train_images=4,
        val_images=2,
    )


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "study.yaml") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def trials(file: Path, **options) -> list[TrialSpec]:
    study = load_study(file, **options)
    choices = grid(study.spec)
    return [bind(study, choice, seed, facts) for choice in choices for seed in study.spec.seed_list]


def faults(file: Path, **options) -> list[str]:
    with pytest.raises(SpecError) as caught:
        trials(file, **options)
    return [str(fault).replace(str(file), file.name) for fault in caught.value.faults]


def test_a_trial_is_complete(write):
    first, *_ = made = trials(write(STUDY))
    assert len({spec.id for spec in made}) == 4
    assert first.model.num_classes == 3
    assert first.model.feature_network.width == first.model.head.width == 8
    assert [spec.seeds.init for spec in made] == [0, 1, 0, 1]
    assert TrialSpec.model_validate_json(first.model_dump_json()).id == first.id


def test_a_profile_lies_over_the_file_and_set_over_the_profile(write):
    file = write(STUDY)
    schedule = trials(file)[0].recipe.schedule
    assert (schedule.epochs, schedule.warmup_epochs) == (3, 0.5)
    assert trials(file, profile="long")[0].recipe.schedule.epochs == 30
    assert [spec.seeds.init for spec in trials(file, profile="long")] == [7, 7]
    said = trials(file, profile="long", sets=["recipe.schedule.epochs=5"])[0]
    assert said.recipe.schedule.epochs == 5
    assert load_study(file, seeds=5).spec.seed_list == (0, 1, 2, 3, 4)
    assert profile_names(file) == ("laptop", "long")


def test_set_reads_numbers_lists_and_mappings(write):
    sets = [
        "recipe.optimizer.learning_rate=1e-3",
        "vary.model.feature_network.width=[24]",
        "model.feature_network.fuse={weighted: softmax}",
    ]
    [spec, _] = trials(write(STUDY), sets=sets)
    assert spec.recipe.optimizer.learning_rate == 1e-3
    assert spec.model.feature_network.width == 24
    graph = from_tree(spec.model.feature_network.graph)
    assert dict(graph.nodes[-1].fuse.args)["norm"] == "softmax"


def test_an_included_file_lies_under_this_one(write):
    write("profiles:\n  laptop: {seeds: 3, recipe: {schedule: {epochs: 9}}}\n", "common.yaml")
    study = load_study(write("include: common.yaml\n" + STUDY))
    assert study.spec.recipe.schedule.epochs == 9
    assert study.spec.recipe.schedule.warmup_epochs == 0.5
    assert study.spec.seed_list == (0, 1, 2)


@pytest.mark.parametrize("name", ["../common.yaml", "/etc/passwd", "no.yaml", "[a]"])
def test_an_include_cannot_leave_its_folder(write, name):
    [fault] = faults(write(f"include: {name}\n" + STUDY))
    assert fault.startswith("study.yaml:1  include: ")


def test_arms_are_crossed_with_axes(write):
    arms = """\
arms:
  sum: {model.feature_network.fuse: sum}
  late:
    model.feature_network.rows.out.fuse: {weighted: fast}
"""
    study = load_study(write(STUDY + arms))
    assert [choice.arm for choice in grid(study.spec)] == ["sum", "sum", "late", "late"]
    late = bind(study, grid(study.spec)[2], 0, facts).model.feature_network
    fused = {node.name: node.fuse.name for node in from_tree(late.graph).nodes}
    assert fused["p4_out"] == "weighted"


def test_the_compound_rule_makes_families(write):
    text = STUDY.replace("width: 16, repeats: 1, ", "").replace(
        "  head: {depth: 1}\n",
        "  head: {depth: 1}\n"
        "  compound:\n"
        "    width: {base: 16, factor: 1.2, rounding: multiple_of_4}\n"
        "    repeats: {base: 0, slope: 1}\n",
    )
    text = text.replace(
        "  model.feature_network.width: [8, 16]",
        "  model.compound.width.factor: [1.2, 1.25, 1.45]\n  model.compound.coefficient: [0, 1, 3]",
    )
    made = trials(write(text), seeds=1)
    widths = [spec.model.feature_network.width for spec in made]
    assert widths == [16, 20, 28, 16, 20, 32, 16, 24, 48]
    assert made[0].id == made[3].id == made[6].id
    assert made[1].id == made[4].id != made[7].id
    repeats = {node.repeat for node in from_tree(made[2].model.feature_network.graph).nodes}
    assert max(repeats) == 3
    assert {
        spec.model.head.width for spec in trials(write(text), sets=["model.head.width=64"])
    } == {64}


def test_a_linear_rule_may_round_to_a_multiple(write):
    text = STUDY.replace(
        "  head: {depth: 1}\n",
        "  head: {depth: 1}\n"
        "  compound:\n"
        "    coefficient: 2.5\n"
        "    image_size: {base: 512, slope: 128, multiple: 128}\n"
        "    head_depth: {base: 1, slope: 1}\n",
    )
    model = trials(write(text), seeds=1)[0].model
    assert (model.image_size, model.head.depth) == (896, 3)


SOURCE = STUDY.replace(
    "  backbone: {name: lcnet_050}\n",
    "  backbone:\n"
    "    name: lcnet_050\n"
    "    frozen: all\n"
    "    source:\n"
    "      model:\n"
    "        feature_network: {topology: lateral, width: 8, repeats: 1}\n"
    "        head: {depth: 1}\n"
    "      recipe: {schedule: {epochs: 1}}\n",
)


def test_a_source_is_a_trial_shared_by_all_arms(write):
    made = trials(write(SOURCE))
    [source] = {spec.model.backbone.source.id for spec in made}
    changed = trials(write(SOURCE), sets=["recipe.optimizer.learning_rate=0.5"])
    assert changed[0].id != made[0].id
    assert changed[0].model.backbone.source.id == source
    other = trials(write(SOURCE), sets=["model.backbone.name=lcnet_035"])
    assert other[0].model.backbone.source.model.backbone.name == "lcnet_035"
    longer = trials(write(SOURCE), sets=["model.backbone.source.recipe.schedule.epochs=2"])
    assert longer[0].model.backbone.source.id != source
    assert longer[0].id != made[0].id


def test_a_fault_of_a_source_has_its_line(write):
    text = SOURCE.replace("topology: lateral, width: 8", "topology: laterl, width: 8")
    [fault] = faults(write(text))
    assert fault.startswith("study.yaml:9  model.backbone.source.model.feature_network.topology: ")
    assert "did you mean 'lateral'?" in fault


def test_places_are_made_absolute(write, tmp_path, monkeypatch):
    text = STUDY.replace("seeds: 2\n", "seeds: 2\ndata: {name: coco, root: photos}\n")
    assert load_study(write(text)).spec.data.root == str((tmp_path / "photos").resolve())
    monkeypatch.chdir("/")
    arm = "arms:\n  a: {data.name: coco, data.root: photos}\nvary:\n"
    [spec, *_] = trials(write(STUDY.replace("vary:\n", arm)))
    assert spec.data.root == str((tmp_path / "photos").resolve())
    assert load_study(write(text), sets=["data.root=there"]).spec.data.root == "/there"


WRONG = [
    ("width: 16", "width: -3", "study.yaml:5  model.feature_network.width: "
     "should be greater than or equal to 1, not -3"),
    ("width: 16", "width: '16'", "study.yaml:5  model.feature_network.width: "
     "should be a valid integer, not '16'"),
    ("head: {depth: 1}", "head: {anchors: {ratios: [1, -2]}}", "study.yaml:6  "
     "model.head.anchors.ratios.1: should be greater than 0, not -2"),
    ("head: {depth: 1}", "head: {anchors: {ratios: []}}", "study.yaml:6  "
     "model.head.anchors.ratios: should hold at least one ratio, not []"),
    ("head: {depth: 1}", "head: {anchors: {ratios: [2.0], sides: [[1.4, 0.7]]}}", "study.yaml:6  "
     "model.head.anchors: sides have ratios (h / w) (0.5,), not (2.0,)"),
    ("head: {depth: 1}", "compound: {coefficient: 1e6, width: {}}", "study.yaml:6  "
     "model.compound.width: gives a width beyond all numbers"),
    ("schedule: {epochs: 3}", "optimizer: {learning_rate: .inf}", "study.yaml:11  "
     "recipe.optimizer.learning_rate: should be a finite number, not inf"),
    ("topology: bifpn", "topology: bifnp", "study.yaml:5  model.feature_network.topology: "
     "no topology 'bifnp'; did you mean 'bifpn'?"),
    ("head: {depth: 1}", "head: {dept: 1}", "study.yaml:6  model.head.dept: "
     "unknown field 'dept'; did you mean 'depth'?"),
    ("model.feature_network.width: [8", "model.hed.width: [8", "study.yaml:8  "
     "vary.model.hed.width: no field 'model.hed.width'; did you mean 'model.head.width'?"),
    ("[8, 16]", "[]", "study.yaml:8  vary.model.feature_network.width: "),
    ("[8, 16]", "[8, -16]", "study.yaml:8  model.feature_network.width: "
     "should be greater than or equal to 1, not -16"),
    ("seeds: 2", "seeds: 0", "study.yaml:9  seeds: should be greater than or equal to 1"),
    ("seeds: 2", "seeds: [1, 1]", "study.yaml:9  seeds: a seed stands there twice"),
    ("seeds: 2", "baseline: sum", "study.yaml:9  baseline: no arm 'sum'"),
    ("seeds: 2", "limits: {mac: 1}", "study.yaml:9  limits.mac: no limit 'mac'"),
    ("seeds: 2", "seeds: 2\nseeds: 3", "study.yaml:10  seeds: key 'seeds' is there twice"),
    ("projection: always", "fuse: {weighted: fats}", "study.yaml:5  "
     "model.feature_network.fuse"),
    ("epochs: 30}", "epoch: 30}", None),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG)
def test_wrong_studies_are_told_with_file_and_line(write, right, wrong, said):
    file = write(STUDY.replace(right, wrong))
    if said is None:
        trials(file)  # a fault in a profile that is not asked for
        file_faults = faults(file, profile="long")
        assert file_faults[0].startswith("study.yaml:14  recipe.schedule.epoch: unknown field")
        return
    assert faults(file)[0].startswith(said)


def test_all_faults_of_a_file_come_at_once(write):
    text = STUDY.replace("image_size: 64", "image_size: 6").replace("seeds: 2", "seed: 2")
    said = faults(write(text.replace("epochs: 3}", "epochs: none}")))
    assert [fault.split("  ")[0] for fault in said] == ["study.yaml:3", "study.yaml:9",
                                                        "study.yaml:11"]  # fmt: skip


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("model.head.width=-1", "--set model.head.width=-1  model.head.width: should be"),
        ("model.hed.width=1", "--set model.hed.width=1  model.hed: unknown field 'hed'"),
        ("recipe.schedule.epochs", "--set recipe.schedule.epochs  should be path=value"),
        ("seeds={a: 1, a: 2}", "--set seeds={a: 1, a: 2}  key 'a' is there twice"),
        ("profiles.laptop={}", "--set profiles.laptop={}  profiles.laptop: "),
    ],
)
def test_faults_of_set_name_the_option(write, option, said):
    assert faults(write(STUDY), sets=[option])[0].startswith(said)


def test_a_profile_that_is_not_there(write):
    [fault] = faults(write(STUDY), profile="lnog")
    assert fault == "study.yaml:12  profiles: no profile 'lnog'; did you mean 'long'?"


def test_weights_come_from_one_place(write):
    [fault] = faults(write(SOURCE), sets=["model.pretrained=true"])
    assert "weights come from one place" in fault


SHIPPED = Path(__file__).parents[2] / "search_spaces"


@pytest.mark.parametrize(
    "name", ["bifpn_width", "fusion", "cross_scale", "control", "compound_scaling"]
)
@pytest.mark.parametrize("profile", ["laptop", "laptop_full", "scratch", "photos", "gpu_night",
                                     "coco"])  # fmt: skip
def test_shipped_studies_bind_in_every_profile(name, profile):
    made = trials(SHIPPED / f"{name}.yaml", profile=profile, seeds=1)
    for spec in made:
        graph = from_tree(spec.model.feature_network.graph)
        assert all(edge.projection.when == "always" for node in graph.nodes for edge in node.inputs)
    if profile.startswith("laptop"):
        assert len({spec.model.backbone.source.id for spec in made}) == 1


@pytest.mark.parametrize("profile", ["laptop", "laptop_full", "scratch", "photos", "gpu_night",
                                     "coco"])  # fmt: skip
def test_the_width_study_crosses_three_coefficients(profile):
    study = load_study(SHIPPED / "bifpn_width.yaml", profile=profile)
    assert study.spec.vary["model.compound.width.factor"] == (1.2, 1.25, 1.3, 1.35, 1.4, 1.45)
    assert len(study.spec.vary["model.compound.coefficient"]) >= 3
    assert study.spec.report.family == "model.compound.width.factor"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{epochs: 3}", "{epochs: 3}\n  loss: {negative_iou: 0.0}", "greater than 0"),
        ("{epochs: 3}", "{epochs: 3}\n  loss: {negative_iou: 0.5}", "less than 0.5"),
    ],
)
def test_an_ignore_band_lies_between_none_and_all(write, old, new, words):
    (fault,) = faults(write(STUDY.replace(old, new)))
    assert words in fault
