"""`harness cost --compound`: any coefficient and factor, against the family and sums by hand."""

import json

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.door.compound import compound_document, size_lines
from harness.space.costing import closed_form
from harness.space.scaling import member_model

CHANNELS = {2: (48, 120, 352), 4: (56, 160, 448)}
PIXELS = {2: 768, 4: 1024}
BACKBONE = {2: 7_202_562, 4: 16_742_216}


@pytest.fixture(autouse=True)
def _nothing_is_built(monkeypatch):
    """fvcore's count builds the model: one test asks for it, the others need not wait."""
    fvcore = {"total": 1, "uncounted": {}}
    monkeypatch.setattr("harness.door.conventions._traced", lambda model: dict(fvcore))


def sizes(*words: str) -> dict[str, object]:
    return {row["size"]: row["value"] for row in compound_document(words)["compound"]["sizes"]}


@pytest.mark.parametrize("phi", [0, 1, 3])
def test_where_rule_and_table_agree_it_is_the_published_model(phi):
    document = compound_document([f"phi={phi}"])
    cost = closed_form(member_model(f"efficientdet_d{phi}"))
    assert (document["params"], document["macs"]) == (cost.params, cost.macs)
    assert all(row["value"] == row["published"] for row in document["compound"]["sizes"])


@pytest.mark.parametrize(
    ("phi", "width", "repeats", "depth"), [(2, 120, 5, 3), (4, 216, 7, 4)], ids=["d2", "d4"]
)
def test_where_they_part_it_is_the_rule_added_up_by_hand(phi, width, repeats, depth):
    """google's conventions: a 1x1 with norm for each raw edge, but where channels are the width."""
    document = compound_document([f"phi={phi}"])
    p3, p4, p5 = CHANNELS[phi]
    cells = {level: (PIXELS[phi] // 2**level) ** 2 for level in range(3, 8)}
    raw = [(3, p3), (4, p4), (4, p4), (5, p5), (5, p5), (5, p5)]  # the last makes p6
    raw = [(level, c) for level, c in raw if c != width]
    network = sum(c * width + 3 * width for _, c in raw)
    network += repeats * (8 * (width**2 + 12 * width) + 19)
    nodes = sum(cells[level] for level in (6, 5, 4, 3, 4, 5, 6, 7))
    macs = sum(cells[level] * c * width for level, c in raw)
    macs += repeats * nodes * (width**2 + 9 * width)

    def head(outputs: int) -> tuple[int, int]:
        hidden, last = width**2 + 9 * width, 9 * width + width * outputs
        params = depth * (hidden + width + 10 * width) + last + outputs
        return params, sum(cells.values()) * (depth * hidden + last)

    found = {name: (part["params"], part["macs"]) for name, part in document["parts"].items()}
    assert found["feature_network"] == (network, macs)
    assert (found["class_head"], found["box_head"]) == (head(810), head(36))
    assert found["backbone"][0] == BACKBONE[phi]
    assert document["params"] == sum(params for params, _ in found.values())


def test_a_coefficient_between_says_how_every_size_came_about():
    document = compound_document(["phi=2.5", "width_factor=1.25"])
    assert document["name"] == "compound phi=2.5 width_factor=1.25"
    assert size_lines(document) == [
        "width 112: 64 x 1.25^2.5 = 111.8, multiple_of_8: to the nearest multiple of 8",
        "repeats 5: 3 + floor(1 x 2.5) = 5",
        "head_depth 3: 3 + floor(1/3 x 2.5) = 3",
        "image_size 896: 512 + floor(128 x 2.5) = 832, to the nearest multiple of 128",
        "backbone tf_efficientnet_b2: B2, of the whole part of phi",
    ]
    assert [row["published"] for row in document["compound"]["sizes"]] == [None] * 5


def test_the_published_sizes_stand_beside_others():
    lines = size_lines(compound_document(["phi=7"]))
    assert [line.rpartition(" (published: ")[2] for line in lines] == [
        "384)",
        "8)",
        lines[2],
        "1536)",
        "tf_efficientnet_b6)",
    ]
    assert lines[4].startswith("backbone tf_efficientnet_b7: B7")
    assert size_lines(compound_document(["phi=8"]))[4] == (
        "backbone tf_efficientnet_b7: B7, there is none beyond B7"
    )


@pytest.mark.parametrize(
    ("word", "size", "value"),
    [
        ("rounding=multiple_of_16", "width", 112),
        ("rounding=nearest", "width", 117),
        ("rounding=32", "width", 128),
        ("width_base=48", "width", 88),
        ("repeats_base=2", "repeats", 4),
        ("repeats_slope=2", "repeats", 7),
        ("head_base=1", "head_depth", 1),
        ("head_slope=1", "head_depth", 5),
        ("image_base=256", "image_size", 512),
        ("image_slope=64", "image_size", 640),
        ("image_multiple=32", "image_size", 768),
    ],
)
def test_every_rule_can_be_another(word, size, value):
    changed, plain = sizes("phi=2", word), sizes("phi=2")
    assert changed.pop(size) == value
    del plain[size]
    assert changed == plain


def test_another_topology_under_the_same_rule():
    by_topology = {
        name: compound_document(["phi=0", f"topology={name}"])["parts"]["feature_network"]
        for name in ("panet", "simplified_panet")
    }
    found = {name: (part["params"], part["macs"]) for name, part in by_topology.items()}
    assert found == {"panet": (197_376, 181_254_144), "simplified_panet": (168_192, 123_620_352)}


def test_what_is_too_large_to_be_built_is_not():
    assert compound_document(["phi=0"])["fvcore"]["total"] == 1
    large = compound_document(["phi=5"])
    assert large["fvcore"]["total"] is None
    assert large["fvcore"]["reason"].startswith("not run: tracing 112 billion")


def test_it_is_one_command():
    words = ["phi=0", "image_base=64", "image_multiple=64"]
    runner = CliRunner()
    said = runner.invoke(main, ["cost", "--compound", *words])
    assert said.exit_code == 0, said.output
    assert "width 64: 64 x 1.35^0 = 64, multiple_of_8: to the nearest multiple of 8" in said.output
    assert "image_size 64: 64 + floor(128 x 0) = 64, to the nearest multiple of 64" in said.output
    again = runner.invoke(main, ["cost", *words, "--json", "--compound"])
    document = json.loads(again.output)
    assert document["params"] == 3_880_067
    assert document["parts"].keys() == {"backbone", "feature_network", "class_head", "box_head"}
    assert document["compound"]["sizes"][0]["how"] == "multiple_of_8: to the nearest multiple of 8"


def test_every_fault_at_once_with_the_nearest_key():
    wrong = ["phy=2", "width_factor=abc", "rounding=multiple_of_9", "phi", "phi=1", "phi=2"]
    wrong += ["repeats_base=2.5", "image_multiple=0", "width_base=nan", "phi=-1"]
    said = CliRunner().invoke(main, ["cost", "--compound", *wrong])
    assert said.exit_code == 2
    assert said.stderr.splitlines() == [
        "--compound phy=2: no 'phy'; did you mean 'phi'?",
        "--compound width_factor=abc: should be a number from 0.01 to 100",
        "--compound rounding=multiple_of_9: no rounding 'multiple_of_9'; "
        "did you mean 'multiple_of_8'?",
        "--compound phi: should be like phi=2.5",
        "--compound phi=2: phi is there twice",
        "--compound repeats_base=2.5: should be a whole number, 0 or more",
        "--compound image_multiple=0: should be a whole number, 1 or more",
        "--compound width_base=nan: should be a number, 1 or more",
        "--compound phi=-1: phi is there twice",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["phi=-1"], "--compound phi=-1: should be a number from 0 to 100"),
        (["rounding=0"], "--compound rounding=0: should be one of nearest, multiple_of_4, "),
        (["topology=bifnp"], "no topology 'bifnp'; did you mean 'bifpn'?"),
        (["phi=100"], "--compound: width 64 x 1.35^100 = 6.9"),
        (["repeats_base=300"], "--compound: repeats 300 + floor(1 x 0) = 300 should be from 1 to"),
        (["image_base=8", "image_multiple=8"], "--compound: image_size 8 + floor(128 x 0) = 8"),
    ],
)
def test_bad_input(words, said):
    result = CliRunner().invoke(main, ["cost", "--compound", *words])
    assert result.exit_code == 2, result.output
    assert said in result.stderr
