"""The EfficientDet family as published, and the compound rules it came from.

Published widths follow no rounding rule (64 * 1.35**2 = 116.6 became 112), so the family is a
table. The rules are for families of one's own: width = base * factor**coefficient, rounded by
a named rule; repeats, head depth and image side grow by steps.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.errors import Fault, SpecError, did_you_mean
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
    """One released EfficientDet (arXiv 1911.09070v7 table 1, google/automl configurations)."""

    name: str
    coefficient: int
    image_size: int
    backbone: str
    width: int
    repeats: int
    head_depth: int
    fuse: str | Mapping[str, str]
    paper: tuple[float, float]
    """Parameters and multiply-adds in the paper's table 2."""
    levels: tuple[int, int] = (3, 7)
    anchor_scale: float = 4.0

    @property
    def published(self) -> tuple[Published, ...]:
        params, macs = self.paper
        return (Published(params, macs, "arXiv 1911.09070v7, table 2"),)


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
FAMILY: Mapping[str, Member] = {member.name: member for member in MEMBERS}


def member(name: str) -> Member:
    """A member of the family by name; a `SpecError` with the nearest where there is none."""
    if name not in FAMILY:
        raise SpecError(f"no model {name!r}{did_you_mean(name, FAMILY)}")
    return FAMILY[name]


def member_model(name: str) -> ModelSpec:
    """The whole detector a member's name stands for."""
    its = member(name)
    tree = with_fields(load_topology("bifpn").tree, {"fuse": its.fuse})
    graph = expand(parse(tree), repeats=its.repeats, levels=its.levels)
    return ModelSpec(
        image_size=its.image_size,
        num_classes=NUM_CLASSES,
        backbone=BackboneSpec(name=its.backbone),
        feature_network=FeatureNetworkSpec(graph=to_tree(graph), width=its.width),
        head=HeadSpec(
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


@dataclass(frozen=True, slots=True)
class Compound:
    """How a family grows with its coefficient. The paper's own constants by default.

    width = width_base * width_factor**coefficient, rounded;
    repeats = repeats_base + repeats_slope * coefficient;
    head depth = head_depth_base + coefficient // head_depth_every;
    image side = image_base + image_step * coefficient.
    """

    width_base: float = 64
    width_factor: float = 1.35
    rounding: Rounding = "multiple_of_8"
    repeats_base: int = 3
    repeats_slope: int = 1
    head_depth_base: int = 3
    head_depth_every: int = 3
    image_base: int = 512
    image_step: int = 128

    def __post_init__(self) -> None:
        round_width(1.0, self.rounding)
        faults = [
            Fault(field, f"must be {what}, not {value!r}")
            for field, value, what, fits in self._demands()
            if not fits
        ]
        if faults:
            raise SpecError(faults)

    def _demands(self) -> list[tuple[str, object, str, bool]]:
        def number(field: str) -> tuple[str, object, str, bool]:
            value = getattr(self, field)
            real = isinstance(value, int | float) and not isinstance(value, bool)
            return field, value, "a number above 0", real and 0 < value < math.inf

        def whole(field: str, least: int) -> tuple[str, object, str, bool]:
            value = getattr(self, field)
            fits = _is_whole(value) and value >= least
            return field, value, f"a whole number, at least {least}", fits

        return [
            number("width_base"),
            number("width_factor"),
            whole("repeats_base", 1),
            whole("repeats_slope", 0),
            whole("head_depth_base", 1),
            whole("head_depth_every", 1),
            whole("image_base", 32),
            whole("image_step", 0),
        ]

    def at(self, coefficient: int) -> "Scaled":
        """The member of the family at a coefficient (a whole number, 0 or more)."""
        if not _is_whole(coefficient) or coefficient < 0:
            raise SpecError(
                f"a compound coefficient is a whole number, at least 0, not {coefficient!r}"
            )
        return Scaled(
            width=round_width(self.width_base * self.width_factor**coefficient, self.rounding),
            repeats=self.repeats_base + self.repeats_slope * coefficient,
            head_depth=self.head_depth_base + coefficient // self.head_depth_every,
            image_size=self.image_base + self.image_step * coefficient,
        )


@dataclass(frozen=True, slots=True)
class Scaled:
    """Sizes of one network of a family: width in channels, image side in pixels."""

    width: int
    repeats: int
    head_depth: int
    image_size: int


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
