"""The published family: its sizes, its cost to the unit, and what is printed of it."""

import pytest

from harness.errors import SpecError
from harness.graph import digest, from_tree
from harness.space.costing import closed_form
from harness.space.family import FAMILY, MEMBERS, member
from harness.space.scaling import member_model


@pytest.mark.parametrize(
    ("name", "image", "backbone", "width", "repeats", "depth"),
    [
        ("efficientdet_d0", 512, "tf_efficientnet_b0", 64, 3, 3),
        ("efficientdet_d1", 640, "tf_efficientnet_b1", 88, 4, 3),
        ("efficientdet_d2", 768, "tf_efficientnet_b2", 112, 5, 3),
        ("efficientdet_d3", 896, "tf_efficientnet_b3", 160, 6, 4),
        ("efficientdet_d4", 1024, "tf_efficientnet_b4", 224, 7, 4),
        ("efficientdet_d5", 1280, "tf_efficientnet_b5", 288, 7, 4),
        ("efficientdet_d6", 1280, "tf_efficientnet_b6", 384, 8, 5),
        ("efficientdet_d7", 1536, "tf_efficientnet_b6", 384, 8, 5),
        ("efficientdet_d7x", 1536, "tf_efficientnet_b7", 384, 8, 5),
        ("efficientdet_lite0", 320, "tf_efficientnet_lite0", 64, 3, 3),
        ("efficientdet_lite1", 384, "tf_efficientnet_lite1", 88, 4, 3),
        ("efficientdet_lite2", 448, "tf_efficientnet_lite2", 112, 5, 3),
        ("efficientdet_lite3", 512, "tf_efficientnet_lite3", 160, 6, 4),
        ("efficientdet_lite3x", 640, "tf_efficientnet_lite3", 200, 6, 4),
        ("efficientdet_lite4", 640, "tf_efficientnet_lite4", 224, 7, 4),
    ],
)
def test_members(
    name: str, image: int, backbone: str, width: int, repeats: int, depth: int
) -> None:
    model = member_model(name)
    graph = from_tree(model.feature_network.graph)
    assert (model.image_size, model.backbone.name, model.num_classes) == (image, backbone, 90)
    assert (model.feature_network.width, model.head.width, model.head.depth) == (
        width,
        width,
        depth,
    )
    assert max(node.repeat for node in graph.nodes) == repeats


def test_what_sets_the_large_members_apart() -> None:
    fuses = {}
    for name in [one.name for one in MEMBERS if "lite" not in one.name]:
        graph = from_tree(member_model(name).feature_network.graph)
        (fuses[name],) = {node.fuse.name for node in graph.nodes if node.repeat}
    sums = {name for name, fuse in fuses.items() if fuse == "sum"}
    assert sums == {"efficientdet_d6", "efficientdet_d7", "efficientdet_d7x"}
    assert member_model("efficientdet_d7").head.anchors.scale == 5.0
    assert member_model("efficientdet_d7x").head.anchors.scale == 4.0
    levels = from_tree(member_model("efficientdet_d7x").feature_network.graph).outputs
    assert [level for level, _ in levels] == [3, 4, 5, 6, 7, 8]


def test_d6_and_d7_share_their_graph() -> None:
    d6, d7 = (
        digest(from_tree(member_model(f"efficientdet_{n}").feature_network.graph))
        for n in ("d6", "d7")
    )
    assert d6 == d7


def test_an_unknown_member() -> None:
    with pytest.raises(SpecError) as caught:
        member("efficientdet_d9")
    assert str(caught.value).startswith("no model 'efficientdet_d9'; did you mean 'efficientdet_d")


LITE = {
    "lite0": (3_243_470, 973_589_696),
    "lite1": (4_248_318, 1_966_649_904),
    "lite2": (5_252_334, 3_371_304_384),
    "lite3": (8_350_862, 7_480_187_904),
    "lite3x": (9_280_862, 13_978_127_600),
    "lite4": (15_130_894, 20_168_084_000),
}
"""Parameters of google/automl's golden tests, and convolutions of effdet as torch counts them."""


@pytest.mark.parametrize("name", LITE)
def test_lite_models_to_the_unit(name: str) -> None:
    cost = closed_form(member_model(f"efficientdet_{name}"))
    assert (cost.params, cost.macs) == LITE[name]


@pytest.mark.parametrize("name", LITE)
def test_lite_models_are_for_integers(name: str) -> None:
    """ReLU6 for every activation, sums without weights, anchors of their own."""
    model = member_model(f"efficientdet_{name}")
    graph = from_tree(model.feature_network.graph)
    made = [node for node in graph.nodes if node.repeat]
    assert {(node.fuse.name, node.block["act"]) for node in made} == {("sum", "relu6")}
    assert model.head.kind == "efficientdet_lite"
    assert model.head.anchors.scale == (4.0 if name in ("lite3", "lite4") else 3.0)


def test_retinanet_as_the_paper_compares_with() -> None:
    """34.07M parameters and 96.70B multiply-adds at 640 px (arXiv 1911.09070v7, table 4)."""
    plain, normed = (closed_form(member_model(f"retinanet_r50_fpn{n}")) for n in ("_plain", ""))
    head = 4 * (9 * 256 * 256 + 256) + 9 * (9 * 256 + 1) * 90
    box = 4 * (9 * 256 * 256 + 256) + 9 * (9 * 256 + 1) * 4
    assert [plain.parts[n].params for n in ("class_head", "box_head")] == [head, box]
    assert (plain.params, plain.macs) == (34_047_374, 96_703_424_000)
    norms = {
        "feature_network": 5 * 2 * 256,
        "class_head": 4 * 5 * 2 * 256,
        "box_head": 4 * 5 * 2 * 256,
    }
    for name, part in normed.parts.items():
        assert part.params - plain.parts[name].params == norms.get(name, 0)
        assert part.macs == plain.parts[name].macs
    assert (normed.params, normed.macs) == (34_070_414, 96_703_424_000)


@pytest.mark.parametrize("name", FAMILY)
def test_parameters_print_as_every_source_prints_them(name: str) -> None:
    params = closed_form(member_model(name)).params
    for quote in member(name).published:
        is_off = str(quote.params) == "77.0M"
        assert quote.params.agrees(params) is not is_off, quote.source
        assert not is_off or quote.note == (
            "77.0M is not what the code has: 77,147,166, which prints 77.1M"
        )


def test_quotes_keep_their_digits_and_their_slips() -> None:
    paper, readme = member("efficientdet_d0").published
    assert (str(paper.macs), str(readme.macs)) == ("2.5B", "2.54B")
    assert (paper.source, readme.source) == (
        "arXiv 1911.09070v7, table 2",
        "google/automl, efficientdet/README.md",
    )
    assert not paper.note
    assert not readme.note
    paper, readme = member("efficientdet_d5").published
    assert (str(paper.macs), str(readme.macs)) == ("135B", "130B")
    assert readme.note.startswith("130B is a slip: ")
    assert not paper.note
    assert member("retinanet_r50_fpn_plain").published == ()
