"""Conventions: named sets of defaults. A topology names one and may say any part of it singly.

`efficientdet`: google/automl's `tf1` and `tf2` code. A 1x1 convolution with norm for every edge
from a backbone map whose channels differ, before resampling; max pool with kernel stride + 1;
activation, separable 3x3 convolution (biased), norm. P6 is a projected, pooled P5; P7 a pooled P6.

`torchvision`: its `FeaturePyramidNetwork`. One biased 1x1 convolution for each backbone map; biased
3x3 convolutions; no norm, no activation. Extra levels take every second cell of the finer one.

`retinanet`: torchvision's as it stands in RetinaNet (Lin et al. 2017, section 4). Extra levels are
made by 3x3 convolutions of stride 2, with a ReLU before all but the first.

`nas_fpn`: tensorflow/models' `nasfpn.py`. One 1x1 convolution with norm for each backbone map,
shared by its uses; max pool with kernel = stride; ReLU, plain 3x3 convolution (biased), norm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.registry import Table


@dataclass(frozen=True, slots=True)
class Convention:
    """Plain-tree defaults of the top-level fields of a topology.

    bias holds for projections and blocks; act and conv_order for blocks.
    norm is torch's sense: momentum is the weight of the new batch.
    """

    act: str
    block: Any
    down: Any
    projection: Mapping[str, Any]
    up: Any = "nearest"
    fuse: Any = "sum"
    bias: bool = True
    conv_order: str = "act_conv_norm"
    norm: Mapping[str, float] = field(default_factory=lambda: {"eps": 1e-3, "momentum": 0.01})
    extra: Mapping[str, Any] = field(default_factory=lambda: {"block": "none"})


CONVENTIONS: Table[Convention] = Table("conventions")

CONVENTIONS.register("efficientdet")(
    Convention(
        act="silu",
        block={"sepconv": 3},
        down={"max_pool": "stride_plus_1"},
        projection={"when": "auto", "per": "edge", "norm": True},
    )
)
CONVENTIONS.register("nas_fpn")(
    Convention(
        act="relu",
        block={"conv": 3},
        down={"max_pool": "stride"},
        projection={"when": "auto", "per": "input", "norm": True},
    )
)
_LINS: dict[str, Any] = {
    "act": "none",
    "block": {"conv": {"kernel": 3, "norm": False}},
    "projection": {"when": "always", "per": "input", "norm": False},
    "conv_order": "conv_norm_act",
    "norm": {"eps": 1e-5, "momentum": 0.1},
}
_STRIDED = {"kernel": 3, "pad": "centre", "norm": False, "order": "act_conv_norm"}

CONVENTIONS.register("torchvision")(
    Convention(**_LINS, down={"max_pool": "stride"}, extra={"down": "subsample"})
)
CONVENTIONS.register("retinanet")(
    Convention(
        **_LINS,
        down={"max_pool": "stride"},
        extra={
            "down": {"strided_conv": {**_STRIDED, "act": "relu"}},
            "first": {"down": {"strided_conv": {**_STRIDED, "act": "none"}}},
        },
    )
)
