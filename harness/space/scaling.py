"""Published detectors as one table (the EfficientDet family, RetinaNet), and rules for widths.

Published widths follow no rounding rule (64 * 1.35**2 = 116.6 became 112), so the family is a
table. Families of one's own grow by `model.compound` of a study (`harness.space.complete`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.errors import SpecError, did_you_mean
from harness.graph import expand, parse, to_tree, with_fields
from harness.space.model import (
    AnchorSpec,
    BackboneSpec,
    FeatureNetworkSpec,
    HeadSpec,
    ModelSpec,
)
from harness.space.zoo import load_topology


@dataclass(frozen=True, slots=True)
class Published:
    """Cost as the literature prints it."""

    params: float
    macs: float
    source: str


@dataclass(frozen=True, slots=True)
class Member:
    """One published detector: a row of the table.

    paper: parameters and multiply-adds as printed in `source`.
    network: fields of the topology that differ from its file.
    """

    name: str
    coefficient: int
    image_size: int
    backbone: str
    width: int
    repeats: int
    head_depth: int
    fuse: str | Mapping[str, str]
    paper: tuple[float, float]
    levels: tuple[int, int] = (3, 7)
    anchor_scale: float = 4.0
    topology: str = "bifpn"
    network: Mapping[str, str] = field(default_factory=dict)
    head: str = "efficientdet"
    source: str = "arXiv 1911.09070v7, table 2"

    @property
    def published(self) -> tuple[Published, ...]:
        params, macs = self.paper
        return (Published(params, macs, self.source),)


FAST: Mapping[str, str] = {"weighted": "fast"}
NUM_CLASSES = 90
"""COCO's category ids 1 to 90, gaps included."""
RATIOS = (1.0, 0.5, 2.0)
"""Heights over widths in the order of the released weights: square, wide, tall."""

_B = "tf_efficientnet_b"
MEMBERS: tuple[Member, ...] = (
    Member("efficientdet_d0", 0, 512, _B + "0", 64, 3, 3, FAST, (3.9e6, 2.5e9)),
    Member("efficientdet_d1", 1, 640, _B + "1", 88, 4, 3, FAST, (6.6e6, 6.1e9)),
    Member("efficientdet_d2", 2, 768, _B + "2", 112, 5, 3, FAST, (8.1e6, 11e9)),
    Member("efficientdet_d3", 3, 896, _B + "3", 160, 6, 4, FAST, (12e6, 25e9)),
    Member("efficientdet_d4", 4, 1024, _B + "4", 224, 7, 4, FAST, (21e6, 55e9)),
    Member("efficientdet_d5", 5, 1280, _B + "5", 288, 7, 4, FAST, (34e6, 135e9)),
    Member("efficientdet_d6", 6, 1280, _B + "6", 384, 8, 5, "sum", (52e6, 226e9)),
    Member("efficientdet_d7", 7, 1536, _B + "6", 384, 8, 5, "sum", (52e6, 325e9), anchor_scale=5.0),
    Member("efficientdet_d7x", 7, 1536, _B + "7", 384, 8, 5, "sum", (77e6, 410e9), levels=(3, 8)),
)
RETINANET = Member(
    "retinanet_r50_fpn",
    coefficient=0,
    image_size=640,
    backbone="resnet50",
    width=256,
    repeats=1,
    head_depth=4,
    fuse="sum",
    paper=(34e6, 97e9),
    topology="fpn_retinanet",
    network={"stages.1.extra.from": "in"},
    head="retinanet",
    source="arXiv 1911.09070v7, table 4 (google/automl's has norms besides, 34.07M)",
)
"""RetinaNet (Lin et al. 2017, arXiv 1708.02002) with p6 made from p5, as torchvision's first."""
FAMILY: Mapping[str, Member] = {one.name: one for one in (*MEMBERS, RETINANET)}


def member(name: str) -> Member:
    """A member of the family by name; a `SpecError` with the nearest where there is none."""
    if name not in FAMILY:
        raise SpecError(f"no model {name!r}{did_you_mean(name, FAMILY)}")
    return FAMILY[name]


def member_model(name: str) -> ModelSpec:
    """The whole detector a member's name stands for."""
    its = member(name)
    tree = with_fields(load_topology(its.topology).tree, {"fuse": its.fuse, **its.network})
    graph = expand(parse(tree), repeats=its.repeats, levels=its.levels)
    return ModelSpec(
        image_size=its.image_size,
        num_classes=NUM_CLASSES,
        backbone=BackboneSpec(name=its.backbone),
        feature_network=FeatureNetworkSpec(graph=to_tree(graph), width=its.width),
        head=HeadSpec(
            kind=its.head,
            width=its.width,
            depth=its.head_depth,
            anchors=AnchorSpec(scale=its.anchor_scale, ratios=RATIOS),
        ),
    )


def _to_multiple(value: float, multiple: int) -> int:
    """The nearest multiple, halves up, at least one multiple."""
    return max(multiple, math.floor(value / multiple + 0.5) * multiple)


def _efficientnet(value: float) -> int:
    """The nearest multiple of 8, raised by 8 where it would lose more than a tenth."""
    rounded = _to_multiple(value, 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


ROUNDINGS: Mapping[str, Callable[[float], int]] = {
    "nearest": lambda value: _to_multiple(value, 1),
    "multiple_of_4": lambda value: _to_multiple(value, 4),
    "multiple_of_8": lambda value: _to_multiple(value, 8),
    "multiple_of_16": lambda value: _to_multiple(value, 16),
    "efficientnet": _efficientnet,
}
Rounding = str | Mapping[str, int]


def round_width(value: float, rounding: Rounding = "multiple_of_8") -> int:
    """A width in channels by a named rule, or `{multiple: n}` for any n."""
    if isinstance(rounding, str):
        if rounding not in ROUNDINGS:
            raise SpecError(f"no rounding {rounding!r}{did_you_mean(rounding, ROUNDINGS)}")
        return ROUNDINGS[rounding](value)
    multiple = rounding.get("multiple")
    if set(rounding) != {"multiple"} or not _is_whole(multiple) or not multiple > 0:  # type: ignore[operator]
        raise SpecError("a rounding is a name, or {multiple: n} with a whole n above 0")
    return _to_multiple(value, rounding["multiple"])


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
