"""What `harness check` says of faults of a study's arms, word for word."""

from pathlib import Path

import pytest

from harness.door.checking import check_file
from harness.errors import SpecError, did_you_mean
from harness.space.zoo import load_topology

STUDY = """\
question: Which rows?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 1, projection: always}
arms:
  a: {}
"""
LCNETS = [f"lcnet_{width}" for width in ("035", "050", "075", "100", "150")]
PROFILES = """\
# Where it runs.
profiles:
  laptop:
    model: {backbone: {name: lcnet_050}}
  scratch:
    model: {backbone: {name: lcnet_035}}
"""


@pytest.fixture
def said(tmp_path):
    def said(text: str) -> list[str]:
        (tmp_path / "profiles.yaml").write_text(PROFILES)
        (tmp_path / "t.yaml").write_text(text)
        found = check_file(tmp_path / "t.yaml")
        return [str(fault).replace(f"{tmp_path}/", "") for fault in found]

    return said


GATED = [
    "t.yaml:8  arms.c.model.feature_network.rows.gatd.fuse: a row needs 'from'; did you mean 'td'?",
    "t.yaml:8  arms.c.model.feature_network.rows.gatd.fuse: rows.gatd.from: 'p3_gatd' has no input",
    "t.yaml:8  arms.c.model.feature_network.rows.gatd.fuse: 'p3_gatd', 'p4_gatd', 'p5_gatd', "
    "'p6_gatd', 'p7_gatd' are read by nothing and are no output",
]
ARMS = [
    ("  c: {model.feature_network.rows.gatd.fuse: sum}", GATED),
    ("  c: {model.feature_network.nodes.p9_x.from: [p3]}",
     ["t.yaml:8  arms.c.model.feature_network.nodes.p9_x.from: a node needs 'level'"]),
    ("  c: {model.feature_network.topolgy: panet, model.feature_network.widht: 8}",
     ["t.yaml:8  arms.c.model.feature_network.topolgy: unknown field 'topolgy'; "
      "did you mean 'topology'?",
      "t.yaml:8  arms.c.model.feature_network.widht: unknown field 'widht'; "
      "did you mean 'width'?"]),
    ("  c:\n    model.feature_network.block: identity\n"
     "    model.feature_network.rows.td.from: [in, out]",
     ["t.yaml:10  arms.c.model.feature_network.rows.td.from: cycle: p7_td > p7_out > p7_td"]),
    ("  c: {model.feature_network.topology: bifnp}",
     ["t.yaml:8  arms.c.model.feature_network.topology: no topology 'bifnp'; "
      "did you mean 'bifpn'?"]),
    ("  c: {model.head.depth: -1}",
     ["t.yaml:8  arms.c.model.head.depth: should be greater than or equal to 1, not -1"]),
    ("  c: {model.feature_network.levels: [4, 2]}", None),
]  # fmt: skip


@pytest.mark.parametrize(("arm", "wanted"), ARMS)
def test_a_fault_of_an_arm_names_it_at_its_line(said, arm, wanted):
    found = said(f"{STUDY}{arm}\n")
    assert found
    assert all(fault.startswith("t.yaml:") for fault in found)
    assert all("arms.c." in fault or "arm 'c': " in fault for fault in found)
    assert wanted is None or found == wanted


def test_a_fault_that_only_follows_from_an_arm_names_it_too(said):
    arm = "  c:\n    model.feature_network.projection: none\n"
    found = said(STUDY + arm)
    assert found
    start = "t.yaml:8  model.feature_network.topology: arm 'c': nodes."
    assert all(fault.startswith(start) for fault in found)


def test_without_the_arm_the_study_is_to_blame(said):
    wrong = STUDY.replace("projection: always", "rows.gatd.fuse: sum")
    path = "t.yaml:5  model.feature_network.rows.gatd.fuse: "
    first, *rest = said(wrong + "  b: {recipe.batch_size: 4}\n")
    assert first == f"{path}a row needs 'from'; did you mean 'td'?"
    assert all(fault.startswith(path) for fault in rest)


def test_a_misspelt_field_of_the_network_finds_the_nearest(said):
    assert said(STUDY.replace("width: 16", "widht: 16"))[0].startswith("t.yaml:5  ")
    assert said(STUDY.replace("topology: bifpn", "topolgy: bifpn")) == [
        "t.yaml:5  model.feature_network: is missing field 'topology'; is it 'topolgy'?"
    ]
    assert said(STUDY.replace("repeats: 1", "repeat: 1")) == [
        "t.yaml:5  model.feature_network.repeat: unknown field 'repeat'; did you mean 'repeats'?"
    ]


def test_the_study_is_blamed_for_what_it_lacks_not_the_file_it_includes(said):
    included = STUDY.replace("question: Which rows?\n", "include: profiles.yaml\n")
    assert said(included) == ["t.yaml:1  is missing field 'question'"]
    assert said("qestion: q\n" + included) == [
        "t.yaml:1  qestion: unknown field 'qestion'; did you mean 'question'?",
    ]
    assert said("question: q\n" + included.replace("model:\n", "modle:\n", 1)) == [
        "t.yaml:1  model: is missing field 'feature_network'",
        "t.yaml:3  modle: unknown field 'modle'; did you mean 'model'?",
    ]


def test_one_slip_is_one_fault(said):
    assert said(STUDY.replace("model:", "modle:", 1)) == [
        "t.yaml:2  modle: unknown field 'modle'; did you mean 'model'?"
    ]


def test_a_dataset_that_there_is_not_is_found_without_data(said):
    wrong = STUDY + "data: {name: shape}\n"
    assert said(wrong) == ["t.yaml:8  data: no dataset 'shape'; did you mean 'shapes'?"]
    assert said(STUDY + "  c: {data.name: coca}\n") == [
        "t.yaml:8  data: arm 'c': no dataset 'coca'; did you mean 'coco'?"
    ]
    assert said(STUDY + "data: {name: coco}\n") == []


def test_a_backbone_is_blamed_at_its_own_line_where_the_arms_give_the_rest(said, monkeypatch):
    def unknown(name, *_):
        raise SpecError(f"timm has no backbone {name!r}{did_you_mean(name, LCNETS)}")

    monkeypatch.setattr("harness.space.backbones._measured", unknown)
    wrong = STUDY.replace("lcnet_050", "lcnet_053").replace("width: 16, ", "")
    assert said(wrong.replace("a: {}", "a: {model.feature_network.width: 8}")) == [
        "t.yaml:4  model.backbone.name: timm has no backbone 'lcnet_053'; did you mean 'lcnet_035'?"
    ]


def test_a_study_without_a_question_is_no_topology(said, tmp_path: Path):
    text = STUDY.replace("question: Which rows?\n", "").partition("arms:")[0]
    assert said(text) == ["t.yaml:1  looks like a study that lacks 'question'"]
    with pytest.raises(SpecError) as caught:
        load_topology(tmp_path / "t.yaml")
    assert str(caught.value).endswith(
        "t.yaml  looks like a study that lacks 'question': a topology has no 'model'"
    )


def test_faults_of_values_arms_and_baseline_hide_no_fault_of_a_topology(said):
    text = STUDY.replace("image_size: 64", "image_size: 6") + (
        "  c: {model.feature_network.rows.gatd.fuse: sum}\n"
        "  d: {model.hed.kind: x}\n"
        "  e: {model.feature_network.width: -3}\n"
        "baseline: aa\n"
    )
    assert said(text) == [
        "t.yaml:3  model.image_size: should be greater than or equal to 32, not 6",
        "t.yaml:9  arms.d.model.hed.kind: no field 'model.hed.kind'; did you mean "
        "'model.head.kind'?",
        "t.yaml:11  baseline: no arm 'aa'; did you mean 'a'?",
        *GATED,
        "t.yaml:10  arms.e.model.feature_network.width: should be greater than or equal to 1, "
        "not -3",
    ]


def test_what_is_left_out_for_being_wrong_is_not_told_as_missing(said):
    assert said(STUDY.replace("width: 16", "width: -3")) == [
        "t.yaml:5  model.feature_network.width: should be greater than or equal to 1, not -3"
    ]


def test_a_fault_that_differs_by_the_backbone_of_a_profile_is_told_once(said):
    once = STUDY.replace("projection: always", "projection: none")
    every = once.replace("question:", "include: profiles.yaml\nquestion:").replace(
        "  backbone: {name: lcnet_050}\n", ""
    )
    assert len(said(every)) == len(said(once)) > 0
