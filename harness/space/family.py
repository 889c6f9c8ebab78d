"""Published detectors as one table: EfficientDet, its lite models, and RetinaNet.

Sizes are those of google/automl's `hparams_config.py`. Published widths follow no rounding rule
(64 * 1.35**2 = 116.6 became 112), so the family is a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import SpecError, did_you_mean
from harness.space.printed import Printed

PAPER = "arXiv 1911.09070v7, table 2"
TABLE_4 = "arXiv 1911.09070v7, table 4"
README = "google/automl, efficientdet/README.md"
TESTS = "google/automl, efficientdet_arch_test.py since 2022-04"
NOTES = {
    TABLE_4: "the paper does not say the input: google/automl's RetinaNet has these at 640 px",
    TESTS: "FLOPs are TensorFlow's profiler's, halved: more than multiply-adds; no paper has them",
}
"""What must be known to read a source."""
COUNTED = {
    PAPER: "tf_profiler_2020_05",
    README: "tf_profiler_2020_05",
    TABLE_4: "tf_profiler_2020_04",
    TESTS: "tf_profiler_2022_04",
}
"""The convention that the FLOPs of a source agree with: table 4 is older than table 2."""


@dataclass(frozen=True, slots=True)
class Published:
    """Cost as one source of the literature prints it. note: what must be known to read it."""

    params: Printed
    macs: Printed
    source: str
    note: str = ""

    @property
    def convention(self) -> str:
        """By which its FLOPs were counted: `harness.space.counting` has all."""
        return COUNTED[self.source]


@dataclass(frozen=True, slots=True)
class Member:
    """One published detector: a row of the table.

    coefficient: the paper's compound coefficient phi, None where it has none.
    paper, readme, tests: parameters and FLOPs as these print them; notes: to them, by source.
    fields: of the topology, where they differ from its file.
    """

    name: str
    coefficient: int | None
    image_size: int
    backbone: str
    width: int
    repeats: int
    head_depth: int
    anchor_scale: float
    paper: str = ""
    readme: str = ""
    tests: str = ""
    source: str = PAPER
    notes: Mapping[str, str] = field(default_factory=dict)
    topology: str = "bifpn"
    fields: Mapping[str, Any] = field(default_factory=dict)
    levels: tuple[int, int] = (3, 7)
    head: str = "efficientdet"

    @property
    def short(self) -> str:
        """As papers call it: `d0`, `lite3x`."""
        return self.name.removeprefix("efficientdet_")

    @property
    def published(self) -> tuple[Published, ...]:
        """Every quote of its cost."""
        columns = {self.source: self.paper, README: self.readme, TESTS: self.tests}
        return tuple(self._quote(source, text) for source, text in columns.items() if text)

    def _quote(self, source: str, text: str) -> Published:
        params, macs = (Printed.read(figure) for figure in text.split())
        return Published(params, macs, source, self.notes.get(source, NOTES.get(source, "")))


NUM_CLASSES = 90
"""COCO's category ids 1 to 90, gaps included."""
RATIOS = (1.0, 0.5, 2.0)
"""Heights over widths in the order of the released weights: square, wide, tall."""

_B, _L = "tf_efficientnet_b", "tf_efficientnet_lite"
_SUM: Mapping[str, Any] = {"fields": {"fuse": "sum"}}
"""D6 to D7x fuse without weights, for stability in training."""
_LITE: Mapping[str, Any] = {"topology": "bifpn_lite", "head": "efficientdet_lite"}
"""ReLU6 everywhere, sums without weights; these backbones have no squeeze-excite."""
_D5: Mapping[str, Any] = {
    "notes": {README: "130B is a slip: that release's code counts 135.4B, the paper prints 135B"}
}
_D7X: Mapping[str, Any] = {
    **_SUM,
    "levels": (3, 8),
    "notes": {README: "77.0M is not what the code has: 77,147,166, which prints 77.1M"},
}


def _row(name: str, *sizes: Any, **rest: Any) -> Member:
    return Member(f"efficientdet_{name}", *sizes, **rest)


MEMBERS: tuple[Member, ...] = (
    # name, phi, image, backbone, width, repeats, depth of heads, anchor scale; paper, README
    _row("d0", 0, 512, _B + "0", 64, 3, 3, 4.0, "3.9M 2.5B", "3.9M 2.54B"),
    _row("d1", 1, 640, _B + "1", 88, 4, 3, 4.0, "6.6M 6.1B", "6.6M 6.10B"),
    _row("d2", 2, 768, _B + "2", 112, 5, 3, 4.0, "8.1M 11B", "8.1M 11.0B"),
    _row("d3", 3, 896, _B + "3", 160, 6, 4, 4.0, "12M 25B", "12.0M 24.9B"),
    _row("d4", 4, 1024, _B + "4", 224, 7, 4, 4.0, "21M 55B", "20.7M 55.2B"),
    _row("d5", 5, 1280, _B + "5", 288, 7, 4, 4.0, "34M 135B", "33.7M 130B", **_D5),
    _row("d6", 6, 1280, _B + "6", 384, 8, 5, 4.0, "52M 226B", "51.9M 226B", **_SUM),
    _row("d7", 7, 1536, _B + "6", 384, 8, 5, 5.0, "52M 325B", "51.9M 325B", **_SUM),
    _row("d7x", None, 1536, _B + "7", 384, 8, 5, 4.0, "77M 410B", "77.0M 410B", **_D7X),
    _row("lite0", None, 320, _L + "0", 64, 3, 3, 3.0, tests="3,243,470 977,617,221", **_LITE),
    _row("lite1", None, 384, _L + "1", 88, 4, 3, 3.0, tests="4,248,318 1,973,728,714", **_LITE),
    _row("lite2", None, 448, _L + "2", 112, 5, 3, 3.0, tests="5,252,334 3,383,232,590", **_LITE),
    _row("lite3", None, 512, _L + "3", 160, 6, 4, 4.0, tests="8,350,862 7,503,764,515", **_LITE),
    _row("lite3x", None, 640, _L + "3", 200, 6, 4, 3.0, tests="9,280,862 14,019,809,178", **_LITE),
    _row("lite4", None, 640, _L + "4", 224, 7, 4, 4.0, tests="15,130,894 20,221,443,966", **_LITE),
)

RETINANET = Member(
    "retinanet_r50_fpn",
    coefficient=None,
    image_size=640,
    backbone="resnet50",
    width=256,
    repeats=1,
    head_depth=4,
    anchor_scale=4.0,
    paper="34M 97B",
    source=TABLE_4,
    topology="fpn_retinanet_google",
    head="retinanet_norm",
)
"""RetinaNet of google/automl's `retinanet_arch.py`: norms in feature network and heads."""
RETINANET_PLAIN = replace(
    RETINANET,
    name="retinanet_r50_fpn_plain",
    paper="",
    topology="fpn_retinanet",
    fields={"stages.1.extra.from": "in"},
    head="retinanet",
)
"""RetinaNet without norms (Lin et al. 2017, arXiv 1708.02002), with p6 made from p5."""
FAMILY: Mapping[str, Member] = {one.name: one for one in (*MEMBERS, RETINANET, RETINANET_PLAIN)}


def member(name: str) -> Member:
    """A member of the family by name; a `SpecError` with the nearest where there is none."""
    if name not in FAMILY:
        raise SpecError(f"no model {name!r}{did_you_mean(name, FAMILY)}")
    return FAMILY[name]
