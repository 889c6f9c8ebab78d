"""The published family, and the rules that round a width."""

import pytest

from harness.errors import SpecError
from harness.graph import digest, from_tree
from harness.space.costing import closed_form
from harness.space.scaling import MEMBERS, member, member_model, round_width


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
    for name in [one.name for one in MEMBERS]:
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


@pytest.mark.parametrize(
    ("value", "rounding", "width"),
    [
        (86.4, "nearest", 86),
        (86.5, "nearest", 87),
        (86.4, "multiple_of_4", 88),
        (116.6, "multiple_of_8", 120),
        (116.6, "multiple_of_16", 112),
        (116.6, {"multiple": 32}, 128),
        (60, "multiple_of_8", 64),
        (3, "multiple_of_8", 8),
        (11.9, "multiple_of_8", 8),
        (11.9, "efficientnet", 16),
        (40.0, "efficientnet", 40),
    ],
)
def test_rounding(value: float, rounding: str | dict[str, int], width: int) -> None:
    assert round_width(value, rounding) == width


@pytest.mark.parametrize(
    ("rounding", "message"),
    [
        ("multiple_of_9", "no rounding 'multiple_of_9'; did you mean 'multiple_of_"),
        ({"multiple": 0}, "a rounding is a name, or {multiple: n} with a whole n above 0"),
        ({"multiple": 2.5}, "a rounding is a name, or {multiple: n} with a whole n above 0"),
        ({"divisor": 8}, "a rounding is a name, or {multiple: n} with a whole n above 0"),
    ],
)
def test_wrong_rounding(rounding: object, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        round_width(64, rounding)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


def test_retinanet_as_a_whole() -> None:
    """34M parameters and 97B multiply-adds at 640 px (arXiv 1911.09070v7, table 4)."""
    cost = closed_form(member_model("retinanet_r50_fpn"))
    assert (cost.params, cost.macs) == (34_047_374, 96_703_424_000)
    heads = [cost.parts[name].params for name in ("class_head", "box_head")]
    assert heads == [
        4 * (9 * 256 * 256 + 256) + 9 * 256 * 9 * 90 + 9 * 90,
        4 * (9 * 256 * 256 + 256) + 9 * 256 * 9 * 4 + 9 * 4,
    ]
