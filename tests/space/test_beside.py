"""Published rows beside ours: the shipped studies as printed, ranges, marks and faults."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from harness.door.plan import say_plan
from harness.errors import SpecError
from harness.ledger import Ledger
from harness.plan import Plan, estimate, make_plan
from harness.space.assumed import or_assumed
from harness.space.beside import Beside
from harness.space.counting import count_by, total_by
from harness.space.printed import Printed
from harness.space.profiles import load_study
from harness.space.study import PublishedRow
from harness.space.workplace import Workplace

SHIPPED = Path(__file__).parents[2] / "search_spaces"

TABLE = """\
published:
  source: A paper, table 1
  note: Nothing else is stated.
  rows:
    - {arm: narrow, label: Narrow, figures: {ap: 12.3, params_ratio: 1.0x}}
    - {arm: wide, also: [narrow], label: Wide, figures: {params_ratio: 1.5x}, note: Open.}
    - {label: Another, figures: {ap: 45.6, params_ratio: 2.00x}}
"""
STUDY = """\
question: Which width?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 1, projection: always}
  head: {depth: 1}
arms:
  narrow: {model.feature_network.width: 8}
  wide: {model.feature_network.width: 16}
report:
  costs: {part: feature_network, relative_to: narrow}
"""
COCO = STUDY.replace("narrow}", "narrow, classes: 3}") + "data: {name: coco}\n"
"""The same on data that are not here: a plan takes three classes for granted."""


def unread(spec, image_size):
    raise AssertionError("data were looked at")


def planned(file: Path, profile: str | None = None, sets: tuple[str, ...] = ()) -> Plan:
    study = load_study(file, profile=profile, sets=sets)
    return make_plan(study, Ledger(Path("nowhere")), or_assumed(study.spec, unread))


def document(plan: Plan) -> dict:
    where = Workplace(Path("nowhere"))
    return json.loads(json.dumps(plan.as_json(estimate(plan, Ledger(where.results), where, 2))))


def words(plan: Plan) -> str:
    console = Console(record=True, width=200)
    say_plan(document(plan), console)
    return console.export_text()


def rows_of(name: str) -> dict[str, dict]:
    published = document(planned(SHIPPED / f"{name}.yaml", "coco"))["published"]
    return {row["arm"]: row for row in published["rows"]}


def test_table_5_comes_out_as_printed_but_for_nas_fpns_params():
    rows = rows_of("cross_scale")
    marks = {arm: row["marks"] for arm, row in rows.items() if row["marks"]}
    assert {mark for row in marks.values() for mark in row.values()} == {"=", "within"}
    assert marks["nas_fpn"] == {"params_ratio": "within", "macs_ratio": "="}
    assert set(marks) == {"fpn", "panet", "nas_fpn", "fully connected", "plus skips",
                          "plus weights"}  # fmt: skip
    low, high = rows["nas_fpn"]["ours_range"]["params_ratio"]
    assert (round(low, 3), round(high, 3)) == (0.704, 0.745)
    assert rows["nas_fpn"]["ours_as_printed"]["params_ratio"] == "0.70x to 0.74x"


def test_rows_the_paper_does_not_have_are_ours_alone():
    rows = rows_of("cross_scale")
    assert rows["panet with input skips"]["ours_as_printed"] == {
        "params_ratio": "1.06x", "macs_ratio": "1.05x"
    }  # fmt: skip
    assert rows["simplified panet"]["ours_as_printed"]["params_ratio"] == "0.82x"
    assert rows["simplified panet"]["marks"] == {}


def test_table_5_needs_the_profiler_of_its_time():
    """The totals of the ratios; a later profiler has the fully connected FPN at 1.20."""
    models = {
        cell.cell.arm: cell.spec.model
        for cell in planned(SHIPPED / "cross_scale.yaml", "coco").cells
    }
    then = {arm: count_by(model, "tf_profiler_2020_04") for arm, model in models.items()}
    flops = {arm: round(counts["feature_network"] / 1e9, 3) for arm, counts in then.items()}
    assert flops | {
        "fpn": 4.835, "panet": 4.839, "fully connected": 5.846, "plus skips": 3.244,
        "plus weights": 3.281, "simplified panet": 3.126,
    } == flops  # fmt: skip
    assert total_by(models["plus weights"], "tf_profiler_2020_05") == 24_303_201_665
    later = {arm: count_by(model, "tf_profiler_2020_05")["feature_network"]
             for arm, model in models.items()}  # fmt: skip
    assert round(later["fully connected"] / later["panet"], 2) == 1.2


def test_table_4_has_two_rows_as_printed_and_one_that_is_open():
    rows = rows_of("backbone_vs_bifpn")
    assert rows["resnet fpn"]["marks"] == {"params": "=", "macs": "="}
    assert rows["efficientnet bifpn"]["marks"] == {"params": "=", "macs": "="}
    assert rows["efficientnet fpn"]["marks"] == {"params": "differs", "macs": "differs"}
    assert rows["efficientnet fpn"]["ours"]["params"] == 19_893_622
    assert "Open:" in rows["efficientnet fpn"]["note"]


def test_the_plan_prints_the_papers_table_and_what_it_assumed():
    text = words(planned(SHIPPED / "cross_scale.yaml", "coco"))
    assert "The paper's table beside ours" in text
    row = next(line for line in text.splitlines() if "Fully-connected FPN" in line)
    assert " ".join(row.replace("│", " ").split()[2:]) == "43.06 1.24x 1.24x = 1.21x 1.21x ="
    assert "no data.root is given: COCO is not here, so costs are for 90 classes" in text
    assert "feature network alone, FLOPs as tf_profiler_2020_04 counts, ratios to panet" in text
    assert "NAS-FPN: " in text


def test_elsewhere_the_table_is_quoted_without_ours(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(STUDY.partition("report:")[0] + "data: {name: coco}\n" + TABLE)
    with pytest.raises(AssertionError, match="looked at"):
        planned(file)
    study = load_study(file)
    facts = or_assumed(load_study(SHIPPED / "fusion.yaml", profile="coco").spec, unread)
    text = words(make_plan(study, Ledger(Path("nowhere")), facts))
    assert "The paper's table\n" in "\n".join(line.strip() for line in text.splitlines()) + "\n"
    assert "this profile is not in the paper's setting" in text
    assert "ours" not in text


def test_marks_and_ranges_of_a_small_table(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(STUDY.replace("{part", "{classes: 3, part") + "data: {name: coco}\n" + TABLE)
    narrow, wide, other = document(planned(file))["published"]["rows"]
    assert narrow["ours"] == {"params_ratio": 1.0}
    assert narrow["marks"] == {"params_ratio": "="}
    assert wide["ours_range"]["params_ratio"] == [1.0, wide["ours"]["params_ratio"]]
    assert wide["ours"]["params_ratio"] > 1.6
    assert wide["marks"] == {"params_ratio": "within"}
    assert (other["ours"], other["marks"]) == ({}, {})


@pytest.mark.parametrize(
    ("said", "instead", "line", "told"),
    [
        (
            "arm: wide",
            "arm: wides",
            17,
            "published.rows.1.arm: no arm 'wides'; did you mean 'wide'?",
        ),
        (
            "[narrow]",
            "[narow]",
            17,
            "published.rows.1.also: no arm 'narow'; did you mean 'narrow'?",
        ),
        (
            "to: narrow",
            "to: narrov",
            11,
            "report.costs.relative_to: no arm 'narrov'; did you mean 'narrow'?",
        ),
        (
            "part: feature_network",
            "part: feature_networks",
            11,
            "report.costs.part: no part 'feature_networks'; did you mean 'feature_network'?",
        ),
        (
            "{part",
            "{convention: fvcor, part",
            11,
            "report.costs.convention: no convention 'fvcor'; did you mean 'fvcore'?",
        ),
        (
            "2.00x",
            "2.00y",
            18,
            "published.rows.2.figures.params_ratio: '2.00y' is no printed figure",
        ),
    ],
)
def test_names_that_are_not_there_are_told_at_their_line(tmp_path, said, instead, line, told):
    file = tmp_path / "study.yaml"
    assert said in STUDY + TABLE
    file.write_text((STUDY + TABLE).replace(said, instead))
    with pytest.raises(SpecError) as caught:
        load_study(file)
    assert str(caught.value).startswith(f"{file}:{line}  {told}")


@pytest.mark.parametrize("profile", ["photos", "gpu_night"])
def test_other_profiles_want_their_data(profile):
    with pytest.raises(AssertionError, match="looked at"):
        planned(SHIPPED / "cross_scale.yaml", profile)


def test_coco_that_is_given_is_looked_at():
    with pytest.raises(AssertionError, match="looked at"):
        planned(SHIPPED / "cross_scale.yaml", "coco", ("data.root=/somewhere",))


STUDIES = ("backbone_vs_bifpn", "cross_scale", "fusion", "compound_scaling", "bifpn_width")


@pytest.mark.parametrize("name", STUDIES)
def test_the_coco_profile_is_the_papers_protocol(name):
    plan = planned(SHIPPED / f"{name}.yaml", "coco")
    for one in plan.cells:
        recipe = one.spec.recipe
        rate = recipe.optimizer.learning_rate * recipe.batch_size / recipe.optimizer.reference_batch
        assert (recipe.batch_size, recipe.schedule.epochs, rate) == (128, 300, 0.16)
        assert (recipe.optimizer.momentum, recipe.optimizer.weight_decay) == (0.9, 4e-5)
        assert (recipe.schedule.warmup_epochs, recipe.schedule.ema_decay) == (1, 0.9998)
        assert recipe.augmentation.scale == (0.1, 2.0)
        assert recipe.postprocess.nms == "soft"
        assert one.spec.model.backbone.pretrained
        assert one.spec.model.num_classes == 90
    assert plan.study.spec.published is not None


def test_curves_of_figure_6_start_from_one_detector():
    for profile in ("laptop", "coco"):
        plan = planned_with_shapes(SHIPPED / "compound_scaling.yaml", profile)
        starts = {c.cell.id for c in plan.cells if c.cell.choice["model.compound.coefficient"] == 0}
        assert len(starts) == 1
        assert [cell.cell.status for cell in plan.cells].count("alias") == 4
        curves: dict[str, list[int]] = {}
        for one in plan.cells:
            curves.setdefault(one.cell.arm, []).append(one.cell.macs)
        assert len(curves) == 5
        assert all(costs == sorted(set(costs)) for costs in curves.values())


def planned_with_shapes(file: Path, profile: str) -> Plan:
    """A plan of generated data that are not made: eight classes."""
    study = load_study(file, profile=profile, seeds=1)
    eight = load_study(SHIPPED / "fusion.yaml", profile="coco", sets=["report.costs.classes=8"])
    made_up = or_assumed(eight.spec, unread)
    facts = or_assumed(study.spec, lambda spec, size: made_up(eight.spec.data, size))
    return make_plan(study, Ledger(Path("nowhere")), facts)


def test_a_row_that_is_open_holds_what_one_of_its_arms_prints():
    rows = Printed.read("0.71x")
    open_row = PublishedRow(arm="a", also=("b",), figures={"macs_ratio": "0.71x"})
    ends = {"macs_ratio": (0.7131, 0.7233)}
    one = Beside(open_row, {"macs_ratio": 0.7233}, ends, {"macs_ratio": rows})
    assert one.mark("macs_ratio") == "within"
    other = Beside(open_row, {"macs_ratio": 0.7233}, {"macs_ratio": (0.72, 0.73)}, {})
    assert other.mark("macs_ratio") == "differs"


def test_costs_of_a_part_that_the_models_lack_are_a_fault_at_its_line(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(COCO.replace("part: feature_network", "part: segmentation_head") + TABLE)
    with pytest.raises(SpecError) as caught:
        planned(file).published()
    (fault,) = caught.value.faults
    assert str(fault).replace(str(file), file.name) == (
        "study.yaml:11  report.costs.part: no part 'segmentation_head' in this model; it has "
        "backbone, feature_network, class_head, box_head"
    )


def test_a_limit_on_a_part_that_the_models_lack_is_a_fault_at_its_line(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(COCO + "limits: {segmentation_head.macs: 1}\n")
    with pytest.raises(SpecError) as caught:
        planned(file)
    assert "limits.segmentation_head.macs: no network here has a segmentation_head" in str(
        caught.value
    )
    assert "study.yaml:13" in str(caught.value)
